"""Photo files <-> arrays: what comes in is upright and in memory, what goes out is whole or not there at all.

Shapes: H, W height and width in pixels. Pixels are (H, W) gray or (H, W, 3) sRGB, transparency is kept aside
as (H, W). A picture keeps the depth it came with: uint8, uint16 (of 65535) or float32 (of 1.0).

Reading goes open -> upright -> split into pixels and alpha; writing goes check -> encode -> publish. Nothing here
changes an input, keeps a file open, or leaves a half-written file behind.
"""

import io
import os
import secrets
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from excolor.errors import OutputError, PhotoError

PhotoSource: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray

MAX_PIXELS = 500_000_000
"""Larger pictures are refused as decompression bombs. Pillow's own limit (179 million) is below large-format scans."""

# Named, so that no damaged or malicious file reaches a reader that runs programs (EPS) or is little tested.
READABLE_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PPM")


@dataclass(frozen=True)
class OutputFormat:
    """A container we write: Pillow's name of it, how it is saved, and what it can hold."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)  # for Image.save
    max_side: int | None = None  # pixels, where the container or its library has a limit
    has_alpha: bool = True
    has_16_bit: bool = False


_JPEG = OutputFormat("JPEG", {"quality": 95, "subsampling": "4:4:4"}, max_side=65500, has_alpha=False)
_PREDICTOR = {317: 2}  # tag 317: differences of neighbors make smaller files
_TIFF = OutputFormat("TIFF", {"compression": "tiff_lzw", "tiffinfo": _PREDICTOR}, has_16_bit=True)
OUTPUT_FORMATS: dict[str, OutputFormat] = {  # by suffix, lower case
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".png": OutputFormat("PNG", max_side=1_000_000, has_16_bit=True),  # libpng, so most programs, refuses larger ones
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": OutputFormat("WEBP", {"quality": 95}, max_side=16383),  # has no gray: three equal channels instead
}

# EXIF orientation -> what makes the picture upright (EXIF 2.32, tag 274). Not ImageOps.exif_transpose: it also writes
# the EXIF anew, which fails when any other tag of it is damaged.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow raises on damaged files, found by decoding 700,000 of them, and what its own Image.open takes for damage
DAMAGE = (OSError, SyntaxError, TypeError, ValueError, EOFError, IndexError, struct.error)

_STRIP_PIXELS = 1 << 20  # work over whole pictures goes in strips of about this size, so that it needs little memory


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright picture in memory."""

    pixels: np.ndarray
    """(H, W) gray or (H, W, 3) sRGB; uint8, uint16 or float32 in [0, 1]; C-contiguous.

    It may be the array or share the memory that the caller gave: read it, do not write to it.
    """
    alpha: np.ndarray | None = None
    """(H, W), of the same dtype as pixels, 0 transparent; None if the picture has none."""
    path: Path | None = None
    """The file it came from."""
    format: str | None = None
    """Pillow's name of the container it came from ("JPEG", "PNG", ...); None if it never was in one."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def is_gray(self) -> bool:
        """Whether there is no color: one channel, or R == G == B everywhere."""
        if self.pixels.ndim == 2:
            return True
        strips = (self.pixels[rows] for rows in _strips(self.pixels))
        return all(np.array_equal(s[..., 0], s[..., 1]) and np.array_equal(s[..., 1], s[..., 2]) for s in strips)

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return "picture" if self.path is None else str(self.path)

    def to_pil(self) -> Image.Image:
        """The picture with 8 bits a channel (16-bit and float are rounded), in mode L, LA, RGB or RGBA."""
        pixels = _to_8_bit(self.pixels)
        return Image.fromarray(pixels if self.alpha is None else np.dstack([pixels, _to_8_bit(self.alpha)]))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write it to a file; see `write_photo`."""
        return write_photo(self, path, overwrite=overwrite)


def as_photo(source: PhotoSource | Photo) -> Photo:
    """Take a path, a PIL image or an array for a picture.

    A PIL image is treated as `read_photo` treats a file's. An array is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the
    fourth channel being alpha: bool, uint8, uint16, or float16/32/64 in [0, 1]. It is copied only where it must be.
    A Photo is given back as it is.

    Raises:
        PhotoError: it is none of these, has no pixels, or cannot be read.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _photo_from_array(source)
    if isinstance(source, Image.Image):
        return _photo_from_image(source, getattr(source, "filename", "") or "the picture")
    if isinstance(source, str | os.PathLike):
        return read_photo(source)
    raise PhotoError(f"cannot use a {type(source).__name__} as a picture: give a path, a PIL image or a numpy array")


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a picture file (see `READABLE_FORMATS`); of several frames or pages the first.

    EXIF orientation is applied. 16-bit gray stays 16-bit, 16-bit color comes as 8-bit (Pillow has no more), CMYK, Lab
    and palettes come as RGB. Float gray is kept if it is in [0, 1], otherwise its range is brought there.

    Raises:
        PhotoError: the file cannot be read, is no picture, is damaged, or is larger than `MAX_PIXELS`.
    """
    path = Path(path)
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PhotoError(f"cannot read {path}: there is no such file; check its name and folder") from error
    except IsADirectoryError as error:
        raise PhotoError(f"cannot read {path}: it is a folder; name a picture file in it") from error
    except OSError as error:
        raise PhotoError(f"cannot read {path}: {error.strerror}; check that you may read this file") from error
    with file:
        with _pillow(str(path)):
            if not file.peek(1):
                raise PhotoError(f"cannot read {path}: the file is empty; copy it again from where it came")
            image = Image.open(file, formats=READABLE_FORMATS)
        return _photo_from_image(image, str(path), path)


def write_photo(photo: Photo, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a picture in the format that the suffix says; either all of it is there afterwards, or nothing changed.

    uint16 stays 16-bit in PNG and TIFF; all else is written with 8 bits. Gray stays gray, save where the format has no
    such kind: in WebP, and in 16-bit files with transparency, it is written as three equal channels.

    Args:
        photo: The picture.
        path: Where to; its suffix is one of `OUTPUT_FORMATS`.
        overwrite: Replace a file of this name. Without it a file is not replaced even if it appears while we write.

    Returns:
        The path written.

    Raises:
        OutputError: it cannot be written there, or the format cannot hold the picture.
    """
    path = Path(path)
    check_output(path, overwrite=overwrite)
    check_fits(photo, path)
    _write_whole(_encode(photo, path.suffix.lower()), path, overwrite)
    return path


def check_output(path: Path, *, overwrite: bool) -> None:
    """Find out before any long work whether a picture can be written to `path`.

    Raises:
        OutputError: unknown suffix, a folder, an existing file without `overwrite`, or a folder that is missing or
            that we may not write to.
    """
    if _is_folder(path):
        raise OutputError(f"cannot write {path}: it is a folder; add a file name")
    if path.suffix.lower() not in OUTPUT_FORMATS:
        raise OutputError(f"cannot write {path}: end its name in one of {', '.join(OUTPUT_FORMATS)}")
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path} exists already: use --force to replace it, or -o to write elsewhere")
    if not _is_folder(path.parent):
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}; create it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: the folder {path.parent} is not writable; use -o to write elsewhere")


def check_fits(photo: Photo, path: Path) -> None:
    """Find out whether the format of `path` (a known suffix) can hold a picture of this size and transparency.

    Raises:
        OutputError: the picture has too many pixels a side, or would lose its transparency.
    """
    target = OUTPUT_FORMATS[path.suffix.lower()]
    if photo.alpha is not None and not target.has_alpha and not _is_opaque(photo.alpha):
        raise OutputError(
            f"cannot write {path}: {target.name} cannot hold the picture's transparency; write PNG, TIFF or WebP"
        )
    if target.max_side is not None and max(photo.size) > target.max_side:
        height, width = photo.size
        raise OutputError(
            f"cannot write {path}: {target.name} holds at most {target.max_side} pixels a side and the picture is "
            f"{width}×{height}; write TIFF or scale it down"
        )


def default_output(photo_path: Path, tag: str, folder: Path | None = None) -> Path:
    """NAME-tag.EXT beside the picture or in `folder`; .png where EXT is a format that we read but do not write."""
    suffix = photo_path.suffix if photo_path.suffix.lower() in OUTPUT_FORMATS else ".png"
    return (folder or photo_path.parent) / f"{photo_path.stem}-{tag}{suffix}"


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  Path.is_dir raises where we may not look


# Reading


_PILLOW_LOCK = threading.Lock()


@contextmanager
def _pillow(name: str) -> Iterator[None]:
    """Let Pillow open and decode a file in here: our size limit, no warnings, its errors told as PhotoError.

    Limit and warning filters belong to the whole process. They are put back at the end, and the lock sees to it that
    two threads never put back each other's.
    """
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged EXIF, mostly, which is no reason to refuse a picture
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow warns above this number and refuses above twice as many
        try:
            yield
        except Image.DecompressionBombError as error:
            raise PhotoError(
                f"cannot read {name}: it has more than {MAX_PIXELS // 10**6} megapixels; scale it down or cut it first"
            ) from error
        except MemoryError as error:
            raise PhotoError(f"cannot read {name}: there is not enough memory; scale it down first") from error
        except UnidentifiedImageError as error:
            raise PhotoError(
                f"cannot read {name}: it is no picture of a kind read here ({', '.join(READABLE_FORMATS)}), "
                "or its beginning is damaged; convert it to PNG or TIFF, or copy it again from where it came"
            ) from error
        except DAMAGE as error:
            raise PhotoError(
                f"cannot read {name}: the file is damaged or cut short ({error}); copy it again from where it came"
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _photo_from_image(image: Image.Image, name: str, path: Path | None = None) -> Photo:
    if 0 in image.size:
        raise PhotoError(f"cannot use {name}: it has no pixels ({image.width}×{image.height})")
    pixels, alpha = _split(_upright(image, name), name)
    return Photo(pixels, alpha, path, image.format)


def _upright(image: Image.Image, name: str) -> Image.Image:
    """Decode, and apply the EXIF orientation (TIFF's is applied by Pillow itself while decoding)."""
    with _pillow(name):
        image.load()
        turn = _UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; damaged EXIF counts as upright."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGE:
        return 1


def _split(image: Image.Image, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels and alpha of an upright image of any mode; see Photo for their shapes and types."""
    if image.mode.startswith("I;16"):
        return np.array(image, dtype=np.uint16), None
    if image.mode in ("I", "F"):
        return _from_numbers(np.array(image), name), None
    is_gray = image.mode in ("1", "L", "LA", "La")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if is_gray else "RGBA")
        alpha = np.array(image.getchannel("A"))
    return np.array(image.convert("L" if is_gray else "RGB")), alpha


def _from_numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Gray levels (H, W) from int32 or float32 ones whose white is nowhere written.

    Integers of 16 bits are taken as such (uint16) and floats in [0, 1] too; of others the lowest becomes black and the
    highest white (float32).
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise PhotoError(f"cannot use {name}: its gray levels go from {low} to {high}; replace NaN and infinity first")
    if values.dtype.kind == "i" and low >= 0 and high <= 65535:
        return values.astype(np.uint16)
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return values
    return ((values.astype(np.float64) - low) / ((high - low) or 1.0)).astype(np.float32)


def _photo_from_array(array: np.ndarray) -> Photo:
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        raise PhotoError(
            f"cannot use an array of shape {array.shape} as a picture: give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
        )
    if array.size == 0:
        raise PhotoError(f"cannot use an array of shape {array.shape} as a picture: it has no pixels")
    levels = _levels(array)
    if levels.ndim == 2:
        return Photo(np.ascontiguousarray(levels))
    if levels.shape[2] == 1:
        return Photo(np.ascontiguousarray(levels[..., 0]))
    alpha = np.ascontiguousarray(levels[..., 3]) if levels.shape[2] == 4 else None
    return Photo(np.ascontiguousarray(levels[..., :3]), alpha)


def _levels(array: np.ndarray) -> np.ndarray:
    """The array as uint8, uint16 or float32 in [0, 1], in native byte order; not copied if it is that already."""
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    native = array.dtype.newbyteorder("=")
    if native in (np.uint8, np.uint16):
        return array.astype(native, copy=False)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise PhotoError(
            f"cannot use an array of {array.dtype} as a picture: give bool, uint8, uint16, or float in [0, 1]"
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also true of NaN
        raise PhotoError(
            f"cannot use an array of {array.dtype} from {low:g} to {high:g} as a picture: floats go from 0 to 1; "
            "divide by the value of white, or give uint8 or uint16"
        )
    return array.astype(np.float32, copy=False)


# Writing


def _encode(photo: Photo, suffix: str) -> bytes:
    """The bytes of the file.

    Encoded in memory: given a real file, Pillow writes past Python, and takes a write that a full disk cut short for
    a whole one.
    """
    target = OUTPUT_FORMATS[suffix]
    if photo.pixels.dtype == np.uint16 and target.has_16_bit:
        return _encode_16_bit(photo, suffix)
    image = photo.to_pil()
    if not target.has_alpha and photo.alpha is not None:  # opaque, see check_fits
        image = image.convert("L" if photo.pixels.ndim == 2 else "RGB")
    buffer = io.BytesIO()
    image.save(buffer, format=target.name, **target.options)
    return buffer.getvalue()


def _encode_16_bit(photo: Photo, suffix: str) -> bytes:
    """A PNG or TIFF file of uint16 pixels, by OpenCV: Pillow writes 16 bits for gray only."""
    import cv2

    pixels = photo.pixels
    if pixels.ndim == 2 and photo.alpha is not None:
        pixels = np.dstack([pixels] * 3)
    if pixels.ndim == 3:
        pixels = pixels[..., ::-1]  # OpenCV's order is blue, green, red
    if photo.alpha is not None:
        pixels = np.dstack([pixels, photo.alpha])
    done, data = cv2.imencode(suffix, np.ascontiguousarray(pixels))
    if not done:
        raise OutputError(f"cannot write {photo.size} pixels as 16-bit {suffix}: OpenCV refuses; give it 8-bit pixels")
    return data.tobytes()


def _write_whole(data: bytes, path: Path, overwrite: bool) -> None:
    """A file of this content and name, or none: written under a temporary name and renamed when all went well."""
    # In the same folder, because a rename is atomic only within a file system. The name is cut so that it stays below
    # the 255 bytes of most of them; opened like any new file, so that its mode follows the umask.
    temporary = path.with_name(f".{path.name[:40]}-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # or a power failure after the rename could leave an empty file
        if overwrite:
            temporary.replace(path)
        else:
            _publish(temporary, path)
    except FileExistsError as error:
        raise OutputError(
            f"{path} appeared while it was being written: use --force to replace it, or -o to write elsewhere"
        ) from error
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; make room or use -o to write elsewhere") from error
    finally:
        with suppress(OSError):  # it is gone already if all went well
            temporary.unlink()


def _publish(temporary: Path, path: Path) -> None:
    """Give the file its name unless that is taken (FileExistsError), which a rename would not see."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links on FAT, exFAT and some network shares: reserve the name, then fill it
        path.open("xb").close()
        try:
            temporary.replace(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


# Levels


def _strips(array: np.ndarray) -> Iterator[slice]:
    """Slices over the rows of (H, W, ...)."""
    height, width = array.shape[:2]
    rows = max(1, _STRIP_PIXELS // width)
    return (slice(top, top + rows) for top in range(0, height, rows))


def _to_8_bit(array: np.ndarray) -> np.ndarray:
    """uint8, uint16 or float32 (H, W, ...) as uint8, rounded to nearest; floats are clipped to [0, 1] first."""
    if array.dtype == np.uint8:
        return array
    result = np.empty(array.shape, np.uint8)
    for rows in _strips(array):
        if array.dtype == np.uint16:
            result[rows] = (array[rows].astype(np.uint32) + 128) // 257  # 65535 = 257 * 255
        else:
            result[rows] = np.rint(np.clip(array[rows], 0, 1) * 255)
    return result


def _is_opaque(alpha: np.ndarray) -> bool:
    white = 1.0 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max
    return bool(alpha.min() >= white)
