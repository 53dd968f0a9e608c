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
from excolor.imaging.working_size import Floats, seen_size, shrink
from excolor.method.colorizer import Colorizer
from excolor.method.stylizer import Stylizer
from excolor.photo import Photo
from excolor.reporting.sheet import Row, Tile
from excolor.settings import NETWORK_PARTS, STATISTICS_METHODS, ColorizeSettings, Matching, NetworkPart

T = TypeVar("T")

_COLUMNS = 5  # tiles side by side, where there are many

_OWN = {"adain": "excolor: AdaIN", "wct": "excolor: WCT"}
_CLASSICAL = {
    "reinhard": "Reinhard et al. 2001",
    "monge-kantorovich": "Monge-Kantorovich (Pitié and Kokaram 2007)",
    "histogram": "histogram matching",
}


def ablation(colorizer: Colorizer, target: Photo, reference: Photo, settings: ColorizeSettings, side: int) -> list[Row]:
    """A target, its pre-color, the transfer net's answer alone, and with the colorization net after it.

    Pictures come shrunk to what tiles of about `side` pixels a side can show; that holds for all figures here.
    """
    stages = colorizer.colorize_stages(target, reference, settings)
    tiles = [
        Tile(_gray(target, side), "gray"),
        Tile(_shown(reference, side), "reference"),
        Tile(_shown(stages.precolor, side), "pre-colored"),
        Tile(_shown(stages.coarse, side), "transfer"),
        Tile(_shown(stages.result, side), "transfer + colorize"),
    ]
    return [Row(tiles)]


def parts(
    stylizer: Stylizer, content: Photo, style: Photo, matching: Matching, working_size: int, side: int
) -> list[Row]:
    """A content in a style, matched at every subset of the three parts; method and alpha are those of `matching`."""

    def stylized(subset: tuple[NetworkPart, ...]) -> Tile:
        result = stylizer.stylize(content, style, replace(matching, parts=subset), working_size=working_size)
        return Tile(_shown(result, side), " + ".join(subset) or "none")

    subsets = [subset for size in range(len(NETWORK_PARTS) + 1) for subset in combinations(NETWORK_PARTS, size)]
    pair = [Tile(_shown(content, side), "content"), Tile(_shown(style, side), "style")]
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
    invented = colorizer.precolor(target, working_size=settings.working_size)
    above = Tile(_gray(target, side), "target")
    below = Tile(_shown(invented, side), "pre-colored")
    columns = [
        (
            Tile(_shown(reference, side), name),
            Tile(_shown(colorizer.colorize(target, reference, settings), side), "result"),
        )
        for name, reference in named
    ]
    rows = []
    for block in _evenly(columns, _COLUMNS):
        shown, results = zip(*block, strict=True)
        rows += [Row([above, *shown]), Row([below, *results])]
    return rows


def methods(stylizer: Stylizer, content: Photo, style: Photo, working_size: int, side: int) -> list[Row]:
    """A content in a style by every method. Classical ones are shown the tiles: their maps are of colors alone."""
    small, look = _shown(content, side), _shown(style, side)
    own = [
        Tile(_shown(stylizer.stylize(content, style, Matching(method), working_size=working_size), side), _OWN[method])
        for method in STATISTICS_METHODS
    ]
    classical = [Tile(STYLIZERS[method](small, look), title) for method, title in _CLASSICAL.items()]
    return [Row([Tile(small, "content"), Tile(look, "style"), *own]), Row(classical)]


def _evenly(things: Sequence[T], most: int) -> list[Sequence[T]]:
    """Parts of about the same length, each of `most` at most."""
    length = math.ceil(len(things) / math.ceil(len(things) / most))
    return [things[start : start + length] for start in range(0, len(things), length)]


def _shown(photo: Photo, side: int) -> Floats:
    """A picture as sRGB (h, w, 3) in [0, 1], twice as large as a tile at most."""
    small = shrink(photo.pixels, seen_size(photo.size, 2 * side))
    return small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2)


def _gray(photo: Photo, side: int) -> Floats:
    return gray(_shown(photo, side))
