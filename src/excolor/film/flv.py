"""FLV files that were joined end to end, as by `cat`: a header in the middle, which FFmpeg takes for a tag.

It reads the size of that tag from the header: 5 MB, which are passed over with all that is in them. So the headers are
left out of what it reads, and with them the headers of AAC after the first, of which it takes a wrong rate of sound. A
part that is encoded in another way ends what can be read as one.

A file is a header of 9 bytes and tags: type, size (3 bytes), time (4), stream (3), content, and the size of the whole
(4); the size 0 comes before the first (Adobe, Video File Format Specification 10.1, annex E).
"""

import io
import mmap
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HEADER = re.compile(rb"FLV\x01[\x00\x01\x04\x05]\x00\x00\x00\x09\x00\x00\x00\x00")
_HEADER_SIZE = 13  # with the size that follows it
_AROUND = 15  # bytes of a tag that are not its content
_AUDIO, _VIDEO = 8, 9  # types of tags
_TYPES = (b"\x08", b"\x09", b"\x12")  # the last is of scripts
_AAC = 10


@dataclass(frozen=True)
class FlvParts:
    """What is read of a file that was joined, or in which recording went on.

    Attributes:
        kept: where what is read begins and ends, in bytes.
        rest: where a part begins that does not go with the first, if there is one.
    """

    kept: tuple[tuple[int, int], ...]
    rest: int | None


def find_parts(path: Path) -> FlvParts | None:
    """What to read of an FLV file; None for all of it, and of any other file. Raises OSError."""
    status = path.stat()
    if not S_ISREG(status.st_mode):  # a device or a pipe gives what is read but once
        return None
    return _find_parts(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)  # files are opened again and again, and each tag is looked at
def _find_parts(path: Path, size: int, changed: int) -> FlvParts | None:
    with path.open("rb") as file:
        if _HEADER.match(file.read(_HEADER_SIZE)) is None:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parts_of(data)


def _parts_of(data: mmap.mmap) -> FlvParts | None:
    first = part = _Part(data, 0)
    left_out = first.repeated[1:]
    rest = None
    while rest is None and part.following is not None:
        end, part = part.end, _Part(data, part.following)
        if part.goes_with(first):
            left_out += [(end, part.header + _HEADER_SIZE), *part.repeated]
        else:
            rest = part.header
            left_out.append((end, len(data)))
    begins = [0, *(end for _, end in left_out)]
    ends = [*(begin for begin, _ in left_out), len(data)]
    kept = tuple((begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end)
    return FlvParts(kept, rest) if left_out else None


class _Part:
    """A header and the tags after it.

    Attributes:
        header: where it begins.
        repeated: where tags begin and end that hold the first header of AAC in it, or the same one again.
        end: where the tags end.
        following: where another header begins.
    """

    def __init__(self, data: mmap.mmap, header: int) -> None:
        self.header = header
        self.repeated: list[tuple[int, int]] = []
        self._codecs: dict[int, bytes] = {}  # by types of tags
        at = after = header + _HEADER_SIZE
        while data[at : at + 1] in _TYPES:
            after = at + _AROUND + int.from_bytes(data[at + 1 : at + 4], "big")
            if int.from_bytes(data[after - 4 : after], "big") != after - 4 - at:
                break
            self._saw(data, at, after)
            at = after
        found = _HEADER.search(data, at)
        self.following = None if found is None else found.start()
        is_cut = self.following is not None and self.following < max(after, at + _AROUND)
        # A tag that the next part cuts off would be filled with that; other damage FFmpeg passes over by itself
        self.end = at if is_cut else self.following or len(data)

    def _saw(self, data: mmap.mmap, at: int, after: int) -> None:
        """Note how the stream of a tag is encoded."""
        kind = data[at]
        codec = _codec(kind, data[at + 11 : min(after - 4, at + 75)])
        if codec and self._codecs.setdefault(kind, codec) == codec and kind == _AUDIO and codec[0] >> 4 == _AAC:
            self.repeated.append((at, after))

    def goes_with(self, first: "_Part") -> bool:
        """Whether it is encoded as the first part, and has no streams that that one lacks."""
        return all(first._codecs.get(kind) == codec for kind, codec in self._codecs.items())


def _codec(kind: int, content: bytes) -> bytes:
    """What the content of a tag says about how its stream is encoded; b"" if nothing."""
    if kind == _VIDEO and content:
        return content[1:5] if content[0] & 0x80 else bytes([content[0] & 0x0F])  # Enhanced RTMP has names of codecs
    if kind == _AUDIO and content:
        if content[0] >> 4 == _AAC:
            return content if content[1:2] == b"\x00" else b""  # rate and channels, on which all that follows depends
        return content[1:5] if content[0] >> 4 == 9 else content[:1]
    return b""


class JoinedFile(io.RawIOBase):
    """What is kept of a file, read as one."""

    def __init__(self, path: Path, kept: Sequence[tuple[int, int]]) -> None:
        """Of a file, of which this is kept."""
        self._file = path.open("rb")
        self._kept = kept
        self._ends = list(accumulate(end - begin for begin, end in kept))
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read no further than to the end of a part."""
        number = bisect_right(self._ends, self._at)
        if number == len(self._kept):
            return 0
        left = self._ends[number] - self._at
        self._file.seek(self._kept[number][1] - left)
        count = self._file.readinto(memoryview(buffer).cast("B")[:left])
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of what is kept."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence])
        return self._at

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()
