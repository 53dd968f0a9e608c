import gc
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from excolor.reporting import timing
from excolor.reporting.timing import Timing, time_calls

SECONDS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=40)


@given(SECONDS)
def test_median_and_quartiles_are_numpys(seconds: list[float]) -> None:
    taken = Timing.of(seconds)
    assert (taken.lower, taken.median, taken.upper) == pytest.approx(np.percentile(seconds, (25, 50, 75)))
    assert taken.runs == len(seconds)


@given(SECONDS, st.randoms())
def test_the_order_of_runs_does_not_matter(seconds: list[float], rng: random.Random) -> None:
    shuffled = seconds.copy()
    rng.shuffle(shuffled)
    assert Timing.of(shuffled) == Timing.of(seconds)


@given(SECONDS, st.floats(1.1, 100))
def test_times_and_their_spread_scale(seconds: list[float], factor: float) -> None:
    slower, taken = Timing.of([s * factor for s in seconds]), Timing.of(seconds)
    assert slower.median == pytest.approx(taken.median * factor)
    assert slower.upper - slower.lower == pytest.approx((taken.upper - taken.lower) * factor, abs=1e-9)


class Clock:
    """Time that passes only when something says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    return clock


def nothing() -> None:
    pass


def test_quick_calls_are_run_more_often_than_asked_and_slow_ones_not(clock: Clock) -> None:
    assert time_calls(lambda: clock.sleep(2**-6), nothing, 1).runs == 13  # 0.2 s
    assert time_calls(lambda: clock.sleep(2**-6), nothing, 5).runs == 64  # 1 s
    assert time_calls(lambda: clock.sleep(4), nothing, 5) == Timing(4, 4, 4, 5)


def test_what_the_device_still_does_counts_and_what_it_did_before_does_not(clock: Clock) -> None:
    """A device that takes a second for what a call asks of it, after the call is back."""
    asked: list[float] = [60]  # which was asked for before

    def synchronize() -> None:
        while asked:
            clock.sleep(asked.pop())

    assert time_calls(lambda: asked.append(1), synchronize, 3) == Timing(1, 1, 1, 3)


def test_the_first_run_does_not_count(clock: Clock) -> None:
    seconds = [1.0, 1.0, 1.0, 60.0]
    assert time_calls(lambda: clock.sleep(seconds.pop()), nothing, 3) == Timing(1, 1, 1, 3)


def test_garbage_is_collected_before_and_after_and_not_meanwhile(clock: Clock) -> None:
    enabled: list[bool] = []

    def work() -> None:
        enabled.append(gc.isenabled())
        clock.sleep(1)

    time_calls(work, nothing, 3)
    assert enabled == [True, False, False, False]
    assert gc.isenabled()
