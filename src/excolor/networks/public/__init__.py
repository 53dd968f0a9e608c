"""Public checkpoints: their tensors in the places that they have in our networks.

Known are torchvision's VGG19, the user-guided colorization net of SIGGRAPH 2017, and state dicts of our own networks.
"""

from excolor.networks.public.conversion import convert
from excolor.networks.public.formats import recognize
from excolor.networks.public.obtaining import obtain
from excolor.networks.public.reading import read_state_dict

__all__ = ["convert", "obtain", "read_state_dict", "recognize"]
