"""Contact sheets: pictures side by side, each with a label that can be read at any size of the tiles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_INK, _PAPER = (32, 32, 32), (255, 255, 255)
_WIDEST = 2  # aspect ratio of a tile; what is wilder is shown smaller
_LETTERS = 16  # about half as many as fit side by side on a tile: the font's height is the tile's width over this
_SMALLEST_FONT = 12  # pixels
_LINES = 3  # of a label, at most


@dataclass(frozen=True)
class Tile:
    """A picture, (H, W, 3) floats in [0, 1] or uint8, and what it is called, in one line or several."""

    picture: NDArray[np.generic]
    label: str


@dataclass(frozen=True)
class Row:
    """Tiles side by side, with None where there is nothing; `title` stands above them."""

    tiles: Sequence[Tile | None]
    title: str = ""


def tile_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of tiles for pictures of `size`: their shape, from 1:2 to 2:1, and the area of a square."""
    height, width = size
    aspect = min(max(width / height, 1 / _WIDEST), _WIDEST)
    return max(1, round(side / aspect**0.5)), max(1, round(side * aspect**0.5))


def contact_sheet(rows: Sequence[Row], tile: tuple[int, int], *, enlarge: bool = False) -> Image.Image:
    """Put the pictures on a page, each in a tile of this height and width, or smaller where its shape is another one.

    Smaller pictures are shown as they are, or with `enlarge` as large as the tile allows. Labels too long for a tile
    are broken, and cut after three lines.
    """
    width = tile[1]
    letters = max(_SMALLEST_FONT, round(width / _LETTERS))
    font, gap, line = _font(letters), round(letters / 2), round(letters * 1.3)
    columns = max(len(row.tiles) for row in rows)
    page_width = gap + columns * (width + gap)
    laid_out: list[tuple[int, int, Image.Image | str]] = []  # left, top, and what is there
    top = gap
    for row in rows:
        if row.title:
            top += gap  # nearer to its own pictures than to those above
        for text in _wrapped(row.title, font, page_width - 2 * gap):
            laid_out.append((gap, top, text))
            top += line
        labels = [[] if each is None else _wrapped(each.label, font, width) for each in row.tiles]
        pictures = [None if each is None else _fitted(each.picture, tile, enlarge) for each in row.tiles]
        below = top + line * max(map(len, labels))
        for column, (lines, picture) in enumerate(zip(labels, pictures, strict=True)):
            left = gap + column * (width + gap)
            first = below - line * len(lines)  # the last line stands on the picture
            laid_out += [(left, first + i * line, text) for i, text in enumerate(lines)]
            if picture is not None:
                laid_out.append((left, below, picture))
        top = below + max((picture.height for picture in pictures if picture is not None), default=0) + gap
    page = Image.new("RGB", (page_width, top), _PAPER)
    draw = ImageDraw.Draw(page)
    for left, above, content in laid_out:
        if isinstance(content, str):
            draw.text((left, above), content, _INK, font)
        else:
            page.paste(content, (left, above))
    return page


def _fitted(picture: NDArray[np.generic], tile: tuple[int, int], enlarge: bool) -> Image.Image:
    pixels = picture if picture.dtype == np.uint8 else (np.asarray(picture, np.float32) * 255).round().clip(0, 255)
    image = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    scale = min(tile[0] / image.height, tile[1] / image.width)
    if scale > 1 and not enlarge:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS)


@lru_cache(8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has Latin, Greek, Cyrillic and more."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The lines of a text: broken between words, within words that are too long, and cut after a few lines."""
    lines = [line for paragraph in text.split("\n") for line in _broken(paragraph, font, width)]
    if len(lines) > _LINES:
        return [*lines[: _LINES - 1], _cut(lines[_LINES - 1], font, width)]
    return lines


def _broken(paragraph: str, font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    shown = "".join(c if c.isprintable() else "?" for c in paragraph)  # names of files may hold anything
    line = ""
    for word in shown.split():
        extended = f"{line} {word}".strip()
        if font.getlength(extended) <= width:
            line = extended
            continue
        if line:
            yield line
        line = word
        while font.getlength(line) > width and len(line) > 1:
            fitting = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or font.getlength(line[:n]) <= width)
            yield line[:fitting]
            line = line[fitting:]
    if line:
        yield line


def _cut(line: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The line and the sign that there was more."""
    while line and font.getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line}…"
