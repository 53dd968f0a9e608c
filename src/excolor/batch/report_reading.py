"""Reports of batches, read from their files: what is said of the whole, and its pictures one by one."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from excolor.batch.events import Status
from excolor.batch.json_stream import members
from excolor.batch.shards import Shard
from excolor.errors import OutputError, PlanError, ReportError
from excolor.remote import is_remote

PRECISION = "precision"
"""A setting that each machine may choose, and that is not recorded where nothing is done."""

_FILES = "files"
_WANTED: dict[str, type | tuple[type, ...]] = {
    **{"excolor": str, "model": str, "checkpoints": dict, "settings": dict, "device": str, "jobs": int},
    **{"interrupted": bool, "seconds": (int, float)},
}
"""What is read of a report, beside its files and its shard."""


@dataclass(frozen=True)
class Report:
    """The report of a batch: made by `read_report`.

    Attributes:
        path: of its file.
        content: all but its pictures, of which there may be more than memory holds.
    """

    path: Path
    content: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """Those that all reports of a run have in common."""
        return {name: value for name, value in self.content["settings"].items() if name != PRECISION}

    @property
    def shard(self) -> Shard | None:
        """Whose share it is; None if the batch was not shared."""
        shard = self.content.get("shard")
        return None if shard is None else Shard(shard["number"], shard["count"])

    def files(self) -> Iterator[Mapping[str, Any]]:
        """What became of each picture, as in `excolor.batch.events.Outcome`. Raises ReportError as `read_report`."""
        with _read(self.path) as content:
            for name, value in content:
                if name != _FILES:
                    continue
                for file in value:
                    if not _is_file(file):
                        raise _no_report(self.path)
                    yield file


def read_report(path: Path) -> Report:
    """Read what `--report` has written, as far as needed to know all but its pictures.

    Raises:
        ReportError: it cannot be read, or is something else.
    """
    content: dict[str, Any] = {}
    has_files = False
    with _read(path) as found:
        for name, value in found:
            if name != _FILES:
                content[name] = value
                continue
            has_files = True
            if content.keys() >= {*_WANTED, "shard"}:  # as they are written; what follows are the pictures
                break
    if not has_files or not _is_whole(content):
        raise _no_report(path)
    return Report(path, content)


def is_report(path: Path) -> bool:
    """Whether a file is a report, as far as its beginning tells."""
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for names that are too long
        return False
    try:
        read_report(path)
    except ReportError:
        return False
    return True


def makes_way(path: Path, is_known: Callable[[str], bool]) -> bool:
    """Whether a file is a report that one about known pictures replaces, since it is about no others.

    Pictures of a folder that is here, and not in it any more, are nobody's. Of those with relative names nobody knows
    where they were, nor of those in a folder that is not here whether they are. False if there is no report at all.

    Args:
        path: where the report is to go.
        is_known: whether a picture, as reports name it, is one of the new report's.

    Raises:
        OutputError: it is the report of others, which would be lost.
    """
    if not is_report(path):
        return False
    try:
        for file in read_report(path).files():
            name = file["input"]
            if not is_known(name) and not _is_removed(name):
                raise OutputError(
                    f"{path} is the report of other pictures, such as {name}; write this one elsewhere",
                    settings=("output",),
                )
    except ReportError:
        return False
    return True


def _is_removed(name: str) -> bool:
    """Whether a picture, as reports name it, is surely not there any more."""
    is_told = not is_remote(name) and os.path.isabs(name) and os.path.isdir(os.path.dirname(name))  # noqa: PTH112, PTH117, PTH120
    return is_told and not os.path.lexists(name)


@contextmanager
def _read(path: Path) -> Iterator[Iterator[tuple[str, Any]]]:
    """The members of a report, and what goes wrong with them as a ReportError."""
    try:
        with path.open(encoding="utf-8") as file:
            yield members(file, _FILES)
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}; check its name and folder") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not a report of excolor: it is not JSON; give files of --report") from error


def _no_report(path: Path) -> ReportError:
    return ReportError(f"{path} is not a report of excolor; give files of --report")


def _is_whole(content: Mapping[str, Any]) -> bool:
    if not all(isinstance(content.get(name), kind) for name, kind in _WANTED.items()):
        return False
    shard = content.get("shard")
    return shard is None or _is_shard(shard)


def _is_file(file: Any) -> bool:
    return isinstance(file, dict) and isinstance(file.get("input"), str) and file.get("status") in get_args(Status)


def _is_shard(shard: Any) -> bool:
    try:
        Shard(shard["number"], shard["count"])
    except (KeyError, TypeError, PlanError):
        return False
    return isinstance(shard["number"], int) and isinstance(shard["count"], int)
