"""From pictures in memory to the bytes of a file."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from excolor.errors import OutputError, SettingError
from excolor.photo import icc, png, profiles, tiff
from excolor.photo.levels import is_opaque, to_8_bit
from excolor.photo.metadata import Metadata, describing, lost_in_tiff, save_options
from excolor.photo.raster import Raster


@dataclass(frozen=True)
class OutputFormat:
    """A container we write: Pillow's name of it, and what it can hold."""

    name: str
    max_side: int | None = None  # pixels, where the container or its library has a limit
    has_alpha: bool = True
    has_16_bit: bool = False


_JPEG = OutputFormat("JPEG", max_side=65500, has_alpha=False)
_TIFF = OutputFormat("TIFF", has_16_bit=True)
OUTPUT_FORMATS: dict[str, OutputFormat] = {  # by suffix, lower case
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".jpe": _JPEG,
    ".jfif": _JPEG,
    ".png": OutputFormat("PNG", max_side=1_000_000, has_16_bit=True),  # libpng, so most programs, refuses larger ones
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": OutputFormat("WEBP", max_side=16383),  # has no gray: three equal channels instead
}

FORMATS = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}
"""Names of the formats that are written, and the suffix that new files of each get."""

_QUALITY = 95  # of JPEG and WebP, unless another is chosen


@dataclass(frozen=True)
class SaveSettings:
    """How files are written.

    Attributes:
        quality: 1 to 100, of JPEG and WebP; None: 95, or as finely as the input was if that is finer (the quantization
            of a JPEG, a WebP without loss).
        metadata: False leaves out all metadata except the ICC profile, which says what the pixels mean.
    """

    quality: int | None = None
    metadata: bool = True

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise SettingError(f"quality is {self.quality} and must lie in 1 to 100")


def check_fits(page: Raster, path: Path) -> None:
    """Find out whether the format of `path` (a known suffix) can hold a picture of this size and transparency.

    Raises:
        OutputError: the picture has too many pixels a side, or would lose its transparency.
    """
    target = OUTPUT_FORMATS[path.suffix.lower()]
    if page.alpha is not None and not target.has_alpha and not is_opaque(page.alpha):
        raise OutputError(
            f"cannot write {path}: {target.name} cannot hold the picture's transparency; write PNG, TIFF or WebP"
        )
    if target.max_side is not None and max(page.size) > target.max_side:
        height, width = page.size
        raise OutputError(
            f"cannot write {path}: {target.name} holds at most {target.max_side} pixels a side and the picture is "
            f"{width}×{height}; write TIFF or scale it down"
        )


def left_out(page: Raster, suffix: str) -> tuple[str, ...]:
    """What a file of this suffix cannot hold of a picture that fits: parts of the metadata ("EXIF", ...), "16 bits"."""
    target = OUTPUT_FORMATS[suffix.lower()]
    depth = ("16 bits",) if page.pixels.dtype != np.uint8 and not target.has_16_bit else ()
    return depth + (lost_in_tiff(page.metadata) if target is _TIFF else save_options(page.metadata, target.name)[1])


def encode(
    file: BinaryIO, pages: Iterable[Raster], path: Path, settings: SaveSettings, expected_bytes: int = 0
) -> None:
    """Write a whole picture file.

    uint16 and float32 pixels get 16 bits where the format has them and 8 otherwise. Color pixels are brought to the
    picture's own ICC profile if it has one, and that or an sRGB profile is embedded.

    Args:
        file: where to; it can be read and sought in.
        pages: more than one for TIFF only, taken one by one.
        path: its suffix, one of OUTPUT_FORMATS, says the format; and it is named in messages.
        settings: see there.
        expected_bytes: see `write_photo`.

    Raises:
        OutputError: the format cannot hold a page, or holds only one and there are several.
    """
    target = OUTPUT_FORMATS[path.suffix.lower()]
    outgoing = _Outgoing(pages, path, settings)
    if target is _TIFF:
        known = sum(map(tiff.bytes_of, pages)) if isinstance(pages, Sequence) else 0
        tiff.write(file, outgoing, max(expected_bytes, known))
        return
    (page, profile), *others = outgoing
    if others:
        raise OutputError(
            f"cannot write {path}: {target.name} holds one page and there are several; "
            "choose one of them, or write TIFF",
            settings=("page", "format"),
        )
    options = save_options(page.metadata, target.name)[0]
    if profile is not None:
        options["icc_profile"] = profile
    if page.pixels.dtype != np.uint8 and target.has_16_bit:
        file.write(png.encode_16_bit(page, options))
        return
    if target.name == "JPEG":
        options |= {"subsampling": "4:4:4"} | _jpeg_quality(page.metadata.quantization, settings.quality)
    elif target.name == "WEBP":
        is_exact = page.metadata.lossless and settings.quality is None
        options |= {"lossless": True, "exact": True} if is_exact else {"quality": settings.quality or _QUALITY}
    # Encoded in memory: given a real file, Pillow writes past Python, and takes a write that a full disk cut short for
    # a whole one.
    buffer = io.BytesIO()
    to_image(page.pixels, page.alpha if target.has_alpha else None).save(buffer, format=target.name, **options)
    file.write(buffer.getbuffer())


def to_image(pixels: np.ndarray, alpha: np.ndarray | None) -> Image.Image:
    """With 8 bits a channel (16-bit and float are rounded), in mode L, LA, RGB or RGBA."""
    levels = to_8_bit(pixels)
    return Image.fromarray(levels if alpha is None else np.dstack([levels, to_8_bit(alpha)]))


class _Outgoing(Iterable[tuple[Raster, bytes | None]]):
    """Pages as they are written, with their profiles, one by one."""

    def __init__(self, pages: Iterable[Raster], path: Path, settings: SaveSettings) -> None:
        self._pages = pages
        self._path = path
        self._settings = settings

    def __iter__(self) -> Iterator[tuple[Raster, bytes | None]]:
        for page in self._pages:
            check_fits(page, self._path)
            yield _in_its_profile(page, self._settings)


def _in_its_profile(page: Raster, settings: SaveSettings) -> tuple[Raster, bytes | None]:
    """The page in its output's color space, with the metadata that is wanted; and the profile of that space."""
    given, pixels = page.metadata, page.pixels
    in_color = pixels.ndim == 3
    profile = icc.SRGB if in_color else None  # a profile of colors would be wrong for gray, which is taken for sRGB's
    own = given.profile if in_color else None
    if own is not None and (converted := profiles.from_srgb(pixels, own)) is not None:
        pixels, profile = converted, own
    if settings.metadata:
        name = None if profile is None else profiles.name_of(profile)
        metadata = describing(given, page.size, in_color=in_color, profile=name)
    else:
        metadata = Metadata(profile=given.profile, quantization=given.quantization, lossless=given.lossless)
    return Raster(pixels, page.alpha, metadata), profile


def _jpeg_quality(own: tuple[tuple[int, ...], ...], wanted: int | None) -> dict[str, Any]:
    """Options of Image.save for a quality; or for the finer, value by value, of our quantization and the input's."""
    if wanted is not None or not own:
        return {"quality": wanted or _QUALITY}
    luma, chroma = _our_tables()
    return {"qtables": [list(map(min, own[0], luma)), list(map(min, own[min(1, len(own) - 1)], chroma))]}


@cache
def _our_tables() -> tuple[list[int], list[int]]:
    """Quantization of lightness and of color."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=_QUALITY)
    with Image.open(buffer) as image:
        tables: dict[int, list[int]] = image.quantization  # type: ignore[attr-defined]
        return tables[0], tables[1]
