"""The crew and its engine, with workers that die as they are told to: Ray's own errors, and no processes."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from excolor.batch.colorizing import PrecolorizeWork
from excolor.batch.events import Event, Finished, Note, Started, Summary
from excolor.batch.plan import Outputs, plan_batch
from excolor.batch.processing import FileSettings
from excolor.batch.report import report_content
from excolor.batch.sources import Source
from excolor.batch.stop import Stop
from excolor.cluster.crew import MOST_DEATHS, Crew, threads_of_workers
from excolor.cluster.ray_engine import RayEngine
from excolor.cluster.worker import Assignment, LoadedNetworks
from excolor.errors import CheckpointError, ClusterError, OutputError
from excolor.networks.models import find_model

errors = pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'").exceptions

PICTURES = 8
Fate = Callable[["Call"], Exception | None]
"""What a worker does not survive, or cannot do, in a call."""

DEATHS = [
    errors.ActorDiedError(),
    errors.ActorUnavailableError("no answer", None),
    errors.OutOfMemoryError("the monitor ended it"),
    errors.NodeDiedError("gone"),
    errors.WorkerCrashedError(),
    errors.ObjectLostError("ff", None, ""),
    errors.OwnerDiedError("ff", None, ""),
]


@dataclass(frozen=True, eq=False)
class Call:
    worker: int
    name: str
    arguments: tuple[Any, ...]

    def is_over(self, name: str) -> bool:
        """Whether it is to make this picture."""
        return self.name == "process" and bool(self.arguments[0].source.path.name == name)


@dataclass(eq=False)
class Answer:
    value: Any = None
    error: Exception | None = None
    comes: bool = True
    of_picture: bool = False  # others come earlier


class FakeRay:
    """As much of Ray as a crew uses; all is done in the moment when it is asked for."""

    exceptions = errors

    def __init__(self, fate: Fate, *, cpus: float = 2, room: int = 100) -> None:
        self.fate, self.cpus, self.room = fate, cpus, room
        self.workers = 0
        self.killed: set[int] = set()
        self.prepared = 0
        self.asked: Callable[[], None] = lambda: None  # when it is waited for

    def put(self, value: Any) -> Any:
        return value

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self.cpus}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": self.cpus}}]

    def remote(self, _: type) -> Any:
        ray = self

        class Class:
            def options(self, **_: Any) -> "Class":
                return self

            def remote(self, *_: Any) -> "FakeActor":
                ray.workers += 1
                return FakeActor(ray, ray.workers)

        return Class()

    def get(self, answer: Answer) -> Any:
        if answer.error is not None:
            raise answer.error
        return answer.value

    def wait(self, answers: list[Answer], *, num_returns: int, timeout: float) -> tuple[list[Answer], list[Answer]]:
        assert answers, "Ray refuses to wait for nothing"
        self.asked()
        there = sorted((answer for answer in answers if answer.comes), key=lambda answer: answer.of_picture)
        done = there[:num_returns]
        return done, [answer for answer in answers if answer not in done]

    def kill(self, actor: "FakeActor") -> None:
        self.killed.add(actor.number)


class FakeActor:
    def __init__(self, ray: FakeRay, number: int) -> None:
        self.ray, self.number, self.is_dead = ray, number, False

    def __getattr__(self, name: str) -> Any:
        actor = self

        class Method:
            def options(self, **_: Any) -> "Method":
                return self

            def remote(self, *arguments: Any) -> Any:
                answers = actor.answer(Call(actor.number, name, arguments))
                return answers[0] if len(answers) == 1 else answers

        return Method()

    def answer(self, call: Call) -> list[Answer]:
        several = 3 if call.name == "prepare" else 1
        if self.number > self.ray.room:
            return [Answer(comes=False)] * several
        error = errors.ActorDiedError() if self.is_dead else self.ray.fate(call)
        if error is not None:
            self.is_dead = self.is_dead or isinstance(error, tuple(map(type, DEATHS)))
            return [Answer(error=error, of_picture=call.name == "process") for _ in range(several)]
        if call.name == "prepare":
            self.ray.prepared += 1
            return [Answer([]), Answer("prepared"), Answer(LoadedNetworks("cpu", {"precision": "bfloat16"}))]
        if call.name == "process":
            job, outcome, _ = call.arguments
            return [Answer(Finished(job, replace(outcome, status="written")), of_picture=True)]
        return [Answer()]


def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray: FakeRay, *, jobs: int | None = None, stop: Stop | None = None
) -> tuple[list[Event], Exception | None]:
    """All events, and the error that ended the run."""

    @contextmanager
    def connected(_: str) -> Iterator[FakeRay]:
        yield ray

    monkeypatch.setattr("excolor.cluster.ray_engine.connected", connected)
    plan = plan_batch([Source(tmp_path / f"{n}.jpg") for n in range(PICTURES)], Outputs(f"{tmp_path}/out/"), "color")
    work = PrecolorizeWork(find_model(), "cpu", 32)
    engine = RayEngine(plan, work, address="ray", jobs=jobs, stop=stop)
    events = []
    try:
        for event in engine.run():
            events.append(event)
    except Exception as error:
        return events, error
    return events, None


def summary_of(events: list[Event]) -> Summary:
    assert isinstance(events[-1], Summary)
    return events[-1]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: type(death).__name__)
def test_whatever_a_worker_dies_of_its_pictures_are_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: Exception
) -> None:
    """One that dies once is done; one over which every worker dies is a failed row, and all others are done."""
    deaths = []

    def fate(call: Call) -> Exception | None:
        if call.is_over("2.jpg") or (call.is_over("5.jpg") and call.worker == 1):
            deaths.append(call)
            return death
        return None

    ray = FakeRay(fate)
    events, error = run(tmp_path, monkeypatch, ray)
    assert error is None
    assert summary_of(events).totals == {"written": PICTURES - 1, "skipped": 0, "failed": 1, "not begun": 0}
    failed = summary_of(events).outcomes[2]
    assert failed.error == f"{tmp_path}/2.jpg: 3 workers died over it; it may need more memory than they have"
    assert len([call for call in deaths if call.is_over("2.jpg")]) == MOST_DEATHS
    assert {call.worker for call in deaths} <= ray.killed, "one whose answer alone is lost would keep its place"


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: type(death).__name__)
def test_workers_that_never_begin_end_the_run_with_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: Exception
) -> None:
    ray = FakeRay(lambda call: death if call.name == "prepare" else None)
    events, error = run(tmp_path, monkeypatch, ray)
    assert isinstance(error, ClusterError) and "die again and again" in str(error)
    assert summary_of(events).totals["not begun"] == PICTURES
    assert ray.workers == MOST_DEATHS


def test_a_first_worker_that_dies_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay(lambda call: DEATHS[2] if call.worker == 1 else None)
    events, error = run(tmp_path, monkeypatch, ray)
    assert error is None and summary_of(events).totals["written"] == PICTURES


def test_workers_that_live_go_on_without_those_that_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that has memory for one worker and cores for two."""
    ray = FakeRay(lambda call: DEATHS[2] if call.worker > 1 else None)
    events, error = run(tmp_path, monkeypatch, ray)
    assert error is None
    assert summary_of(events).totals["written"] == PICTURES
    assert summary_of(events).jobs == 1


def test_what_a_lost_machine_prepared_is_prepared_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[Call] = []

    def fate(call: Call) -> Exception | None:
        if call.worker == 1 and call.name == "process":
            return DEATHS[3]
        if call.name == "take" and len(lost) < 2:
            lost.append(call)
            return DEATHS[5]
        return None

    ray = FakeRay(fate)
    events, error = run(tmp_path, monkeypatch, ray)
    assert error is None and summary_of(events).totals["written"] == PICTURES
    assert lost and ray.prepared > 1


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (errors.RaySystemError("out of order\nand much more"), ClusterError),
        (ConnectionError("nobody answers"), ClusterError),
        (CheckpointError("damaged"), CheckpointError),
        (KeyError("a bug"), KeyError),
    ],
)
def test_no_error_loses_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type[Exception]
) -> None:
    ray = FakeRay(lambda call: raised if call.is_over("4.jpg") else None, cpus=1)
    events, error = run(tmp_path, monkeypatch, ray)
    assert isinstance(error, expected)
    assert "more" not in str(error)
    assert summary_of(events).totals["written"] == 4


def test_a_cluster_without_room_is_told_and_the_stop_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("excolor.cluster.crew._UNTOLD", 0.0)
    stop, ray = Stop(), FakeRay(lambda _: None, room=0)
    waits = []

    def asked() -> None:
        waits.append(1)
        if len(waits) > 5:
            stop.ask()

    ray.asked = asked
    events, error = run(tmp_path, monkeypatch, ray, stop=stop)
    assert error is None
    assert events[0] == Note("waiting for room in the cluster: none of its workers has started yet")
    assert events[1] == Started(PICTURES, 0, "cpu")
    assert len(events) == 3 and summary_of(events).totals["not begun"] == PICTURES


@pytest.mark.parametrize(("room", "jobs", "told"), [(1, 6, 1), (3, 6, 3), (100, 2, 2)])
def test_the_summary_tells_how_many_workers_there_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, jobs: int, told: int
) -> None:
    events, _ = run(tmp_path, monkeypatch, FakeRay(lambda _: None, room=room), jobs=jobs)
    assert summary_of(events).jobs == told
    assert summary_of(events).totals["written"] == PICTURES


def test_the_report_tells_the_precision_of_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events, _ = run(tmp_path, monkeypatch, FakeRay(lambda _: None))
    assert report_content(summary_of(events), interrupted=False)["settings"]["precision"] == "bfloat16"


def test_a_store_that_does_not_tell_what_it_has_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have been there before the run is not replaced when the worker dies."""
    sent: list[Call] = []

    def fate(call: Call) -> Exception | None:
        sent.extend([call] if call.name == "process" else [])
        return DEATHS[0] if call.is_over("2.jpg") and call.worker == 1 else None

    def refuse(_: Path) -> bool:
        raise OutputError("the store is busy")

    monkeypatch.setattr("excolor.cluster.ray_engine.exists", refuse)
    events, error = run(tmp_path, monkeypatch, FakeRay(fate, cpus=1))
    assert error is None
    assert summary_of(events).totals["written"] == PICTURES
    assert len(sent) > PICTURES and not any(call.arguments[2] for call in sent)


def node(cpus: float | None, *, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": {} if cpus is None else {"CPU": cpus}}


def test_machines_without_processors_do_not_count_for_the_threads() -> None:
    assert threads_of_workers([node(None), node(0), node(6), node(4)], 1024, 8) == 4
    assert threads_of_workers([node(1, alive=False), node(6)], None, 8) == 6
    assert threads_of_workers([node(16)], None, 8) == 8
    assert threads_of_workers([node(None)], None, 8) == 8, "an autoscaler adds machines later"
    assert threads_of_workers([node(16)], 512, 8) == 1


@pytest.fixture
def ray_with_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A real Ray that believes in a GPU."""
    import ray

    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    handler = signal.getsignal(signal.SIGTERM)
    ray.init("local", num_cpus=1, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield ray
    finally:
        ray.shutdown()
        signal.signal(signal.SIGTERM, handler)


def crew_of(ray: Any, device: str) -> Crew:
    model = find_model()
    checkpoints = {role: path.read_bytes() for role, path in model.files.items()}
    told = Assignment("0" * 16, version("excolor"), str(Path.cwd()), 1, checkpoints, Outputs(), FileSettings())
    return Crew(ray, PrecolorizeWork(model, device, 32), told, None, 100)


def test_four_workers_share_a_gpu(ray_with_gpu: Any) -> None:
    assert crew_of(ray_with_gpu, "cpu").size == 1, "the device is not to be used"
    crew = crew_of(ray_with_gpu, "auto")
    assert crew.size == 4, "though there is one processor"
    assert list(crew.begin(Stop())) == []
    for _ in range(300):
        if crew.workers == 4:
            break
        assert list(crew.collect()) == []
    assert crew.workers == 4
    left = ray_with_gpu.available_resources()
    crew.end()
    assert left.get("GPU", 0) == 0 and left["CPU"] == 1
