"""What the person chose, as plain values: the target, references, hints and settings. Nothing is computed here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from excolor.errors import HintError, SettingError
from excolor.hints import Hint
from excolor.serve.uploads import displayable, new_id
from excolor.settings import ColorizeSettings

MOST_HINTS = 1000
_DIGITS = 5  # of a coordinate: a tenth of a pixel of 10,000
_LEAST = 1e-4  # smaller numbers would be written with an exponent, which hints on the command line have not


@dataclass(frozen=True)
class PictureFile:
    """A picture file of the session.

    Attributes:
        id: by which the browser asks for it.
        path: where it lies.
        shown: what commands call it: a path that was given on the command line, or the name of what was uploaded. Its
            bytes need not be text.
        is_upload: whether it lies in our private folder.
    """

    id: str
    path: Path
    shown: str
    is_upload: bool = False

    @classmethod
    def of(cls, path: Path, *, is_upload: bool = False) -> "PictureFile":
        """With a new id."""
        return cls(new_id(), path, path.name if is_upload else str(path), is_upload)

    @property
    def name(self) -> str:
        """The file's own name, as it can be displayed."""
        return displayable(self.path.name)


@dataclass(frozen=True)
class Target:
    """The picture to colorize.

    Attributes:
        file: where it is.
        page: of a TIFF, from 1.
        pages: how many there are.
        size: (height, width) of that page, upright.
        is_in_color: it has colors, which are ignored.
        notes: what the person should know about it.
    """

    file: PictureFile
    page: int
    pages: int
    size: tuple[int, int]
    is_in_color: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """All that shapes the result, except the files themselves.

    Attributes:
        hints: in the order in which they were placed; where they overlap, the last one counts.
        layer: the id of a painted layer of hints, which lies below them all; None without any.
        references: the ids of those in the list, in order. Others that were received can be taken back into it.
        used: the ids of those that are switched on.
        strength: see `ColorizeSettings`, as the next two.
        vivid: factor of chroma.
        hint_reach: how far hints serve similar places.
    """

    hints: tuple[Hint, ...] = ()
    layer: str | None = None
    references: tuple[str, ...] = ()
    used: frozenset[str] = frozenset()
    strength: float = ColorizeSettings.strength
    vivid: float = ColorizeSettings.vivid
    hint_reach: float = ColorizeSettings.hint_reach

    def settings(self, working_size: int) -> ColorizeSettings:
        """For the colorizer. Raises SettingError if one is out of its range."""
        return ColorizeSettings(working_size, strength=self.strength, vivid=self.vivid, hint_reach=self.hint_reach)

    @property
    def has_hints(self) -> bool:
        """Whether there are any, placed or painted."""
        return bool(self.hints) or self.layer is not None


@dataclass(frozen=True)
class Snapshot:
    """The session at one moment.

    Attributes:
        revision: grows with every change.
        target: None before there is one.
        received: all references, also some that were removed, so that this can be undone.
        layers: painted layers of hints, likewise.
        choices: see there.
    """

    revision: int = 0
    target: Target | None = None
    received: tuple[PictureFile, ...] = ()
    layers: tuple[PictureFile, ...] = ()
    choices: Choices = Choices()

    @property
    def references(self) -> tuple[PictureFile, ...]:
        """Those in the list."""
        files = {file.id: file for file in self.received}
        return tuple(files[wanted] for wanted in self.choices.references)

    @property
    def used(self) -> tuple[PictureFile, ...]:
        """The references that are switched on."""
        return tuple(file for file in self.references if file.id in self.choices.used)

    @property
    def layer(self) -> PictureFile | None:
        """The painted layer of hints."""
        return next((file for file in self.layers if file.id == self.choices.layer), None)

    @property
    def effective(self) -> Choices:
        """The choices, with defaults for those that change nothing: what a command does not have to say."""
        choices = self.choices
        if not choices.has_hints:
            choices = replace(choices, hint_reach=Choices.hint_reach)
        if not self.used:
            choices = replace(choices, strength=Choices.strength)
        return choices


class OwnHints(NamedTuple):
    """The hints of a picture."""

    points: tuple[Hint, ...] = ()
    layer: str | None = None

    @property
    def number(self) -> int:
        """How many there are; a layer counts as one."""
        return len(self.points) + (self.layer is not None)


class Session:
    """The one session of a server. Changes are made in the server's own thread; snapshots may be read in any.

    Every change is made by a browser page, "" being the server itself. What one page changes without knowing what
    another one has changed before is not taken, or it would undo that.

    Attributes:
        now: what is chosen.
        picks_best: each picture begins with the one reference that fits it best, as on the command line.
    """

    def __init__(self) -> None:
        """Nothing is chosen."""
        self.now = Snapshot()
        self.picks_best = False
        self._page = ""  # that made the last change
        self._number = -1  # of that change
        self._known = 0  # the least revision that this page knows if it knows the changes of others
        self._hints: dict[str, OwnHints] = {}  # of pictures that were left, by their ids
        self._removed: dict[str, PictureFile] = {}  # references and layers that are not in use, the latest last
        self._picked: dict[str, frozenset[str]] = {}  # references that the person chose for pictures

    def open_target(self, target: Target, best: str | None = None, *, page: str = "") -> None:
        """Work on another picture, or another page of it. Each file has its own hints, found again on coming back.

        Args:
            target: what was opened.
            best: the id of the reference that fits it best, to be used unless the person has chosen others for it.
            page: the browser page that asks for it.
        """
        old, choices = self.now.target, self.now.choices
        if old is None or old.file != target.file:
            if old is not None:
                self._hints[old.file.id] = self.hints_of(old.file)
            own = self._hints.pop(target.file.id, OwnHints())
            choices = replace(choices, hints=own.points, layer=own.layer)
        if best is not None:
            used = picked = self._picked.get(target.file.id)
            if picked:  # whoever switched all off wants none
                used = picked & frozenset(choices.references) or None
            choices = replace(choices, used=frozenset((best,)) if used is None else used)
        self._change(page, target=target, choices=choices)

    def hints_of(self, file: PictureFile) -> OwnHints:
        """The hints of a picture, whether it is the target now or was before."""
        target, choices = self.now.target, self.now.choices
        if target and target.file == file:
            return OwnHints(choices.hints, choices.layer)
        return self._hints.get(file.id, OwnHints())

    def forget(self, file: PictureFile) -> None:
        """A picture that was left will not come back."""
        self._hints.pop(file.id, None)
        self._picked.pop(file.id, None)
        self._note_use()

    def add_reference(self, file: PictureFile, *, page: str = "") -> None:
        """Add a reference, switched on; hints stay."""
        choices = self.now.choices
        references, used = (*choices.references, file.id), choices.used | {file.id}
        self._change(
            page,
            received=(*self.now.received, file),
            choices=replace(choices, references=references, used=self._pick(used)),
        )

    def use(self, ids: Iterable[str]) -> None:
        """Switch these references on, and all others off."""
        self._change("", choices=replace(self.now.choices, used=frozenset(ids)))

    def set_hints(self, hints: Sequence[Hint], *, page: str = "") -> None:
        """Replace all hints that were placed."""
        self._change(page, choices=replace(self.now.choices, hints=tuple(hints)))

    def add_layer(self, file: PictureFile, *, page: str = "") -> None:
        """Use a painted layer of hints, instead of the one before; hints that were placed stay."""
        self._change(page, layers=(*self.now.layers, file), choices=replace(self.now.choices, layer=file.id))

    def keep_hints(self, file: PictureFile, choices: Choices, *, page: str = "") -> None:
        """Take the hints that a page has for a picture that may have been left already: they are that one's alone."""
        own = OwnHints(choices.hints, self._known_layer(choices.layer))
        if self.now.target is not None and self.now.target.file == file:
            self._change(page, choices=replace(self.now.choices, hints=own.points, layer=own.layer))
        else:
            self._hints[file.id] = own
            self._note_use()

    def take_removed(self, kept: int) -> list[PictureFile]:
        """Give up the references and layers that were removed first, but for `kept` of the latest, and return them.

        Those cannot come back by undo. Files of the person's own are none of them.
        """
        uploads = [file for file in self._removed.values() if file.is_upload]
        gone = uploads[: max(0, len(uploads) - kept)]
        for file in gone:
            del self._removed[file.id]
        received, layers = (
            tuple(file for file in files if file not in gone) for files in (self.now.received, self.now.layers)
        )
        self.now = replace(self.now, received=received, layers=layers)
        return gone

    def choose(self, choices: Choices, page: str, number: int, revision: int) -> bool:
        """Take the choices of a browser page, unless a later change of it, or another page's, was taken before.

        Args:
            choices: all of them.
            page: tells browser pages apart.
            number: grows with each change of that page.
            revision: the last one that the page knew.

        Returns:
            Whether they were taken.
        """
        if page == self._page and number <= self._number:
            return False
        if revision != self.now.revision and (page != self._page or revision < self._known):
            return False
        files = {file.id for file in self.now.received}
        references = tuple(wanted for wanted in choices.references if wanted in files)
        used = choices.used & frozenset(references)
        if used != self.now.choices.used:
            self._pick(used)
        layer = self._known_layer(choices.layer)
        self._change(page, choices=replace(choices, references=references, used=used, layer=layer))
        self._number = number
        return True

    def _pick(self, used: frozenset[str]) -> frozenset[str]:
        """Note that the person chose these references for the target; returns them."""
        if self.now.target is not None:
            self._picked[self.now.target.file.id] = used
        return used

    def _change(self, page: str, **changes: Any) -> None:
        if page != self._page:
            self._page, self._number, self._known = page, -1, self.now.revision
        self.now = replace(self.now, revision=self.now.revision + 1, **changes)
        self._note_use()

    def _note_use(self) -> None:
        """Note which references and layers were removed, and in which order."""
        in_use = {*self.now.choices.references, self.now.choices.layer, *(own.layer for own in self._hints.values())}
        for file in (*self.now.received, *self.now.layers):
            if file.id in in_use:
                self._removed.pop(file.id, None)
            else:
                self._removed.setdefault(file.id, file)

    def _known_layer(self, wanted: str | None) -> str | None:
        return wanted if any(file.id == wanted for file in self.now.layers) else None


def choices_of(record: object) -> Choices:
    """Check what a browser sends. Raises HintError or SettingError if it is not what it should be."""
    if not isinstance(record, Mapping):
        raise SettingError("the choices are not an object; reload the page")
    found, references, used = (record.get(name) for name in ("hints", "references", "used"))
    if not isinstance(found, list) or not isinstance(references, list) or not isinstance(used, list):
        raise SettingError("the choices lack hints or references; reload the page")
    check_number_of_hints(len(found))
    numbers = {name: _number(record.get(name), name) for name in ("strength", "vivid", "hint_reach")}
    ids, layer = tuple(dict.fromkeys(map(str, references))), record.get("layer")
    hints = tuple(_hint(one) for one in found)
    choices = Choices(hints, None if layer is None else str(layer), ids, frozenset(map(str, used)), **numbers)
    choices.settings(ColorizeSettings.working_size)  # checks the ranges
    return choices


def check_number_of_hints(number: int) -> None:
    """Raise HintError if so many cannot be placed."""
    if number > MOST_HINTS:
        raise HintError(f"there are {number} hints, and {MOST_HINTS} at most can be placed; paint a layer instead")


def _hint(record: object) -> Hint:
    if not isinstance(record, Mapping):
        raise HintError("a hint is not an object with x, y and color")
    x, y, color, radius, note = (record.get(name) for name in ("x", "y", "color", "radius", "note"))
    if not isinstance(color, str) or not isinstance(radius, str | None) or not isinstance(note, str | None):
        raise HintError("the color, radius and note of a hint are texts")
    return Hint(rounded(_number(x, "x")), rounded(_number(y, "y")), color, radius or None, (note or "")[:2000])


def _number(value: object, name: str) -> float:
    """As a float, so that it is recorded in the same words as that of the command line."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingError(f"{name} is {value!r} and must be a number")
    return float(value)


def rounded(coordinate: float) -> float:
    """A coordinate with as many digits as a command and the page have in common."""
    number = round(coordinate, _DIGITS)
    return 0.0 if 0 < number < _LEAST else number
