"""The pages of a TIFF, found in its directories without decoding anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from excolor.photo.tags import Directory, TagReader

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _SUB_DIRECTORIES = 254, 255, 330
_WIDTH, _HEIGHT, _BITS, _SAMPLE_FORMAT = 256, 257, 258, 339
_UNSIGNED = 1
_REDUCED = 1  # of NewSubfileType (TIFF 6.0, section 8)
_REDUCED_OR_MASK = _REDUCED | 4
_OLD_REDUCED = 2  # a value of SubfileType, which came before it
_MAX_SUB_DIRECTORIES = 64


@dataclass(frozen=True)
class TiffPage:
    """A page of a TIFF that is a picture of its own: no thumbnail, reduced copy or mask.

    Attributes:
        index: of its directory, or the one it is subordinate to, among those of the file, from 0.
        offset: of the directory of its pixels in the file, in bytes.
        is_subordinate: that is one of SubIFDs (TIFF Technical Note 1), which scanners and cameras put the picture into,
            and a thumbnail before it.
        width: pixels as stored, before the orientation (see `read_tiff_metadata`) is applied.
        height: likewise.
        is_deep: it has more than 8 bits a channel, or signed or float ones.
    """

    index: int
    offset: int
    is_subordinate: bool
    width: int
    height: int
    is_deep: bool


def find_pages(file: BinaryIO) -> tuple[list[TiffPage], bool]:
    """The pages of a TIFF, and whether the file ends, or goes wrong, before the last one.

    There are none if the file is something else, or so damaged that only Pillow may have a chance. Of a directory and
    those subordinate to it, the largest is the page that is neither reduced nor a mask. Directories are followed each
    once: those of damaged files may run in circles.
    """
    found: list[TiffPage] = []
    reduced: list[TiffPage] = []
    seen: set[int] = set()
    try:
        reader = TagReader(file)
        offset = reader.first
        while offset and offset not in seen:
            directory = reader.directory(offset)
            pages = [(page, kind) for page, kind in _described(reader, directory, offset, len(seen))]
            whole = [page for page, kind in pages if not kind & _REDUCED_OR_MASK]
            if whole:
                found.append(max(whole, key=lambda page: page.width * page.height))
            elif pages and not pages[0][0].is_subordinate:
                reduced.append(pages[0][0])
            seen.add(offset)
            offset = directory.next
    except (OSError, ValueError):
        return found or reduced, bool(seen)
    return found or reduced, False


def _described(reader: TagReader, directory: Directory, offset: int, index: int) -> Iterator[tuple[TiffPage, int]]:
    """A directory and those subordinate to it, as far as they have a size, each with its kind of subfile."""
    own = [(offset, directory)]
    for place in reader.integers(directory, _SUB_DIRECTORIES, _MAX_SUB_DIRECTORIES):
        try:
            own.append((place, reader.directory(place)))
        except ValueError:  # a damaged preview does no harm to the picture
            continue
    for place, part in own:
        width, height = reader.integer(part, _WIDTH), reader.integer(part, _HEIGHT)
        if not (width and height and min(width, height) > 0):
            continue
        is_unsigned = (reader.integer(part, _SAMPLE_FORMAT) or _UNSIGNED) == _UNSIGNED
        page = TiffPage(
            index,
            place,
            place != offset,
            width,
            height,
            (reader.integer(part, _BITS) or 1) > 8 or not is_unsigned,
        )
        yield page, _kind(reader, part)


def _kind(reader: TagReader, directory: Directory) -> int:
    """The kind of subfile, as NewSubfileType has it."""
    kind = reader.integer(directory, _SUBFILE_TYPE)
    if kind is None:
        return _REDUCED if reader.integer(directory, _OLD_SUBFILE_TYPE) == _OLD_REDUCED else 0
    return kind
