"""Which pictures a batch works on: files, folders, globs, lists, standard input; settled before any work begins."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from excolor import remote
from excolor.errors import PhotoError, PlanError
from excolor.remote import RemotePath, as_path, is_remote, names_in

STDIN = Path("-")


@dataclass(frozen=True)
class Source:
    """A picture to work on.

    Attributes:
        path: of its file.
        below: its folder relative to the one that was given, which the results mirror.
        root: the folder that was given.
    """

    path: Path
    below: Path = Path()
    root: Path | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return "standard input" if self.path == STDIN else str(self.path)

    @property
    def relative(self) -> Path:
        """Its path below the folder that was given, which is the same on all machines; or as it was given."""
        return self.path if self.root is None else self.below / self.path.name


def expand(
    arguments: Sequence[str],
    *,
    recursive: bool,
    output: str | None,
    root: Path | None = None,
    passed_over: set[str] | None = None,
) -> list[Source]:
    """The pictures that arguments stand for, each once: in the order given, in natural order within folders and globs.

    What exists under the very name of an argument is that file or folder; otherwise `@NAME` is a list of files and a
    name with wildcards is a glob. `-` is standard input. A file that does not exist is an error only when it is read.

    Args:
        arguments: as typed.
        recursive: look into the subfolders of folders.
        output: of -o, as typed; what is in a folder of results is no input.
        root: a folder whose subfolders are mirrored for the files of lists and globs, too, which are all in it.
        passed_over: the folders of storage boxes and systems that were met are added to it.

    Raises:
        PlanError: a folder without -o, `-` among others, or a file that is not in `root`.
        PhotoError: a folder, glob or list that cannot be read or holds nothing.
    """
    if "-" in arguments:
        if len(arguments) > 1:
            raise PlanError("- is one picture from standard input; give it alone.")
        return [Source(STDIN)]
    found = each_once(source for argument in arguments for source in _expand(argument, recursive, output, passed_over))
    return found if root is None else [_in_root(source, root) for source in found]


def pictures_in(
    folder: Path, *, recursive: bool, leave_out: str | None = None, passed_over: set[str] | None = None
) -> list[Source]:
    """The pictures in a folder, recognized by their suffixes, in natural order; hidden ones are skipped.

    Args:
        folder: where to look.
        recursive: in its subfolders too (links to folders are not followed).
        leave_out: the real path of a subfolder to skip.
        passed_over: as in `expand`.

    Raises:
        PhotoError: there are none, or a folder cannot be looked into.
    """
    if isinstance(folder, RemotePath):
        return _in_remote_folder(folder, recursive, leave_out)
    from excolor.photo import Collection

    pictures = Collection.open(folder, recursive=recursive, leave_out=leave_out)
    found = [Source(folder / name, Path(name).parent, folder) for name in pictures]
    if passed_over is not None:
        passed_over.update(pictures.passed_over)
    return found


def each_once(sources: Iterable[Source]) -> list[Source]:
    """Without repetitions. A link is another name and so another picture; two ways to one name are not."""
    unique: dict[str, Source] = {}
    real: dict[Path, str] = {}
    for source in sources:
        if isinstance(source.path, RemotePath):
            unique.setdefault(source.path.address, source)
            continue
        folder = source.path.parent
        if folder not in real:
            real[folder] = os.path.realpath(folder)
        unique.setdefault(os.path.join(real[folder], source.path.name), source)  # noqa: PTH118
    return list(unique.values())


def lists_in(arguments: Sequence[str]) -> list[Path]:
    """The files that hold lists, of the arguments of `expand`."""
    return [Path(argument[1:]) for argument in arguments if argument.startswith("@") and not os.path.lexists(argument)]


def is_folder(path: Path) -> bool:
    """Whether there is a folder of this name, here or in an object store. PhotoError if the store does not tell."""
    if isinstance(path, RemotePath):
        return remote.is_folder(path)
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for names that are too long


def is_folder_name(output: str) -> bool:
    """Whether -o names a folder: one that is there, or a name that ends in a slash or has no suffix."""
    return os.path.isdir(output) or output.endswith(("/", os.sep)) or not as_path(output).suffix  # noqa: PTH112


def _expand(argument: str, recursive: bool, output: str | None, passed_over: set[str] | None) -> list[Source]:
    if os.path.isdir(argument):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        return _in_folder(Path(argument), recursive, output, passed_over)
    if is_remote(argument):
        path = as_path(argument)
        is_named_folder = argument.partition("?")[0].endswith("/")
        if isinstance(path, RemotePath) and (is_named_folder or is_folder(path)):
            return _in_folder(path, recursive, output, passed_over)
        return [Source(path)]
    is_list = argument.startswith("@")
    if is_list and is_remote(argument[1:]):
        raise PlanError(f"@{as_path(argument[1:])}: lists are read on this machine; copy it, and name the copy.")
    if os.path.lexists(argument) or not (is_list or glob.has_magic(argument)):
        return [Source(Path(argument))]
    from excolor.photo import Collection

    pictures = Collection.open(argument, leave_out=_folder_of_results(output))
    found = [Source(as_path(path)) for path in pictures]
    if passed_over is not None:
        passed_over.update(pictures.passed_over)
    return found


def _in_root(source: Source, root: Path) -> Source:
    """A file that was named, as if its folder had been given."""
    if source.root is not None:
        return source
    if isinstance(root, RemotePath):
        name = source.path.below(root) if isinstance(source.path, RemotePath) else None
        below = None if name is None else _folder_below(name)
    else:
        path, folder = (Path(os.path.abspath(each)) for each in (source.path, root))  # noqa: PTH100 - links are kept
        below = path.relative_to(folder).parent if path.is_relative_to(folder) else None
    if below is None or ".." in below.parts:
        raise PlanError(
            f"{source.path} is not in the root folder {root}; leave it out, or give another root.", settings=("root",)
        )
    return Source(source.path, below, root)


def _in_folder(folder: Path, recursive: bool, output: str | None, passed_over: set[str] | None) -> list[Source]:
    results = _folder_of_results(output)
    if results is None and output not in (None, "-"):
        raise PlanError(
            f"{folder} is a folder and the output {output} a file; end it in a slash for a folder.",
            settings=("output",),
        )
    if results is None:
        raise PlanError(
            f"{folder} is a folder: give another one for the results. "
            "Beside the pictures they would be taken for pictures to work on the next time.",
            settings=("output",),
        )
    if results == _real(folder):
        raise PlanError(
            f"the output {output} is the folder of the pictures itself; give another one for the results.",
            settings=("output",),
        )
    return pictures_in(folder, recursive=recursive, leave_out=results, passed_over=passed_over)


def _folder_of_results(output: str | None) -> str | None:
    return _real(as_path(output)) if output is not None and output != "-" and is_folder_name(output) else None


def _real(path: Path) -> str:
    return path.address if isinstance(path, RemotePath) else os.path.realpath(path)


def _folder_below(name: str) -> Path:
    """The folder of a name in an object store: slashes in a row separate as one does, even if it begins with them."""
    return Path(name.lstrip("/")).parent


def _in_remote_folder(folder: RemotePath, recursive: bool, leave_out: str | None) -> list[Source]:
    from excolor.photo.file_names import is_hidden, is_picture, natural_order

    names = names_in(folder, recursive=recursive)
    if not names and not remote.is_folder(folder):
        raise PhotoError(f"cannot look into {folder}: there is no such folder; check its name and the bucket's")
    found = [
        name
        for name in sorted(names, key=natural_order)
        if is_picture(Path(name).name)
        and not any(map(is_hidden, Path(name).parts))
        and not (leave_out and (folder / name).address.startswith(leave_out + "/"))
    ]
    if not found:
        more = "" if recursive else "; look into its subfolders with --recursive"
        raise PhotoError(f"{folder}: there are no pictures in this folder{more}")
    root = cast("Path", folder)
    return [Source(root / name, _folder_below(name), root) for name in found]
