"""Hints as a person who knows the colors would give them, and a wrong one, at places that are drawn.

Pictures are (H, W, 3) float arrays of sRGB in [0, 1]. What is drawn depends on the picture's name and the seed alone,
so that it is the same in every run and for every model. A spot is the disc of a hint of the default radius.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from excolor.evaluation.metrics import lab
from excolor.evaluation.seeding import random_of
from excolor.hints import Hint
from excolor.hints.colors import hex_of
from excolor.hints.points import DEFAULT_RADIUS
from excolor.imaging.color import colored

COUNTS = (0, 1, 2, 5, 10, 20, 50)
"""So many hints are given in turn; the fewer are the first of the more."""

_STRONG = 60.0  # chroma of a wrong hint in ab units, as far as sRGB has it
_OPPOSITE = (np.pi / 2, 3 * np.pi / 2)  # radians of hue between a wrong hint and the truth
_COLORABLE = (30.0, 80.0)  # L at which sRGB has strong colors of every hue
_FAR = 0.25  # of the diagonal

Picture = NDArray[np.floating]
Place = tuple[float, float]
"""x and y, fractions of the picture from the left and the top."""


def draw_places(name: str, seed: int, count: int = COUNTS[-1]) -> list[Place]:
    """Places for hints in the picture of this name, uniform and independent; the first ones do not depend on `count`.

    Yun et al. (iColoriT, WACV 2023) simulate users in the same way: uniform places, and mean colors of patches there.
    """
    random = random_of(f"{seed} {name} hints")
    return [(random.random(), random.random()) for _ in range(count)]


def true_hints(truth: Picture, places: Sequence[Place]) -> list[Hint]:
    """Hints at these places, each of its spot's mean color in Lab."""
    found = lab(truth)
    means = [found[spot(place, truth.shape[:2])].mean(0) for place in places]
    return [_hint(place, float(mean[0]), mean[1:]) for place, mean in zip(places, means, strict=True)]


def wrong_hint(truth: Picture, name: str, seed: int) -> Hint:
    """A strong color, of a hue at least 90° off the true one, at the first place that is neither dark nor bright."""
    found = lab(truth)
    places = draw_places(name, seed)
    means = [found[spot(place, truth.shape[:2])].mean(0) for place in places]
    low, high = _COLORABLE
    # If all are dark or bright, the nearest to being neither
    chosen = min(range(len(places)), key=lambda i: (max(low - means[i][0], means[i][0] - high, 0), i))
    lightness, a, b = means[chosen].tolist()
    hue = np.arctan2(b, a) + random_of(f"{seed} {name} wrong").uniform(*_OPPOSITE)
    return _hint(places[chosen], lightness, _STRONG * np.array((np.cos(hue), np.sin(hue))))


def spot(place: Place, size: tuple[int, int] | tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels of a hint in a picture of (height, width): rows and columns. There is at least one."""
    height, width = size[:2]
    distance = _distances(place, (height, width))
    inside = distance <= DEFAULT_RADIUS * min(height, width)
    inside[min(int(place[1] * height), height - 1), min(int(place[0] * width), width - 1)] = True
    rows, columns = np.nonzero(inside)
    return rows, columns


def far_from(hint: Hint, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels (H, W) are farther from a hint than a quarter of the diagonal; there are always some."""
    return _distances(hint.place(size), size) > _FAR * float(np.hypot(*size))


def _distances(place: Place, size: tuple[int, int]) -> NDArray[np.float64]:
    """Of the middles of all pixels (H, W) from a place, in pixels."""
    rows, columns = (np.arange(extent) + 0.5 for extent in size)
    distances: NDArray[np.float64] = np.hypot(rows[:, None] - place[1] * size[0], columns - place[0] * size[1])
    return distances


def _hint(place: Place, lightness: float, ab: NDArray[np.floating]) -> Hint:
    """A hint of a color, with less chroma if sRGB lacks it."""
    rgb = colored(torch.full((1, 1, 1), lightness), torch.tensor(ab.tolist(), dtype=torch.float32).view(2, 1, 1))
    red, green, blue = rgb.flatten().tolist()
    return Hint(*place, hex_of((red, green, blue)))
