"""Checkpoints of others: their tensors in the places that they have in our networks.

Known are torchvision's VGG19, the user-guided colorization net of SIGGRAPH 2017, and state dicts of our own networks.
"""

from excolor.models.foreign.conversion import convert
from excolor.models.foreign.layouts import recognize
from excolor.models.foreign.obtaining import obtain
from excolor.models.foreign.reading import opened

__all__ = ["convert", "obtain", "opened", "recognize"]
