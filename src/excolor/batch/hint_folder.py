"""A folder of hints: `NAME.hints.json`, or a layer `NAME.hints.png`, for each target called NAME."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from excolor.batch.sources import Source
from excolor.errors import PlanError

LAYERS = (".png", ".tif", ".tiff", ".webp")
"""Suffixes of painted layers."""

SUFFIXES = (".json", *LAYERS)
"""Suffixes of hints for one picture."""

_ENDING = ".hints"


class HintFolder:
    """The hints in a folder, which is listed once, and its subfolders when they are asked for."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._listed: dict[Path, Mapping[str, list[Path]]] = {}

    def of(self, target: Source) -> Path | None:
        """The hints of a target: in the same subfolder, or directly in the folder.

        Raises PlanError if there are several.
        """
        for place in dict.fromkeys((self._folder / target.below, self._folder)):
            found = self._in(place).get(target.path.stem, [])
            if len(found) > 1:
                raise PlanError(f"{found[0]} and {found[1]} are both hints for {target.name}; keep one of them.")
            if found:
                return found[0]
        return None

    def besides(self, used: Iterable[Path], *, recursive: bool) -> tuple[str, ...]:
        """The names below the folder of all other hints in it, in natural order; hidden ones are passed over.

        Args:
            used: paths as `of` returns them.
            recursive: with those in its subfolders.
        """
        from excolor.photo.file_names import is_hidden, natural_order

        others: set[Path] = set()
        for place, folders, _ in os.walk(self._folder):
            folders[:] = [name for name in folders if recursive and not is_hidden(name)]
            others.update(path for paths in self._in(Path(place)).values() for path in paths)
        names = (
            path.relative_to(self._folder).as_posix() for path in others.difference(used) if not is_hidden(path.name)
        )
        return tuple(sorted(names, key=natural_order))

    def _in(self, place: Path) -> Mapping[str, list[Path]]:
        """Hints directly in a folder, by the names of their targets without suffixes; nothing if there is no folder."""
        if place not in self._listed:
            self._listed[place] = found = defaultdict[str, list[Path]](list)
            for path in _files_in(place):
                if path.stem.endswith(_ENDING) and path.suffix.lower() in SUFFIXES:
                    found[path.stem.removesuffix(_ENDING)].append(path)
        return self._listed[place]


def _files_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / entry.name for entry in entries if entry.is_file())
    except OSError:
        return []
