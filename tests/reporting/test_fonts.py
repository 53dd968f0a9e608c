"""Labels in any script: drawn where a font has the characters, and otherwise shown as escapes, never as boxes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import ImageFont

from excolor.reporting import fonts
from excolor.reporting.fonts import font_for
from excolor.reporting.sheet import Row, Tile, contact_sheet

CHINESE = "中国"
ESCAPES = r"\0123456789abcdefnrtuUx"


def write_font(path: Path, characters: str) -> Path:
    """A font whose glyphs are squares of one size, and whose sign for what it lacks is a smaller one."""
    names = [".notdef", *(f"uni{ord(c):04X}" for c in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): name for c, name in zip(characters, names[1:], strict=True)})
    glyphs = {}
    for name in names:
        pen, side = TTGlyphPen(None), 300 if name == ".notdef" else 700
        pen.moveTo((0, 0))
        for corner in ((0, side), (side, side), (side, 0)):
            pen.lineTo(corner)
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine on which this is the only folder of fonts."""
    monkeypatch.setattr(fonts, "_folders", lambda: (tmp_path,))
    for cache in (fonts._choose, fonts._candidates, fonts._load):
        cache.cache_clear()
    yield tmp_path
    for cache in (fonts._choose, fonts._candidates, fonts._load):
        cache.cache_clear()


def test_without_any_font_characters_become_escapes(folder: Path) -> None:
    font, drawable = font_for(f"{CHINESE} Ёж 😀.jpg", 20)
    assert drawable == r"\u4e2d\u56fd \u0401\u0436 \U0001f600.jpg"
    assert font.getname() == ImageFont.load_default(20).getname()


def test_a_font_that_has_the_text_draws_it(folder: Path) -> None:
    write_font(folder / "Few.ttf", "abc")
    write_font(folder / "cjk" / "Many.ttf", f"{CHINESE}.jpg")
    font, drawable = font_for(f"{CHINESE}.jpg", 20)
    assert font.getname() == ("Many", "Regular")
    assert drawable == f"{CHINESE}.jpg"
    assert font_for("zebra", 20)[0].getname() == ImageFont.load_default(20).getname()


def test_a_font_that_has_most_of_it_is_the_next_best(folder: Path) -> None:
    write_font(folder / "NoEscapes.ttf", CHINESE)
    write_font(folder / "One.ttf", f"中{ESCAPES}")
    write_font(folder / "Two.ttf", f"{CHINESE}{ESCAPES}")
    font, drawable = font_for(f"{CHINESE}語", 20)
    assert font.getname()[0] == "Two"
    assert drawable == rf"{CHINESE}\u8a9e"


def test_upright_sans_serifs_come_first(folder: Path) -> None:
    for name in ("AntiqueSerif", "GoodSans-Bold", "GoodSans-Regular", "LastResort"):
        write_font(folder / f"{name}.ttf", CHINESE)
    assert font_for(CHINESE, 20)[0].getname()[0] == "GoodSans-Regular"


@pytest.mark.parametrize("content", [b"", b"not a font", b"\0\1\0\0" * 100])
def test_damaged_fonts_are_passed_over(folder: Path, content: bytes) -> None:
    (folder / "DejaVuSans.ttf").write_bytes(content)
    assert font_for("plain", 20)[1] == "plain"
    assert font_for(CHINESE, 20)[1] == r"\u4e2d\u56fd"


def test_what_cannot_be_printed_is_escaped() -> None:
    assert font_for("a\t\0\udcffb c", 20)[1] == r"a\t\x00\udcffb c"


def test_the_fonts_of_the_system_are_found() -> None:
    """Matplotlib brings DejaVu Sans, so that here Cyrillic and Greek are always drawn."""
    assert font_for("Ёж, άλφα, été", 20)[1] == "Ёж, άλφα, été"


def test_sheets_are_drawn_in_the_fonts(folder: Path) -> None:
    write_font(folder / "Chinese.ttf", CHINESE)
    gray = np.full((60, 80, 3), 0.5, np.float32)

    def label(text: str) -> np.ndarray:
        page = np.asarray(contact_sheet([Row([Tile(gray, text)])], (120, 160)))
        top = np.argmax((page == 128).all(-1).sum(1) == 80)  # the picture begins
        return page[:top].max(-1) < 120

    rows, columns = np.nonzero(label(CHINESE))
    assert label(CHINESE).sum() == pytest.approx(2 * (0.7 * 12) ** 2, rel=0.2)  # two squares of 0.7 of the font's size
    assert np.ptp(rows) < 12 < np.ptp(columns)
    assert label("語").any()  # an escape
