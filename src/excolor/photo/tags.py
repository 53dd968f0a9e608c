"""Directories of tags (IFDs), as TIFF files and EXIF blocks hold them, read and written raw.

Values stay the bytes that they are: Pillow and tifffile decode and encode them anew, which loses what is not ASCII,
not of the expected type, or damaged. Layout: TIFF 6.0, section 2; BigTIFF has wider numbers in the same places.
"""

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np

from excolor.errors import OutputError

ByteOrder = Literal["<", ">"]

# Type -> (bytes of a value, bytes of the numbers in it): byte, ASCII, short, long, rational, signed byte, undefined,
# signed short, long and rational, float, double, IFD; then BigTIFF's long, signed long and IFD
_TYPES = {1: (1, 1), 2: (1, 1), 3: (2, 2), 4: (4, 4), 5: (8, 4), 6: (1, 1), 7: (1, 1), 8: (2, 2), 9: (4, 4)}
_TYPES |= {10: (8, 4), 11: (4, 4), 12: (8, 8), 13: (4, 4), 16: (8, 8), 17: (8, 8), 18: (8, 8)}
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 2, 3, 4, 5, 7, 16
UNMOVABLE_TYPES = frozenset({13, 16, 17, 18})
"""Offsets of directories, which mean nothing in another place, and what only BigTIFF has."""
_INTEGERS = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 13: "L", 16: "Q", 17: "q", 18: "Q"}

_MAX_ENTRIES = 4096  # of a directory; real ones have some dozens


@dataclass(frozen=True)
class Tag:
    """A tag's value: `count` values of `type`, packed in a known byte order."""

    type: int
    count: int
    data: bytes


@dataclass(frozen=True)
class Entry:
    """Where a directory has a tag."""

    position: int  # of the entry itself
    type: int
    count: int
    offset: int  # of its value, inside the entry if it is short enough
    size: int  # of its value in bytes


@dataclass(frozen=True)
class Directory:
    """The entries of one directory by tag; of a tag that comes twice the first."""

    entries: Mapping[int, Entry]
    start: int  # position of its beginning
    link: int  # position of the offset of the next directory
    next: int  # offset of the next directory, 0 after the last


class TagReader:
    """Reads the directories of a TIFF-structured file.

    Raises:
        ValueError: the file does not begin as TIFF does, or a directory lies outside of it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        header = self.read(0, 16)
        if header[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            raise ValueError("no TIFF header")
        self.order: ByteOrder = "<" if header[:2] == b"II" else ">"
        self.is_big = 43 in header[2:4]
        self.link = 8 if self.is_big else 4
        """Position of the offset of the first directory."""
        self.first = self.number(self.link, 8 if self.is_big else 4)
        """Offset of the first directory."""

    def read(self, position: int, size: int) -> bytes:
        """At most `size` bytes: fewer where the file ends."""
        if not 0 <= position < 1 << 63:
            return b""
        self._file.seek(position)
        return self._file.read(size)

    def number(self, position: int, size: int) -> int:
        """The unsigned number of `size` bytes at `position`."""
        data = self.read(position, size)
        if len(data) < size:
            raise ValueError("the file ends too early")
        return int.from_bytes(data, "little" if self.order == "<" else "big")

    def directory(self, offset: int) -> Directory:
        """The directory at `offset`; entries of unknown type are left out."""
        head, width, inline = (8, 20, 8) if self.is_big else (2, 12, 4)
        number = self.number(offset, head)
        if not 0 < number <= _MAX_ENTRIES:
            raise ValueError(f"a directory of {number} tags")
        start = offset + head
        table = self.read(start, number * width)
        if len(table) < number * width:
            raise ValueError("the file ends too early")
        entries: dict[int, Entry] = {}
        layout = struct.Struct(self.order + ("HHQQ" if self.is_big else "HHLL"))
        for i, (tag, kind, count, offset_) in enumerate(layout.iter_unpack(table)):
            if kind in _TYPES and tag not in entries:
                position, size = start + i * width, _TYPES[kind][0] * count
                value_at = position + width - inline if size <= inline else offset_
                entries[tag] = Entry(position, kind, count, value_at, size)
        link = start + number * width
        next_ = self.read(link, inline)  # often missing after the directories of EXIF blocks
        return Directory(entries, offset, link, int.from_bytes(next_, "little" if self.order == "<" else "big"))

    def tag(self, entry: Entry, max_size: int) -> Tag | None:
        """The value of an entry; None if it lies outside of the file, or is larger than `max_size` bytes."""
        if not 0 < entry.size <= max_size:
            return None
        data = self.read(entry.offset, entry.size)
        return Tag(entry.type, entry.count, data) if len(data) == entry.size else None

    def tags(self, entries: Mapping[int, Entry], max_size: int, max_total: int) -> dict[int, Tag]:
        """The values of all entries that are not too large, alone and together."""
        tags: dict[int, Tag] = {}
        for tag, entry in entries.items():
            value = self.tag(entry, min(max_size, max_total))
            if value is not None:
                tags[tag] = value
                max_total -= entry.size
        return tags

    def integer(self, directory: Directory, tag: int) -> int | None:
        """The first value of a tag that holds whole numbers; None if there is no such one."""
        entry = directory.entries.get(tag)
        if entry is None or entry.count == 0 or entry.type not in _INTEGERS:
            return None
        width = _TYPES[entry.type][0]
        data = self.read(entry.offset, width)
        return int(struct.unpack(self.order + _INTEGERS[entry.type], data)[0]) if len(data) == width else None

    def integers(self, directory: Directory, tag: int, max_count: int) -> list[int]:
        """The values of a tag that holds whole numbers, at most so many; none if there is no such one."""
        entry = directory.entries.get(tag)
        if entry is None or entry.type not in _INTEGERS:
            return []
        width, count = _TYPES[entry.type][0], min(entry.count, max_count)
        data = self.read(entry.offset, width * count)
        count = len(data) // width
        return list(struct.unpack(f"{self.order}{count}{_INTEGERS[entry.type]}", data[: width * count]))


def in_order(tag: Tag, old: ByteOrder, new: ByteOrder) -> Tag:
    """The same value in another byte order. What is undefined by type (maker notes) stays as it is."""
    width = _TYPES[tag.type][1]
    if old == new or width == 1:
        return tag
    swapped = np.frombuffer(tag.data, f"u{width}").byteswap().tobytes()
    return Tag(tag.type, tag.count, swapped)


def pack_block(tags: Mapping[int, Tag], children: Mapping[int, Mapping[int, Tag]], order: ByteOrder) -> bytes:
    """A TIFF-structured block of one directory and those it points to, by the tag of the pointer."""
    header = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "L", 8)
    return header + _Packer(order, is_big=False).directory(8, tags, children)


def add_tags(
    file: BinaryIO, link: int, tags: Mapping[int, Tag], children: Mapping[int, Mapping[int, Tag]] | None = None
) -> int:
    """Add tags to a directory, in place of those it has already, by writing it anew at the end of the file.

    Nothing else of the file moves, so that all offsets in it stay right.

    Args:
        file: A TIFF-structured file, open for reading and writing.
        link: Position of the offset of the directory: `TagReader.link`, or that of the directory before.
        tags: Tags in the byte order of the file.
        children: Directories it is to point to, by the tag of the pointer.

    Returns:
        Position of the offset of the next directory.

    Raises:
        ValueError: there is no directory.
        OutputError: the file would become larger than its kind can be.
    """
    reader = TagReader(file)
    pointer = struct.Struct(reader.order + ("Q" if reader.is_big else "L"))
    directory = reader.directory(reader.number(link, pointer.size))
    width = 20 if reader.is_big else 12
    kept = {tag: reader.read(entry.position, width) for tag, entry in directory.entries.items()}
    end = file.seek(0, 2)
    start = end + end % 2
    packer = _Packer(reader.order, reader.is_big)
    packed = packer.directory(start, tags, children or {}, kept, directory.next)
    offset = packer.offset(start)
    file.seek(end)
    file.write(bytes(start - end) + packed)
    file.seek(link)
    file.write(offset)
    return start + packer.link({*kept, *tags, *(children or {})})


@dataclass(frozen=True)
class _Packer:
    """Packs directories for a file of this byte order and kind."""

    order: ByteOrder
    is_big: bool

    def directory(
        self,
        start: int,
        tags: Mapping[int, Tag],
        children: Mapping[int, Mapping[int, Tag]],
        kept: Mapping[int, bytes] | None = None,
        next_: int = 0,
    ) -> bytes:
        """A directory that will be at `start`, behind it its values and children.

        `kept` are entries that are taken as they are, since their values lie elsewhere in the same file.
        """
        entries = dict(kept or {})
        numbers = {*entries, *tags, *children}
        inline = 8 if self.is_big else 4
        behind = bytearray()
        first = start + self.link(numbers) + inline

        def place(data: bytes) -> int:
            """Put data behind the directory, at the even offset that is given back."""
            behind.extend(bytes((first + len(behind)) % 2))
            offset = first + len(behind)
            behind.extend(data)
            return offset

        for tag, value in tags.items():
            is_short = len(value.data) <= inline
            field = value.data.ljust(inline, b"\0") if is_short else self.offset(place(value.data))
            entries[tag] = self._entry(tag, value.type, value.count) + field
        for tag, child in children.items():
            offset = place(b"")
            place(self.directory(offset, child, {}))
            entries[tag] = self._entry(tag, LONG8 if self.is_big else LONG, 1) + self.offset(offset)
        head = struct.pack(self.order + ("Q" if self.is_big else "H"), len(numbers))
        return b"".join([head, *(entries[tag] for tag in sorted(entries)), self.offset(next_), behind])

    def link(self, numbers: Collection[int]) -> int:
        """Where a directory of these tags has the offset of the next one, counted from its beginning."""
        return (8 + 20 * len(numbers)) if self.is_big else (2 + 12 * len(numbers))

    def _entry(self, tag: int, kind: int, count: int) -> bytes:
        return struct.pack(self.order + ("HHQ" if self.is_big else "HHL"), tag, kind, count)

    def offset(self, offset: int) -> bytes:
        """An offset in the file. Raises OutputError if it is too large."""
        if not self.is_big and offset >= 1 << 32:
            raise OutputError("TIFF holds at most 4 GiB, and the metadata does not fit in; write fewer pages a file")
        return struct.pack(self.order + ("Q" if self.is_big else "L"), offset)
