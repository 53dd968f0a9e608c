"""Contact sheets of an evaluation: which pictures are on them, and what is written beside them."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from excolor.evaluation.drawn_hints import COUNTS
from excolor.evaluation.hint_measuring import HintMeasurement
from excolor.evaluation.measuring import Measurement
from excolor.evaluation.protocols import PROTOCOLS
from excolor.evaluation.style_measuring import StyleMeasurement
from excolor.reporting.sheet import Row, Tile, contact_sheet

T = TypeVar("T", StyleMeasurement, HintMeasurement)

_COLUMNS = ("target", "reference", "pre-color", "coarse", "result", "truth")
_TILE = 176, 240  # pixels, the largest height and width of a picture


def choose(measurements: Sequence[Measurement], count: int, seed: int) -> list[Measurement]:
    """Choose `count` of the measurements, equally many of each protocol, and none of `none` if there are others."""
    protocols = [p for p in PROTOCOLS if any(m.case.protocol == p for m in measurements)]
    random = Random(seed)
    shuffled = {
        p: [m for m in measurements if m.case.protocol == p] for p in protocols if p != "none" or len(protocols) == 1
    }
    for of_protocol in shuffled.values():
        random.shuffle(of_protocol)
    chosen: list[Measurement] = []
    while len(chosen) < count and any(shuffled.values()):
        chosen += [of_protocol.pop() for of_protocol in shuffled.values() if of_protocol]
    return sorted(chosen[:count], key=lambda m: protocols.index(m.case.protocol))


def sheet(rows: Sequence[tuple[Measurement, Mapping[str, NDArray[np.floating]]]]) -> Image.Image:
    """A row for each measurement: a line that describes it, and its pictures (`Evaluator.steps`)."""
    laid_out = [
        Row([Tile(pictures[name], name) if name in pictures else None for name in _COLUMNS], _describe(measurement))
        for measurement, pictures in rows
    ]
    return contact_sheet(laid_out, _TILE)


def choose_some(measurements: Sequence[T], count: int, seed: int) -> list[T]:
    """Choose `count` of the measurements, and keep their order."""
    if count >= len(measurements):
        return list(measurements)
    return [measurements[i] for i in sorted(Random(seed).sample(range(len(measurements)), count))]


def style_sheet(rows: Sequence[tuple[StyleMeasurement, Mapping[str, NDArray[np.floating]]]]) -> Image.Image:
    """A row for each measurement: which pair it is, its pictures (`StyleEvaluator.results`), and their numbers."""
    laid_out = []
    for measurement, pictures in rows:
        tiles = [Tile(picture, _label(name, measurement)) for name, picture in pictures.items()]
        laid_out.append(Row(tiles, f"{measurement.case.target} in the style of {measurement.case.reference}"))
    return contact_sheet(laid_out, _TILE)


def hint_sheet(rows: Sequence[tuple[HintMeasurement, Mapping[str, NDArray[np.floating]]]]) -> Image.Image:
    """A row for each measurement: its pictures (`HintEvaluator.steps`), and the PSNR by the number of hints."""
    laid_out = []
    for measurement, pictures in rows:
        curves = "; ".join(
            f"reference {way}: " + ", ".join(f"{n} {psnr:.1f}" for n, psnr in zip(COUNTS, curve["psnr"], strict=True))
            for way, curve in measurement.curves.items()
        )
        title = f"{measurement.case.target}; PSNR in dB by the number of hints, {curves}"
        laid_out.append(Row([Tile(picture, name) for name, picture in pictures.items()], title))
    return contact_sheet(laid_out, _TILE)


def _describe(measurement: Measurement) -> str:
    case, methods = measurement.case, measurement.methods
    reference = f" by {case.reference}" if case.reference not in (None, case.target) else ""
    numbers = ", ".join(f"{method} {methods[method]['psnr']:.1f}" for method in methods)
    return f"{case.protocol}: {case.target}{reference}; PSNR in dB: {numbers}"


def _label(name: str, measurement: StyleMeasurement) -> str:
    numbers = measurement.methods.get(name)
    return name if numbers is None else f"{name}\nkept {numbers['content']:.2f}, reached {numbers['style']:.2f}"
