"""Fonts for labels: an installed one that has every character of a text, and escapes for what none of them has.

Pillow brings one font along, which has little more than ASCII. The others are those of the system, and those that
come with matplotlib where that is installed.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont

# Sans-serif text fonts, the first ones with Latin, Greek and Cyrillic, the others with Chinese, Japanese or Korean
_PREFERRED = (
    *("dejavusans", "notosans-regular", "liberationsans-regular", "segoeui", "arial", "helvetica"),
    *("notosanscjk-regular", "notosanscjksc-regular", "sourcehansans-regular", "wqy-microhei", "pingfang", "msyh"),
    *("hiragino sans gb", "yugothr", "malgun", "arial unicode"),
)
_UNSUITABLE = ("lastresort", "adobeblank")  # they have every character, as a box or as nothing
_STYLED = ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "narrow", "mono", "serif")
_PROBE = 24  # pixels: the size at which glyphs are compared
_ESCAPE = frozenset(r"\0123456789abcdefnrtuUx")  # what escapes are written with
_NO_CHARACTER = "\uffff"  # never assigned, so that every font draws its sign for what it lacks


def font_for(text: str, size: int) -> tuple[Font, str]:
    """A font of this size in pixels, and the text as it can be drawn with it.

    It is one font for the whole text: the first that has all of its characters, otherwise the one with the most.
    Characters that it lacks, and those that cannot be printed, become escapes such as `\\u4e2d`.
    """
    characters = frozenset(c for c in text if c.isprintable() and not c.isspace())
    path, missing = _choose(characters, _folders())
    drawable = (c if c == " " or (c in characters and c not in missing) else ascii(c)[1:-1] for c in text)
    return _load(path, size), "".join(drawable)


@lru_cache(256)
def _choose(characters: frozenset[str], folders: tuple[Path, ...]) -> tuple[Path | None, frozenset[str]]:
    """The font with the fewest of the characters missing, and which these are; None is Pillow's own font."""
    best: tuple[Path | None, frozenset[str]] = None, _missing(None, characters)
    for path in _candidates(folders):
        missing = _missing(path, characters)
        if not missing:
            return path, missing
        if len(missing) < len(best[1]) and not _missing(path, _ESCAPE):
            best = path, missing
    return best


@lru_cache(4)
def _candidates(folders: tuple[Path, ...]) -> tuple[Path | None, ...]:
    """All fonts, best ones first. Pillow's own comes after those that are known to be good for text."""
    found = {path.stem.lower(): path for path in _files(folders)}
    preferred = [found.pop(name) for name in _PREFERRED if name in found]
    others = [name for name in found if not name.startswith(_UNSUITABLE)]
    others.sort(key=lambda name: ("sans" not in name, sum(word in name for word in _STYLED), name))
    return (*preferred, None, *(found[name] for name in others))


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for place, _, names in os.walk(folder):  # skips folders that it may not read
            yield from (Path(place, name) for name in names if name.lower().endswith((".ttf", ".ttc", ".otf")))


@lru_cache(1)
def _folders() -> tuple[Path, ...]:
    """Where fonts are installed."""
    home = Path.home()
    if sys.platform == "win32":
        folders = [
            Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"),
            home / "AppData/Local/Microsoft/Windows/Fonts",
        ]
    elif sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    else:
        shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        own = os.environ.get("XDG_DATA_HOME") or home / ".local/share"
        folders = [home / ".fonts", *(Path(share, "fonts") for share in (own, *shared.split(":")))]
    matplotlib = find_spec("matplotlib")  # which does not import it
    if matplotlib is not None and matplotlib.origin is not None:
        folders.append(Path(matplotlib.origin).parent / "mpl-data/fonts/ttf")
    return tuple(folders)


def _missing(path: Path | None, characters: Iterable[str]) -> frozenset[str]:
    """Those of the characters that a font draws as it draws what it does not have; all of them if it cannot be used."""
    try:
        font = _load(path, _PROBE)
        sign = _drawn(font, _NO_CHARACTER)
        return frozenset(c for c in characters if _drawn(font, c) == sign)
    except (OSError, ValueError):  # damaged, or a font of bitmaps in another size
        return frozenset(characters)


def _drawn(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


@lru_cache(16)
def _load(path: Path | None, size: int) -> Font:
    if path is not None:
        return ImageFont.truetype(path, size)
    own = ImageFont.load_default(size)
    assert isinstance(own, Font)  # the other kind is of a Pillow built without FreeType
    return own
