"""What a worker does, without a cluster around it."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from excolor.batch.colorizing import ColorizeWork
from excolor.batch.engine import Engine
from excolor.batch.events import Finished, Outcome
from excolor.batch.plan import BatchPlan, Outputs, plan_batch
from excolor.batch.processing import FileSettings
from excolor.batch.references import ReferenceFiles, find_references
from excolor.batch.sources import Source
from excolor.batch.work import recorded_precision
from excolor.cluster.worker import Assignment, Worker
from excolor.errors import ClusterError
from excolor.networks.models import ModelFiles, find_model
from excolor.remote import RemotePath, as_path
from excolor.runtime.threads import torch_threads
from excolor.settings import ColorizeSettings

Write = Callable[..., Path]


@pytest.fixture
def plan(tmp_path: Path, small: Write) -> BatchPlan:
    sources = [Source(small(tmp_path / f"scans/{number}.png", number)) for number in range(2)]
    return plan_batch(sources, Outputs(f"{tmp_path}/out/"), "color")


def work_of(model: ModelFiles, reference: Path) -> ColorizeWork:
    references = ReferenceFiles(find_references((reference,)), (reference,))
    return ColorizeWork(model, "cpu", ColorizeSettings(32), references)


def assignment(plan: BatchPlan, model: ModelFiles, run: str) -> Assignment:
    return Assignment(
        run=run,
        version=version("excolor"),
        folder=str(Path.cwd()),
        threads=1,
        checkpoints={role: path.read_bytes() for role, path in model.files.items()},
        outputs=plan.outputs,
        files=FileSettings(),
    )


@pytest.fixture
def workers(plan: BatchPlan, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Worker, Worker]:
    """Two on machines that do not have the model; the first has prepared the work."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    threads = torch.get_num_threads()
    model = find_model(use="colorize")
    elsewhere = replace(model, files={role: tmp_path / "elsewhere" / role for role in model.files})
    told, work = assignment(plan, model, tmp_path.name), work_of(elsewhere, reference)
    first, second = Worker(told, work), Worker(told, work)
    notes, prepared, loaded = first.prepare()
    second.take(prepared)
    torch.set_num_threads(threads)
    assert notes == [] and loaded.device == "cpu"
    assert loaded.recorded == recorded_precision(work_of(model, reference).load())
    return first, second


def test_workers_make_what_the_engine_makes(
    workers: tuple[Worker, Worker], plan: BatchPlan, reference: Path, tmp_path: Path
) -> None:
    with torch_threads(32):  # as in a worker's process: their number changes the last bits
        finished = [
            worker.process(job, Outcome(str(job.source.path), str(job.destination)), again=False)
            for worker, job in zip(workers, plan.jobs, strict=True)
        ]
    made = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    engine = Engine(plan, work_of(find_model(use="colorize"), reference))
    local = [event.outcome for event in engine.run() if isinstance(event, Finished)]
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert {replace(each.outcome, seconds=None) for each in finished} == {replace(one, seconds=None) for one in local}
    workers[0].end()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_only_what_a_dead_worker_left_is_replaced(workers: tuple[Worker, Worker], plan: BatchPlan) -> None:
    job = plan.jobs[0]
    assert job.destination is not None
    job.destination.parent.mkdir()
    job.destination.write_text("somebody's")
    outcome = Outcome(str(job.source.path), str(job.destination))
    failed = workers[1].process(job, outcome, again=False).outcome
    assert failed.status == "failed" and "exists already" in str(failed.error)
    assert job.destination.read_text() == "somebody's"
    assert workers[1].process(job, outcome, again=True).outcome.status == "written"


def test_a_result_for_a_store_waits_in_the_folder_of_the_run(
    workers: tuple[Worker, Worker], plan: BatchPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is removed even if the worker is killed."""
    sent: list[Path] = []

    def upload(file: Path, path: RemotePath, *, overwrite: bool) -> None:
        assert file.stat().st_size > 0
        sent.append(file)

    monkeypatch.setattr("excolor.batch.processing.upload", upload)
    monkeypatch.setattr("excolor.batch.destinations.exists", lambda _: False)
    job = replace(plan.jobs[0], destination=as_path("gs://out/0.png"))
    finished = workers[0].process(job, Outcome(str(job.source.path), "gs://out/0.png"), again=False)
    assert finished.outcome.status == "written", finished.outcome.error
    (run,) = (tmp_path / "temporary").iterdir()
    assert [file.parents[1] for file in sent] == [run] and not sent[0].exists()


def test_another_version_is_refused(plan: BatchPlan, reference: Path, tmp_path: Path) -> None:
    model = find_model(use="colorize")
    told = replace(assignment(plan, model, tmp_path.name), version="0.0.1")
    with pytest.raises(ClusterError, match=r"and this is 0\.0\.1; install the same everywhere"):
        Worker(told, work_of(model, reference)).take(work_of(model, reference))
