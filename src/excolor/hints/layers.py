"""A hint layer: a picture with transparency whose opaque pixels are hints, as painting programs export it."""

from dataclasses import dataclass
from pathlib import Path

from excolor.errors import HintError
from excolor.photo import MAX_PIXELS, Photo, read_photo


@dataclass(frozen=True, eq=False)
class HintLayer:
    """Colors painted on a transparent picture of the target's aspect ratio.

    Attributes:
        photo: with alpha: the more opaque a pixel is, the more it counts; transparent ones are free.

    Raises:
        HintError: it has no transparency, or nothing but.
    """

    photo: Photo

    def __post_init__(self) -> None:
        if self.photo.alpha is None:
            raise HintError(
                f"the hint layer {self.photo.name} has no transparency, so that all of it would be a hint; "
                "export the layer with an alpha channel"
            )
        if not self.photo.alpha.any():
            raise HintError(f"the hint layer {self.photo.name} is transparent everywhere; paint the hints on it")

    def check_fits(self, size: tuple[int, int]) -> None:
        """Raise HintError unless it has the aspect ratio of a picture of (height, width), but for rounding."""
        (height, width), (own_height, own_width) = size, self.photo.size
        if abs(own_width * height - own_height * width) > max(height + width, own_height + own_width):
            raise HintError(
                f"the hint layer {self.photo.name} has {own_width}×{own_height} pixels and the picture "
                f"{width}×{height} as displayed: their aspect ratios differ; paint it on the very picture, at any scale"
            )


def read_layer(path: Path | str, *, max_pixels: int = MAX_PIXELS) -> HintLayer:
    """Read a PNG, TIFF or WebP with transparency. Raises HintError if it has none, PhotoError if it cannot be read."""
    return HintLayer(read_photo(path, max_pixels=max_pixels))
