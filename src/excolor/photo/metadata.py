"""What a picture file says beside its pixels, carried from the target to the result.

EXIF, XMP and IPTC stay the bytes that they are wherever the formats allow: maker notes are full of offsets, and text
is in many encodings. Damaged parts are left out and never an error, because the picture is still wanted.
"""

import io
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from excolor.photo.tags import (
    ASCII,
    BYTE,
    RATIONAL,
    SHORT,
    UNDEFINED,
    UNMOVABLE_TYPES,
    ByteOrder,
    Directory,
    Entry,
    Tag,
    TagReader,
    add_tags,
    in_order,
    pack_block,
)


@dataclass(frozen=True)
class Metadata:
    """What a picture file says beside its pixels; each empty or None where it says nothing."""

    exif: bytes = b""
    """TIFF-structured (it begins II*\\0 or MM\\0*), without the prefix "Exif\\0\\0" that some formats have."""
    xmp: bytes = b""
    """An XMP packet in UTF-8."""
    iptc: bytes = b""
    """IPTC-IIM datasets."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, horizontal and vertical."""
    text: Mapping[str, str] = field(default_factory=dict)
    """PNG text chunks; the comment of a JPEG or GIF is under "Comment"."""
    profile: bytes | None = None
    """The ICC profile of colors that pixels are to be written in; in memory they are sRGB all the same."""
    quantization: tuple[tuple[int, ...], ...] = ()
    """Quantization tables of a JPEG: how finely it was stored."""
    lossless: bool = False
    """Whether it was a WebP without loss."""


# What Pillow raises on damaged files
_DAMAGE = (OSError, SyntaxError, TypeError, ValueError, EOFError, IndexError, KeyError, AttributeError, struct.error)

_DESCRIPTION, _ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 270, 274, 282, 283, 296
_XMP, _IPTC, _PHOTOSHOP, _EXIF, _GPS, _INTEROPERABILITY = 700, 33723, 34377, 34665, 34853, 40965

# Tags of the first directory that say how the pixels are stored or to be shown, or lead to other parts of the file.
# They are not carried to another file, whose own they would contradict; names in TIFF 6.0 and its supplements.
_STRUCTURAL = frozenset(
    {
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266),  # kind, size, bits, compression, color, halftone
        *(273, 277, 278, 279, 280, 281, 284),  # strips, samples, range, planes
        *(288, 289, 290, 291, 292, 293, 300, 301),  # free space, gray curve, fax, transfer function
        *range(317, 348),  # predictor, colors, tiles, SubIFDs, inks, sample format, clip path, JPEG tables
        *(351, 400, 401, 402, 403, 404, 405, 433, 434, 435),  # OPI proxy, TIFF-FX
        *range(512, 533),  # old JPEG, YCbCr
        *(559, 700, 32932, 32995, 32996, 32997, 32998, 33421, 33422, 33723, 34377, 34665, 34675, 34853),
        *(34908, 34909, 34910, 37724, 40965),  # fax, Photoshop layers, interoperability
        *(50838, 50839),  # ImageJ
        *range(50706, 50839),  # DNG: a result is no raw file
        *range(50840, 51200),
        *range(52525, 52560),
    }
)
# Descriptions that programs read as a declaration of how the pages are arranged: tifffile's and ImageJ's
_STRUCTURAL_DESCRIPTIONS = (b'{"shape":', b"ImageJ=")

_MAX_TAG = 1 << 20  # bytes of a tag of the first directory of a TIFF; private ones may hold whole documents
_MAX_EXIF = 1 << 22  # bytes of the Exif directory of a TIFF
_MAX_PACKET = 1 << 26  # bytes of XMP or IPTC in a TIFF

_PROFILE_KEY = "Raw profile type "  # how ImageMagick names the PNG text chunks that hold EXIF, IPTC and others in hex
_XMP_KEY = "XML:com.adobe.xmp"
_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP_HEADER = b"Photoshop 3.0\0"
_RESOURCE = b"8BIM"
_IPTC_RESOURCE = 0x0404
_EXIF_HEADER = b"Exif\0\0"
_MAX_SEGMENT = 65533  # bytes in a segment of a JPEG


# Reading


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


def read_tiff_metadata(file: BinaryIO, page: int = 0) -> Metadata:
    """Read what a TIFF has beside the pixels of a page, counted from 0 among all directories of the file.

    Other than Pillow it takes every kind of pixels, and BigTIFF of either byte order.
    """
    with suppress(OSError, ValueError):
        reader = TagReader(file)
        directory = _page(reader, page)
        exif = _exif_of_tiff(reader, directory)
        iptc = _iptc_of_tiff(reader, directory)
        return Metadata(exif, _in_utf8(_packet(reader, directory, _XMP)), iptc, _dpi_of(exif))
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
    plain = {k: v for k, v in png_text.items() if k != _XMP_KEY and not k.startswith(_PROFILE_KEY)}
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
        parts = text.get(_PROFILE_KEY + kind, "").split("\n", 3)
        if len(parts) == 4:
            with suppress(ValueError):
                return bytes.fromhex(parts[3])
    return b""


def _exif(image: Image.Image, text: Mapping[str, str]) -> bytes:
    """The EXIF block as it is in the file, if it can be read at all."""
    for block in (_bytes_in(image, "exif"), _raw_profile(text, "exif"), _raw_profile(text, "APP1")):
        exif = block.removeprefix(_EXIF_HEADER)
        if _first_directory(exif) is not None:
            return exif
    return b""


def _first_directory(exif: bytes) -> tuple[TagReader, Directory] | None:
    """A reader of an EXIF block, and its first directory; None if it is damaged."""
    try:
        reader = TagReader(io.BytesIO(exif))
        return None if reader.is_big else (reader, reader.directory(reader.first))
    except ValueError:
        return None


def _xmp(image: Image.Image, text: Mapping[str, str]) -> bytes:
    packets = [data.removeprefix(_XMP_HEADER) for data in _segments(image, "APP1") if data.startswith(_XMP_HEADER)]
    packets += [_bytes_in(image, "xmp"), text.get(_XMP_KEY, "").encode(), _raw_profile(text, "xmp")]
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
    # A block of resources that is too long for one segment goes on in the next
    parts = [d.removeprefix(_PHOTOSHOP_HEADER) for d in _segments(image, "APP13") if d.startswith(_PHOTOSHOP_HEADER)]
    return _iptc_in(b"".join(parts)) or _iptc_in(_raw_profile(text, "iptc", "8bim"))


def _iptc_in(block: bytes) -> bytes:
    """IPTC datasets, which a block of Photoshop's resources may have in it; empty if there are none."""
    block = block.removeprefix(_PHOTOSHOP_HEADER)
    if block.startswith(_RESOURCE):
        block = b"".join(data for number, data in _resources(block) if number == _IPTC_RESOURCE)
    return block if block.startswith(b"\x1c") else b""


def _resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Photoshop's image resources by number, as far as they are whole (Photoshop file formats, image resources)."""
    position = 0
    while block.startswith(_RESOURCE, position) and position + 7 <= len(block):
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
        found = _valid_dpi(image.info.get("jfif_density"), unit)
    else:
        found = _valid_dpi(image.info.get("dpi"))
        found = found and (_snapped(found[0]), _snapped(found[1]))
    return found or _dpi_of(exif)


def _valid_dpi(dpi: Any, scale: float = 1.0) -> tuple[float, float] | None:
    try:
        x, y = (float(value) * scale for value in dpi)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < 1e6 and 0 < y < 1e6 else None


def _snapped(dpi: float) -> float:
    """The whole number that became `dpi` when it was stored as whole pixels per meter, if there is one."""
    return float(round(dpi)) if abs(dpi - round(dpi)) < 0.0254 / 2 else dpi


def _dpi_of(exif: bytes) -> tuple[float, float] | None:
    """Pixels per inch that an EXIF block tells."""
    found = _first_directory(exif)
    if found is None:
        return None
    reader, directory = found
    sides = []
    for tag in (_X_RESOLUTION, _Y_RESOLUTION):
        entry = directory.entries.get(tag)
        value = reader.tag(entry, 8) if entry is not None and entry.type == RATIONAL else None
        if value is None:
            return None
        numerator, denominator = struct.unpack(reader.order + "LL", value.data)
        sides.append(numerator / denominator if denominator else math.inf)
    unit = reader.integer(directory, _RESOLUTION_UNIT)
    return _valid_dpi(sides, {None: 1.0, 2: 1.0, 3: 2.54}.get(unit, 0.0))  # without a unit it is inches


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
    data = _packet(reader, directory, _IPTC)
    if data[3:4] == b"\x1c" != data[:1]:  # written as numbers of four bytes, and swapped as such
        data = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
    return _iptc_in(data) or _iptc_in(_packet(reader, directory, _PHOTOSHOP))


def _exif_of_tiff(reader: TagReader, directory: Directory) -> bytes:
    tags, children = _descriptive(reader, directory)
    return pack_block(tags, children, reader.order) if tags or children else b""


def _descriptive(reader: TagReader, directory: Directory) -> tuple[dict[int, Tag], dict[int, dict[int, Tag]]]:
    """What a first directory says of the picture: its tags, and the Exif and GPS directories by their pointer."""
    own = {tag: entry for tag, entry in directory.entries.items() if tag not in _STRUCTURAL}
    tags = _movable(reader.tags(own, _MAX_TAG, 16 * _MAX_TAG))
    if _DESCRIPTION in tags and tags[_DESCRIPTION].data.startswith(_STRUCTURAL_DESCRIPTIONS):
        del tags[_DESCRIPTION]
    for tag in (_X_RESOLUTION, _Y_RESOLUTION):  # Pillow refuses a JPEG where it is of another type
        if tag in tags and (tags[tag].type, tags[tag].count) != (RATIONAL, 1):
            del tags[tag]
    children = {}
    for pointer in (_EXIF, _GPS):
        offset = reader.integer(directory, pointer)
        if offset is not None:
            with suppress(ValueError):
                children[pointer] = _movable(reader.tags(reader.directory(offset).entries, _MAX_EXIF, _MAX_EXIF))
                children[pointer].pop(_INTEROPERABILITY, None)
    return tags, {pointer: child for pointer, child in children.items() if child}


def _movable(tags: Mapping[int, Tag]) -> dict[int, Tag]:
    return {tag: value for tag, value in tags.items() if value.type not in UNMOVABLE_TYPES}


# Turning


_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>\s*))([1-8])(?=\s*["'<])""")
_SWAPPED_SIDES = ((256, 257), (_X_RESOLUTION, _Y_RESOLUTION))
_SWAPPED_EXIF_SIDES = ((0xA002, 0xA003),)  # PixelXDimension, PixelYDimension


def orientation(metadata: Metadata) -> int:
    """How the picture has to be turned: 1 (upright) to 8 (EXIF 2.32, tag 274); 1 if there is no sense in it."""
    found = _first_directory(metadata.exif)
    value = None
    if found is not None and _orientation_entry(*found) is not None:
        value = found[0].integer(found[1], _ORIENTATION)
    if value is None:
        match = _XMP_ORIENTATION.search(metadata.xmp)
        value = 1 if match is None else int(match[2])
    return value if 1 <= value <= 8 else 1


def _orientation_entry(reader: TagReader, directory: Directory) -> Entry | None:
    """The tag of orientation, if its value is in its entry, where it can be changed without harm to others."""
    entry = directory.entries.get(_ORIENTATION)
    is_sound = entry is not None and entry.size <= 4 and reader.integer(directory, _ORIENTATION) is not None
    return entry if is_sound else None


def upright(metadata: Metadata) -> Metadata:
    """The metadata of the picture after it has been turned as `orientation` says.

    In the EXIF block it is changed in place, so that every offset in it stays valid. The thumbnail, which would show
    the picture as it was, is taken out. Previews in maker notes and in XMP stay.
    """
    is_turned = orientation(metadata) >= 5
    dpi = metadata.dpi[::-1] if metadata.dpi is not None and is_turned else metadata.dpi
    xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp)
    return replace(metadata, exif=_upright_exif(metadata.exif, is_turned), xmp=xmp, dpi=dpi)


def _upright_exif(exif: bytes, is_turned: bool) -> bytes:
    found = _first_directory(exif)
    if found is None:
        return exif
    reader, directory = found
    block = bytearray(exif)
    entry = _orientation_entry(reader, directory)
    if entry is not None:
        width = entry.size // entry.count
        block[entry.offset : entry.offset + width] = (1).to_bytes(width, "little" if reader.order == "<" else "big")
    children = list(_children(reader, directory))
    children += [grandchild for child in children for grandchild in _children(reader, child)]
    if is_turned:
        _swap(block, directory, _SWAPPED_SIDES)
        for child in children:
            _swap(block, child, _SWAPPED_EXIF_SIDES)
    link = range(directory.link, directory.link + 4)
    if link.stop <= len(block) and not _is_used(link, (directory, *children)):  # some blocks have no such number
        thumbnail = _thumbnail(reader, directory)
        if thumbnail is not None and not _is_used(thumbnail, (directory, *children)):
            block[thumbnail.start : thumbnail.stop] = bytes(len(thumbnail))
        block[link.start : link.stop] = bytes(4)
    return bytes(block)


def _children(reader: TagReader, directory: Directory) -> Iterator[Directory]:
    """The Exif, GPS and interoperability directories that a directory points to, as far as they can be read."""
    for pointer in (_EXIF, _GPS, _INTEROPERABILITY):
        offset = reader.integer(directory, pointer)
        if offset is not None:
            with suppress(ValueError):
                yield reader.directory(offset)


def _swap(block: bytearray, directory: Directory, pairs: Sequence[tuple[int, int]]) -> None:
    """Exchange the values of two tags, with their types and counts, by exchanging all of the entries but the tags."""
    for pair in pairs:
        if set(pair) <= directory.entries.keys():
            a, b = (slice(e.position + 2, e.position + 12) for e in (directory.entries[tag] for tag in pair))
            block[a], block[b] = block[b], block[a]


def _thumbnail(reader: TagReader, directory: Directory) -> range | None:
    """Where the bytes of the embedded thumbnail are: JPEG (513, 514) or one strip of pixels (273, 279)."""
    try:
        second = reader.directory(directory.next)
    except ValueError:
        return None
    for start_tag, size_tag in ((513, 514), (273, 279)):
        start, size = reader.integer(second, start_tag), reader.integer(second, size_tag)
        if start is not None and size is not None and 8 <= start < start + size and reader.read(start + size - 1, 1):
            return range(start, start + size)
    return None


def _is_used(part: range, directories: Sequence[Directory]) -> bool:
    """Whether any of the directories, or a value of them, overlaps the part of the block."""

    def overlaps(start: int, stop: int) -> bool:
        return start < part.stop and part.start < stop

    def value_overlaps(entry: Entry) -> bool:
        return overlaps(entry.offset, entry.offset + entry.size)

    return any(overlaps(d.start, d.link) or any(map(value_overlaps, d.entries.values())) for d in directories)


# Writing


def save_options(metadata: Metadata, format: str) -> tuple[dict[str, Any], tuple[str, ...]]:  # noqa: A002
    """Arguments of Pillow's `Image.save` that write the metadata, as far as the format (JPEG, PNG, WEBP) can hold it.

    Returns:
        The arguments (none of them sets how pixels are stored), and what has to be left out: "EXIF", "XMP", "IPTC",
        "text" or "resolution".
    """
    return {"JPEG": _jpeg_options, "PNG": _png_options, "WEBP": _webp_options}[format](metadata)


def _jpeg_options(metadata: Metadata) -> tuple[dict[str, Any], tuple[str, ...]]:
    """XMP, IPTC and comment go into `extra`: old Pillows know no `xmp`, and fail on long comments."""
    options: dict[str, Any] = {}
    dropped = []
    exif = _EXIF_HEADER + metadata.exif
    if len(exif) > _MAX_SEGMENT:
        dropped.append("EXIF")
    elif metadata.exif:
        options["exif"] = exif
    xmp = _XMP_HEADER + metadata.xmp
    if len(xmp) > _MAX_SEGMENT:
        xmp = _without_padding(xmp)
    iptc, size = _iptc_resource(metadata.iptc), _MAX_SEGMENT - len(_PHOTOSHOP_HEADER)
    parts = [_PHOTOSHOP_HEADER + iptc[start : start + size] for start in range(0, len(iptc), size)]
    segments = [("XMP", 0xE1, xmp)] if metadata.xmp else []
    segments += [("IPTC", 0xED, part) for part in parts] if metadata.iptc else []
    segments += [("text", 0xFE, _as_description(metadata.text))] if metadata.text else []
    dropped += [name for name, _, data in segments if len(data) > _MAX_SEGMENT]
    extra = b"".join(_segment(marker, data) for _, marker, data in segments if len(data) <= _MAX_SEGMENT)
    if extra:
        options["extra"] = extra
    if metadata.dpi is not None and all(1 <= round(side) <= 65535 for side in metadata.dpi):
        options["dpi"] = metadata.dpi
    elif metadata.dpi is not None:
        dropped.append("resolution")
    return options, tuple(dropped)


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _iptc_resource(iptc: bytes) -> bytes:
    """IPTC datasets as the image resource that Photoshop has for them, without a name, of even length."""
    return _RESOURCE + struct.pack(">HHL", _IPTC_RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def _without_padding(packet: bytes) -> bytes:
    """An XMP packet without the white space that it has for programs that change it in place."""
    end = packet.rfind(b"<?xpacket end")
    return packet if end < 0 else packet[:end].rstrip() + b"\n" + packet[end:]


def _as_description(text: Mapping[str, str]) -> bytes:
    """All the text as one: a comment or description alone as it is, others in lines like "Author: Ada"."""
    if len(text) == 1 and text.keys() <= {"Comment", "Description"}:
        lines = list(text.values())
    else:
        lines = [f"{key}: {value}" for key, value in text.items()]
    return "\n".join(lines).replace("\0", "").encode(errors="replace")


def _png_options(metadata: Metadata) -> tuple[dict[str, Any], tuple[str, ...]]:
    options: dict[str, Any] = {}
    dropped = []
    chunks = PngInfo()
    if metadata.xmp:
        chunks.add_itxt(_XMP_KEY, metadata.xmp)
    if metadata.iptc:
        block = _iptc_resource(metadata.iptc)  # ExifTool expects the resource, others take either
        rows = "\n".join(block[start : start + 36].hex() for start in range(0, len(block), 36))
        # Pillow reads a compressed chunk only if it has at most 1 MiB
        chunks.add_text(_PROFILE_KEY + "iptc", f"\niptc\n{len(block):8}\n{rows}\n", zip=len(rows) < 1_000_000)
    for key, value in metadata.text.items():
        if 1 <= len(key) <= 79 and all(" " <= character <= "ÿ" for character in key):
            chunks.add_text(key, value if "\0" not in value else value.replace("\0", ""))
        else:
            dropped.append("text")
    if chunks.chunks:
        options["pnginfo"] = chunks
    if metadata.exif:
        options["exif"] = metadata.exif
    if metadata.dpi is not None:
        options["dpi"] = metadata.dpi
    return options, tuple(dict.fromkeys(dropped))


def _webp_options(metadata: Metadata) -> tuple[dict[str, Any], tuple[str, ...]]:
    """WebP has neither resolution nor text of its own: they go into the EXIF block, if that has none."""
    exif = _completed(metadata)
    options = {key: value for key, value in (("exif", exif), ("xmp", metadata.xmp)) if value}
    return options, (("IPTC",) if metadata.iptc else ()) + lost_in_tiff(metadata)


def lost_in_tiff(metadata: Metadata) -> tuple[str, ...]:
    """What a TIFF, or a WebP, cannot hold: text beside a description that the EXIF block has already."""
    found = _first_directory(metadata.exif) if metadata.text else None
    return ("text",) if found is not None and _DESCRIPTION in found[1].entries else ()


def _completed(metadata: Metadata) -> bytes:
    """The EXIF block with resolution and text in it."""
    found = _first_directory(metadata.exif)
    if found is None:
        tags = _missing_tags(metadata, {}, "<")
        return pack_block(tags, {}, "<") if tags else b""
    reader, directory = found
    tags = _missing_tags(metadata, directory.entries, reader.order)
    if not tags:
        return metadata.exif
    block = io.BytesIO(metadata.exif)
    add_tags(block, reader.link, tags)
    return block.getvalue()


def _missing_tags(metadata: Metadata, present: Mapping[int, Any], order: ByteOrder) -> dict[int, Tag]:
    """Text as ImageDescription if there is none, and the resolution if the EXIF block tells another or none."""
    tags = {}
    description = _as_description(metadata.text)
    if description and _DESCRIPTION not in present:
        tags[_DESCRIPTION] = Tag(ASCII, len(description) + 1, description + b"\0")
    if metadata.dpi is not None and not _are_close(metadata.dpi, _dpi_of(metadata.exif)):
        for tag, side in zip((_X_RESOLUTION, _Y_RESOLUTION), metadata.dpi, strict=True):
            ratio = Fraction(side).limit_denominator(4096)  # below 10^6, so that both fit into 32 bits
            tags[tag] = Tag(RATIONAL, 1, struct.pack(order + "LL", ratio.numerator, ratio.denominator))
    if metadata.dpi is not None and (tags.keys() & {_X_RESOLUTION} or _RESOLUTION_UNIT not in present):
        tags[_RESOLUTION_UNIT] = Tag(SHORT, 1, struct.pack(order + "H", 2))
    return tags


def _are_close(dpi: tuple[float, float], other: tuple[float, float] | None) -> bool:
    """Whether both are the same resolution; JPEG rounds it to whole numbers, PNG to pixels per meter."""
    return other is not None and all(abs(a - b) <= 0.5 for a, b in zip(dpi, other, strict=True))


def append_ifds(file: BinaryIO, pages: Sequence[Metadata]) -> None:
    """Put metadata into a TIFF that has been written, page by page; it is that of upright pictures (see `upright`).

    Each page's directory is written anew at the end of the file, with the tags of the EXIF block, the Exif and GPS
    directories, XMP, IPTC and resolution; the pixels stay where they are. So that the writer adds nothing of its own,
    call `TiffWriter.write(..., metadata=None, software=False)`, without description, resolution, datetime or extratags:
    tifffile takes no pointers to directories, no text but ASCII, and makes its own fractions of the resolution.

    Args:
        file: The whole TIFF, classic or BigTIFF, of either byte order, open for reading and writing.
        pages: The metadata of each page, in their order. Pages beyond these stay as they are.

    Raises:
        OutputError: a classic TIFF would become larger than 4 GiB.
        ValueError: the file has fewer pages, or is no TIFF.
    """
    reader = TagReader(file)
    link = reader.link
    for metadata in pages:
        tags, children = _tiff_tags(metadata, reader.order)
        link = add_tags(file, link, tags, children)


def _tiff_tags(metadata: Metadata, order: ByteOrder) -> tuple[dict[int, Tag], dict[int, dict[int, Tag]]]:
    tags: dict[int, Tag] = {}
    children: dict[int, dict[int, Tag]] = {}
    found = _first_directory(metadata.exif)
    if found is not None:
        reader, directory = found
        old = reader.order
        tags, children = _descriptive(reader, directory)
        tags = {tag: in_order(value, old, order) for tag, value in tags.items()}
        children = {
            pointer: {tag: in_order(value, old, order) for tag, value in child.items()}
            for pointer, child in children.items()
        }
    tags |= _missing_tags(metadata, tags, order)
    if metadata.xmp:
        tags[_XMP] = Tag(BYTE, len(metadata.xmp), metadata.xmp)
    if metadata.iptc:
        tags[_IPTC] = Tag(UNDEFINED, len(metadata.iptc), metadata.iptc)
    return tags, children
