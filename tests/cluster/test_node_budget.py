"""The bound on what is in work on one machine, among processes that may die."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from excolor.cluster.node_budget import NodeBudget

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")

SPAWN = multiprocessing.get_context("spawn")


def hold(folder: Path, megapixels: float, seconds: float, log: Path) -> None:
    with NodeBudget(100, folder).hold(megapixels):
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(seconds)
        with log.open("a") as file:
            file.write(f"-{os.getpid()}\n")


def wait_for_lines(log: Path, count: int) -> None:
    for _ in range(600):
        if log.exists() and len(log.read_text().splitlines()) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{count} lines never came")


def test_processes_share_it(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    processes = [SPAWN.Process(target=hold, args=(tmp_path / "budget", 40, 0.3, log)) for _ in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    most = held = 0
    for line in log.read_text().splitlines():
        held += -1 if line.startswith("-") else 1
        most = max(most, held)
    assert most <= 2, "a third one of 40 megapixels would be above 100"


def test_a_large_picture_is_alone_and_comes_through(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    small = SPAWN.Process(target=hold, args=(tmp_path / "budget", 10, 0.5, log))
    small.start()
    wait_for_lines(log, 1)
    with NodeBudget(100, tmp_path / "budget").hold(5000):
        assert len(log.read_text().splitlines()) == 2
    small.join()


def test_what_a_dead_process_held_is_free(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    process = SPAWN.Process(target=hold, args=(tmp_path / "budget", 5000, 600, log))
    process.start()
    wait_for_lines(log, 1)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    began = time.monotonic()
    with NodeBudget(100, tmp_path / "budget").hold(100):
        assert time.monotonic() - began < 10
