"""Colors that a person gives for places of a picture: points and layers, and the files that hold them.

Nothing here imports torch.
"""

from excolor.hints.colors import parse_color
from excolor.hints.files import HintFile, TargetRecord, dump_hints, read_hints, read_table
from excolor.hints.layers import HintLayer, read_layer
from excolor.hints.points import Hint, parse_hint

__all__ = [
    "Hint",
    "HintFile",
    "HintLayer",
    "TargetRecord",
    "dump_hints",
    "parse_color",
    "parse_hint",
    "read_hints",
    "read_layer",
    "read_table",
]
