"""Contact sheets: pictures side by side, each with a label that is readable at any size of the tiles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from excolor.reporting.fonts import Font, font_for

_INK, _PAPER = (32, 32, 32), (255, 255, 255)
_WIDEST = 2  # aspect ratio of a tile; pictures that are longer or wider are shown smaller
_FONT_SHARE = 16  # the font's size is the tile's width over this: about 32 letters fit side by side
_SMALLEST_FONT = 12  # pixels
_LINES = 3  # of a label, at most
_MORE = "..."  # in every font


@dataclass(frozen=True)
class Tile:
    """A picture, (H, W, 3) floats in [0, 1] or uint8, and its label of one or more lines."""

    picture: NDArray[np.generic]
    label: str


@dataclass(frozen=True)
class Row:
    """Tiles side by side, with None for an empty place; `title` is written above them."""

    tiles: Sequence[Tile | None]
    title: str = ""


def tile_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of tiles for pictures of `size`: their shape, from 1:2 to 2:1, and the area of a square."""
    height, width = size
    aspect = min(max(width / height, 1 / _WIDEST), _WIDEST)
    return max(1, round(side / aspect**0.5)), max(1, round(side * aspect**0.5))


def contact_sheet(rows: Sequence[Row], tile: tuple[int, int], *, enlarge: bool = False) -> Image.Image:
    """Put the pictures on a page, each in a tile of this height and width, or smaller if its shape is different.

    Smaller pictures keep their size, or with `enlarge` become as large as the tile allows. Labels that are too long for
    a tile are wrapped, and cut after three lines.
    """
    width = tile[1]
    size = max(_SMALLEST_FONT, round(width / _FONT_SHARE))
    gap, line_height = round(size / 2), round(size * 1.3)
    columns = max(len(row.tiles) for row in rows)
    page_width = gap + columns * (width + gap)
    texts: list[tuple[int, int, _Line]] = []  # left, top and line
    pictures: list[tuple[int, int, Image.Image]] = []  # left, top and picture
    top = gap
    for row in rows:
        if row.title:
            top += gap  # nearer to its own pictures than to those above
        for line in _wrapped(row.title, size, page_width - 2 * gap):
            texts.append((gap, top, line))
            top += line_height
        labels = [[] if each is None else _wrapped(each.label, size, width) for each in row.tiles]
        fitted = [None if each is None else _fitted(each.picture, tile, enlarge) for each in row.tiles]
        below = top + line_height * max(map(len, labels))
        for column, (lines, picture) in enumerate(zip(labels, fitted, strict=True)):
            left = gap + column * (width + gap)
            first = below - line_height * len(lines)  # the last line stands on the picture
            texts += [(left, first + i * line_height, line) for i, line in enumerate(lines)]
            if picture is not None:
                pictures.append((left, below, picture))
        top = below + max((picture.height for picture in fitted if picture is not None), default=0) + gap
    page = Image.new("RGB", (page_width, top), _PAPER)
    draw = ImageDraw.Draw(page)
    for left, above, line in texts:
        draw.text((left, above + size), line.text, _INK, line.font, anchor="ls")  # fonts agree on the baseline only
    for left, above, picture in pictures:
        page.paste(picture, (left, above))
    return page


def _fitted(picture: NDArray[np.generic], tile: tuple[int, int], enlarge: bool) -> Image.Image:
    pixels = picture if picture.dtype == np.uint8 else (np.asarray(picture, np.float32) * 255).round().clip(0, 255)
    image = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    scale = min(tile[0] / image.height, tile[1] / image.width)
    if scale > 1 and not enlarge:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class _Line:
    """A line of a label and the font that has its characters."""

    text: str
    font: Font


def _wrapped(text: str, size: int, width: int) -> list[_Line]:
    """The lines of a text: broken between words, within words that are too long, and cut after a few lines."""
    lines = []
    for paragraph in text.split("\n"):
        font, drawable = font_for(paragraph, size)
        lines += [_Line(line, font) for line in _broken(drawable, font, width)]
    if len(lines) > _LINES:
        return [*lines[: _LINES - 1], _cut(lines[_LINES - 1], width)]
    return lines


def _broken(paragraph: str, font: Font, width: int) -> Iterator[str]:
    line = ""
    for word in paragraph.split():
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


def _cut(line: _Line, width: int) -> _Line:
    """The line, shortened so that it can end in a sign that there was more."""
    text = line.text
    while text and line.font.getlength(f"{text}{_MORE}") > width:
        text = text[:-1]
    return _Line(f"{text}{_MORE}", line.font)
