"""The shape of pixels in a Matroska or WebM file that has been written.

FFmpeg's muxer takes it from a field that PyAV does not reach. So the muxer is given a name of the video track that is
longer than the true one, and afterwards the track's entry is rewritten at its own length: the true name, the display
size, and a void where the rest was. Nothing else in the file moves.

An element is an id, the size of its content, and the content (RFC 8794); ids below are those of RFC 9559.
"""

import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import BinaryIO

_SEGMENT, _TRACKS, _TRACK = 0x18538067, 0x1654AE6B, 0xAE
_NAME, _VIDEO, _VOID, _CRC = 0x536E, 0xE0, 0xEC, 0xBF
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_DISPLAY = (_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT)
_ASPECT_RATIO = 3  # display unit: width and height say nothing but their ratio

_PADDING = "\N{NO-BREAK SPACE}" * 32  # room for 64 bytes
_HEADER = 1 << 20  # bytes: the tracks come long before


def padded(name: str) -> str:
    """The name to give the video track while the file is written."""
    return name + _PADDING


def set_pixel_aspect(
    file: BinaryIO, aspect: Fraction, size: tuple[int, int], name: str, *, only_pixels: bool = False
) -> None:
    """Write the shape of pixels into the entry of the video track, which was given the name `padded(name)`.

    Args:
        file: whole, to be read and written.
        aspect: width of a pixel over its height.
        size: height and width of frames in pixels.
        name: of the track; "" for none.
        only_pixels: say the display size in pixels, rounded, even where a ratio would be exact (WebM knows no other).
    """
    file.seek(0)
    head = file.read(_HEADER)
    wanted = padded(name).encode()
    for start, end in _find(head, (_SEGMENT, _TRACKS)):
        tracks = bytearray(head[start:end])
        for first, last in _find(tracks, (_TRACK,)):
            children = list(_elements(tracks[first:last]))
            if (_NAME, wanted) in children:
                tracks[first:last] = _with_aspect(children, _display(aspect, size, only_pixels), name, last - first)
        if tracks[:2] == bytes([_CRC, 0x84]):  # its four bytes are about all that follows
            tracks[2:6] = zlib.crc32(tracks[6:]).to_bytes(4, "little")
        file.seek(start)
        file.write(tracks)
    file.seek(0, 2)


def _display(aspect: Fraction, size: tuple[int, int], only_pixels: bool) -> list[tuple[int, bytes]]:
    """The elements of a display size."""
    height, width = size
    wide = width * aspect
    if only_pixels or wide.denominator == 1:
        return [(_DISPLAY_WIDTH, _number(max(1, round(wide)))), (_DISPLAY_HEIGHT, _number(height))]
    shape = wide / height
    ratio = [(_DISPLAY_WIDTH, _number(shape.numerator)), (_DISPLAY_HEIGHT, _number(shape.denominator))]
    return [*ratio, (_DISPLAY_UNIT, _number(_ASPECT_RATIO))]


def _with_aspect(
    children: Iterable[tuple[int, bytes]], display: list[tuple[int, bytes]], name: str, length: int
) -> bytes:
    """The content of a track's entry, of `length` bytes as before, with a display size and its true name."""
    content = b""
    for number, data in children:
        if number == _VIDEO:
            kept = [one for one in _elements(data) if one[0] not in _DISPLAY]
            content += _packed(_VIDEO, b"".join(_packed(*one) for one in [*kept, *display]))
        elif number != _NAME:
            content += _packed(number, data)
        elif name:
            content += _packed(_NAME, name.encode())
    rest = length - len(content)
    assert rest >= 2  # the padding is longer than a display size
    return content + (_packed(_VOID, bytes(rest - 2)) if rest < 129 else _packed(_VOID, bytes(rest - 9), 8))


def _find(data: bytes | bytearray, path: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Where the contents of elements begin and end that lie in one another as `path` says."""
    for number, start, end in _places(data):
        if number == path[0]:
            if len(path) == 1:
                yield start, end
            else:
                yield from ((start + a, start + b) for a, b in _find(data[start:end], path[1:]))


def _elements(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    for number, start, end in _places(data):
        yield number, bytes(data[start:end])


def _places(data: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Id, begin and end of the content of each element in `data`, as far as it goes."""
    at = 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        number = int.from_bytes(data[at : at + width], "big")
        at += width
        if at >= len(data) or not data[at]:
            return
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        yield number, at, min(at + size, len(data))
        at += size


def _packed(number: int, data: bytes, width: int = 0) -> bytes:
    """An element; the width of its size is the least possible, or as given."""
    width = width or next(n for n in range(1, 9) if len(data) < (1 << 7 * n) - 1)
    size = (len(data) | 1 << 7 * width).to_bytes(width, "big")
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + size + data


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
