"""The engine of a batch on a cluster: the same events as of `excolor.batch.engine`, the same files, bit for bit."""

import os
import secrets
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from excolor.batch.destinations import exists
from excolor.batch.engine import Engine
from excolor.batch.events import Event, Finished, Started
from excolor.batch.jobs import Job
from excolor.batch.plan import BatchPlan
from excolor.batch.processing import FileSettings
from excolor.batch.sources import STDIN
from excolor.batch.stop import Stop
from excolor.batch.work import Work
from excolor.cluster.connection import check_address, connected
from excolor.cluster.worker import Assignment, Worker
from excolor.errors import ClusterError, PlanError

_QUEUED = 2  # pictures sent to a worker: the one it works on, and the next
_MOST_DEATHS = 3  # of workers over one picture, or in a row before any has begun
_WORKERS_ON_GPU = 4  # decoding and encoding overlap with the networks


@dataclass(eq=False)
class _Hand:
    """A worker, and the pictures that were sent to it."""

    actor: Any
    jobs: deque[Job] = field(default_factory=deque)


class RayEngine(Engine[Any]):
    """Applies a work to all pictures of a plan, by the workers of a Ray cluster; used like `Engine`.

    The workers see the same files under the same names. One that dies is replaced, and its pictures are done again.
    """

    def __init__(
        self,
        plan: BatchPlan,
        work: Work[Any],
        files: FileSettings = FileSettings(),  # noqa: B008 - frozen
        *,
        address: str,
        jobs: int | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Nothing is done yet; see `Engine`.

        Args:
            plan: which files are made of which.
            work: what is done to each picture; a worker prepares it.
            files: how pictures are read and written.
            address: of the cluster, see `connected`.
            jobs: how many workers; by default as many as the cluster has room for.
            stop: asked, nothing new is begun.

        Raises:
            PlanError: a picture comes from standard input, or the address is none.
        """
        super().__init__(plan, work, files, jobs=jobs, stop=stop)
        self._address = check_address(address)
        if any(job.source.path == STDIN for job in plan.jobs):
            raise PlanError("other machines cannot read standard input; leave out --on, or name a file.")

    def _work_on(self, to_do: list[Job]) -> Generator[Event, None, None]:
        with connected(self._address) as ray:
            crew = _Crew(ray, self._work, self._assignment(ray), self._jobs, len(to_do))
            self._made_by = self._work.provenance()
            yield from crew.prepare()
            self._began = time.monotonic()
            self._started = Started(len(to_do), crew.size, crew.device)
            yield self._started
            yield from self._process_by(crew, to_do)
            crew.end()

    def _assignment(self, ray: Any) -> Assignment:
        import torch

        from excolor.runtime.threads import threads_for

        cpus = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
        return Assignment(
            run=secrets.token_hex(8),
            version=version("excolor"),
            folder=os.fspath(Path.cwd()),
            threads=threads_for(self._work.working_size, max(1, min(torch.get_num_threads(), *cpus))),
            checkpoints={role: path.read_bytes() for role, path in self._work.model.files.items()},
            outputs=self._plan.outputs,
            files=self._files,
        )

    def _process_by(self, crew: "_Crew", to_do: list[Job]) -> Iterator[Finished]:
        with self._stopping_when_left():
            waiting, deaths = deque(to_do), Counter[Job]()
            new: dict[Job, bool] = {}  # which were sent, and whether they had no result then
            while waiting or crew.is_busy:
                if self._stop.asked:
                    waiting.clear()
                while waiting and (hand := crew.free_hand()) is not None:
                    job = waiting.popleft()
                    again = new.get(job, False)
                    new.setdefault(job, job.destination is None or not exists(job.destination))
                    crew.send(hand, job, self._outcomes[job], again=again)
                for job, finished in crew.collect():
                    if finished is None:  # nothing came back: its worker died
                        deaths[job] += 1
                    if finished is None and deaths[job] < _MOST_DEATHS:
                        waiting.appendleft(job)
                        continue
                    yield self._settle(job, finished)
                waiting.extendleft(reversed(crew.returned()))

    def _settle(self, job: Job, finished: Finished | None) -> Finished:
        if finished is None:
            self.fail(
                job, f"{job.source.name}: {_MOST_DEATHS} workers died over it; it may need more memory than they have"
            )
            return Finished(job, self._outcomes[job])
        self._outcomes[job] = finished.outcome
        if finished.bug is not None:
            self._bug = finished.bug
            self._stop.ask()
        return finished


class _Crew:
    """The workers of a run, and what is under way to and from them."""

    def __init__(self, ray: Any, work: Work[Any], assignment: Assignment, asked: int | None, pictures: int) -> None:
        self._ray = ray
        self._work = ray.put(work)
        self._assignment = ray.put(assignment)
        self._prepared: Any = None
        resources = ray.cluster_resources()
        gpus = resources.get("GPU", 0) if work.device != "cpu" else 0
        room = gpus * _WORKERS_ON_GPU if gpus else resources.get("CPU", 1) // assignment.threads
        self.size = max(1, min(asked or int(room), pictures))
        self.device = ""
        self._class = ray.remote(Worker).options(
            num_cpus=0 if gpus else assignment.threads,
            num_gpus=1 / _WORKERS_ON_GPU if gpus else 0,
            scheduling_strategy="SPREAD",
        )
        self._starting: dict[Any, _Hand] = {}
        self._hands: list[_Hand] = []
        self._under_way: dict[Any, tuple[_Hand, Job]] = {}
        self._returned: list[Job] = []
        self._deaths = 0

    def prepare(self) -> Iterator[Event]:
        """Have one worker do what all pictures need, start the others, and pass on the notes."""
        first = self._class.remote(self._assignment, self._work)
        notes, self._prepared, device = first.prepare.options(num_returns=3).remote()
        try:
            yield from self._get(notes)
        except self._ray.exceptions.RayActorError as error:
            raise ClusterError("the first worker of the cluster died; look into its logs") from error
        self.device = self._get(device)
        self._hands.append(_Hand(first))
        for _ in range(self.size - 1):
            self._start()

    @property
    def is_busy(self) -> bool:
        """Whether pictures are under way."""
        return bool(self._under_way)

    def free_hand(self) -> _Hand | None:
        """The worker that has the fewest pictures, if it is not to wait for one to end."""
        hand = min(self._hands, key=lambda hand: len(hand.jobs), default=None)
        return hand if hand is not None and len(hand.jobs) < _QUEUED else None

    def send(self, hand: _Hand, job: Job, outcome: Any, *, again: bool) -> None:
        """Send a picture to a worker."""
        self._under_way[hand.actor.process.remote(job, outcome, again)] = hand, job
        hand.jobs.append(job)

    def collect(self) -> Iterator[tuple[Job, Finished | None]]:
        """Wait until something happens, and tell what became of pictures; None if their worker died over them.

        Raises:
            ClusterError: workers die before they begin, again and again.
            ExcolorError: a worker cannot begin.
        """
        done, _ = self._ray.wait([*self._under_way, *self._starting], num_returns=1, timeout=1)
        for reference in done:
            if reference in self._starting:
                self._begin(reference)
            elif reference in self._under_way:
                hand, job = self._under_way.pop(reference)
                try:
                    finished = self._get(reference)
                except self._ray.exceptions.RayActorError:
                    yield from self._bury(hand, reference, job)
                else:
                    hand.jobs.remove(job)
                    self._deaths = 0
                    yield job, finished

    def returned(self) -> list[Job]:
        """Pictures that waited for a worker which died over another one."""
        jobs, self._returned = self._returned, []
        return jobs

    def end(self) -> None:
        """Let the workers remove what they have put on their machines."""
        ends = [hand.actor.end.remote() for hand in self._hands]
        self._ray.wait(ends, num_returns=len(ends), timeout=10)

    def _start(self) -> None:
        actor = self._class.remote(self._assignment, self._work)
        self._starting[actor.take.remote(self._prepared)] = _Hand(actor)

    def _begin(self, reference: Any) -> None:
        hand = self._starting.pop(reference)
        try:
            self._get(reference)
        except self._ray.exceptions.RayActorError as error:
            self._replace(error)
        else:
            self._hands.append(hand)

    def _bury(self, hand: _Hand, reference: Any, job: Job) -> Iterator[tuple[Job, None]]:
        """A worker is dead: it died over the first of its pictures, and the others go back."""
        self._hands.remove(hand)
        lost = [each for each, (other, _) in self._under_way.items() if other is hand]
        for each in lost:
            del self._under_way[each]
        over, *others = hand.jobs
        self._returned += others
        self._replace(None)
        yield over, None

    def _replace(self, error: Exception | None) -> None:
        self._deaths += 1
        if self._deaths > _MOST_DEATHS + self.size:
            raise ClusterError(
                "the workers of the cluster die again and again; look into its logs, and give them more memory"
            ) from error
        self._start()

    def _get(self, reference: Any) -> Any:
        """The value behind a reference. Errors of ours come as they were raised."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
