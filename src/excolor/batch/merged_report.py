"""The reports of shards as one: added up, checked against each other, with a list of what is left to do.

A picture that is in several reports, as one that failed and was tried again is, counts once, by the best of them.
Reports are read one picture at a time: of each, memory holds 16 bytes, and the name and the error of what failed.
"""

import filecmp
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from excolor.batch.events import Status
from excolor.batch.picture_index import PictureIndex, SortedPictures
from excolor.batch.report_reading import PRECISION, Report, read_report
from excolor.errors import ReportError
from excolor.photo.collection import LIST_MARK
from excolor.remote import is_shortened

_SAME = ("excolor", "model", "checkpoints")
"""What the reports of one run have in common, beside the settings."""

_STATUSES: tuple[Status, ...] = get_args(Status)  # from best to worst: written, skipped, failed, not begun
_RANKS = {status: rank for rank, status in enumerate(_STATUSES)}
_LEFT = (_RANKS["failed"], _RANKS["not begun"])


@dataclass(frozen=True)
class MergedReport:
    """The reports of one run; made by `merge_reports`.

    Attributes:
        reports: those of shards in their order, after all others.
        notes: which of those that were given were left out, and why.
        pictures: all, each once, with the rank of its status.
        unfinished: the pictures that failed or were not begun according to any report, with the error if there was one.
    """

    reports: tuple[Report, ...]
    notes: tuple[str, ...]
    pictures: SortedPictures
    unfinished: Mapping[str, str | None]

    @property
    def totals(self) -> dict[Status, int]:
        """How many pictures have each status."""
        return {status: self.pictures.totals.get(rank, 0) for rank, status in enumerate(_STATUSES)}

    @property
    def seconds(self) -> float:
        """The time that all took together, as if one after the other."""
        return float(sum(report.content["seconds"] for report in self.reports))

    @property
    def failures(self) -> list[str]:
        """What is known of the pictures that failed: the error, or else the path."""
        failed = _RANKS["failed"]
        return [error or name for name, error in self.unfinished.items() if self.pictures.rank(name) == failed]

    @property
    def missing(self) -> list[str]:
        """The shards of which there is no report."""
        shards = {report.shard for report in self.reports if report.shard}
        numbers = {shard.number for shard in shards}
        count = max((shard.count for shard in shards), default=0)
        return [f"{number}/{count}" for number in range(1, count + 1) if number not in numbers]

    @property
    def to_retry(self) -> list[str]:
        """The paths of the pictures that failed or were not begun."""
        return [name for name in self.unfinished if self.pictures.rank(name) in _LEFT]

    @property
    def content(self) -> dict[str, Any]:
        """A report of the whole, in the form of those that it is made of, without its `files`."""
        first = self.reports[0]
        settings = first.settings
        precisions = {report.content["settings"].get(PRECISION) for report in self.reports}
        if len(precisions) == 1 and None not in precisions:
            settings = {**settings, PRECISION: precisions.pop()}
        return {
            **{name: first.content[name] for name in _SAME},
            "settings": settings,
            "device": ", ".join(sorted({report.content["device"] for report in self.reports})),
            "jobs": sum(report.content["jobs"] for report in self.reports),
            "shard": None,
            "interrupted": any(report.content["interrupted"] for report in self.reports),
            "seconds": round(self.seconds, 3),
            "totals": self.totals,
        }

    def has(self, name: str) -> bool:
        """Whether a picture is in the reports, by its path there."""
        return self.pictures.rank(name) is not None

    def files(self) -> Iterator[Mapping[str, Any]]:
        """What became of each picture, as in `excolor.batch.events.Outcome`; the reports are read anew, once."""
        counts = self.pictures.each_once()
        for report in self.reports:
            for file in report.files():
                if counts(file["input"], _RANKS[file["status"]]):
                    yield file


def merge_reports(paths: Sequence[Path], read: Callable[[], None] = lambda: None) -> MergedReport:
    """Put the reports of one run together.

    Args:
        paths: of their files. One that is given twice, and a copy of another one, is left out.
        read: is called when a report has been read.

    Raises:
        ReportError: one cannot be read, or they are not of one run.
    """
    reports, notes = _each_once(paths)
    _check_one_run(reports)
    ordered = sorted(reports, key=lambda report: report.shard.number if report.shard else 0)
    index, unfinished = PictureIndex(), dict[str, str | None]()
    for report in ordered:
        for file in report.files():
            name, rank = file["input"], _RANKS[file["status"]]
            index.add(name, rank)
            if rank in _LEFT:
                unfinished[name] = unfinished.get(name) or file.get("error")
        read()
    return MergedReport(tuple(ordered), tuple(notes), index.sort(), unfinished)


def _each_once(paths: Sequence[Path]) -> tuple[list[Report], list[str]]:
    """The reports, and a note of each that is left out."""
    reports: dict[Path, Report] = {}
    alike: dict[tuple[int, str], list[Report]] = {}
    notes: list[str] = []
    for path in paths:
        real = path.resolve()
        if real in reports:
            notes.append(f"{path} is given twice: it counts once")
            continue
        report = read_report(path)
        same = alike.setdefault((path.stat().st_size, json.dumps(report.content, sort_keys=True)), [])
        copied = next((other for other in same if filecmp.cmp(path, other.path, shallow=False)), None)
        if copied is not None:
            notes.append(f"{path} is a copy of {copied.path}: it is left out")
            continue
        same.append(report)
        reports[real] = report
    return list(reports.values()), notes


def _check_one_run(reports: Sequence[Report]) -> None:
    first, by_count = reports[0], dict[int, Report]()
    for report in reports:
        for name in _SAME:
            if report.content[name] != first.content[name]:
                raise _of_different_runs(first, report, name)
        if report.settings != first.settings:
            raise _of_different_runs(first, report, "settings")
        if report.shard is not None:
            by_count[report.shard.count] = report
    if len(by_count) > 1:
        (one, some), (two, others) = list(by_count.items())[:2]
        raise ReportError(
            f"{some.path} is one of {one} shards and {others.path} one of {two}; merge each run by itself"
        )


def _of_different_runs(first: Report, other: Report, name: str) -> ReportError:
    return ReportError(f"{first.path} and {other.path} are of different runs: {name} differs; merge each run by itself")


def list_of(paths: Sequence[str]) -> tuple[str, list[str]]:
    """The text of an `@LIST` with these paths, marked as ours, and the paths that no such list can hold.

    The text is empty if there is nothing to list.
    """
    unfit = [path for path in paths if not _fits_on_a_line(path)]
    fit = [path for path in paths if _fits_on_a_line(path)]
    return "".join(f"{line}\n" for line in (LIST_MARK, *fit)) if fit else "", unfit


def is_list_of(path: Path, is_known: Callable[[str], bool], *, is_ours: bool) -> bool:
    """Whether a file is an `@LIST` of known paths, one at least, and nothing else.

    Args:
        path: of the file.
        is_known: whether a path is one of these.
        is_ours: take only what `list_of` has made, and not a person's list of the same paths.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return False
    is_marked = lines[0] == LIST_MARK
    paths = [line for line in lines[is_marked:] if line]
    return bool(paths) and all(map(is_known, paths)) and (is_marked or not is_ours)


def _fits_on_a_line(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # a name that is not text
        return False
    return bool(path.strip()) and not set(path) & {"\n", "\0"} and not path.endswith("\r") and not is_shortened(path)
