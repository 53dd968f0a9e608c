"""Files of points: JSON for one picture, which says which picture that is, and CSV for many.

{
  "excolor_hints": 1,
  "target": {"width": 2400, "height": 1800, "sha256": "..."},
  "hints": [{"x": 0.42, "y": 0.31, "color": "#556b2f", "radius": "1%", "note": "the coat, by the letter of 1912"}]
}
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from excolor.errors import HintError
from excolor.hints.points import Hint, coordinate_of

VERSION = 1
"""Of the JSON that is written; later ones are refused."""

_KEY = "excolor_hints"
_COLUMNS = ("file", "x", "y", "color")
_MORE_COLUMNS = ("radius", "note")
_MOST = 100_000  # hints in a file: what more than that holds was not made by a person


@dataclass(frozen=True)
class TargetRecord:
    """Which picture hints were made for: its size in pixels as it is displayed, and the sha256 of its file in hex."""

    width: int
    height: int
    sha256: str | None = None

    def difference(self, size: tuple[int, int], sha256: str | None) -> str | None:
        """What tells a picture of (height, width) from this one, in words; None if nothing does."""
        if size != (self.height, self.width):
            return f"it was made for {self.width}×{self.height} pixels, and the picture has {size[1]}×{size[0]}"
        if self.sha256 and sha256 and self.sha256.lower() != sha256.lower():
            return "it was made for another file of the same size (the sha256 differs)"
        return None


@dataclass(frozen=True)
class HintFile:
    """The content of a JSON file of hints: the points, and the picture that they belong to, if the file says so."""

    hints: tuple[Hint, ...]
    target: TargetRecord | None = None


def read_hints(path: Path | str) -> HintFile:
    """Read a JSON file of hints. Raises HintError if it cannot be read or is something else."""
    path = Path(path)
    text = _text_of(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HintError(f"{path}: not a JSON file ({error}); save the hints again") from error
    if not isinstance(content, dict):
        kind = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}.get(
            type(content), "a number"
        )
        raise HintError(
            f'{path}: not a file of hints: it holds {kind} instead of an object with "{_KEY}"; '
            "see docs/hints.md for the format"
        )
    if _KEY not in content:
        raise HintError(f'{path}: not a file of hints: "{_KEY}" is missing; see docs/hints.md for the format')
    if content[_KEY] != VERSION:
        raise HintError(f"{path}: hints of version {content[_KEY]!r}; this version of excolor reads version {VERSION}")
    found = content.get("hints")
    if not isinstance(found, list) or len(found) > _MOST:
        raise HintError(f'{path}: "hints" is not a list of at most {_MOST} hints')
    hints = tuple(_hint(one, f"{path}, hint {number}") for number, one in enumerate(found, 1))
    return HintFile(hints, _target(content.get("target"), path))


def dump_hints(hints: Sequence[Hint], target: TargetRecord | None = None) -> str:
    """The JSON of hints, with the picture that they belong to."""
    content: dict[str, Any] = {_KEY: VERSION}
    if target is not None:
        content["target"] = {name: value for name, value in vars(target).items() if value is not None}
    content["hints"] = [
        {name: value for name, value in vars(hint).items() if value not in (None, "")} for hint in hints
    ]
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_table(path: Path | str) -> dict[str, tuple[Hint, ...]]:
    """Read a CSV table `file,x,y,color[,radius][,note]`: hints by the files that they belong to, in order.

    The first row names the columns. Raises HintError if it cannot be read or is something else.
    """
    path = Path(path)
    lines = io.StringIO(_text_of(path), newline="")  # str.splitlines also breaks at characters that notes may have
    rows = csv.DictReader(lines, restkey="", strict=True)
    found: dict[str, list[Hint]] = {}
    try:
        columns = [(name or "").strip().lower() for name in rows.fieldnames or ()]
        if not set(_COLUMNS) <= set(columns) or set(columns) - {*_COLUMNS, *_MORE_COLUMNS}:
            raise HintError(f"{path}: the first row must name the columns file,x,y,color and may add radius,note")
        rows.fieldnames = columns
        for row in rows:
            where = f"{path}, row {rows.line_num}"
            cells = {name: (value or "").strip() for name, value in row.items() if isinstance(value, str | None)}
            if "" in row or not all(cells[name] for name in _COLUMNS):
                raise HintError(f"{where}: a hint has a file, x, y and a color, and one cell for each column")
            record = {
                "x": coordinate_of(cells["x"]),
                "y": coordinate_of(cells["y"]),
                "color": cells["color"],
                "radius": cells.get("radius") or None,
                "note": cells.get("note", ""),
            }
            found.setdefault(cells["file"], []).append(_hint(record, where))
    except csv.Error as error:
        raise HintError(f"{path}, row {rows.line_num}: not a row of a CSV file ({error})") from error
    return {file: tuple(hints) for file, hints in found.items()}


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise HintError(f"{path}: the hints cannot be read ({error.strerror}); check its name") from error
    except UnicodeDecodeError as error:
        raise HintError(f"{path}: not text in UTF-8; save the hints again") from error


def _hint(record: object, where: str) -> Hint:
    if not isinstance(record, Mapping):
        raise HintError(f"{where}: not an object with x, y and color")
    missing = [name for name in ("x", "y", "color") if name not in record]
    unknown = sorted(set(record) - {"x", "y", "color", "radius", "note"})
    if missing or unknown:
        problem = f"{missing[0]} is missing" if missing else f"{unknown[0]!r} is not known"
        raise HintError(f"{where}: {problem}; a hint has x, y, color, and may have radius and note")
    for name in ("color", "note"):
        if not isinstance(record.get(name, ""), str):
            raise HintError(f"{where}: {name} is not text")
    try:
        return Hint(**record)
    except HintError as error:
        raise HintError(f"{where}: {error}") from error


def _target(record: object, path: Path) -> TargetRecord | None:
    if record is None:
        return None
    if isinstance(record, Mapping) and set(record) <= {"width", "height", "sha256", "name"}:
        width, height, sha256 = (record.get(name) for name in ("width", "height", "sha256"))
        is_size = all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in (width, height))
        if is_size and isinstance(sha256, str | None):
            return TargetRecord(width, height, sha256)  # type: ignore[arg-type]
    raise HintError(f'{path}: "target" does not say the width, height and sha256 of a picture')
