"""Targets as old photographs show them, to measure how colors fare when luminance is not what the eye saw."""

from typing import Literal, TypeAlias, get_args
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from excolor.evaluation.baselines.arrays import to_picture, to_planes
from excolor.evaluation.seeding import name_bytes
from excolor.imaging.color import colored, grayed, rgb_to_lab
from excolor.imaging.film import ORTHOCHROMATIC, exposed, faded, grainy

Film: TypeAlias = Literal["modern", "ortho", "faded", "grainy", "low-contrast"]

FILMS: tuple[Film, ...] = get_args(Film)
"""`modern` is the eye's own luminance, in full contrast and without grain."""

# L of black and white of a faded print, and of one with a third of its contrast
_PRINTS: dict[str, tuple[float, float]] = {"faded": (18.0, 82.0), "low-contrast": (100 / 3, 200 / 3)}
_GRAIN = 6.0  # L units


def on_film(picture: NDArray[np.floating], film: Film, name: str) -> NDArray[np.float32]:
    """A color picture (H, W, 3), sRGB in [0, 1], as a gray one on a film; grain depends on the picture's name."""
    rgb = to_planes(np.ascontiguousarray(picture, np.float32))[None]
    lightness = rgb_to_lab(rgb)[:, :1]
    if film == "ortho":
        lightness = exposed(rgb, torch.tensor(ORTHOCHROMATIC))
    elif film in _PRINTS:
        lightness = faded(lightness, *_PRINTS[film])
    elif film == "grainy":
        lightness = grainy(lightness, _GRAIN, Generator().manual_seed(crc32(name_bytes(name))))
    return to_picture(grayed(lightness)[0])


def at_true_lightness(result: NDArray[np.floating], truth: NDArray[np.floating]) -> NDArray[np.float32]:
    """The colors of a result at the lightness of the truth: what is left is the error of the colors alone."""
    ab = rgb_to_lab(to_planes(np.ascontiguousarray(result, np.float32)))[1:]
    return to_picture(colored(rgb_to_lab(to_planes(np.ascontiguousarray(truth, np.float32)))[:1], ab))
