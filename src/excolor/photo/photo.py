"""A picture in memory, as users of the package hold it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from excolor.photo.encoding import SaveSettings, to_image
from excolor.photo.levels import strips, to_8_bit
from excolor.photo.provenance import Provenance, with_provenance
from excolor.photo.raster import Raster
from excolor.photo.writing import write_photo


@dataclass(frozen=True, eq=False)
class Photo(Raster):
    """An upright picture in memory (see `Raster`) and the file that it came from.

    Attributes:
        path: the file.
        format: Pillow's name of its container ("JPEG", "PNG", ...); None if it never was in one.
    """

    path: Path | None = None
    format: str | None = None

    @property
    def is_gray(self) -> bool:
        """Whether there is no color: one channel, or R == G == B everywhere."""
        if self.pixels.ndim == 2:
            return True
        parts = (self.pixels[rows] for rows in strips(self.pixels))
        return all(np.array_equal(p[..., 0], p[..., 1]) and np.array_equal(p[..., 1], p[..., 2]) for p in parts)

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return "picture" if self.path is None else str(self.path)

    def to_pil(self) -> Image.Image:
        """The picture with 8 bits a channel (16-bit and float are rounded), in mode L, LA, RGB or RGBA."""
        return to_image(self.pixels, self.alpha)

    def to_rgb(self) -> np.ndarray:
        """The colors with 8 bits a channel, whatever they came in: (H, W, 3) uint8. Transparency is left out."""
        levels = to_8_bit(self.pixels)
        return np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels

    def with_provenance(self, provenance: Provenance) -> "Photo":
        """The same picture, with a record in its metadata of how it was made."""
        return replace(self, metadata=with_provenance(self.metadata, provenance))

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        settings: SaveSettings = SaveSettings(),  # noqa: B008 - frozen
    ) -> Path:
        """Write it to a file; see `write_photo`."""
        return write_photo(self, path, overwrite=overwrite, settings=settings)
