"""From a picture file to upright pixels in sRGB, by the library that reads each kind best.

Pillow decodes most kinds, but has 8 bits a channel for color: PNG, JPEG and AVIF of more go through imagecodecs, and
TIFF through tifffile (`excolor.photo.tiff`).
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from excolor.errors import PhotoError
from excolor.photo import jpeg, png, profiles, tiff
from excolor.photo.declared_color import ADOBE_RGB, cicp_profile, gamma_profile
from excolor.photo.depth import bits_of
from excolor.photo.guard import guarded
from excolor.photo.kinds import TIFF, Kind
from excolor.photo.levels import from_array, from_numbers
from excolor.photo.metadata import (
    Metadata,
    declares_adobe_rgb,
    orientation_of,
    read_metadata,
    read_tiff_metadata,
    upright,
)
from excolor.photo.opening import check_kind, check_size, open_image
from excolor.photo.raster import Raster

# What makes a picture of EXIF orientation 2..8 upright (EXIF 2.32, tag 274). Not ImageOps.exif_transpose: it also
# writes the EXIF anew, which fails when any other tag of it is damaged.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: partial(np.rot90, k=2),
    4: np.flipud,
    5: partial(np.swapaxes, axis1=0, axis2=1),
    6: partial(np.rot90, k=-1),
    7: lambda array: np.rot90(array, k=2).swapaxes(0, 1),
    8: np.rot90,
}
_FIRST_SIDEWAYS = 5

_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")  # of HEIC, others than the first are pictures of their own


@dataclass(frozen=True)
class _ColorSpace:
    """What levels of a file mean: the ICC profile, None for sRGB; and that in which a result is to be written.

    A color space that is not embedded as a profile is not kept: 8 bits of linear light, say, would be too coarse.
    """

    profile: bytes | None = None
    kept: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Header:
    """What is known of a picture file before it is decoded.

    Attributes:
        format: Pillow's name of the container ("JPEG", "PNG", "TIFF", "HEIF", ...).
        size: (height, width) of the first page, upright.
        pages: more than 1 for TIFF only; of other kinds the first frame is read.
        load: pixels of the largest page, those of more than 8 bits counted twice.
    """

    format: str
    size: tuple[int, int]
    pages: int
    load: int


def read_header(file: BinaryIO, name: str, max_pixels: int) -> Header:
    """Look into a file. `name` is what messages call it.

    Raises:
        PhotoError: it is not a picture, is damaged, or has more than `max_pixels`.
    """
    kind = check_kind(file, name)
    pages, is_cut = _pages(file, kind, name)
    if pages:
        check_size(pages[0].width, pages[0].height, name, max_pixels)
        metadata = read_tiff_metadata(file, pages[0].index, pages[0].offset)
        size = _upright_size(pages[0].height, pages[0].width, orientation_of(metadata))
        return Header("TIFF", size, len(pages) + is_cut, max(p.width * p.height * (1 + p.is_deep) for p in pages))
    frame = jpeg.frame_beyond_pillow(file)
    if frame is not None:
        check_size(frame.width, frame.height, name, max_pixels)
        size = _upright_size(frame.height, frame.width, orientation_of(_metadata_without_pixels(file, None, name)))
        return Header("JPEG", size, 1, frame.width * frame.height * (1 + (frame.bits > 8)))
    image = open_image(file, name, max_pixels)
    size = _upright_size(image.height, image.width, orientation_of(_metadata_without_pixels(file, image, name)))
    is_avif = image.format == "AVIF"
    is_deep = image.mode.startswith("I") or _is_16_bit_png(image, file) or (is_avif and bits_of(file, image) > 8)
    return Header(_format(image), size, 1, image.width * image.height * (1 + is_deep))


def decode(file: BinaryIO, name: str, page: int, max_pixels: int, draft: int | None = None) -> tuple[Raster, str]:
    """Decode page 1, 2, ... of a file; also gives its format, as in `Header`. `draft` is as in `read_photo`.

    Raises:
        PhotoError: as `read_header`; or there is no such page.
    """
    kind = check_kind(file, name)
    pages, is_cut = _pages(file, kind, name)
    if is_cut and page == len(pages) + 1 > 1:
        raise PhotoError(
            f"cannot read page {page} of {name}: the file is damaged or cut short there; "
            "copy it again from its source, or take one of the pages before",
            settings=("page",),
        )
    if not 1 <= page <= max(1, len(pages)):
        raise PhotoError(f"cannot read page {page} of {name}: it has {max(1, len(pages))}")
    if pages:
        chosen = pages[page - 1]
        check_size(chosen.width, chosen.height, name, max_pixels)
        return _decode_tiff(file, chosen, name), "TIFF"
    frame = jpeg.frame_beyond_pillow(file)
    if frame is not None:
        check_size(frame.width, frame.height, name, max_pixels)
        return _decode_jpeg_beyond_pillow(file, frame, name), "JPEG"
    image = open_image(file, name, max_pixels)
    with guarded(name, kind.name):
        frames = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
    others = [f"it has {frames} frames: the first one is read"] if frames > 1 else []
    if _is_16_bit_png(image, file):
        with guarded(name, "PNG") as notes:
            levels = png.decode_16_bit(file)
        return _with_notes(_finish_deep(levels, 16, file, image, name), notes + others), "PNG"
    bits = bits_of(file, image)
    if image.format == "AVIF" and bits > 8 and frames == 1:  # imagecodecs would decode all frames
        with guarded(name, "AVIF") as notes:
            levels = _decode_avif(file)
        return _with_notes(_finish_deep(levels, bits, file, image, name), notes), "AVIF"
    if draft is not None:
        image.draft(None, (draft, draft))
    decoded = decode_image(image, name)
    if bits > 8 and decoded.pixels.dtype == np.uint8:
        decoded = _with_notes(decoded, [f"it has {bits} bits a channel: 8 of them are read"])
    decoded = _with_notes(decoded, others)
    if image.format == "PNG":
        decoded = replace(decoded, metadata=_with_all_texts(decoded.metadata, file, name))
    if image.format == "WEBP" and _is_lossless_webp(file):
        decoded = replace(decoded, metadata=replace(decoded.metadata, lossless=True))
    return decoded, _format(image)


def _pages(file: BinaryIO, kind: Kind, name: str) -> tuple[list[tiff.TiffPage], bool]:
    """`tiff.find_pages`; none of other files than TIFF. Raises PhotoError if a TIFF has none."""
    if kind is not TIFF:
        return [], False
    pages, is_cut = tiff.find_pages(file)
    if not pages:
        raise PhotoError(
            f"cannot read {name}: the TIFF is damaged or cut short before its first page; copy it again from its source"
        )
    return pages, is_cut


def _decode_tiff(file: BinaryIO, page: tiff.TiffPage, name: str) -> Raster:
    decoded = tiff.decode(file, page, name)
    space = _embedded(decoded.profile)
    turned = orientation_of(decoded.metadata)
    return _finish(decoded.pixels, decoded.alpha, decoded.notes, decoded.metadata, space, turned)


def _with_notes(raster: Raster, notes: Sequence[str]) -> Raster:
    return replace(raster, notes=(*raster.notes, *notes))


def decode_image(image: Image.Image, name: str) -> Raster:
    """Decode what Pillow opened, or take over an image that was made otherwise.

    Raises:
        PhotoError: it has no pixels, or is damaged.
    """
    if 0 in image.size:
        raise PhotoError(f"cannot use {name}: it has no pixels ({image.width}×{image.height})")
    cicp = _cicp(image)  # Pillow closes the file when it has loaded the pixels
    with guarded(name, _format(image) or "picture"):
        image.load()
    metadata = _metadata(image, name)
    # The pixels of a TIFF are turned by Pillow while it loads them
    turned = 1 if hasattr(image, "tag_v2") else orientation_of(metadata)
    return _finish(*_split(image, name), metadata, _color_space(image, metadata, cicp), turned)


def _upright_size(height: int, width: int, turned: int) -> tuple[int, int]:
    return (width, height) if turned >= _FIRST_SIDEWAYS else (height, width)


def _format(image: Image.Image) -> str:
    # MPO is a JPEG with further pictures behind the first one
    return {"MPO": "JPEG"}.get(image.format or "", image.format or "")


def _metadata_without_pixels(file: BinaryIO, image: Image.Image | None, name: str) -> Metadata:
    """The metadata of an opened picture, without decoding it, which Pillow would do for a PNG."""
    try:
        with guarded(name):
            if not png.is_png(file):
                return read_metadata(image or jpeg.without_pixels(file))
            metadata = read_metadata(png.without_pixels(file))
    except PhotoError:
        return Metadata()
    return _with_all_texts(metadata, file, name)


def _with_all_texts(metadata: Metadata, file: BinaryIO, name: str) -> Metadata:
    """The metadata of a PNG, with all texts of keywords that come more than once."""
    try:
        with guarded(name):
            texts = png.repeated_texts(file)
    except PhotoError:  # damage that Pillow overlooks where it takes the last of them
        return metadata
    return replace(metadata, text={key: texts.get(key, value) for key, value in metadata.text.items()})


def _metadata(image: Image.Image, name: str) -> Metadata:
    with guarded(name):
        metadata = read_metadata(image)
    tables: dict[int, list[int]] = getattr(image, "quantization", {})  # of JPEG only
    return replace(metadata, quantization=tuple(tuple(tables[key]) for key in sorted(tables)))


def _split(image: Image.Image, name: str) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Pixels (H, W), (H, W, 3) or (H, W, 4) CMYK, alpha, and notes, of an image of any mode."""
    if image.mode.startswith("I;16"):
        return np.array(image, dtype=np.uint16), None, ()
    if image.mode in ("I", "F"):
        levels, notes = from_numbers(np.array(image), name)
        return levels, None, notes
    if image.mode == "CMYK":
        return np.array(image), None, ()
    is_gray = image.mode in ("1", "L", "LA", "La")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if is_gray else "RGBA")
        alpha = np.array(image.getchannel("A"))
    mode = "L" if is_gray else "RGB"
    return np.array(image if image.mode == mode else image.convert(mode)), alpha, ()


def _finish_deep(levels: np.ndarray, bits: int, file: BinaryIO, image: Image.Image, name: str) -> Raster:
    """Levels (H, W) or (H, W, 1 to 4) of so many bits in uint16, which something else than Pillow has decoded."""
    alpha = None
    levels, notes = from_numbers(levels, name, bits)
    if levels.ndim == 3 and levels.shape[2] == 2:  # which `from_array` does not take
        levels, alpha = levels[..., 0], levels[..., 1]
    else:
        levels, alpha = from_array(levels)
    metadata = _metadata_without_pixels(file, image, name)
    cicp = png.declared_color(file) if image.format == "PNG" else None
    space = _color_space(image, metadata, cicp)
    return _finish(levels, alpha, notes, metadata, space, orientation_of(metadata))


def _decode_jpeg_beyond_pillow(file: BinaryIO, frame: jpeg.Frame, name: str) -> Raster:
    with guarded(name, "JPEG") as warned:
        levels = jpeg.decode(file)
        image = jpeg.without_pixels(file)
    if levels.ndim == 3 and levels.shape[2] != 3:
        raise PhotoError(f"cannot read {name}: a JPEG of {frame.bits} bits and CMYK; convert it to TIFF")
    if frame.bits != 8:
        return _with_notes(_finish_deep(levels, frame.bits, file, image, name), warned)
    metadata = _metadata_without_pixels(file, image, name)
    return _finish(levels, None, tuple(warned), metadata, _color_space(image, metadata, None), orientation_of(metadata))


def _is_16_bit_png(image: Image.Image, file: BinaryIO) -> bool:
    return image.format == "PNG" and png.is_16_bit(file)


def _decode_avif(file: BinaryIO) -> np.ndarray:
    from imagecodecs import avif_decode

    file.seek(0)
    return np.asarray(avif_decode(file.read()))


def _embedded(profile: Any) -> _ColorSpace:
    """The color space of an ICC profile in a file; sRGB if there is none, or it is damaged."""
    kind = profiles.kind_of(profile) if isinstance(profile, bytes) else None
    return _ColorSpace() if kind is None else _ColorSpace(profile, profile if kind == "rgb" else None)


def _cicp(image: Image.Image) -> bytes | None:
    """The chunk cICP of a PNG that Pillow has opened and not closed."""
    file = getattr(image, "fp", None)
    return png.declared_color(file) if image.format == "PNG" and file is not None and not file.closed else None


def _color_space(image: Image.Image, metadata: Metadata, cicp: bytes | None) -> _ColorSpace:
    """What the pixels mean: by cICP, ICC profile, sRGB, or gAMA and cHRM, in this order (PNG, third edition, 4.3).

    For a camera's JPEG without a profile it is what EXIF says.
    """
    if cicp is not None and (declared := cicp_profile(cicp))[0] is not None:
        return _ColorSpace(declared[0], None, declared[1])
    embedded = _embedded(image.info.get("icc_profile"))
    if embedded.profile is not None or "srgb" in image.info:
        return embedded
    if image.format in ("JPEG", "MPO") and declares_adobe_rgb(metadata.exif):
        return _ColorSpace(ADOBE_RGB, ADOBE_RGB)
    return _ColorSpace(gamma_profile(image.info.get("gamma"), image.info.get("chromaticity")))


def _is_lossless_webp(file: BinaryIO) -> bool:
    """Whether the picture is in a chunk VP8L (WebP container specification)."""
    file.seek(12)  # behind "RIFF", the size and "WEBP"
    while len(head := file.read(8)) == 8 and head[:4] not in (b"VP8 ", b"ANMF"):
        if head[:4] == b"VP8L":
            return True
        length = int.from_bytes(head[4:], "little")
        file.seek(length + length % 2, io.SEEK_CUR)
    return False


def _finish(
    pixels: np.ndarray,
    alpha: np.ndarray | None,
    notes: tuple[str, ...],
    metadata: Metadata,
    space: _ColorSpace,
    turned: int,
) -> Raster:
    """Turn arrays upright from this orientation, and bring pixels to sRGB."""
    turn = _UPRIGHT.get(turned)
    if turn is not None:
        pixels, alpha = turn(pixels), None if alpha is None else turn(alpha)
    pixels = profiles.to_srgb(pixels, space.profile)
    return Raster(
        np.ascontiguousarray(pixels),
        None if alpha is None else np.ascontiguousarray(alpha),
        replace(upright(metadata), profile=space.kept),
        notes=notes + space.notes,
    )
