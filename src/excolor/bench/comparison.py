"""Compare a run with an earlier one: is anything slower?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from excolor.bench.results import OUT_OF_MEMORY, Cell, Results
from excolor.bench.table import label_of, runs_on, size_label, timing_text
from excolor.bench.tasks import BenchTask
from excolor.errors import SettingError
from excolor.reporting.table import Table
from excolor.reporting.timing import Timing


@dataclass(frozen=True)
class Change:
    """One step of one task, before and now; None where it ran out of memory."""

    task: BenchTask
    step: str
    before: Timing | None
    now: Timing | None

    @property
    def ratio(self) -> float | None:
        """Of the medians, now to before: above 1 is slower."""
        return None if self.before is None or self.now is None else self.now.median / self.before.median

    def is_regression(self, threshold: float) -> bool:
        """Whether it is slower by more than `threshold`, a share, and by more than its runs differ.

        That is, the quartiles of both do not overlap, because noise of single runs is no regression. Running out of
        memory where there was enough before is one.
        """
        if self.now is None:
            return self.before is not None
        if self.before is None:
            return False
        return self.now.median > (1 + threshold) * self.before.median and self.now.lower > self.before.upper


def check_comparable(tasks: Sequence[BenchTask], device_name: str, before: Results) -> None:
    """Check, before any long work, that `tasks` on this device can be compared with an earlier run.

    Raises:
        SettingError: the earlier run was on another device, with other threads or another dtype, or has none of the
            tasks.
    """
    if before.run["device_name"] != device_name:
        raise SettingError(
            f"the earlier run was on {before.run['device_name']} and this is {device_name}: "
            "times cannot be compared; give a run on this device"
        )
    earlier = {_key(cell.task): cell.task for cell in before.cells}
    common = [(earlier[_key(task)], task) for task in tasks if _key(task) in earlier]
    if not common:
        raise SettingError(
            "the earlier run has no method and size in common with this one; choose what that run had",
            settings=("sizes", "models"),
        )
    for then, now in common:
        if runs_on(then) != runs_on(now):
            raise SettingError(
                f"{label_of(now)} was measured on {runs_on(then)} and is now on {runs_on(now)}: "
                "times cannot be compared; choose what that run had",
                settings=("device", "threads", "precision"),
            )


def compare_results(before: Results, now: Results) -> list[Change]:
    """Every step that both runs have, in the order of this one."""
    earlier = {_key(cell.task): cell for cell in before.cells}
    pairs = ((earlier[_key(cell.task)], cell) for cell in now.cells if _key(cell.task) in earlier)
    return [change for then, cell in pairs for change in _changes(then, cell)]


def comparison_table(changes: Sequence[Change], threshold: float) -> Table:
    """Both times and their ratio; slower ones are marked."""

    def seconds(taken: Timing | None) -> str:
        return OUT_OF_MEMORY if taken is None else timing_text(taken)

    rows = []
    for change in changes:
        ratio = "–" if change.ratio is None else f"{change.ratio:.2f}"
        mark = " slower" if change.is_regression(threshold) else ""
        label = f"{label_of(change.task)}: {change.step}"
        rows.append((label, size_label(change.task.size), seconds(change.before), seconds(change.now), ratio + mark))
    return Table("Compared: seconds (quartiles)", ("method", "size", "before", "now", "ratio"), rows)


def other_weights(before: Results, run: Mapping[str, Any]) -> list[str]:
    """The models of a run whose checkpoints differ from those of the earlier run."""
    then = before.run["checkpoints"]
    return [name for name, files in run["checkpoints"].items() if name in then and then[name] != files]


def _key(task: BenchTask) -> tuple[object, ...]:
    return task.method, task.name, task.compiled, task.size


def _changes(before: Cell, now: Cell) -> Iterator[Change]:
    measured = now.measurement or before.measurement
    for step in measured.steps if measured else ():
        then, later = (None if cell.measurement is None else cell.measurement.steps[step] for cell in (before, now))
        yield Change(now.task, step, then, later)
