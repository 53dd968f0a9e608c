"""TIFF of YCbCr with fewer colors than lightness, without JPEG, which no library at hand writes (TIFF 6.0, 21)."""

import struct
import zlib

import numpy as np

Tags = dict[int, tuple[str, tuple[int, ...]]]


def ycbcr_tiff(
    pixels: np.ndarray,
    across: int,
    down: int,
    *,
    tile: tuple[int, int] | None = None,
    packed: bool = False,
    reference: tuple[int, ...] | None = None,
    share: float = 1,
) -> tuple[bytes, np.ndarray]:
    """A file of YCbCr (H, W, 3), and what it then holds, (H, W, 3); with a share of each strip or tile."""
    segments, kept = subsampled(pixels, across, down, tile)
    height, width = pixels.shape[:2]
    tags: Tags = {
        **{256: ("L", (width,)), 257: ("L", (height,)), 258: ("H", (8, 8, 8)), 259: ("H", (8 if packed else 1,))},
        **{262: ("H", (6,)), 277: ("H", (3,)), 530: ("H", (across, down))},
        **({322: ("L", (16,)), 323: ("L", (16,))} if tile else {278: ("L", (8,))}),
    }
    if reference:
        tags[532] = ("Q", tuple(number | 1 << 32 for number in reference))  # fractions: the numbers, and 1
    data = [zlib.compress(segment) if packed else segment for segment in segments]
    return tiff_of([part[: int(len(part) * share)] for part in data], tags, is_tiled=tile is not None), kept


def subsampled(
    pixels: np.ndarray, across: int, down: int, tile: tuple[int, int] | None
) -> tuple[list[bytes], np.ndarray]:
    """Strips or tiles of blocks (TIFF 6.0, section 21) of YCbCr (H, W, 3), and what they hold, (H, W, 3)."""
    height, width = pixels.shape[:2]
    tall, wide = tile or (8, width)
    segments, kept = [], pixels.copy()
    for top in range(0, height, tall):
        for left in range(0, width, wide):
            rows = tall if tile else min(tall, height - top)
            data = b""
            for y in range(top, top + rows, down):
                for x in range(left, left + wide, across):
                    ys, xs = (
                        np.clip(np.arange(y, y + down), 0, height - 1),
                        np.clip(np.arange(x, x + across), 0, width - 1),
                    )
                    y0, x0 = min(y, height - 1), min(x, width - 1)
                    kept[y : y + down, x : x + across, 1:] = pixels[y0, x0, 1:]
                    data += pixels[ys][:, xs, 0].tobytes() + pixels[y0, x0, 1:].tobytes()
            segments.append(data)
    return segments, kept


def tiff_of(segments: list[bytes], tags: Tags, *, is_tiled: bool) -> bytes:
    """A TIFF of these strips or tiles. Values of type Q are fractions."""
    place, places = 8, []
    for segment in segments:
        places.append(place)
        place += len(segment)
    offsets, counts = (324, 325) if is_tiled else (273, 279)
    tags = {**tags, offsets: ("L", tuple(places)), counts: ("L", tuple(map(len, segments)))}
    entries, values = b"", b""
    start = place + 2 + 12 * len(tags) + 4
    for tag, (kind, numbers) in sorted(tags.items()):
        value = struct.pack(f"<{len(numbers)}{kind}", *numbers)
        inline = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<L", start + len(values))
        values += value if len(value) > 4 else b""
        entries += struct.pack("<HHL", tag, {"H": 3, "L": 4, "Q": 5}[kind], len(numbers)) + inline
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<L", place) + b"".join(segments) + directory + values
