"""Y, U and V: what a stream's samples mean, and those that give a frame colors without a change of its Y.

Y' is the luma in [0, 1] that samples of Y stand for, before any transfer curve is undone: a gray frame shows R' = G' =
B' = Y'. Chroma planes may be smaller than Y, and hold what belongs to the mean Y' of the pixels that they cover.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from excolor.imaging.color import gray_to_lightness
from excolor.imaging.lab_arrays import CUBE, SRGB, linear_rgb, look_up
from excolor.imaging.merging import ab_at
from excolor.imaging.working_size import Floats

# Shares of red and blue in Y', by FFmpeg's numbers of color spaces (ITU-T H.273, table 4)
MATRICES: Mapping[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020, non-constant luminance
}

_STEPS = 2  # toward the lightness at which a color has the Y' that is given; the second changes hardly a level


@dataclass(frozen=True)
class PlaneFormat:
    """How the samples of a stream hold color.

    Attributes:
        bits: of a sample, from 8 to 16; more than 8 are stored as uint16.
        chroma_step: pixels (down, across) that a sample of U or V stands for.
        shares: of red and blue in Y'.
        full_range: black is 0 and white all ones, instead of 16 and 235 of 255 (and U and V from 16 to 240).
    """

    bits: int
    chroma_step: tuple[int, int]
    shares: tuple[float, float]
    full_range: bool

    @property
    def dtype(self) -> np.dtype:
        """Of samples."""
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    def chroma_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of U and V for a frame of this size."""
        down, across = self.chroma_step
        return -(-size[0] // down), -(-size[1] // across)

    def luma(self, samples: np.ndarray) -> Floats:
        """Y' (H, W) in [0, 1] of samples of Y."""
        black, white = (0, 2**self.bits - 1) if self.full_range else (16 << self.bits - 8, 235 << self.bits - 8)
        values: Floats = (samples.astype(np.float32) - np.float32(black)) / np.float32(white - black)
        return values.clip(0, 1)

    def chroma(self, luma: Floats, small_lightness: Floats, small_ab: Floats) -> tuple[np.ndarray, np.ndarray]:
        """Samples of U and V that give a frame colors.

        Args:
            luma: Y' (H, W).
            small_lightness: L as the networks saw it, (h, w) in [0, 100].
            small_ab: what they found, (h, w, 2) in [-128, 127].
        """
        small = self._at_chroma_size(luma)
        lightness = look_up(gray_to_lightness, small)
        a, b = ab_at(lightness, small_lightness, small_ab)
        blue, red = self._differences(small, lightness, a, b)
        return self._samples(blue / (2 * (1 - self.shares[1]))), self._samples(red / (2 * (1 - self.shares[0])))

    def gray_chroma(self, size: tuple[int, int]) -> np.ndarray:
        """Samples of U, and of V, of a gray frame of this size."""
        return np.full(self.chroma_size(size), 1 << self.bits - 1, self.dtype)

    def _at_chroma_size(self, luma: Floats) -> Floats:
        down, across = self.chroma_step
        height, width = self.chroma_size(luma.shape)
        rest = height * down - luma.shape[0], width * across - luma.shape[1]
        if any(rest):  # the last samples of odd sizes stand for fewer pixels
            luma = np.pad(luma, ((0, rest[0]), (0, rest[1])), mode="edge")
        if (down, across) == (1, 1):
            return luma
        return np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA))

    def _differences(self, luma: Floats, lightness: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """B' - Y' and R' - Y' of the color that has this a and b, and this Y'.

        Y' of a color is not that of the gray of its lightness (R', G' and B' are curved before they are summed). So the
        lightness at which Y' fits is approached. What RGB cannot show at this Y' loses chroma.
        """
        share_red, share_blue = self.shares
        shares = np.array([share_red, 1 - share_red - share_blue, share_blue], np.float32)
        found = lightness
        for step in range(_STEPS + 1):
            luminance = CUBE((found + np.float32(16)) / np.float32(116))
            rgb = np.stack([SRGB(channel) for channel in linear_rgb(found, luminance, a, b)])  # (3, H, W)
            own = np.tensordot(shares, rgb, 1)
            if step < _STEPS:
                found = (found + lightness - look_up(gray_to_lightness, own.clip(0, 1))).clip(0, 100)
        difference = rgb - own
        highest, lowest = difference.max(0), difference.min(0)
        up, down = (1 - luma) / np.maximum(highest, 1e-6), luma / np.maximum(-lowest, 1e-6)
        difference *= np.minimum(up, down).clip(max=1)
        return difference[2], difference[0]

    def _samples(self, values: Floats) -> np.ndarray:
        """Samples of U or V, given in [-0.5, 0.5]."""
        middle = 1 << self.bits - 1
        if self.full_range:
            scale, least, most = 2**self.bits - 1, 0, 2**self.bits - 1
        else:
            scale, least, most = (224 << self.bits - 8), (16 << self.bits - 8), (240 << self.bits - 8)
        return (values * np.float32(scale) + middle).round().clip(least, most).astype(self.dtype)
