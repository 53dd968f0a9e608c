"""Opening files with Pillow: which kinds, how large, and what to say of all others."""

from typing import BinaryIO

from PIL import Image

from excolor.errors import PhotoError
from excolor.photo.guard import guarded

# Pillow's names, listed so that no malicious file reaches a reader that runs programs (EPS) or is little tested
_PILLOW_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "GIF", "BMP", "PPM")

READABLE_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif"),
        *(".jp2", ".j2k", ".jpf", ".jpx", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"),
    )
)
"""What a folder is searched for; lower case, with the dot. A file that is named is read whatever its suffix."""

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# How files of kinds that are not read here begin: from the byte at an offset on
_OTHER_KINDS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"8BPS", "a Photoshop document (PSD)"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"gimp xcf", "a GIMP document (XCF)"),
    (0, b"FUJIFILMCCD-RAW", "the raw file of a camera (RAF)"),
    (0, b"II\x1a\0\0\0HEAPCCDR", "the raw file of a camera (CRW)"),
    (0, b"IIRO", "the raw file of a camera (ORF)"),
    (0, b"IIU\0", "the raw file of a camera (RW2)"),
    (0, b"FOVb", "the raw file of a camera (X3F)"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"AT&T", "DjVu"),
    (0, b"II\xbc", "JPEG XR"),
    (0, b"PK\3\4", "a ZIP archive"),
    (0, b"\x1f\x8b", "a compressed file (gzip)"),
    (0, b"<svg", "a drawing (SVG)"),
    (0, b"<!DOCTYPE html", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska)"),
    (4, b"ftypcrx", "the raw file of a camera (CR3)"),
    (4, b"ftypqt", "a video"),
    (4, b"ftypisom", "a video"),
    (4, b"ftypmp4", "a video"),
    (8, b"AVI ", "a video"),
    (128, b"DICM", "DICOM"),
    (257, b"ustar", "a tar file"),
)


def open_image(file: BinaryIO, name: str, max_pixels: int) -> Image.Image:
    """Open with Pillow, in time to refuse a picture that is too large. `name` is what messages call it.

    Raises:
        PhotoError: it is not a picture of a kind that is read here, is damaged, or has more than `max_pixels`.
    """
    file.seek(0)
    start = file.read(512)
    if not start:
        raise PhotoError(f"cannot read {name}: the file is empty; copy it again from its source")
    file.seek(0)
    brands = start[8 : int.from_bytes(start[:4], "big")]  # what the file is and what else it can be read as
    if start[4:8] == b"ftyp" and brands[:4] in _HEIC_BRANDS and b"avif" not in brands:
        image = _open_heic(file, name)
    else:
        for at, beginning, kind in _OTHER_KINDS:
            if start.startswith(beginning, at):
                raise PhotoError(f"cannot read {name}: it is {kind}; convert it to PNG, TIFF or JPEG")
        with guarded(name):
            Image.init()
            image = Image.open(file, formats=[known for known in _PILLOW_FORMATS if known in Image.OPEN])
    check_size(*image.size, name, max_pixels)
    return image


def _open_heic(file: BinaryIO, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise PhotoError(
            f"cannot read {name}: HEIC needs one more package; run pip install 'excolor[heic]', or convert it to JPEG"
        ) from error
    with guarded(name):
        image: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]
        return image


def check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """Refuse a picture that has too many pixels, before they are decoded.

    Raises:
        PhotoError: it has.
    """
    if width * height > max_pixels:
        raise PhotoError(
            f"cannot read {name}: it has {width * height / 1e6:.1f} megapixels and the limit is {max_pixels / 1e6:g}; "
            "raise it with --max-megapixels (max_pixels in Python) if you trust the file, or scale it down first"
        )
