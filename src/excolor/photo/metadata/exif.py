"""EXIF blocks, and the tags of a TIFF's directories that say the same: which there are, and which may be carried."""

import io
import math
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from excolor.photo.tags import RATIONAL, UNMOVABLE_TYPES, Directory, Tag, TagReader

DESCRIPTION, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 270, 274, 282, 283, 296
XMP, IPTC, PHOTOSHOP, EXIF, GPS, INTEROPERABILITY = 700, 33723, 34377, 34665, 34853, 40965

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
        *range(50706, 50839),  # DNG: a result is not a raw file
        *range(50840, 51200),
        *range(52525, 52560),
    }
)
# Descriptions that programs read as a declaration of how the pages are arranged: tifffile's and ImageJ's
_STRUCTURAL_DESCRIPTIONS = (b'{"shape":', b"ImageJ=")

_COLOR_SPACE, _INTEROPERABILITY_INDEX = 0xA001, 1
_UNCALIBRATED, _ADOBE = 65535, 2  # color spaces; the second is none of EXIF's, but some cameras write it

_MAX_TAG = 1 << 20  # bytes of a tag of the first directory of a TIFF; private ones may hold whole documents
_MAX_EXIF = 1 << 22  # bytes of the Exif directory of a TIFF


def first_directory(exif: bytes) -> tuple[TagReader, Directory] | None:
    """A reader of an EXIF block, and its first directory; None if it is damaged."""
    try:
        reader = TagReader(io.BytesIO(exif))
        return None if reader.is_big else (reader, reader.directory(reader.first))
    except ValueError:
        return None


def dpi_of(exif: bytes) -> tuple[float, float] | None:
    """Pixels per inch, horizontal and vertical, that an EXIF block states."""
    found = first_directory(exif)
    if found is None:
        return None
    reader, directory = found
    sides = []
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        entry = directory.entries.get(tag)
        value = reader.tag(entry, 8) if entry is not None and entry.type == RATIONAL else None
        if value is None:
            return None
        numerator, denominator = struct.unpack(reader.order + "LL", value.data)
        sides.append(numerator / denominator if denominator else math.inf)
    unit = reader.integer(directory, RESOLUTION_UNIT)
    return valid_dpi(sides, {None: 1.0, 2: 1.0, 3: 2.54}.get(unit, 0.0))  # without a unit it is inches


def declares_adobe_rgb(exif: bytes) -> bool:
    """Whether a camera says that the colors are those of Adobe RGB (DCF 2.0, section 3.3.2: interoperability R03)."""
    found = first_directory(exif)
    pointer = None if found is None else found[0].integer(found[1], EXIF)
    if found is None or pointer is None:
        return False
    reader = found[0]
    with suppress(ValueError):
        own = reader.directory(pointer)
        space, pointer = reader.integer(own, _COLOR_SPACE), reader.integer(own, INTEROPERABILITY)
        if space == _ADOBE:
            return True
        if space in (None, _UNCALIBRATED) and pointer is not None:
            index = reader.directory(pointer).entries.get(_INTEROPERABILITY_INDEX)
            value = None if index is None else reader.tag(index, 8)
            return value is not None and value.data.startswith(b"R03")
    return False


def valid_dpi(dpi: Any, scale: float = 1.0) -> tuple[float, float] | None:
    """Two numbers, times `scale`, as pixels per inch; None if they are not numbers, or make no sense as that."""
    try:
        x, y = (float(value) * scale for value in dpi)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < 1e6 and 0 < y < 1e6 else None


def descriptive(reader: TagReader, directory: Directory) -> tuple[dict[int, Tag], dict[int, dict[int, Tag]]]:
    """What a first directory says of the picture: its tags, and the Exif and GPS directories by their pointer."""
    own = {tag: entry for tag, entry in directory.entries.items() if tag not in _STRUCTURAL}
    tags = _movable(reader.tags(own, _MAX_TAG, 16 * _MAX_TAG))
    if DESCRIPTION in tags and tags[DESCRIPTION].data.startswith(_STRUCTURAL_DESCRIPTIONS):
        del tags[DESCRIPTION]
    for tag in (X_RESOLUTION, Y_RESOLUTION):  # Pillow refuses a JPEG where it is of another type
        if tag in tags and (tags[tag].type, tags[tag].count) != (RATIONAL, 1):
            del tags[tag]
    children = {}
    for pointer in (EXIF, GPS):
        offset = reader.integer(directory, pointer)
        if offset is not None:
            with suppress(ValueError):
                children[pointer] = _movable(reader.tags(reader.directory(offset).entries, _MAX_EXIF, _MAX_EXIF))
                children[pointer].pop(INTEROPERABILITY, None)
    return tags, {pointer: child for pointer, child in children.items() if child}


def _movable(tags: Mapping[int, Tag]) -> dict[int, Tag]:
    return {tag: value for tag, value in tags.items() if value.type not in UNMOVABLE_TYPES}
