"""How long a call takes: warm runs, each timed by itself, with their median and quartiles."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_SECONDS = 0.2  # spent for each run that is asked for, at least: quick calls are run more often

Call = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds of several runs: their median, their quartiles, and the number of runs."""

    median: float
    lower: float
    upper: float
    runs: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Timing":
        """Summarize the seconds of at least one run."""
        if len(seconds) == 1:
            return cls(seconds[0], seconds[0], seconds[0], 1)
        lower, median, upper = statistics.quantiles(seconds, n=4, method="inclusive")
        return cls(median, lower, upper, len(seconds))


def time_call(work: Call, synchronize: Call) -> float:
    """Seconds of one call, until `synchronize` returns: a GPU still works when the call has returned."""
    synchronize()
    began = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - began


def time_calls(work: Call, synchronize: Call, repeat: int) -> Timing:
    """Run at least `repeat` times and for `repeat` fifths of a second, after one run that does not count."""
    work()
    seconds: list[float] = []
    total = 0.0
    with _no_garbage_collection():
        while len(seconds) < repeat or total < repeat * _SECONDS:
            seconds.append(time_call(work, synchronize))
            total += seconds[-1]
    return Timing.of(seconds)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
