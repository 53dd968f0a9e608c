"""What the browser is shown: 8 bits, in sRGB, and no larger than a screen.

Shapes: H, W height and width in pixels; pixels as in `excolor.photo`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from excolor.imaging.color import grayed as in_gray
from excolor.imaging.merging import to_pixels
from excolor.imaging.working_size import lightness_of
from excolor.photo import Photo, read_photo

LARGEST = 2048
"""Pixels of the longer side of any preview."""

THUMBNAIL = 320
"""Pixels of the longer side of the smallest previews."""

LARGEST_PART = 24_000_000
"""Pixels of a part of a picture that is shown at once, before it is shrunk to a preview."""

_JPEG = (
    *(cv2.IMWRITE_JPEG_QUALITY, 95),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


@dataclass(frozen=True)
class Box:
    """A part of a picture in pixels: rows `top` up to `bottom`, columns `left` up to `right`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """How many pixels it has."""
        return (self.right - self.left) * (self.bottom - self.top)

    def within(self, size: tuple[int, int]) -> "Box":
        """The part that lies in a picture of (height, width), at least a pixel of it."""
        height, width = size
        left, top = min(max(self.left, 0), width - 1), min(max(self.top, 0), height - 1)
        return Box(left, top, min(max(self.right, left + 1), width), min(max(self.bottom, top + 1), height))

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """That part of pixels (H, W[, C])."""
        return pixels[self.top : self.bottom, self.left : self.right]


def shrunk(photo: Photo, longest: int = LARGEST) -> Photo:
    """The picture with its longer side at most `longest`, without metadata."""
    height, width = photo.size
    scale = min(1.0, min(longest, LARGEST) / max(height, width))
    if scale == 1:
        return Photo(photo.pixels)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Photo(np.asarray(cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)))


def as_jpeg(photo: Photo) -> bytes:
    """A good JPEG, without chroma subsampling."""
    return _encoded(".jpg", photo, _JPEG)


def as_png(photo: Photo) -> bytes:
    """The very colors, quickly compressed."""
    return _encoded(".png", photo, _PNG)


def preview_of_file(path: Path, longest: int, max_pixels: int, label: str) -> Photo:
    """A picture file at most `longest` pixels large; `label` is what errors call it. Raises PhotoError."""
    return shrunk(read_photo(path, max_pixels=max_pixels, draft=longest, label=label), longest)


def share_as_png(share: np.ndarray) -> bytes:
    """Numbers (H, W) in [0, 1] as a gray PNG."""
    return as_png(Photo(np.ascontiguousarray((share.clip(0, 1) * 255).round().astype(np.uint8))))


def grayed(photo: Photo) -> Photo:
    """What the colorizer sees of a picture: its lightness alone, in equal channels of sRGB."""
    if photo.pixels.ndim == 2:
        return photo
    return replace(photo, pixels=to_pixels(in_gray(lightness_of(photo.pixels)), photo.pixels.dtype))


def _encoded(suffix: str, photo: Photo, parameters: tuple[int, ...]) -> bytes:
    rgb = photo.to_rgb()
    done, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), parameters)
    assert done, "cv2 encodes 8-bit pictures"
    return data.tobytes()
