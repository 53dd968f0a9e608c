"""The kinds of picture files: which are read, by what they begin with and are named, and what all others are.

This is the one place that says so; `excolor.photo.formats` makes the documentation's table of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of file that is read.

    Attributes:
        name: in messages and in the documentation.
        suffixes: of its files, lower case, with the dot. Folders are searched for them; a file that is named is read
            whatever its suffix.
        starts: what its files begin with: each a place, and the bytes that are there.
        pillow: Pillow's name of it; None if something else than Pillow opens it.
        reads: what its files may be, in the documentation's words.
    """

    name: str
    suffixes: tuple[str, ...]
    starts: tuple[tuple[int, bytes], ...]
    pillow: str | None
    reads: str


JPEG = Kind(
    "JPEG",
    (".jpg", ".jpeg", ".jpe", ".jfif"),
    ((0, b"\xff\xd8\xff"),),
    "JPEG",
    "gray, RGB, CMYK, YCCK; baseline, progressive; 12 bits and lossless in gray and RGB",
)
PNG = Kind(
    "PNG",
    (".png",),
    ((0, b"\x89PNG\r\n\x1a\n"),),
    "PNG",
    "gray, RGB, palette, alpha; 1 to 16 bits; interlaced; colors by cICP, ICC, sRGB, gAMA and cHRM",
)
TIFF = Kind(
    "TIFF",
    (".tif", ".tiff"),
    ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
    None,
    "gray, RGB, palette, CMYK, YCbCr, Lab, alpha, linear DNG; 1 to 32 bits, signed, floats; strips, tiles, planes, "
    "pages, BigTIFF; uncompressed, LZW, Deflate, PackBits, JPEG, JPEG 2000, WebP, fax, Zstandard, LZMA and others",
)
WEBP = Kind("WebP", (".webp",), ((8, b"WEBP"),), "WEBP", "with and without loss, alpha")
AVIF = Kind("AVIF", (".avif",), (), "AVIF", "8, 10 and 12 bits, alpha")
HEIC = Kind("HEIC", (".heic", ".heif"), (), None, "the main picture, in 8 bits; needs pillow-heif")
JPEG_2000 = Kind(
    "JPEG 2000",
    (".jp2", ".j2k", ".jpf", ".jpx"),
    ((0, b"\0\0\0\x0cjP  \r\n\x87\n"), (0, b"\xffO\xffQ")),
    "JPEG2000",
    "gray in up to 16 bits, RGB in 8, alpha",
)
GIF = Kind("GIF", (".gif",), ((0, b"GIF87a"), (0, b"GIF89a")), "GIF", "the first frame")
BMP = Kind("BMP", (".bmp",), ((0, b"BM"),), "BMP", "1 to 32 bits a pixel, RLE")
PPM = Kind(
    "PPM",
    (".ppm", ".pgm", ".pbm", ".pnm"),
    tuple(
        (0, f"P{digit}".encode() + space) for digit in (1, 2, 3, 4, 5, 6, "f") for space in (b" ", b"\n", b"\r", b"\t")
    ),
    "PPM",
    "plain and binary; gray in up to 16 bits, RGB in 8; gray floats (PFM)",
)
KINDS = (JPEG, PNG, TIFF, WEBP, AVIF, HEIC, JPEG_2000, GIF, BMP, PPM)
"""All that are read."""

READABLE_SUFFIXES = frozenset(suffix for kind in KINDS for suffix in kind.suffixes)
"""What a folder is searched for; lower case, with the dot. A file that is named is read whatever its suffix."""

BEGINNING = 512
"""Bytes that tell the kind of a file."""

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_VIDEO_BRANDS = ("qt", "iso", "mp4", "M4", "3g", "avc1", "dash", "MSNV", "f4v", "hvc", "XAVC")
_SMALLEST_TEXT = 16  # bytes that look like text

_CONVERT = "convert it to PNG, TIFF or JPEG"
_DEVELOP = "develop it with a raw converter, and save it as TIFF or JPEG"
_UNPACK = "unpack it first"
_ANOTHER = "give a picture file"

# How files of kinds that are not read here begin: from the byte at an offset on. The first column is what to do
_OTHERS: tuple[tuple[str, tuple[tuple[int, bytes, str], ...]], ...] = (
    (
        _CONVERT,
        (
            (0, b"8BPS", "a Photoshop document (PSD)"),
            (0, b"%PDF", "a PDF"),
            (0, b"%!PS", "PostScript"),
            (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
            (0, b"\xff\x0a", "JPEG XL"),
            (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
            (0, b"II\xbc", "JPEG XR"),
            (0, b"v/1\x01", "OpenEXR"),
            (0, b"#?RADIANCE", "Radiance HDR"),
            (0, b"#?RGBE", "Radiance HDR"),
            (0, b"PF\n", "a float map of colors (PFM)"),
            (0, b"P7\n", "PAM"),
            (0, b"qoif", "QOI"),
            (0, b"BPG\xfb", "BPG"),
            (0, b"FLIF", "FLIF"),
            (0, b"DDS ", "DDS"),
            (0, b"\0\0\1\0", "an icon (ICO)"),
            (0, b"\0\0\2\0\1", "a cursor (CUR)"),
            (0, b"icns", "an icon (ICNS)"),
            (0, b"\x0a\5\1", "PCX"),
            (0, b"\x0a\3\1", "PCX"),
            (0, b"\1\xda", "SGI"),
            (0, b"\x59\xa6\x6a\x95", "Sun raster"),
            (0, b"SDPX", "DPX"),
            (0, b"XPDS", "DPX"),
            (0, b"FORM", "IFF"),
            (0, b"\x8aMNG", "MNG"),
            (0, b"\x8bJNG", "JNG"),
            (0, b"gimp xcf", "a GIMP document (XCF)"),
            (0, b"SIMPLE  =", "FITS"),
            (0, b"AT&T", "DjVu"),
            (0, b"\xd7\xcd\xc6\x9a", "a drawing (WMF)"),
            (40, b" EMF", "a drawing (EMF)"),
            (0, b"<svg", "a drawing (SVG)"),
            (128, b"DICM", "DICOM"),
        ),
    ),
    (
        _DEVELOP,
        (
            (0, b"FUJIFILMCCD-RAW", "the raw file of a camera (RAF)"),
            (0, b"II\x1a\0\0\0HEAPCCDR", "the raw file of a camera (CRW)"),
            (8, b"CR\2", "the raw file of a camera (CR2)"),
            (0, b"IIRO", "the raw file of a camera (ORF)"),
            (0, b"IIRS", "the raw file of a camera (ORF)"),
            (0, b"MMOR", "the raw file of a camera (ORF)"),
            (0, b"IIU\0", "the raw file of a camera (RW2)"),
            (0, b"FOVb", "the raw file of a camera (X3F)"),
            (0, b"\0MRM", "the raw file of a camera (MRW)"),
            (4, b"ftypcrx", "the raw file of a camera (CR3)"),
        ),
    ),
    (
        _UNPACK,
        (
            (0, b"PK\3\4", "a ZIP archive"),
            (0, b"7z\xbc\xaf", "a compressed file (7z)"),
            (0, b"Rar!", "a compressed file (RAR)"),
            (0, b"\x1f\x8b", "a compressed file (gzip)"),
            (0, b"BZh", "a compressed file (bzip2)"),
            (0, b"\xfd7zXZ", "a compressed file (xz)"),
            (0, b"\x28\xb5\x2f\xfd", "a compressed file (zstd)"),
            (257, b"ustar", "a tar file"),
        ),
    ),
    (
        _ANOTHER,
        (
            (0, b"{\\rtf", "an office document"),
            (0, b"\xd0\xcf\x11\xe0", "an office document"),
            (0, b"\x1aE\xdf\xa3", "a video (Matroska)"),
            (0, b"\0\0\1\xba", "a video (MPEG)"),
            (0, b"\0\0\1\xb3", "a video (MPEG)"),
            (8, b"AVI ", "a video"),
            (4, b"moov", "a video"),
            (4, b"mdat", "a video"),
            (8, b"WAVE", "sound"),
            (0, b"ID3", "sound"),
            (0, b"OggS", "sound or a video (Ogg)"),
            (0, b"\0\5\x16\7", "what macOS keeps beside a file (AppleDouble), and not the picture"),
            (0, b"\x7fELF", "a program"),
            (0, b"MZ", "a program"),
        ),
    ),
    ("fetch it with git lfs pull", ((0, b"version https://git-lfs", "a pointer to a file in Git LFS"),)),
)


def kind_of(start: bytes) -> Kind | None:
    """The kind of a file that begins so (`BEGINNING` bytes), if it is one that is read; damage may follow."""
    if start[4:8] == b"ftyp":
        brands = start[8 : int.from_bytes(start[:4], "big")]  # what the file is and what else it can be read as
        known = {brands[at : at + 4] for at in range(0, len(brands), 4)}
        if known & _AVIF_BRANDS:
            return AVIF
        return HEIC if brands[:4] in _HEIC_BRANDS else None
    return next((kind for kind in KINDS if any(start.startswith(text, at) for at, text in kind.starts)), None)


def other_kind_of(start: bytes) -> str | None:
    """What a file is that begins so, if it is known but not read, and what to do: "it is a PDF; convert it ..."."""
    for way_out, kinds in _OTHERS:
        for at, text, name in kinds:
            if start.startswith(text, at):
                return f"it is {name}; {way_out}"
    if kind_of(start) is not None:
        return None
    if start[4:8] == b"ftyp":
        brand = start[8:12].decode("ascii", "replace").strip()
        name = "a video" if brand.startswith(_VIDEO_BRANDS) else f"a media file of the brand {brand!r}"
        return f"it is {name}; {_ANOTHER}"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<?xml") and b"<svg" in text:
        return f"it is a drawing (SVG); {_CONVERT}"
    if text.startswith((b"<!doctype html", b"<html")):
        return f"it is a web page; {_ANOTHER}"
    return f"it is text; {_ANOTHER}" if _is_text(start) else None


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not just a letter that the end cuts
            return False
        text = start[: error.start].decode()
    return len(text) >= _SMALLEST_TEXT and all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
