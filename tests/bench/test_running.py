"""What becomes of a task: numbers, or "out of memory"."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from excolor.bench import measuring, running
from excolor.bench.measuring import BenchMeasurement, measure
from excolor.bench.results import Throughput
from excolor.bench.running import best_batch, run_product_rate, run_task
from excolor.bench.tasks import TOTAL, BenchTask, Conditions, plan
from excolor.bench.work import Steps, prepare
from excolor.errors import DeviceError, SettingError, UnknownModelError
from excolor.networks.checkpoint import save_network
from excolor.networks.semantic_colorization import SemanticColorizationConfig, SemanticColorizationNet
from excolor.reporting.timing import Timing

TASK = BenchTask("networks", "lite", "lite", 32, "cpu", "float32", 1)


def starve(*_: object) -> NoReturn:
    raise DeviceError("too little memory")


def be_killed(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def one_second(*_: object) -> BenchMeasurement:
    return BenchMeasurement({TOTAL: Timing(1, 1, 1, 1)}, 2, None, {})


@pytest.mark.parametrize("ending", [starve, be_killed])
def test_out_of_memory_is_a_cell(ending: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "measure", ending)
    cell = run_task(TASK, 1)
    assert cell.task == TASK
    assert cell.measurement is None
    assert cell.throughput is None


@pytest.mark.parametrize("ending", [starve, be_killed])
def test_a_batch_that_memory_does_not_hold_is_no_failure(ending: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "measure", one_second)
    monkeypatch.setattr(running, "pictures_per_second", ending)
    assert run_task(TASK, 1).throughput == Throughput(1, 1.0)


@pytest.mark.parametrize("ending", [starve, be_killed])
def test_a_product_that_memory_does_not_hold_is_no_failure(ending: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "matrix_product_rate", ending)
    assert run_product_rate("cpu", "float32", 1, 1) is None


def test_running_out_of_memory_is_told_apart_from_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def work_of(_: BenchTask) -> Steps:
        return {TOTAL: lambda: torch.empty(elements)}

    monkeypatch.setattr(measuring, "prepare", work_of)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # of the tests to come
    elements = 2**50
    with pytest.raises(DeviceError):
        measure(TASK, 1)
    elements = -1
    with pytest.raises(RuntimeError, match="negative"):
        measure(TASK, 1)


@given(st.lists(st.none() | st.floats(0.1, 100), min_size=8, max_size=8), st.floats(0.1, 100))
def test_the_best_batch_is_the_best_of_those_tried(rates: list[float | None], alone: float) -> None:
    tried: dict[int, float | None] = {1: alone}

    def rate(batch: int) -> float | None:
        tried[batch] = rates[len(tried) - 1]
        return tried[batch]

    best = best_batch(rate, alone)
    assert tried[best.batch] == best.pictures_per_second
    assert list(tried) == [2**n for n in range(len(tried))]
    assert all(found is None or found <= best.pictures_per_second * 1.05 for found in tried.values())


def conditions(*, compiled: bool = False) -> Conditions:
    return Conditions("cuda", "bfloat16", "float16", threads=8, threads_as_used=1, compiled=compiled)


def test_the_plan_of_a_run() -> None:
    tasks = plan(["lite"], (32, 64), conditions(compiled=True))
    assert [task.size for task in tasks] == [32, 64] * 6
    assert [(task.method, task.compiled) for task in tasks[::2]] == [
        ("networks", False),
        ("networks", True),
        ("as used", False),
        ("wct", False),
        ("welsh", False),
        ("reinhard", False),
    ]
    by_method = {task.method: task for task in tasks}
    assert (by_method["networks"].device, by_method["networks"].dtype) == ("cuda", "bfloat16")
    assert (by_method["as used"].dtype, by_method["as used"].threads) == ("float16", 1)
    assert (by_method["welsh"].device, by_method["welsh"].threads) == ("cpu", 8)


def test_models_are_looked_for_before_the_work() -> None:
    with pytest.raises(UnknownModelError, match="lite"):
        plan(["nosuch"], (32,), conditions())
    with pytest.raises(SettingError, match="same name"):
        plan(["lite", "lite"], (32,), conditions())


def test_models_of_another_architecture_are_timed_as_used(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    net = SemanticColorizationNet(SemanticColorizationConfig(width=12, backbone="tiny"))
    save_network(net, folder / "semantic.safetensors")
    tasks = plan([str(folder)], (64,), replace(conditions(), device="cpu", own_dtype="float32"))
    assert [task.method for task in tasks] == ["as used", "welsh", "reinhard"]
    prepare(tasks[0])[TOTAL]()
