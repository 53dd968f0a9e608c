"""References made of the picture itself: in other colors, or nearly the same, as generated pictures are.

Pictures are (H, W, 3) float32 arrays of sRGB in [0, 1]. What is drawn depends on the picture's name alone, so that it
is the same in every run.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from excolor.evaluation.baselines.arrays import to_picture, to_planes
from excolor.evaluation.seeding import random_of
from excolor.imaging.color import colored, rgb_to_lab

Picture = NDArray[np.float32]

_TURN = (0.6, 2 * np.pi - 0.6)  # radians of hue: never nearly the same
_CHROMA = (0.67, 1.5)  # factor
_ZOOM = (1.15, 1.5)  # of the reference of `recolored`
_LARGER = 1.03  # of the reference of `zoomed`


def recolored(picture: Picture, name: str) -> tuple[Picture, Picture]:
    """The picture in other hues, and another crop of it at another zoom, in the same hues: truth and reference."""
    random = random_of(name)
    angle, chroma = random.uniform(*_TURN), float(np.exp(random.uniform(*np.log(_CHROMA))))
    zoom = random.uniform(*_ZOOM)
    height, width = (round(n / zoom) for n in picture.shape[:2])
    top, left = random.randint(0, picture.shape[0] - height), random.randint(0, picture.shape[1] - width)
    crop = picture[top : top + height, left : left + width]
    enlarged = cv2.resize(crop, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return _turned(picture, angle, chroma), _turned(enlarged, angle, chroma)


def zoomed(picture: Picture, name: str) -> Picture:
    """The picture as a generator would repeat it: a little larger, shifted, and in slightly other colors and tones."""
    random = random_of(name)
    height, width = picture.shape[:2]
    size = round(width * _LARGER), round(height * _LARGER)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC).clip(0, 1)
    top, left = random.randint(0, size[1] - height), random.randint(0, size[0] - width)
    shifted = large[top : top + height, left : left + width] ** np.float32(2 ** random.uniform(-0.2, 0.2))
    return _turned(shifted, random.uniform(-0.15, 0.15), random.uniform(0.85, 1.2))


def _turned(picture: Picture, angle: float, chroma: float) -> Picture:
    """The same lightness with ab turned by an angle in radians and scaled; what sRGB lacks loses chroma."""
    lab = rgb_to_lab(to_planes(np.ascontiguousarray(picture, np.float32)))
    turn = torch.tensor(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))), dtype=lab.dtype) * chroma
    return to_picture(colored(lab[:1], torch.einsum("ij,jhw->ihw", turn, lab[1:])))
