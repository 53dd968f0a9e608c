"""How a picture has to be turned to be upright, and its metadata after that."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from excolor.photo.metadata.exif import (
    EXIF,
    GPS,
    INTEROPERABILITY,
    ORIENTATION,
    X_RESOLUTION,
    Y_RESOLUTION,
    first_directory,
)
from excolor.photo.metadata.record import Metadata
from excolor.photo.tags import Directory, Entry, TagReader

_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>\s*))([1-8])(?=\s*["'<])""")
_SWAPPED_SIDES = ((256, 257), (X_RESOLUTION, Y_RESOLUTION))
_SWAPPED_EXIF_SIDES = ((0xA002, 0xA003),)  # PixelXDimension, PixelYDimension


def orientation_of(metadata: Metadata) -> int:
    """How the picture has to be turned: 1 (upright) to 8 (EXIF 2.32, tag 274); 1 if it makes no sense."""
    found = first_directory(metadata.exif)
    value = None
    if found is not None and _orientation_entry(*found) is not None:
        value = found[0].integer(found[1], ORIENTATION)
    if value is None:
        match = _XMP_ORIENTATION.search(metadata.xmp)
        value = 1 if match is None else int(match[2])
    return value if 1 <= value <= 8 else 1


def _orientation_entry(reader: TagReader, directory: Directory) -> Entry | None:
    """The tag of orientation, if its value is in its entry, where it can be changed without harm to others."""
    entry = directory.entries.get(ORIENTATION)
    is_sound = entry is not None and entry.size <= 4 and reader.integer(directory, ORIENTATION) is not None
    return entry if is_sound else None


def upright(metadata: Metadata) -> Metadata:
    """The metadata of the picture after it has been turned as `orientation_of` says.

    In the EXIF block it is changed in place, so that every offset in it stays valid. The thumbnail, which would show
    the picture as it was, is taken out. Previews in maker notes and in XMP stay.
    """
    is_turned = orientation_of(metadata) >= 5
    dpi = metadata.dpi[::-1] if metadata.dpi is not None and is_turned else metadata.dpi
    xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp)
    return replace(metadata, exif=_upright_exif(metadata.exif, is_turned), xmp=xmp, dpi=dpi)


def _upright_exif(exif: bytes, is_turned: bool) -> bytes:
    found = first_directory(exif)
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
    for pointer in (EXIF, GPS, INTEROPERABILITY):
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
