"""The XMP of a GIF, which Pillow does not read (XMP specification, part 3, section 1.1.2)."""

import io
from typing import BinaryIO

_EXTENSION, _IMAGE, _APPLICATION = b"\x21", b"\x2c", b"\xff"
_XMP = b"\x0bXMP DataXMP"  # the block that names it, with its length
# The packet is not cut into blocks: whoever reads it as such is led to the last zero from any place in here
_TRAILER = bytes([1, *range(255, -1, -1), 0])
_MAX_PACKET = 1 << 26  # bytes


def read_xmp(file: BinaryIO) -> bytes:
    """The XMP packet; empty if there is none, or the file is damaged before it. The file stays where it is."""
    position = file.tell()
    file.seek(10)  # behind the signature, width and height
    _skip_colors(file)
    packet = b""
    while not packet and (kind := file.read(1)) in (_EXTENSION, _IMAGE):
        if kind == _IMAGE:
            file.seek(8, io.SEEK_CUR)  # where, and how large
            _skip_colors(file, beyond=0)
            file.seek(1, io.SEEK_CUR)  # of how many bits the codes are
        elif file.read(1) == _APPLICATION:
            named = file.read(len(_XMP))
            if named == _XMP:
                packet = _packet(file)
                continue
            file.seek(-len(named), io.SEEK_CUR)
        _skip_blocks(file)
    file.seek(position)
    return packet


def _skip_colors(file: BinaryIO, beyond: int = 2) -> None:
    """Skip the byte that says how many colors there are, so many bytes beyond it, and the colors."""
    flags = file.read(1)
    colors = 2 << (flags[0] & 7) if flags and flags[0] & 0x80 else 0
    file.seek(beyond + 3 * colors, io.SEEK_CUR)


def _skip_blocks(file: BinaryIO) -> None:
    while (length := file.read(1)) not in (b"", b"\0"):
        file.seek(length[0], io.SEEK_CUR)


def _packet(file: BinaryIO) -> bytes:
    """The packet that begins here; empty if it is cut short, or written in another way."""
    start = file.tell()
    _skip_blocks(file)
    size = file.tell() - start
    file.seek(start)
    if size > _MAX_PACKET:
        return b""
    stored = file.read(size)
    return stored[: -len(_TRAILER)] if stored.endswith(_TRAILER) else b""
