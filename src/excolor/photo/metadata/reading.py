"""From a picture file to the metadata beside its pixels. Damaged parts are left out and never an error."""

import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from excolor.photo.metadata.exif import (
    IPTC,
    ORIENTATION,
    PHOTOSHOP,
    RESOLUTION_UNIT,
    X_RESOLUTION,
    XMP,
    Y_RESOLUTION,
    descriptive,
    dpi_of,
    first_directory,
    valid_dpi,
)
from excolor.photo.metadata.markers import (
    EXIF_HEADER,
    IPTC_RESOURCE,
    PHOTOSHOP_HEADER,
    PROFILE_KEY,
    RESOURCE,
    XMP_HEADER,
    XMP_KEY,
)
from excolor.photo.metadata.record import Metadata
from excolor.photo.tags import Directory, TagReader, pack_block

# What Pillow raises on damaged files
_DAMAGE = (OSError, SyntaxError, TypeError, ValueError, EOFError, IndexError, KeyError, AttributeError, struct.error)
_MAX_PACKET = 1 << 26  # bytes of XMP or IPTC in a TIFF
_RESOLUTION = (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)


def read_metadata(image: Image.Image) -> Metadata:
    """Read what an image that Pillow opened has beside its pixels. Call it when the image is loaded.

    (PNG may have text after the pixels.) Of a TIFF it is that of the current page; its descriptive tags become the EXIF
    block. They are read from the file, which is opened anew by its name if Pillow has closed it. Of an image that never
    was a file it is what `image.info` holds. No damage is an error; Pillow warns of some, which is left to the caller.
    """
    if hasattr(image, "tag_v2"):
        with suppress(*_DAMAGE), _file_of(image) as file:
            return read_tiff_metadata(file, image.tell())
        return Metadata()
    text = _png_text(image)
    exif = _exif(image, text)
    return Metadata(exif, _xmp(image, text), _iptc(image, text), _dpi(image, exif), _plain_text(image, text))


def read_tiff_metadata(file: BinaryIO, page: int = 0, pixels_at: int | None = None) -> Metadata:
    """Read what a TIFF has beside the pixels of a page.

    Other than Pillow it takes every kind of pixels, and BigTIFF of either byte order.

    Args:
        file: the TIFF.
        page: its directory, counted from 0 among all that are not subordinate to another.
        pixels_at: offset of the directory of the pixels, if that is subordinate to the page's, which then belongs to a
            thumbnail: the description of both is the page's, the resolution that of the pixels, and so is the
            orientation if they have one.
    """
    with suppress(OSError, ValueError):
        reader = TagReader(file)
        directory = _page(reader, page)
        own = directory if pixels_at is None else reader.directory(pixels_at)
        exif = _exif_of_tiff(reader, directory, own)
        iptc = _iptc_of_tiff(reader, directory)
        return Metadata(exif, _in_utf8(_packet(reader, directory, XMP)), iptc, dpi_of(exif))
    return Metadata()


def _png_text(image: Image.Image) -> Mapping[str, str]:
    """All text chunks of a PNG, those that hold other metadata too."""
    with suppress(*_DAMAGE):
        return {key: value for key, value in image.text.items() if isinstance(value, str)}  # type: ignore[attr-defined]
    return {}


def _plain_text(image: Image.Image, png_text: Mapping[str, str]) -> Mapping[str, str]:
    """What people wrote: PNG text, or the comment of a JPEG or GIF."""
    comments = _segments(image, "COM")
    if not comments and image.format == "GIF":
        comments = [_bytes_in(image, "comment")]
    comment = "\n".join(filter(None, map(_decoded, comments)))
    plain = {k: v for k, v in png_text.items() if k != XMP_KEY and not k.startswith(PROFILE_KEY)}
    return {"Comment": comment} if comment else plain


def _decoded(text: bytes) -> str:
    """Text of unknown encoding: UTF-8 if it can be that, else Latin-1."""
    text = text.rstrip(b"\0")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _bytes_in(image: Image.Image, key: str) -> bytes:
    value = image.info.get(key)
    return value if isinstance(value, bytes) else b""


def _segments(image: Image.Image, name: str) -> list[bytes]:
    """The segments of a JPEG that have this name ("APP1", "COM"), in their order."""
    return [data for key, data in getattr(image, "applist", ()) if key == name]


def _raw_profile(text: Mapping[str, str], *kinds: str) -> bytes:
    """The first of ImageMagick's profiles of these kinds: after a line each of name and length it is in hex."""
    for kind in kinds:
        parts = text.get(PROFILE_KEY + kind, "").split("\n", 3)
        if len(parts) == 4:
            with suppress(ValueError):
                return bytes.fromhex(parts[3])
    return b""


def _exif(image: Image.Image, text: Mapping[str, str]) -> bytes:
    """The EXIF block as it is in the file, if it can be read at all."""
    for block in (_bytes_in(image, "exif"), _raw_profile(text, "exif"), _raw_profile(text, "APP1")):
        exif = block.removeprefix(EXIF_HEADER)
        if first_directory(exif) is not None:
            return exif
    return b""


def _xmp(image: Image.Image, text: Mapping[str, str]) -> bytes:
    packets = [data.removeprefix(XMP_HEADER) for data in _segments(image, "APP1") if data.startswith(XMP_HEADER)]
    packets += [_bytes_in(image, "xmp"), text.get(XMP_KEY, "").encode(), _raw_profile(text, "xmp")]
    return next(filter(None, map(_in_utf8, packets)), b"")


def _in_utf8(packet: bytes) -> bytes:
    """An XMP packet of any Unicode encoding in UTF-8; as it is if it is damaged."""
    # The encoding shows in the first bytes, a "<" or a byte order mark before it (XMP specification, part 3, annex A)
    for encoding, starts in (
        ("utf-32-be", (b"\0\0\xfe\xff", b"\0\0\0<")),
        ("utf-32-le", (b"\xff\xfe\0\0", b"<\0\0\0")),
        ("utf-16-be", (b"\xfe\xff", b"\0<")),
        ("utf-16-le", (b"\xff\xfe", b"<\0")),
    ):
        if packet.startswith(starts):
            with suppress(UnicodeDecodeError):
                decoded = packet.decode(encoding).lstrip("\ufeff")
                packet = re.sub(r"""^(<\?xml[^>]{0,99}?)\sencoding=["'][\w-]{1,40}["']""", r"\1", decoded).encode()
            break
    return packet.rstrip(b"\0")


def _iptc(image: Image.Image, text: Mapping[str, str]) -> bytes:
    # A block of resources that is too long for one segment continues in the next
    parts = [d.removeprefix(PHOTOSHOP_HEADER) for d in _segments(image, "APP13") if d.startswith(PHOTOSHOP_HEADER)]
    blocks = (b"".join(parts), _bytes_in(image, "iptc"), _raw_profile(text, "iptc", "8bim"))
    return next(filter(None, map(_iptc_in, blocks)), b"")


def _iptc_in(block: bytes) -> bytes:
    """IPTC datasets, which a block of Photoshop's resources may have in it; empty if there are none."""
    block = block.removeprefix(PHOTOSHOP_HEADER)
    if block.startswith(RESOURCE):
        block = b"".join(data for number, data in _resources(block) if number == IPTC_RESOURCE)
    return block if block.startswith(b"\x1c") else b""


def _resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Photoshop's image resources by number, as far as they are whole (Photoshop file formats, image resources)."""
    position = 0
    while block.startswith(RESOURCE, position) and position + 7 <= len(block):
        number = int.from_bytes(block[position + 4 : position + 6], "big")
        name = 1 + block[position + 6]
        position += 6 + name + name % 2
        size = int.from_bytes(block[position : position + 4], "big")
        position += 4
        if position + size > len(block):
            return
        yield number, block[position : position + size]
        position += size + size % 2


def _dpi(image: Image.Image, exif: bytes) -> tuple[float, float] | None:
    if hasattr(image, "applist"):  # a JPEG, where Pillow makes dpi up if there are none
        unit = {1: 1.0, 2: 2.54}.get(image.info.get("jfif_unit", 0), 0.0)
        found = valid_dpi(image.info.get("jfif_density"), unit)
    else:
        found = valid_dpi(image.info.get("dpi"))
        found = found and (_snapped(found[0]), _snapped(found[1]))
    return found or dpi_of(exif)


def _snapped(dpi: float) -> float:
    """The whole number that became `dpi` when it was stored as whole pixels per meter, if there is one."""
    return float(round(dpi)) if abs(dpi - round(dpi)) < 0.0254 / 2 else dpi


@contextmanager
def _file_of(image: Image.Image) -> Iterator[BinaryIO]:
    """The file that Pillow reads an image from, put back to where it was, or opened anew."""
    file = getattr(image, "fp", None) or getattr(image.getexif(), "fp", None)  # the EXIF keeps it after decoding, too
    if file is None or file.closed:
        with Path(getattr(image, "filename", "")).open("rb") as file:
            yield file
        return
    position = file.tell()
    try:
        yield file
    finally:
        file.seek(position)


def _page(reader: TagReader, page: int) -> Directory:
    directory = reader.directory(reader.first)
    for _ in range(page):
        directory = reader.directory(directory.next)
    return directory


def _packet(reader: TagReader, directory: Directory, tag: int) -> bytes:
    entry = directory.entries.get(tag)
    value = None if entry is None else reader.tag(entry, _MAX_PACKET)
    return b"" if value is None else value.data


def _iptc_of_tiff(reader: TagReader, directory: Directory) -> bytes:
    data = _packet(reader, directory, IPTC)
    if data[3:4] == b"\x1c" != data[:1]:  # written as numbers of four bytes, and swapped as such
        data = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
    return _iptc_in(data) or _iptc_in(_packet(reader, directory, PHOTOSHOP))


def _exif_of_tiff(reader: TagReader, directory: Directory, own: Directory) -> bytes:
    """A block of the tags of a page; of those about pixels, those of its own directory."""
    tags, children = descriptive(reader, directory)
    if own.start != directory.start:
        of_pixels = {
            tag: value for tag, value in descriptive(reader, own)[0].items() if tag in (ORIENTATION, *_RESOLUTION)
        }
        tags = {tag: value for tag, value in tags.items() if tag not in _RESOLUTION} | of_pixels
    return pack_block(tags, children, reader.order) if tags or children else b""
