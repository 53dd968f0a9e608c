"""What is colorized by what: planned by the pictures' names alone, before any is read.

    none       no reference: the colors are invented
    mirror     the picture itself, in color and mirrored
    halves     the left half of the picture is the reference for the right half
    frames     the first frame of a sequence is the reference for all later ones
    random     another picture, of another folder if there are several
    pairs      whatever a table says
    recolored  another crop of the picture at another zoom; both are turned to another hue, so that none can guess it
    zoomed     the picture a little larger, shifted and in slightly other colors, as a generator would repeat it
    related    the picture of the same folder that fits best; there is no true answer, but colors to be followed
    hints      true colors at drawn places, alone and beside the reference of `related`

The last four are measured where they are asked for by name. Frames of a sequence take part in `frames` (and `pairs`)
only: a hundred times nearly the same picture would outweigh all others.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random
from typing import TypeVar

from excolor.errors import SettingError
from excolor.evaluation.seeding import random_of

PROTOCOLS = ("none", "mirror", "halves", "frames", "random", "pairs", "recolored", "zoomed", "related", "hints")
ON_REQUEST = ("recolored", "zoomed", "related", "hints")
"""Protocols that are measured only where they are named."""

_FRAMES = "frames"

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """One picture to colorize: the names of target and reference.

    They are the same where the reference is made of the picture: `mirror`, `halves`, `recolored`, `zoomed`. A plan
    names the target for `related` and `hints` too, until `excolor.evaluation.relatives` has looked at the pictures.
    """

    protocol: str
    target: str
    reference: str | None


@dataclass(frozen=True)
class Plan:
    """Which cases to measure.

    Attributes:
        protocols: some of `PROTOCOLS`; None is all that the pictures allow but those `ON_REQUEST`.
        limit: so many targets of each protocol at most.
        seed: of the choice under `limit`, and of the references of `random`.
        frames: prefixes of names: these folders hold sequences too, whatever they are called.
        pairs: (target, reference) by name.
    """

    protocols: tuple[str, ...] | None = None
    limit: int | None = None
    seed: int = 0
    frames: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    def cases(self, names: Sequence[str], title: str = "") -> list[Case]:
        """The cases among pictures of these names, those of one picture together.

        A folder holds a sequence if a part of its path is `frames`, or ends in `_frames` or `-frames` (`drive_frames/`,
        `frames/scene1/`), or if it is named in `frames`; its pictures are the frames, in the order of `names`. `title`
        is what the place is called that all the pictures are in: the first part of every path.

        Raises:
            SettingError: a protocol was asked for that these pictures do not allow, or there is nothing to measure.
        """
        sequences: dict[str, list[str]] = {}
        plain = []
        for name in names:
            if self._is_frame(name, title):
                sequences.setdefault(_folder(name), []).append(name)
            else:
                plain.append(name)
        found = [*self._of_plain(plain), *self._of_frames(sequences), *self._of_pairs()]
        missing = set(self.protocols or ()) - {case.protocol for case in found}
        if missing or not found:
            lacking = ", ".join(protocol for protocol in PROTOCOLS if protocol in missing) or "any protocol"
            raise SettingError(
                f"no pictures for {lacking}: none, mirror, halves, recolored, zoomed and hints need a photograph, "
                "random needs two, related two in a folder, frames two in a folder called frames, *_frames or *-frames "
                "(or given with --frames), pairs a table (--pairs)"
            )
        return found

    def _is_frame(self, name: str, title: str) -> bool:
        parts = (part.lower() for part in (title, *PurePosixPath(name).parent.parts))
        named_so = any(part == _FRAMES or part.endswith((f"_{_FRAMES}", f"-{_FRAMES}")) for part in parts)
        return named_so or (bool(self.frames) and name.startswith(self.frames))

    def _wants(self, protocol: str) -> bool:
        return protocol not in ON_REQUEST if self.protocols is None else protocol in self.protocols

    def _some(self, things: Sequence[T]) -> Sequence[T]:
        """`limit` of the things, in their order."""
        if self.limit is None or self.limit >= len(things):
            return things
        return [things[i] for i in sorted(Random(self.seed).sample(range(len(things)), self.limit))]

    def _some_related(self, chosen: Sequence[str], relatives: Sequence[str]) -> set[str]:
        """Those of the `chosen` that are among the `relatives`, and others of these up to `limit`."""
        kept = set(chosen) & set(relatives)
        rest = [name for name in relatives if name not in kept]
        missing = min(len(chosen) - len(kept), len(rest))
        return kept | set(Random(self.seed).sample(rest, missing))

    def _of_plain(self, names: Sequence[str]) -> Iterator[Case]:
        sizes = Counter(map(_folder, names))
        relatives = [name for name in names if sizes[_folder(name)] > 1]
        chosen = self._some(names)
        chosen_names, related = set(chosen), self._some_related(chosen, relatives)
        for name in names:
            is_chosen = name in chosen_names
            if is_chosen:
                if self._wants("none"):
                    yield Case("none", name, None)
                for protocol in ("mirror", "halves", "recolored", "zoomed"):
                    if self._wants(protocol):
                        yield Case(protocol, name, name)
            if self._wants("related") and name in related:
                yield Case("related", name, name)
            if is_chosen:
                if self._wants("hints"):
                    yield Case("hints", name, name if sizes[_folder(name)] > 1 else None)
                if self._wants("random") and len(names) > 1:
                    yield Case("random", name, self._unrelated(name, names))

    def _unrelated(self, name: str, names: Sequence[str]) -> str:
        elsewhere = [other for other in names if _folder(other) != _folder(name)]
        # A generator of its own for each picture: under a limit it keeps its reference
        return random_of(f"{self.seed} {name}").choice(elsewhere or [other for other in names if other != name])

    def _of_frames(self, sequences: dict[str, list[str]]) -> Sequence[Case]:
        if not self._wants("frames"):
            return ()
        return self._some([Case("frames", name, first) for first, *later in sequences.values() for name in later])

    def _of_pairs(self) -> Sequence[Case]:
        return self._some([Case("pairs", *pair) for pair in self.pairs]) if self._wants("pairs") else ()


def read_pairs(path: Path, columns: tuple[str, str] = ("target", "reference")) -> tuple[tuple[str, str], ...]:
    """The two names in each row of a CSV file in UTF-8; a heading, the words `columns` in any case, is left out.

    Raises:
        SettingError: it cannot be read, or a row has not two columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingError(f"{path}: cannot be read as a CSV file in UTF-8 ({error}); save it as one") from error
    pairs = []
    for number, row in rows:
        cells = tuple(cell.strip() for cell in row)
        if len(cells) != 2 or not all(cells):
            raise SettingError(f"{path}, row {number}: {','.join(row)!r} is not {','.join(columns)}")
        if tuple(cell.lower() for cell in cells) != columns:
            pairs.append((cells[0], cells[1]))
    return tuple(pairs)


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)
