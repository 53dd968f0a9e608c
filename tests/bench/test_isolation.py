"""Processes of their own: what comes back from them, and what is said when they die."""

import os
import signal
import subprocess
import sys

import pytest

from excolor.bench.isolation import run_apart
from excolor.bench.memory import ResidentPeak
from excolor.errors import DeviceError, SettingError

HEAVY = ("torch", "cv2", "numpy", "PIL", "matplotlib", "excolor.method.colorizer")


def number() -> int:
    return os.getpid()


def refuse() -> None:
    raise SettingError("no such thing; take another")


def stumble() -> None:
    raise ZeroDivisionError("a bug")


def end_by(number: int) -> None:
    os.kill(os.getpid(), number)


def loaded() -> list[str]:
    return [name for name in HEAVY if name in sys.modules]


def peak_of(megabytes: int) -> int | None:
    import numpy as np

    peak = ResidentPeak()
    np.ones(megabytes * 250_000, np.float32).sum()  # and given back
    return peak.bytes()


def peak_of_nothing() -> int | None:
    import numpy as np

    np.ones(50_000_000, np.float32).sum()
    return ResidentPeak().bytes()


def test_it_is_another_process_each_time() -> None:
    assert len({os.getpid(), run_apart(number), run_apart(number)}) == 3


def test_errors_for_the_user_come_through() -> None:
    with pytest.raises(SettingError, match="no such thing; take another"):
        run_apart(refuse)


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)in stumble.*ZeroDivisionError: a bug"):
        run_apart(stumble)


def test_who_is_killed_had_too_little_memory() -> None:
    """That is how Linux ends a process that asks for the last of it."""
    with pytest.raises(DeviceError, match="memory"):
        run_apart(end_by, signal.SIGKILL)


def test_who_dies_otherwise_had_a_bug() -> None:
    with pytest.raises(RuntimeError, match=str(-signal.SIGTERM)):
        run_apart(end_by, signal.SIGTERM)


def test_a_fresh_process_has_imported_nothing_heavy() -> None:
    assert run_apart(loaded, fresh=True) == []
    assert "torch" in run_apart(loaded)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells less")
def test_the_peak_is_of_what_came_after_and_is_kept() -> None:
    peak = run_apart(peak_of, 120)
    assert peak == pytest.approx(120e6, rel=0.15)
    assert (run_apart(peak_of_nothing) or 0) < 5e6


@pytest.mark.parametrize("fresh", [True, False])
def test_it_ends_with_the_process_that_started_it(fresh: bool) -> None:
    """However that one ends: the pipe of its output is closed only when both have ended."""
    there = "import time; print('there', flush=True); time.sleep(300)"
    code = f"from excolor.bench.isolation import run_apart; run_apart(exec, {there!r}, fresh={fresh})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"there\n"
        process.kill()
        process.communicate(timeout=60)
