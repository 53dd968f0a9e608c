"""Which pictures a command works on: files, folders, globs, lists, standard input; settled before any work begins."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from excolor.errors import PhotoError

STDIN = Path("-")


@dataclass(frozen=True)
class Source:
    """A picture to work on, and its folder below the one that was given: mirrored where the results go."""

    path: Path
    below: Path = Path()

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return "standard input" if self.path == STDIN else str(self.path)


def expand(arguments: Sequence[str], *, recursive: bool, output: str | None) -> list[Source]:
    """The pictures that arguments stand for, each once: in the order given, in natural order within folders and globs.

    What exists under the very name of an argument is that file or folder; otherwise `@NAME` is a list of files and a
    name with wildcards is a glob. `-` is standard input. Files that do not exist are said by whoever reads them.

    Args:
        arguments: as typed.
        recursive: look into the subfolders of folders.
        output: of -o, as typed; what lies in a folder of results is no input.

    Raises:
        click.UsageError: a folder without -o, or `-` among others.
        PhotoError: a folder, glob or list that cannot be read or holds nothing.
    """
    if "-" in arguments:
        if len(arguments) > 1:
            raise click.UsageError("- is one picture from standard input; give it alone.")
        return [Source(STDIN)]
    found = (source for argument in arguments for source in _expand(argument, recursive, output))
    return each_once(found)


def pictures_in(folder: Path, *, recursive: bool, leave_out: str | None = None) -> list[Source]:
    """The pictures in a folder, told by their suffixes, in natural order; hidden ones are left out.

    Args:
        folder: where to look.
        recursive: in its subfolders too (links to folders are not followed).
        leave_out: the real path of a subfolder not to look into.

    Raises:
        PhotoError: there are none, or a folder cannot be looked into.
    """
    from excolor.photo import READABLE_SUFFIXES

    paths: list[Path] = []
    for place, subfolders, names in os.walk(folder, onerror=_cannot_look):
        subfolders[:] = [
            name
            for name in subfolders
            if recursive and not name.startswith(".") and os.path.realpath(os.path.join(place, name)) != leave_out  # noqa: PTH118
        ]
        paths += [
            Path(place, name)
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in READABLE_SUFFIXES  # noqa: PTH122
        ]
    if not paths:
        more = "" if recursive else "; look into its subfolders with --recursive"
        raise PhotoError(f"{folder}: there are no pictures in this folder{more}")
    return [Source(path, path.parent.relative_to(folder)) for path in sorted(paths, key=_natural)]


def each_once(sources: Iterable[Source]) -> list[Source]:
    """Without repetitions. A link is another name and so another picture; two ways to one name are not."""
    unique: dict[str, Source] = {}
    real: dict[Path, str] = {}
    for source in sources:
        folder = source.path.parent
        if folder not in real:
            real[folder] = os.path.realpath(folder)
        unique.setdefault(os.path.join(real[folder], source.path.name), source)  # noqa: PTH118
    return list(unique.values())


def lists_in(arguments: Sequence[str]) -> list[Path]:
    """The files that hold lists, of the arguments of `expand`."""
    return [Path(argument[1:]) for argument in arguments if argument.startswith("@") and not os.path.lexists(argument)]


def is_folder_name(output: str) -> bool:
    """Whether -o names a folder: one that is there, or a name that ends in a slash or has no suffix."""
    return os.path.isdir(output) or output.endswith(("/", os.sep)) or not Path(output).suffix  # noqa: PTH112


def _expand(argument: str, recursive: bool, output: str | None) -> list[Source]:
    if os.path.isdir(argument):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        return _in_folder(Path(argument), recursive, output)
    if os.path.lexists(argument):
        return [Source(Path(argument))]
    if argument.startswith("@"):
        return _listed(Path(argument[1:]))
    if any(wildcard in argument for wildcard in "*?["):
        return _globbed(argument, output)
    return [Source(Path(argument))]


def _in_folder(folder: Path, recursive: bool, output: str | None) -> list[Source]:
    results = _folder_of_results(output)
    if results is None and output not in (None, "-"):
        raise click.UsageError(f"{folder} is a folder and -o {output} names a file; end it in a slash for a folder.")
    if results is None:
        raise click.UsageError(
            f"{folder} is a folder: give another one for the results with -o. "
            "Beside the pictures they would be taken for pictures to work on the next time."
        )
    if results == os.path.realpath(folder):
        raise click.UsageError(f"-o {output} is the folder of the pictures itself; give another one for the results.")
    return pictures_in(folder, recursive=recursive, leave_out=results)


def _globbed(pattern: str, output: str | None) -> list[Source]:
    paths = [Path(name) for name in glob.glob(pattern, recursive=True) if os.path.isfile(name)]  # noqa: PTH113, PTH207
    start = os.path.realpath(os.path.dirname(re.split(r"[*?\[]", pattern)[0]))  # noqa: PTH120
    results = _folder_of_results(output)
    if results is not None and results != start and _is_in(results, start):
        paths = [path for path in paths if not _is_in(os.path.realpath(path), results)]
    if not paths:
        raise PhotoError(f"{pattern}: no file matches; check the pattern and its folder")
    return [Source(path) for path in sorted(paths, key=_natural)]


def _listed(path: Path) -> list[Source]:
    """The pictures of a list: UTF-8, a path a line, taken as it is."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PhotoError(f"@{path}: the list cannot be read ({error.strerror}); check its name and folder") from error
    except UnicodeDecodeError as error:
        raise PhotoError(f"@{path}: the list is not in UTF-8 (byte {error.start + 1}); save it in UTF-8") from error
    if "\0" in text:
        raise PhotoError(f"@{path}: this is no list of files in UTF-8; save one path a line")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    sources = [Source(Path(line)) for line in lines if line.strip()]
    if not sources:
        raise PhotoError(f"@{path}: the list is empty; write one path a line")
    return sources


def _folder_of_results(output: str | None) -> str | None:
    return os.path.realpath(output) if output is not None and output != "-" and is_folder_name(output) else None


def _is_in(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _cannot_look(error: OSError) -> NoReturn:
    raise PhotoError(f"{error.filename}: cannot look into this folder ({error.strerror})") from error


def _natural(path: Path) -> tuple[object, ...]:
    """A key by which img2 comes before img10; upper and lower case count only where nothing else tells."""
    return tuple(tuple(_numbers_apart(part)) for part in path.parts), os.fspath(path)


def _numbers_apart(name: str) -> Iterator[tuple[str, int]]:
    for text, digits in re.findall(r"(\D*)(\d*)", name.casefold()):
        yield text, int(digits or 0)
