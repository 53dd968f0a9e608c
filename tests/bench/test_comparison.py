"""A run beside an earlier one."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excolor.bench.comparison import Change, check_comparable, compare_results, comparison_table, other_weights
from excolor.bench.results import Results
from excolor.bench.tasks import BenchTask
from excolor.errors import SettingError
from excolor.reporting.timing import Timing

TASK = BenchTask("networks", "lite", "lite", 256, "cpu", "float32", 1)
SECONDS = st.lists(st.floats(1e-4, 1e2), min_size=1, max_size=12)

Slower = Callable[[Results, float], Results]


def change(before: list[float] | None, now: list[float] | None) -> Change:
    then, later = (None if seconds is None else Timing.of(seconds) for seconds in (before, now))
    return Change(TASK, "total", then, later)


@given(SECONDS, st.floats(0, 2))
def test_the_same_is_no_regression(seconds: list[float], threshold: float) -> None:
    assert change(seconds, seconds).ratio == 1
    assert not change(seconds, seconds).is_regression(threshold)


@given(SECONDS, SECONDS, st.floats(0, 2))
def test_not_both_directions_are_regressions(one: list[float], other: list[float], threshold: float) -> None:
    assert not (change(one, other).is_regression(threshold) and change(other, one).is_regression(threshold))


@given(SECONDS, SECONDS)
def test_what_is_allowed_more_is_refused_less(before: list[float], now: list[float]) -> None:
    verdicts = [change(before, now).is_regression(threshold) for threshold in (0, 0.1, 1, 10)]
    assert verdicts == sorted(verdicts, reverse=True)


def test_clearly_slower_is_a_regression_and_noise_is_not() -> None:
    quiet = [1.0, 1.01, 1.02]
    assert change(quiet, [1.2, 1.21, 1.22]).is_regression(0.1)
    assert not change(quiet, [1.2, 1.21, 1.22]).is_regression(0.3)
    assert not change([1.0, 1.0, 1.3, 1.4, 1.4], [1.0, 1.2, 1.6, 1.7, 1.8]).is_regression(0.1)  # quartiles overlap


def test_memory_that_suffices_no_more_is_a_regression() -> None:
    assert change([1.0], None).is_regression(0.1)
    assert not change(None, [1.0]).is_regression(0.1)
    assert not change(None, None).is_regression(0.1)


def test_two_runs(results: Results, slower: Slower) -> None:
    changes = compare_results(results, slower(results, 1.5))
    assert {round(c.ratio, 9) for c in changes if c.ratio is not None} == {1.5}
    assert len(changes) == 2 * 3 + 3 + 2  # networks in steps, as used, welsh; nothing where memory never sufficed
    assert all(c.is_regression(0.1) for c in changes)
    assert not any(c.is_regression(0.1) for c in compare_results(slower(results, 1.5), results))
    table = comparison_table(changes, 0.1)
    assert (
        "lite: networks: transfer",
        "256×256",
        "0.0655 (0.0590–0.0786)",
        "0.0983 (0.0885–0.118)",
        "1.50 slower",
    ) in (table.rows)


def test_what_is_in_one_run_only_is_left_out(results: Results) -> None:
    part = replace(results, cells=results.cells[:3])
    assert {c.task.size for c in compare_results(results, part)} == {256}
    assert compare_results(part, results) == compare_results(results, part)


def test_what_fits_no_more_is_told(results: Results) -> None:
    starved = replace(results, cells=(replace(results.cells[0], measurement=None), *results.cells[1:]))
    gone = [c for c in compare_results(results, starved) if c.is_regression(0.1)]
    assert [c.step for c in gone] == ["transfer", "colorization", "total"]
    assert comparison_table(gone, 0.1).rows[0][3:] == ("out of memory", "– slower")


def tasks_of(results: Results) -> list[BenchTask]:
    return [cell.task for cell in results.cells]


def test_comparable_runs(results: Results) -> None:
    check_comparable(tasks_of(results), results.run["device_name"], results)
    check_comparable(tasks_of(results)[:1], results.run["device_name"], results)


def test_another_device_is_refused(results: Results) -> None:
    with pytest.raises(SettingError, match=r"Some processor, 2 cores and this is Another"):
        check_comparable(tasks_of(results), "Another", results)


@pytest.mark.parametrize(("field", "value"), [("threads", 3), ("dtype", "bfloat16")])
def test_other_threads_or_dtypes_are_refused(field: str, value: object, results: Results) -> None:
    tasks = [replace(task, **{field: value}) for task in tasks_of(results)]
    with pytest.raises(SettingError, match=str(value)):
        check_comparable(tasks, results.run["device_name"], results)


def test_nothing_in_common_is_refused(results: Results) -> None:
    tasks = [replace(task, size=2048) for task in tasks_of(results)]
    with pytest.raises(SettingError, match="no method and size in common") as raised:
        check_comparable(tasks, results.run["device_name"], results)
    assert raised.value.settings == ("sizes", "models")


def test_other_weights_are_noticed(results: Results) -> None:
    trained = {"checkpoints": {"lite": {"encoder": "new"}, "base": {}}}
    assert other_weights(results, trained) == ["lite"]
    assert other_weights(results, results.run) == []
