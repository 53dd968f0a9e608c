"""The reports of shards as one: added up, checked against each other, with a list of what is left to do.

A picture that is in several reports, as one that failed and was tried again is, counts once, by the best of them.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from excolor.batch.events import Status
from excolor.batch.shards import Shard
from excolor.errors import PlanError, ReportError

_SAME = ("excolor", "model", "checkpoints")
"""What the reports of one run have in common, beside the settings."""

_PRECISION = "precision"  # a setting that each machine may choose, and that is not recorded where nothing is done

_RANKS = {status: rank for rank, status in enumerate(get_args(Status))}  # written, skipped, failed, not begun


@dataclass(frozen=True)
class Report:
    """The report of a batch as it was read from its file."""

    path: Path
    content: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """Those that all reports of a run have in common."""
        return {name: value for name, value in self.content["settings"].items() if name != _PRECISION}

    @property
    def shard(self) -> Shard | None:
        """Whose share it is; None if the batch was not shared."""
        shard = self.content.get("shard")
        return None if shard is None else Shard(shard["number"], shard["count"])

    @property
    def files(self) -> Sequence[Mapping[str, Any]]:
        """What became of each picture, as in `excolor.batch.events.Outcome`."""
        files: Sequence[Mapping[str, Any]] = self.content["files"]
        return files


@dataclass(frozen=True)
class MergedReport:
    """The reports of one run; made by `merge_reports`.

    Attributes:
        reports: those of shards in their order, after all others.
        files: what became of each picture, as in `excolor.batch.events.Outcome`.
    """

    reports: tuple[Report, ...]
    files: tuple[Mapping[str, Any], ...]

    @property
    def totals(self) -> dict[Status, int]:
        """How many pictures have each status."""
        counts = Counter(file["status"] for file in self.files)
        return {status: counts[status] for status in get_args(Status)}

    @property
    def seconds(self) -> float:
        """The time that all took together, as if one after the other."""
        return float(sum(report.content["seconds"] for report in self.reports))

    @property
    def failures(self) -> list[Mapping[str, Any]]:
        """The pictures that failed."""
        return [file for file in self.files if file["status"] == "failed"]

    @property
    def missing(self) -> list[Shard]:
        """The shards of which there is no report."""
        shards = {report.shard for report in self.reports}
        count = max((shard.count for shard in shards if shard), default=0)
        return [shard for number in range(1, count + 1) if (shard := Shard(number, count)) not in shards]

    @property
    def to_retry(self) -> list[str]:
        """The paths of the pictures that failed or were not begun."""
        return [file["input"] for file in self.files if file["status"] in ("failed", "not begun")]

    @property
    def content(self) -> dict[str, Any]:
        """A report of the whole, in the form of those that it is made of."""
        first = self.reports[0]
        settings = first.settings
        precisions = {report.content["settings"].get(_PRECISION) for report in self.reports}
        if len(precisions) == 1 and None not in precisions:
            settings = {**settings, _PRECISION: precisions.pop()}
        return {
            **{name: first.content[name] for name in _SAME},
            "settings": settings,
            "device": ", ".join(sorted({report.content["device"] for report in self.reports})),
            "jobs": sum(report.content["jobs"] for report in self.reports),
            "shard": None,
            "interrupted": any(report.content["interrupted"] for report in self.reports),
            "seconds": round(self.seconds, 3),
            "totals": self.totals,
            "files": list(self.files),
        }


def read_report(path: Path) -> Report:
    """Read what `--report` has written.

    Raises:
        ReportError: it cannot be read, or is something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}; check its name and folder") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not a report of excolor: it is not JSON; give files of --report") from error
    report = Report(path, content)
    if not _is_report(content):
        raise ReportError(f"{path} is not a report of excolor; give files of --report")
    return report


def merge_reports(paths: Sequence[Path]) -> MergedReport:
    """Put the reports of one run together.

    Raises:
        ReportError: one cannot be read, or they are not of one run.
    """
    reports = [read_report(path) for path in paths]
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
    ordered = tuple(sorted(reports, key=lambda report: report.shard.number if report.shard else 0))
    best: dict[str, Mapping[str, Any]] = {}
    for file in (file for report in ordered for file in report.files):
        known = best.setdefault(file["input"], file)
        if _RANKS[file["status"]] < _RANKS[known["status"]]:
            best[file["input"]] = file
    return MergedReport(ordered, tuple(best.values()))


def _of_different_runs(first: Report, other: Report, name: str) -> ReportError:
    return ReportError(f"{first.path} and {other.path} are of different runs: {name} differs; merge each run by itself")


def list_of(paths: Sequence[str]) -> tuple[str, list[str]]:
    """The text of an `@LIST` with these paths, and the paths that no such list can hold."""
    unfit = [path for path in paths if not _fits_on_a_line(path)]
    return "".join(f"{path}\n" for path in paths if _fits_on_a_line(path)), unfit


def _fits_on_a_line(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # a name that is not text
        return False
    return bool(path.strip()) and not set(path) & {"\n", "\0"} and not path.endswith("\r")


def _is_report(content: Any) -> bool:
    """Whether JSON has all that is read of a report here."""
    wanted = {"excolor": str, "model": str, "checkpoints": dict, "settings": dict, "device": str, "jobs": int}
    wanted |= {"interrupted": bool, "seconds": (int, float), "files": list}  # type: ignore[dict-item]
    if not isinstance(content, dict) or not all(isinstance(content.get(name), kind) for name, kind in wanted.items()):
        return False
    shard = content.get("shard")
    if shard is not None and not _is_shard(shard):
        return False
    return all(
        isinstance(file, dict) and isinstance(file.get("input"), str) and file.get("status") in get_args(Status)
        for file in content["files"]
    )


def _is_shard(shard: Any) -> bool:
    try:
        Shard(shard["number"], shard["count"])
    except (KeyError, TypeError, PlanError):
        return False
    return isinstance(shard["number"], int) and isinstance(shard["count"], int)
