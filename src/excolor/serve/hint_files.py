"""Files of hints that the browser sends: JSON, tables and painted layers, told apart by what they are."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from excolor.batch.hint_folder import LAYERS
from excolor.errors import HintError, PhotoError
from excolor.hints import Hint, HintLayer, read_hints, read_table
from excolor.photo import read_photo
from excolor.serve.session import Target, check_number_of_hints, rounded

_BEGINNING = 4096  # bytes by which text is told from pictures
_MOST_NAMED = 3  # of the pictures of a table


class ForeignHintsError(HintError):
    """Hints that were made for another picture."""


@dataclass(frozen=True)
class FoundHints:
    """The hints of a file for a target, and a sentence about what else is in it, if anything."""

    hints: tuple[Hint, ...]
    note: str = ""


def is_layer(path: Path) -> bool:
    """Whether a file of hints is a picture rather than text.

    Raises HintError if it is one that the command line would not take, by its name.
    """
    with path.open("rb") as file:
        start = file.read(_BEGINNING)
    if b"\0" not in start and _is_text(start):
        return False
    if path.suffix.lower() not in LAYERS:
        raise HintError(f"{path.name} is no file of hints: open JSON, CSV, or a painted layer as PNG, TIFF or WebP")
    return True


def is_painted_for(target: Target, path: Path, max_pixels: int) -> bool:
    """Whether a picture looks like a painted layer for a target: partly transparent, and of its aspect ratio.

    What is called like one, `NAME.hints.png`, need not be asked about.
    """
    if path.suffix.lower() not in LAYERS:
        return False
    try:
        photo = read_photo(path, max_pixels=max_pixels)
        if photo.alpha is None or photo.alpha.all():
            return False
        HintLayer(photo).check_fits(target.size)
    except (HintError, PhotoError):
        return False
    return True


def read_points(path: Path, target: Target, sha256: str, *, force: bool = False) -> FoundHints:
    """The hints of a JSON file, or of a table, for a target.

    Args:
        path: of the file.
        target: whose hints are wanted.
        sha256: of the target's file.
        force: take JSON that was made for another picture.

    Raises:
        ForeignHintsError: it was made for another picture, or `force`.
        HintError: it cannot be read, has no hints for this picture, more than can be placed, or one outside it.
    """
    with path.open("rb") as file:
        start = file.read(_BEGINNING).removeprefix(b"\xef\xbb\xbf").lstrip()
    if path.suffix.lower() == ".csv" or not start.startswith((b"{", b"[")):
        hints, note = _of_table(path, target)
    else:
        found = read_hints(path)
        if found.target is not None and not force and (difference := found.target.difference(target.size, sha256)):
            raise ForeignHintsError(f"{path.name} belongs to another picture: {difference}")
        hints, note = found.hints, ""
    check_number_of_hints(len(hints))
    return FoundHints(tuple(placed(hint, target.size) for hint in hints), note)


def placed(hint: Hint, size: tuple[int, int]) -> Hint:
    """A hint of a file as the page shows it: fractions, rounded so that a command can name the same place.

    Raises HintError if it lies outside a picture of (height, width).
    """
    x, y = hint.place(size)
    radius = f"{hint.radius * 100:g}%" if isinstance(hint.radius, int | float) else hint.radius
    return Hint(rounded(x), rounded(y), hint.color, radius, hint.note)


def _of_table(path: Path, target: Target) -> tuple[tuple[Hint, ...], str]:
    """The rows of a table for a target, which is known by its name alone if the browser has sent it; and a note."""
    table, name = read_table(path), target.file.name
    whole = next((called for called in (target.file.shown, name) if called in table), None)
    found = [whole] if whole is not None else [called for called in table if PurePosixPath(called).name == name]
    if len(found) > 1:
        raise HintError(f"{path.name} has hints for {found[0]} and {found[1]}, and either may be {name}; name it alone")
    if not found:
        named = ", ".join(list(table)[:_MOST_NAMED]) + (", …" if len(table) > _MOST_NAMED else "")
        there = f"its column file names {named}" if table else "it has no rows"
        raise HintError(f"{path.name} has no hints for {name}: {there}")
    others = len(table) - 1
    if not others:
        return table[found[0]], ""
    pictures = "another picture" if others == 1 else f"{others} other pictures"
    return table[found[0]], f"{path.name} has hints for {pictures}, too: open it again when you work on them."


def _is_text(start: bytes) -> bool:
    try:
        start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return len(start) == _BEGINNING and error.start > len(start) - 4  # only a character at the end is cut
    return True
