"""The workers of a run on a cluster: started, given pictures, and replaced when they die.

What one is told to do is a reference to an answer that comes later, as Ray has it. The answer may be that the worker is
gone; `worker_deaths` says by which errors Ray tells that, and nothing else decides it.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from excolor.batch.events import Event, Finished, Note
from excolor.batch.jobs import Job
from excolor.batch.stop import Stop
from excolor.batch.work import Work
from excolor.cluster.worker import Assignment, Worker
from excolor.errors import ClusterError

MOST_DEATHS = 3  # of workers over one picture, or of the first one
_QUEUED = 2  # pictures sent to a worker: the one it works on, and the next
_FAILED_IN_A_ROW = 10  # pictures over which workers died, besides those under way, until the cluster is to blame
_WORKERS_ON_GPU = 4  # decoding and encoding overlap with the networks
_UNTOLD = 10.0  # seconds that a worker may take to start without a word about it
_LOOK = 1.0  # seconds between looks at what else happens, such as a signal
_DYING = "the workers of the cluster die again and again; look into its logs, and give them more memory"


def worker_deaths(ray: Any) -> tuple[type[Exception], ...]:
    """The errors by which Ray tells that a worker is gone, or what it worked on. All others are none of its deaths."""
    errors = ray.exceptions
    return (
        errors.RayActorError,  # its process ended or does not answer; so a queued picture learns it, whatever the cause
        errors.WorkerCrashedError,  # likewise, as the system has it
        errors.OutOfMemoryError,  # Ray's memory monitor ended it; this is no RayActorError
        errors.NodeDiedError,  # its machine is gone
        errors.ObjectLostError,  # its answer was on a machine that is gone; also as said by the classes below this one
    )


def threads_of_workers(nodes: list[dict[str, Any]], working_size: int | None, most: int) -> int:
    """Of torch, for each worker: the same everywhere, since results depend on it.

    Args:
        nodes: what `ray.nodes` says. Those without processors, as heads of clusters often are, have no workers.
        working_size: as in `threads_for`.
        most: as this machine has.
    """
    from excolor.runtime.threads import threads_for

    cpus = [int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]]
    return threads_for(working_size, min([most, *filter(None, cpus)]))


@dataclass(eq=False)
class _Hand:
    """A worker, and the pictures that were sent to it."""

    actor: Any
    there: Any
    """Answers once it has a process."""
    jobs: deque[Job] = field(default_factory=deque)


@dataclass(frozen=True)
class _Start:
    """A worker that has not begun.

    Attributes:
        hand: the worker.
        prepared: the work, which it takes or makes.
        notes: of the one that makes it; None of the others.
    """

    hand: _Hand
    prepared: Any
    notes: Any = None


class Crew:
    """The workers, and what is under way to and from them."""

    def __init__(self, ray: Any, work: Work[Any], assignment: Assignment, asked: int | None, pictures: int) -> None:
        """Nothing is started yet.

        Args:
            ray: the module, connected.
            work: what is done to each picture; a worker prepares it.
            assignment: what each worker is told.
            asked: how many workers; by default as many as the cluster has room for.
            pictures: no more workers than these.
        """
        self._ray = ray
        self._deaths = worker_deaths(ray)
        self._work = ray.put(work)
        self._assignment = ray.put(assignment)
        resources = ray.cluster_resources()
        gpus = resources.get("GPU", 0) if work.device != "cpu" else 0
        room = gpus * _WORKERS_ON_GPU if gpus else resources.get("CPU", 1) // assignment.threads
        self.size = max(1, min(asked or int(room), pictures))
        """How many workers are wanted: there are fewer where the cluster has no room for them, or has lost them."""
        self.device = work.device
        """Where the networks are, in torch's words, once a worker has said it."""
        self.recorded: Mapping[str, str] = {}
        """What the report says of their precision, once the worker that prepared the work has said it."""
        self._class = ray.remote(Worker).options(
            num_cpus=0 if gpus else assignment.threads,
            num_gpus=1 / _WORKERS_ON_GPU if gpus else 0,
            scheduling_strategy="SPREAD",
        )
        self._prepared: Any = None
        self._notes: Any = None
        self._starting: dict[Any, _Start] = {}
        self._hands: list[_Hand] = []
        self._under_way: dict[Any, tuple[_Hand, Job]] = {}
        self._returned: list[Job] = []
        self._started_in_vain = 0  # in a row
        self._died_at_work = 0  # since a picture was done

    @property
    def workers(self) -> int:
        """How many there are that have begun."""
        return len(self._hands)

    @property
    def is_busy(self) -> bool:
        """Whether pictures are under way."""
        return bool(self._under_way)

    def begin(self, stop: Stop) -> Iterator[Event]:
        """Have one worker do what all pictures need, pass on its notes, and start the others; none if stopped.

        Raises:
            ClusterError: it dies, and so do those that replace it.
            ExcolorError: it cannot begin.
        """
        if stop.asked:
            return
        began, told = time.monotonic(), False
        self._start()
        while not self._hands and not stop.asked:
            done, _ = self._ray.wait([*self._starting], num_returns=1, timeout=_LOOK)
            for reference in done:
                self._begin(reference)
            if not self._hands and not told and time.monotonic() - began > _UNTOLD:
                told = True
                if not self._is_any_there():
                    yield Note("waiting for room in the cluster: none of its workers has started yet")
        if self._hands:
            yield from self._get(self._notes)
            for _ in range(self.size - 1):
                self._start()

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
            ClusterError: workers die again and again.
            ExcolorError: a worker cannot begin.
        """
        done, _ = self._ray.wait([*self._under_way, *self._starting], num_returns=1, timeout=_LOOK)
        for reference in done:
            if reference in self._starting:
                self._begin(reference)
            elif reference in self._under_way:
                hand, job = self._under_way.pop(reference)
                try:
                    finished = self._get(reference)
                except self._deaths as error:
                    yield self._bury(hand, error), None
                else:
                    hand.jobs.remove(job)
                    self._died_at_work = 0
                    yield job, finished

    def returned(self) -> list[Job]:
        """Pictures that waited for a worker which died over another one."""
        jobs, self._returned = self._returned, []
        return jobs

    def end(self) -> None:
        """Let the workers remove what they have put on their machines."""
        for start in self._starting.values():
            self._ray.kill(start.hand.actor)
        ends = [hand.actor.end.remote() for hand in self._hands]
        if ends:
            self._ray.wait(ends, num_returns=len(ends), timeout=10)

    def _start(self) -> None:
        """Start a worker, which takes what another one has prepared, or prepares it where nobody has or it is lost."""
        actor = self._class.remote(self._assignment, self._work)
        hand = _Hand(actor, actor.is_there.remote())
        if self._prepared is None:
            notes, self._prepared, begun = actor.prepare.options(num_returns=3).remote()
            self._starting[begun] = _Start(hand, self._prepared, notes)
        else:
            self._starting[actor.take.remote(self._prepared)] = _Start(hand, self._prepared)

    def _is_any_there(self) -> bool:
        there = [start.hand.there for start in self._starting.values()]
        return bool(self._ray.wait(there, num_returns=1, timeout=0)[0])

    def _begin(self, reference: Any) -> None:
        """A worker has begun, or died before: it is replaced then, unless that is in vain again and again."""
        start = self._starting.pop(reference)
        try:
            loaded = self._get(reference)
        except self._deaths as error:
            self._ray.kill(start.hand.actor)  # it may be there, and what it needs or made is lost
            is_lost = start.notes is not None or isinstance(error, self._ray.exceptions.ObjectLostError)
            if is_lost and self._prepared is start.prepared:
                self._prepared = None
            self._started_in_vain += 1
            others = len(self._hands) + len(self._starting)
            if self._started_in_vain < MOST_DEATHS + others:
                self._start()
            elif not others:  # if there are any, they go on without it
                raise ClusterError(_DYING) from error
        else:
            self._started_in_vain = 0
            self._hands.append(start.hand)
            if start.notes is not None:
                self._notes, self.device, self.recorded = start.notes, loaded.device, loaded.recorded

    def _bury(self, hand: _Hand, error: Exception) -> Job:
        """A worker is dead: it died over the first of its pictures, which is returned, and the others go back."""
        self._ray.kill(hand.actor)
        self._hands.remove(hand)
        lost = [each for each, (other, _) in self._under_way.items() if other is hand]
        for each in lost:
            del self._under_way[each]
        over, *others = hand.jobs
        self._returned += others
        self._died_at_work += 1
        if self._died_at_work >= MOST_DEATHS * (_FAILED_IN_A_ROW + _QUEUED * self.size):
            raise ClusterError(_DYING) from error
        self._start()
        return over

    def _get(self, reference: Any) -> Any:
        """The value behind a reference. Errors of ours come as they were raised."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
