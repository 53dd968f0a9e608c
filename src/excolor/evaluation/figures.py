"""The paper's figures of its own parts, for any pictures: rows of labelled tiles (`excolor.reporting.sheet`).

ablation    what each step adds (Xu et al., CVPR 2020, Figure 4)
parts       where statistics are matched (Figure 5)
references  one target by several references (Figure 8)
methods     the ways to stylize, beside classical ones (Figure 11)
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TypeVar

import numpy as np

from excolor.evaluation.baselines import STYLIZERS, gray
from excolor.imaging.working_size import Floats, shrink, shrunk_size
from excolor.method.colorizer import Colorizer
from excolor.method.stylizer import Stylizer
from excolor.photo import Photo
from excolor.reporting.sheet import Row, Tile
from excolor.settings import NETWORK_PARTS, STATISTICS_METHODS, ColorizeSettings, NetworkPart, StylizeSettings

T = TypeVar("T")

_COLUMNS = 5  # tiles side by side, where there are many

_OWN = {"adain": "excolor: AdaIN", "wct": "excolor: WCT"}
_CLASSICAL = {
    "reinhard": "Reinhard et al. 2001",
    "monge-kantorovich": "Monge-Kantorovich (Pitié and Kokaram 2007)",
    "histogram": "histogram matching",
}


def ablation(colorizer: Colorizer, target: Photo, reference: Photo, settings: ColorizeSettings, side: int) -> list[Row]:
    """A target, its pre-color, the colors that are taken from the reference alone, and the result.

    The colors from the reference are the coarse ones of `excolor.method.architecture.Stages`: not every architecture
    has a transfer net that finds them.

    Pictures come shrunk to what tiles of about `side` pixels a side can show; that holds for all figures here.
    """
    stages = colorizer.colorize_stages(target, reference, settings)
    tiles = [
        Tile(_gray(target, side), "gray"),
        Tile(_small(reference, side), "reference"),
        Tile(_small(stages.precolor, side), "pre-colored"),
        Tile(_small(stages.coarse, side), "from the reference"),
        Tile(_small(stages.result, side), "result"),
    ]
    return [Row(tiles)]


def parts(stylizer: Stylizer, content: Photo, style: Photo, settings: StylizeSettings, side: int) -> list[Row]:
    """A content in a style, matched at every subset of the three parts; all else is that of `settings`."""

    def stylized(subset: tuple[NetworkPart, ...]) -> Tile:
        result = stylizer.stylize(content, style, replace(settings, parts=subset))
        return Tile(_small(result, side), " + ".join(subset) or "none")

    subsets = [subset for size in range(len(NETWORK_PARTS) + 1) for subset in combinations(NETWORK_PARTS, size)]
    pair = [Tile(_small(content, side), "content"), Tile(_small(style, side), "style")]
    return [Row(tiles) for tiles in _evenly([*pair, *map(stylized, subsets)], _COLUMNS)]


def references(
    colorizer: Colorizer,
    target: Photo,
    named: Sequence[tuple[str, Photo]],
    settings: ColorizeSettings,
    side: int,
) -> list[Row]:
    """A target and its pre-color at the left, each reference and below it what becomes of the target.

    References are given with their names, at least one; many fill several pairs of rows, each with the target.
    """
    invented = colorizer.colorize(target, settings=settings)
    above = Tile(_gray(target, side), "target")
    below = Tile(_small(invented, side), "pre-colored")
    columns = [
        (
            Tile(_small(reference, side), name),
            Tile(_small(colorizer.colorize(target, reference, settings), side), "result"),
        )
        for name, reference in named
    ]
    rows = []
    for block in _evenly(columns, _COLUMNS):
        given, results = zip(*block, strict=True)
        rows += [Row([above, *given]), Row([below, *results])]
    return rows


def methods(stylizer: Stylizer, content: Photo, style: Photo, settings: StylizeSettings, side: int) -> list[Row]:
    """A content in a style by every method. Classical ones see the tiles: their maps are of colors alone."""
    small, small_style = _small(content, side), _small(style, side)
    own = [
        Tile(_small(stylizer.stylize(content, style, replace(settings, method=method)), side), _OWN[method])
        for method in STATISTICS_METHODS
    ]
    classical = [Tile(STYLIZERS[method](small, small_style), title) for method, title in _CLASSICAL.items()]
    return [Row([Tile(small, "content"), Tile(small_style, "style"), *own]), Row(classical)]


def _evenly(things: Sequence[T], most: int) -> list[Sequence[T]]:
    """Parts of about the same length, each of `most` at most."""
    length = math.ceil(len(things) / math.ceil(len(things) / most))
    return [things[start : start + length] for start in range(0, len(things), length)]


def _small(photo: Photo, side: int) -> Floats:
    """A picture as sRGB (h, w, 3) in [0, 1], twice as large as a tile at most."""
    small = shrink(photo.pixels, shrunk_size(photo.size, 2 * side))
    return small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2)


def _gray(photo: Photo, side: int) -> Floats:
    return gray(_small(photo, side))
