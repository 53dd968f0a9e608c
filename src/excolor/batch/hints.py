"""Hints of a person: found before the work, read where they belong to many pictures, and chosen for every target."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from excolor.batch.hint_folder import LAYERS, SUFFIXES, HintFolder
from excolor.batch.pipes import is_pipe
from excolor.batch.sources import STDIN, Source
from excolor.batch.used import UsedFile
from excolor.errors import HintError, PlanError
from excolor.hints import Hint, HintFile, HintLayer, read_hints, read_layer, read_table
from excolor.photo import MAX_PIXELS
from excolor.remote import RemotePath, as_path, typed_address
from excolor.weights import sha256_of

if TYPE_CHECKING:
    from excolor.photo import Photo

_MOST_NAMED = 3  # of the hints that no target uses; the others are counted
_LONGEST_RECORD = 20_000  # characters in the metadata of a result: in a JPEG there is room for 65,533 bytes of XMP


@dataclass(frozen=True)
class ChosenHints:
    """The hints of one target.

    Attributes:
        hints: points and layers; where they overlap, the last one counts.
        file: that they come from, if they were not all typed.
    """

    hints: tuple[Hint | HintLayer, ...] = ()
    file: UsedFile | None = None

    @property
    def recorded(self) -> Mapping[str, str]:
        """What the metadata of the result say of them: all points, or the sha256 of that text if it is too long."""
        points = [hint.text for hint in self.hints if isinstance(hint, Hint)]
        record = {}
        if points:
            text = "; ".join(points)
            is_short = len(text) <= _LONGEST_RECORD
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            record["hints"] = text if is_short else f"{len(points)} points (sha256 {sha256})"
        if self.file is not None:
            record["hints_file"] = f"{self.file.path.name} (sha256 {self.file.sha256})"
        return record


@dataclass(frozen=True)
class HintChoice:
    """Which hints each target gets: made by `find_hints`.

    Attributes:
        points: as typed, for the only target.
        table: by the names of targets, from the CSV file `path`.
        files: JSON and layers by the target's path.
        force: use a JSON file that was made for another picture.
        path: as it was asked for.
        max_pixels: larger layers are not read.
        unused: what no target uses: the names of files in a folder, and the rows of a table by the names in them.
    """

    points: tuple[Hint, ...] = ()
    table: Mapping[str, tuple[Hint, ...]] = field(default_factory=dict)
    files: Mapping[Path, Path] = field(default_factory=dict)
    force: bool = False
    path: Path | None = None
    max_pixels: int = MAX_PIXELS
    unused: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files that are read, which no result may replace."""
        return (*self.files.values(), *((self.path,) if self.table and self.path else ()))

    @property
    def unused_note(self) -> str | None:
        """A sentence about the hints that no target uses, such as those with a typo in their name; None without any."""
        if not self.unused:
            return None
        more = len(self.unused) - _MOST_NAMED
        named = ", ".join(str(as_path(name)) for name in self.unused[:_MOST_NAMED])
        named += f" and {more} more" if more > 0 else ""
        return f"{self.path} has hints that no target uses: {named}"

    def of(self, source: Source, photo: "Photo") -> ChosenHints:
        """The hints of a target, whose file is `source` and one page of which is `photo`.

        Raises:
            HintError: their file cannot be understood, or was made for another picture.
            PhotoError: a layer cannot be read.
        """
        if source.path in self.files:
            path = self.files[source.path]
            hints = self._read(path, source, photo)
            return ChosenHints((*hints, *self.points), UsedFile(path, sha256_of(path)))
        name = _name_in(self.table, source)
        if name is not None and self.path is not None:
            return ChosenHints((*self.table[name], *self.points), UsedFile(self.path, sha256_of(self.path)))
        return ChosenHints(self.points)

    def _read(self, path: Path, source: Source, photo: "Photo") -> tuple[Hint | HintLayer, ...]:
        if path.suffix.lower() in LAYERS:
            layer = read_layer(path, max_pixels=self.max_pixels)
            layer.check_fits(photo.size)
            return (layer,)
        file: HintFile = read_hints(path)
        if file.target is not None and not self.force:
            sha256 = sha256_of(source.path) if _can_be_read_again(source) else None
            if difference := file.target.difference(photo.size, sha256):
                raise HintError(
                    f"{source.name}: the hints {path} are not its own: {difference}; they can be used all the same",
                    settings=("force_hints",),
                )
        return file.hints


def find_hints(
    points: Sequence[Hint],
    path: Path | None,
    targets: Sequence[Source],
    *,
    force: bool = False,
    max_pixels: int = MAX_PIXELS,
    recursive: bool = False,
) -> HintChoice | None:
    """What --hint and --hints ask for; None if that is nothing.

    Args:
        points: for a single target.
        path: a JSON file or a layer for a single target, a CSV table, or a folder with `NAME.hints.json` (or .png,
            .tif, .tiff, .webp) for targets called NAME.
        targets: all of them, also those of other shards and those that are done.
        force: use a JSON file that was made for another picture.
        max_pixels: larger layers are not read.
        recursive: look for hints of no target in the subfolders of a folder, too.

    Raises:
        PlanError: there are several targets and hints for one, a file of an unknown kind, or hints for no target.
        HintError: a file cannot be read or understood.
    """
    if not points and path is None:
        return None
    if path is not None and (address := typed_address(path)):
        raise PlanError(f"{as_path(address)}: hints are read on this machine; copy them here.", settings=("hints",))
    if points and len(targets) > 1:
        raise PlanError(
            f"typed hints are for one target and there are {len(targets)}; give a folder of hints or a CSV table.",
            settings=("points", "hints"),
        )
    table: Mapping[str, tuple[Hint, ...]] = {}
    files: Mapping[Path, Path] = {}
    unused: tuple[str, ...] = ()
    if path is not None and os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        folder = HintFolder(path)
        files = {target.path: found for target in targets if (found := folder.of(target))}
        if not files:
            raise PlanError(
                f"{path} has hints for no target; call them NAME.hints.json or NAME.hints.png.", settings=("hints",)
            )
        unused = folder.besides(files.values(), recursive=recursive)
    elif path is not None and path.suffix.lower() == ".csv":
        table = read_table(path)
        used = {name for target in targets if (name := _name_in(table, target)) is not None}
        if not used:
            raise PlanError(
                f"{path} has hints for no target; its column file holds the names of targets.", settings=("hints",)
            )
        unused = tuple(name for name in table if name not in used)
    elif path is not None:
        files = _for_one(path, targets)
    return HintChoice(tuple(points), table, files, force, path, max_pixels, unused)


def without_hint_layers(sources: Sequence[Source], path: Path | None) -> list[Source]:
    """The targets among pictures: not the layers `NAME.hints.png` in the folder of hints, which may be the same one."""
    if path is None:
        return list(sources)
    folder = os.path.realpath(path)
    return [
        source
        for source in sources
        if not (source.path.stem.endswith(".hints") and os.path.realpath(source.path).startswith(folder + os.sep))
    ]


def _can_be_read_again(source: Source) -> bool:
    """Whether it is a file here: what comes through a pipe comes once, and from a store only for the work itself."""
    return not (source.path == STDIN or isinstance(source.path, RemotePath) or is_pipe(source.path))


def _for_one(path: Path, targets: Sequence[Source]) -> Mapping[Path, Path]:
    if path.suffix.lower() not in SUFFIXES:
        raise PlanError(
            f"{path} is no file of hints by its name: give a .json, a .csv, a layer (.png, .tif, .webp), or a folder.",
            settings=("hints",),
        )
    if len(targets) > 1:
        raise PlanError(
            f"{path} has hints for one target and there are {len(targets)}; give a folder or a CSV table.",
            settings=("hints",),
        )
    if path.suffix.lower() == ".json":
        read_hints(path)  # a mistake in it is worth knowing before networks are loaded
    return {targets[0].path: path}


def _name_in(table: Mapping[str, tuple[Hint, ...]], target: Source) -> str | None:
    """What a table calls a target: its path, its name in its subfolder, or its name alone; None if it does not."""
    whole = target.path.address if isinstance(target.path, RemotePath) else str(target.path)
    names = (whole, str(target.path), (target.below / target.path.name).as_posix(), target.path.name)
    return next((name for name in names if name in table), None)
