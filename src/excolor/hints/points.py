"""A hint at a point: where, which color, and how large the spot is."""

import math
import re
from dataclasses import dataclass

from excolor.errors import HintError
from excolor.hints.colors import Rgb, parse_color

DEFAULT_RADIUS = 0.01
"""Of the shorter side: a spot that is 2 % of it wide."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"  # as Python writes any float
_PIXELS = re.compile(rf"({_NUMBER})\s*px")
_PERCENT = re.compile(rf"({_NUMBER})\s*%")
_FRACTION = re.compile(_NUMBER)


@dataclass(frozen=True)
class Hint:
    """The color of a place, as a person gives it. Of the color only hue and chroma count, not its lightness.

    Places are those of the picture as it is displayed, with its orientation applied.

    Attributes:
        x: from the left: a fraction of the width in [0, 1], or pixels as text ("1200px" is the middle of pixel 1200,
            the first being 0).
        y: from the top, likewise.
        color: a CSS name, #rgb or #rrggbb; any gray pins "no color here".
        radius: of the spot: a fraction of the shorter side, or text with a unit ("1%", "12px"); None is 1 %.
        note: why, for whoever reads the file.

    Raises:
        HintError: one of them cannot be understood, or lies outside any picture.
    """

    x: float | str
    y: float | str
    color: str
    radius: float | str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        parse_color(self.color)
        for axis, value in (("x", self.x), ("y", self.y)):
            _check_coordinate(axis, value)
        _radius(self.radius)

    @property
    def rgb(self) -> Rgb:
        """The color as sRGB in [0, 1]."""
        return parse_color(self.color)

    @property
    def text(self) -> str:
        """The hint as it is written on the command line, without its note."""
        radius = "" if self.radius is None else f",r={_radius_text(self.radius)}"
        return f"{self.x},{self.y}={self.color}{radius}"

    def place(self, size: tuple[int, int]) -> tuple[float, float]:
        """Where it lies in a picture of (height, width): x and y in [0, 1]. Raises HintError if that is outside."""
        height, width = size
        return self._fraction("x", self.x, width, size), self._fraction("y", self.y, height, size)

    def radius_of(self, size: tuple[int, int]) -> float:
        """Its radius in a picture of (height, width), as a fraction of the shorter side."""
        value, in_pixels = _radius(self.radius)
        return value / min(size) if in_pixels else value

    def _fraction(self, axis: str, value: float | str, extent: int, size: tuple[int, int]) -> float:
        number, in_pixels = _coordinate(axis, value)
        if not in_pixels:
            return number
        if number >= extent:
            raise HintError(
                f"the hint {self.text} lies outside the picture, which is {size[1]}×{size[0]} pixels as displayed"
            )
        return min((number + 0.5) / extent, 1.0)


def parse_hint(text: str) -> Hint:
    """The hint that a text on the command line stands for: X,Y=COLOR[,r=RADIUS]. Raises HintError."""
    place, equals, rest = text.partition("=")
    coordinates = [part.strip() for part in place.split(",")]
    color, *more = (part.strip() for part in rest.split(","))
    radius = more[0].removeprefix("r=").strip() if more else None
    if not equals or len(coordinates) != 2 or len(more) > 1 or (more and not more[0].startswith("r=")):
        raise HintError(f"the hint {text!r} is not X,Y=COLOR[,r=RADIUS], such as 0.42,0.31=olive or 1200px,860px=gray")
    x, y = (_typed(coordinate) for coordinate in coordinates)
    return Hint(x, y, color, radius)


def coordinate_of(text: str) -> float | str:
    """A coordinate as it stands in a table: a number is a fraction."""
    return _typed(text.strip())


def _typed(text: str) -> float | str:
    return float(text) if _FRACTION.fullmatch(text) else text


def _coordinate(axis: str, value: float | str) -> tuple[float, bool]:
    """The number, and whether it counts pixels."""
    if isinstance(value, str):
        if match := _PIXELS.fullmatch(value.strip()):
            return float(match[1]), True
        if not _FRACTION.fullmatch(value.strip()):
            raise HintError(
                f"{axis} of a hint is {value!r}; write a fraction of the picture such as 0.42, or pixels such as 1200px"
            )
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise HintError(f"{axis} of a hint is {value!r}; give a fraction of the picture such as 0.42, or '1200px'")
    return _as_float(value), False


def _as_float(value: float | str) -> float:
    """The number; infinite if it is an integer that is too large, as JSON may hold."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _check_coordinate(axis: str, value: float | str) -> None:
    number, in_pixels = _coordinate(axis, value)
    if in_pixels and number < 0:
        raise HintError(f"{axis} of a hint is {value} and lies outside the picture: pixels count from 0")
    if not in_pixels and not 0 <= number <= 1:  # nor is NaN
        raise HintError(
            f"{axis} of a hint is {value} and lies outside the picture: fractions go from 0 to 1, "
            "and pixels are written with px"
        )


def _radius(value: float | str | None) -> tuple[float, bool]:
    """The number, a fraction or pixels, and whether it counts pixels."""
    if value is None:
        return DEFAULT_RADIUS, False
    number, in_pixels = math.nan, False
    if isinstance(value, str):
        text = value.strip()
        if match := _PIXELS.fullmatch(text):
            number, in_pixels = float(match[1]), True
        elif match := _PERCENT.fullmatch(text):
            number = float(match[1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = _as_float(value)
    if not (0 < number < math.inf and (in_pixels or number <= 1)):
        raise HintError(
            f"the radius of a hint is {value!r}; write percent of the shorter side such as 1%, or pixels such as 12px"
        )
    return number, in_pixels


def _radius_text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value * 100:g}%"
