"""Works that wait for processes of their own, done at once: what a process does first takes one core alone."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

R = TypeVar("R")

ONE_CORE = {"OMP_NUM_THREADS": "1"}
"""For the environment of processes that run side by side."""


@contextmanager
def begun(*works: Callable[[], R]) -> Iterator[list["Future[R]"]]:
    """What independent works will give, as many at a time as there are cores; all have ended when the context has."""
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        yield [pool.submit(work) for work in works]


def side_by_side(*works: Callable[[], R]) -> list[R]:
    """What independent works give, in their order."""
    with begun(*works) as futures:
        return [future.result() for future in futures]
