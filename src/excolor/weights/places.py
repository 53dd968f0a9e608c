"""Where files of the table may lie on this machine, and whether what lies there is what it should be."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from excolor.errors import CheckpointError, SettingError
from excolor.weights.hub_cache import cached_path, hub_cache_folder, is_sha256
from excolor.weights.table import ForeignCheckpoint, Hub, Package, StoredFile

PACKAGE = Path(__file__).parents[1]

_PART = ".part.safetensors"


def cache_folder() -> Path:
    """Where files are kept that come from web servers: $XDG_CACHE_HOME/excolor, or ~/.cache/excolor.

    A relative $XDG_CACHE_HOME counts for nothing, as the XDG Base Directory Specification has it.

    Raises:
        SettingError: there is no home folder either.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():
        try:
            caches = Path.home() / ".cache"
        except RuntimeError as error:
            raise SettingError("there is no home folder to keep models in; set XDG_CACHE_HOME to a folder") from error
    return caches / "excolor"


def cache_path(stored: StoredFile) -> Path:
    """Where a file is kept in the cache, and where it may be put by hand: below the beginning of its checksum.

    So files of the same name never replace each other, whatever a table says.
    """
    return cache_folder() / stored.sha256[:12] / stored.file


def converted_path(name: str, foreign: ForeignCheckpoint, *, part: bool = False) -> Path:
    """Where a foreign checkpoint is kept as one of ours; `part` is as in `is_part`."""
    return cache_path(foreign).with_name(f"{name}{_PART if part else '.safetensors'}")


def is_part(path: Path) -> bool:
    """Whether a converted checkpoint was made from parts of a file, on which no checksum could be checked."""
    return path.name.endswith(_PART)


def find_converted(name: str, foreign: ForeignCheckpoint) -> Path | None:
    """The path of a foreign checkpoint that was converted before. Raises CheckpointError if a link leads astray."""
    for path in (converted_path(name, foreign), converted_path(name, foreign, part=True)):
        if path.is_file():
            check_inside(path, cache_folder())
            return path
    return None


def places(stored: StoredFile) -> Iterator[tuple[Path, Path | None]]:
    """The paths at which a file is looked for, each with the folder that it may not leave by symbolic links.

    The package has no such folder: installers may link it from a store of their own.
    """
    if Package() in stored.sources:
        yield PACKAGE / "checkpoints" / stored.file, None
    yield cache_path(stored), cache_folder()
    for source in stored.sources:
        if isinstance(source, Hub):
            yield cached_path(source), hub_cache_folder()


def find_local(stored: StoredFile) -> Path | None:
    """The path of a file that is on this machine, whatever is in it. Raises CheckpointError if a link leads astray.

    Only what came with excolor, which nothing but its next release replaces, is passed over if its checksum is another
    and there are other sources: a table of the user's own may know a newer file of that name.
    """
    for path, root in places(stored):
        if root is None and len(stored.sources) > 1 and path.is_file() and not is_right(path, stored):
            continue
        if os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises where a folder is closed
            if root is not None:
                check_inside(path, root)
            return path
    return None


def check_inside(path: Path, root: Path) -> None:
    """Raise CheckpointError if symbolic links lead from `path`, which is below `root`, to somewhere else."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise CheckpointError(f"{path} leads out of {root} by a symbolic link; put the file itself there")


def is_packed(path: Path) -> bool:
    """Whether a file came with excolor, so that only installing excolor again can mend it."""
    return path.is_relative_to(PACKAGE)


def is_right(path: Path, stored: StoredFile) -> bool:
    """Whether the file at `path` has the checksum of `stored`. Raises CheckpointError if it cannot be read."""
    return sha256_of(path).startswith(stored.sha256)


def is_damaged_blob(path: Path) -> bool:
    """Whether a file is named by a checksum, as large ones are in the hub's cache, that is not its own."""
    return is_sha256(path.name) and sha256_of(path) != path.name


def verify(path: Path, stored: StoredFile) -> None:
    """Raise CheckpointError unless the file at `path` has the checksum of `stored`."""
    found = sha256_of(path)
    if not found.startswith(stored.sha256):
        raise CheckpointError(
            f"{path}: sha256 is {found[:12]}… and weights.toml says {stored.sha256[:12]}…; {_way_out(path, found)}"
        )


def _way_out(path: Path, found: str) -> str:
    """What to do about a file of another checksum."""
    if is_packed(path):
        return "the file is damaged, reinstall excolor"
    file = path.resolve()  # the hub's cache has links to its files, and keeps the file when a link is deleted
    if file.name == found:
        return "it holds another file than weights.toml says; correct the sha256 there"
    return f"the file is damaged, delete {file} to fetch it again"


def sha256_of(path: Path) -> str:
    """The checksum of a file, in hex. Raises CheckpointError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check that it is there") from error
