"""Older and simpler ways to bring the colors of one picture to another, to be measured beside the networks.

A `Transfer` takes a target and a reference, sRGB (H, W, 3) in [0, 1], of any two sizes, and gives back a picture of
the target's size. `COLORIZERS` are those for a gray target: they keep its lightness, as excolor does, and differ in
ab only, so that none pays for a lightness that is known. `STYLIZERS` are those for a content in color, whose tones they
change as well.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from excolor.evaluation.baselines.histogram import match_histogram
from excolor.evaluation.baselines.monge_kantorovich import monge_kantorovich
from excolor.evaluation.baselines.reinhard import reinhard, reinhard_colors
from excolor.evaluation.baselines.trivial import gray, identity, tint
from excolor.evaluation.baselines.welsh import welsh

__all__ = [
    "COLORIZERS",
    "STYLIZERS",
    "Transfer",
    "gray",
    "identity",
    "match_histogram",
    "monge_kantorovich",
    "reinhard",
    "reinhard_colors",
    "tint",
    "welsh",
]

Transfer: TypeAlias = Callable[[NDArray[np.floating], NDArray[np.floating]], NDArray[np.float32]]

COLORIZERS: dict[str, Transfer] = {"gray": gray, "tint": tint, "reinhard": reinhard_colors, "welsh": welsh}

STYLIZERS: dict[str, Transfer] = {
    "identity": identity,
    "reinhard": reinhard,
    "monge-kantorovich": monge_kantorovich,
    "histogram": match_histogram,
}
