"""The boxes of JPEG 2000 that Pillow does not read (ISO 15444-1, annex I): ICC profile, EXIF, XMP and IPTC."""

import io
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_MAX_BOXES = 1000  # real files have some dozens
_MAX_BOX = 1 << 26  # bytes
_EMBEDDED_PROFILE = 2  # of the methods to say what colors mean

_UUIDS = {
    b"JpgTiffExif->JP2": "exif",
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "iptc",
}


def read_boxes(file: BinaryIO) -> dict[str, bytes]:
    """What stands beside the pixels, under "icc_profile", "exif", "xmp" and "iptc", the first of each.

    The file stays where it is. A bare codestream has nothing of all this, and damage ends the search.
    """
    position = file.tell()
    found: dict[str, bytes] = {}
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(len(_SIGNATURE)) == _SIGNATURE:
        for kind, start, stop in _boxes(file, len(_SIGNATURE), end):
            if kind == b"uuid":
                _take(found, _UUIDS.get(_bytes(file, start, min(start + 16, stop)), ""), file, start + 16, stop)
            elif kind == b"jp2h":
                for kind_within, start_within, stop_within in _boxes(file, start, stop):
                    method = _bytes(file, start_within, start_within + 1)
                    if kind_within == b"colr" and method == bytes([_EMBEDDED_PROFILE]):
                        # Behind method, precedence and approximation
                        _take(found, "icc_profile", file, start_within + 3, stop_within)
    file.seek(position)
    return found


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of a part of the file: type, and where the content begins and ends."""
    for _ in range(_MAX_BOXES):
        head = _bytes(file, start, start + 16)
        if start >= stop or len(head) < 8:
            return
        size, content = int.from_bytes(head[:4], "big"), start + 8
        if size == 1:  # it has 64 bits, behind the type
            size, content = int.from_bytes(head[8:], "big"), start + 16
        end = start + size if size else stop  # the last one need not say how long it is
        if not content <= end <= stop:
            return
        yield head[4:8], content, end
        start = end


def _bytes(file: BinaryIO, start: int, stop: int) -> bytes:
    file.seek(start)
    return file.read(stop - start)


def _take(found: dict[str, bytes], name: str, file: BinaryIO, start: int, stop: int) -> None:
    if name and name not in found and 0 < stop - start <= _MAX_BOX:
        found[name] = _bytes(file, start, stop)
