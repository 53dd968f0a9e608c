"""PNG beyond Pillow: 16 bits a channel, which it would cut down to 8, and the metadata of a file without its pixels."""

import io
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from excolor.photo.levels import to_16_bit
from excolor.photo.raster import Raster

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = 33  # bytes: signature, and the chunk IHDR, behind which all others may stand (PNG 1.2, section 4.3)
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_METADATA_CHUNKS = (b"eXIf", *_TEXT_CHUNKS, b"pHYs", b"iCCP")


def is_png(file: BinaryIO) -> bool:
    """Whether the file begins as a PNG does."""
    file.seek(0)
    return file.read(8) == _SIGNATURE


def is_16_bit(file: BinaryIO) -> bool:
    """Whether a PNG has 16 bits a channel."""
    return _bits(file) == 16


def transparent_level(file: BinaryIO, stored: Any) -> dict[str, int]:
    """The level of gray that is transparent, as Pillow calls it, if it is stored with 2 or 4 bits (PNG 1.2, 4.2.1.1).

    Pillow brings pixels of so many bits to 0 to 255, and leaves this as it is `stored`. The file stays where it is.
    """
    position = file.tell()
    bits = _bits(file)
    file.seek(position)
    if bits not in (2, 4) or not isinstance(stored, int) or stored >= 1 << bits:
        return {}
    return {"transparency": stored * (255 // ((1 << bits) - 1))}


def _bits(file: BinaryIO) -> int:
    """Bits of a channel of a PNG."""
    file.seek(24)  # behind length, type, width and height of the first chunk
    return int.from_bytes(file.read(1), "big")


def declared_color(file: BinaryIO) -> bytes | None:
    """The bytes of the chunk cICP (PNG, third edition, 11.3.2.6), if there is one; the file stays where it is."""
    position = file.tell()
    file.seek(_HEADER)
    found = None
    while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
        length = int.from_bytes(head[:4], "big")
        if head[4:] == b"cICP":
            found = file.read(min(length, 4))
            break
        file.seek(length + 4, io.SEEK_CUR)
    file.seek(position)
    return found


def without_pixels(file: BinaryIO) -> Image.Image:
    """A stand-in of one pixel that has all metadata of the PNG, also what stands behind its pixels; none is decoded."""
    metadata = b"".join(chunk for kind, chunk in _chunks(file) if kind in _METADATA_CHUNKS)
    bare = _saved({})
    return Image.open(io.BytesIO(bare[:_HEADER] + metadata + bare[_HEADER:]), formats=["PNG"])


def repeated_texts(file: BinaryIO) -> dict[str, str]:
    """The texts of each keyword that comes more than once, as lines of one; Pillow has the last of them only.

    Raises what Pillow raises on damaged text.
    """
    texts = [(kind, *chunk[8:-4].partition(b"\0")) for kind, chunk in _chunks(file) if kind in _TEXT_CHUNKS]
    counts = Counter(keyword for _, keyword, _, _ in texts)
    several = [text for text in texts if counts[text[1]] > 1]
    if not several:
        return {}
    bare = _saved({})
    # Under names of their own, in one file, so that Pillow's limit of all texts together holds
    renamed = b"".join(_chunk(kind, b"%d\0" % i + text) for i, (kind, _, _, text) in enumerate(several))
    with Image.open(io.BytesIO(bare[:_HEADER] + renamed + bare[_HEADER:]), formats=["PNG"]) as image:
        found: dict[str, str] = image.text  # type: ignore[attr-defined]
    lines: dict[str, dict[str, None]] = {}
    for i, (_, keyword, _, _) in enumerate(several):
        if str(i) in found:
            lines.setdefault(keyword.decode("latin-1"), {})[str(found[str(i)])] = None  # each once
    return {keyword: "\n".join(parts) for keyword, parts in lines.items()}


def decode_16_bit(file: BinaryIO) -> np.ndarray:
    """uint16 (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), by libpng. Raises what imagecodecs raises."""
    from imagecodecs import png_decode

    file.seek(0)
    return np.asarray(png_decode(file.read()))


def encode_16_bit(page: Raster, options: dict[str, Any]) -> bytes:
    """A PNG file by libpng, with the metadata that Pillow writes, given these options of Image.save."""
    from imagecodecs import png_encode

    levels = to_16_bit(page.pixels)
    if page.alpha is not None:
        levels = np.dstack([levels, to_16_bit(page.alpha)])
    data = bytes(png_encode(np.ascontiguousarray(levels)))
    metadata = b"".join(chunk for kind, chunk in _chunks(io.BytesIO(_saved(options))) if kind in _METADATA_CHUNKS)
    return data[:_HEADER] + metadata + data[_HEADER:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def _saved(options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of each whole chunk but those of pixels (PNG 1.2, section 3.2)."""
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            file.seek(length + 4, io.SEEK_CUR)
            continue
        rest = file.read(length + 4)
        if len(rest) == length + 4:
            yield kind, head + rest
