"""The engine of a batch: many pictures at a time, in bounded memory, past failures, as a generator of events."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Generic

from excolor.batch.budget import MegapixelBudget
from excolor.batch.destinations import existing
from excolor.batch.events import Event, Finished, Outcome, Started, Summary
from excolor.batch.jobs import Job
from excolor.batch.plan import BatchPlan
from excolor.batch.processing import FileSettings, Processor
from excolor.batch.stop import Stop
from excolor.batch.work import N, Work, made_by
from excolor.photo import Provenance

if TYPE_CHECKING:
    import torch

MEGAPIXELS_IN_WORK = 150  # of pictures that are in memory together
_MOST_JOBS = 8
_MOST_JOBS_ON_GPU = 4  # decoding and encoding overlap with the networks; more would only fill its memory


class Engine(Generic[N]):
    """Applies a work to all pictures of a plan.

    engine = Engine(plan, work)
    for event in engine.run():
        ...
    """

    def __init__(
        self,
        plan: BatchPlan,
        work: Work[N],
        files: FileSettings = FileSettings(),  # noqa: B008 - frozen
        *,
        jobs: int | None = None,
        stop: Stop | None = None,
        stdin: BinaryIO | None = None,
    ) -> None:
        """Nothing is done yet.

        Args:
            plan: which files are made of which.
            work: what is done to each picture; it is prepared here.
            files: how pictures are read and written.
            jobs: pictures at a time; by default as many as the cores can work on.
            stop: asked, nothing new is begun; what is in work is finished, and the rest stays "not begun".
            stdin: where the picture called `-` comes from.
        """
        self._plan = plan
        self._work = work
        self._files = files
        self._jobs = jobs
        self._stop = stop or Stop()
        self._stdin = stdin
        self._outcomes = self._expected()
        self._began = time.monotonic()
        self._started: Started | None = None
        self._made_by: Provenance | None = None
        self._error: Exception | None = None

    def run(self) -> Generator[Event, None, None]:
        """Load the networks, do the work, and yield what happens; see `excolor.batch.events`.

        If nothing is to be done, neither networks nor references are read, and torch is not imported.

        While it runs, torch's number of threads is set for the calling thread. Whoever stops iterating closes the
        generator, which asks for the stop and waits for what is in work.

        Raises:
            CheckpointError: the networks cannot be loaded.
            DeviceError: there is no such device, or it has too little memory for what all pictures need.
            PhotoError: a picture that all others need cannot be read.
            ClusterError: the cluster cannot go on with what has begun on it, after the summary.
            Exception: a bug in the work on one picture, after the summary.
        """
        to_do = [job for job, outcome in self._outcomes.items() if outcome.status == "not begun"]
        if to_do:
            try:
                yield from self._work_on(to_do)
            except Exception as error:
                if self._started is None:
                    raise
                self._error = error
        else:
            self._made_by = self._work.provenance()
            self._started = Started(0, 0, self._work.device)
            yield self._started
        yield self.summary()
        if self._error is not None:
            raise self._error

    def summary(self) -> Summary:
        """What became of all pictures so far; from any thread, and wherever `run` is after `Started`."""
        assert self._started is not None and self._made_by is not None, "the run has not started"
        seconds = time.monotonic() - self._began
        outcomes = tuple(self._outcomes.values())
        return Summary(self._made_by, self._started.device, self._started.jobs, seconds, outcomes)

    def fail(self, job: Job, error: str) -> None:
        """Correct what became of a picture whose `data` could not be delivered."""
        self._outcomes[job] = replace(self._outcomes[job], status="failed", error=error)

    def _work_on(self, to_do: list[Job]) -> Generator[Event, None, None]:
        from excolor.runtime.threads import torch_threads

        with torch_threads(self._work.working_size) as threads:
            networks = self._work.load()
            self._made_by = recorded = made_by(self._work, networks)
            work = yield from self._work.prepare(networks, self._stop)
            processor = Processor(work, networks, recorded, self._plan.outputs, self._files, self._stdin)
            workers = _workers(len(to_do), self._jobs, networks.device, threads)
            self._began = time.monotonic()
            self._started = Started(len(to_do), workers, str(networks.device))
            yield self._started
            yield from self._process_all(processor, to_do, workers, threads)

    def _expected(self) -> dict[Job, Outcome]:
        """What is known of all pictures before the work."""
        results = (job.destination for job in self._plan.jobs if job.destination is not None)
        there = existing(results) if self._plan.outputs.skip_existing else set()
        return {
            job: Outcome(
                input=str(job.source.path),
                output="-" if job.destination is None else str(job.destination),
                status="skipped" if job.destination in there else "not begun",
            )
            for job in self._plan.jobs
        }

    def _process_all(self, processor: Processor[N], jobs: list[Job], workers: int, threads: int) -> Iterator[Finished]:
        import torch

        budget = MegapixelBudget(MEGAPIXELS_IN_WORK)

        def process(job: Job) -> Finished:
            finished = processor.process(job, self._outcomes[job], budget, self._stop)
            self._outcomes[job] = finished.outcome
            if finished.bug is not None:
                self._error = finished.bug
                self._stop.ask()
            return finished

        # Every thread needs to know how many of torch's own it may use
        with (
            ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads,)) as pool,
            self._stopping_when_left(),
        ):
            begun: list[Future[Finished]] = [pool.submit(process, job) for job in jobs]
            for future in as_completed(begun):
                finished = future.result()
                if finished.outcome.status != "not begun":
                    yield finished

    @contextmanager
    def _stopping_when_left(self) -> Iterator[None]:
        """Stop if the context is left early: the pool would process all other pictures, and nobody would see them."""
        try:
            yield
        except BaseException:
            self._stop.ask()
            raise


def _workers(pictures: int, asked: int | None, device: "torch.device", threads: int) -> int:
    from excolor.runtime.devices import cores

    if pictures <= 1:
        return 1
    if asked is not None:
        return asked
    if device.type == "cuda":
        return min(_MOST_JOBS_ON_GPU, cores())
    return max(1, min(_MOST_JOBS, cores() // threads))
