"""Pixels with what belongs to them, as they pass between decoding, the networks and encoding."""

from dataclasses import dataclass, field

import numpy as np

from excolor.photo.metadata import Metadata


@dataclass(frozen=True, eq=False)
class Raster:
    """An upright picture in memory, with what its file says beside the pixels; a `Photo`, or one page of a file.

    Attributes:
        pixels: (H, W) gray or (H, W, 3) sRGB; uint8, uint16 or float32 in [0, 1]; C-contiguous. It may be the array or
            share the memory that the caller gave: read it, do not write to it.
        alpha: (H, W), of the same dtype as pixels, 0 transparent; None if the picture has none.
        metadata: what is carried from the input to the output.
        notes: what was guessed or lost when the file was read, each in words that can follow its name and a colon.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    metadata: Metadata = Metadata()  # noqa: RUF009 - frozen
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]
