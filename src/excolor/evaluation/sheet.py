"""A contact sheet: what numbers do not show."""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from excolor.evaluation.measuring import Measurement
from excolor.evaluation.protocols import PROTOCOLS

_COLUMNS = ("target", "reference", "pre-color", "coarse", "result", "truth")
_CELL = 176, 240  # pixels, the largest height and width of a picture
_GAP = 8
_LINE = 22  # height of a line of text
_FONT_SIZE = 15
_INK, _PAPER = (32, 32, 32), (255, 255, 255)


def choose(measurements: Sequence[Measurement], count: int, seed: int) -> list[Measurement]:
    """`count` of the measurements, as many of each protocol as can be, none of `none` if others are there."""
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
    """A row for each measurement: a line that tells what it is, and its pictures (`Evaluator.steps`)."""
    height, width = _CELL
    row_height = _LINE + height + _GAP
    size = _GAP + len(_COLUMNS) * (width + _GAP), _LINE + _GAP + len(rows) * row_height
    page = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(_FONT_SIZE)
    for column, title in enumerate(_COLUMNS):
        draw.text((_GAP + column * (width + _GAP), _GAP // 2), title, _INK, font)
    for i, (measurement, pictures) in enumerate(rows):
        top = _LINE + _GAP + i * row_height
        draw.text((_GAP, top), _describe(measurement), _INK, font)
        for column, title in enumerate(_COLUMNS):
            if title in pictures:
                page.paste(_thumbnail(pictures[title]), (_GAP + column * (width + _GAP), top + _LINE))
    return page


def _describe(measurement: Measurement) -> str:
    case, methods = measurement.case, measurement.methods
    reference = f" by {case.reference}" if case.reference not in (None, case.target) else ""
    numbers = ", ".join(f"{method} {methods[method]['psnr']:.1f}" for method in methods)
    return f"{case.protocol}: {case.target}{reference}   PSNR in dB: {numbers}"


def _thumbnail(picture: NDArray[np.floating]) -> Image.Image:
    image = Image.fromarray((picture * 255).round().clip(0, 255).astype(np.uint8))
    height, width = _CELL
    image.thumbnail((width, height), Image.Resampling.LANCZOS)
    return image
