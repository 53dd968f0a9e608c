"""The engine of a batch on a cluster: the same events as of `excolor.batch.engine`, the same files, bit for bit."""

import os
import secrets
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator
from dataclasses import replace
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
from excolor.cluster.connection import check_address, connected, loss_explained
from excolor.cluster.crew import MOST_DEATHS, Crew, threads_of_workers
from excolor.cluster.worker import Assignment
from excolor.errors import ClusterError, OutputError, PlanError


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
        self._made_by = self._work.provenance()
        with connected(self._address) as ray:
            try:
                with loss_explained(ray):
                    crew = Crew(ray, self._work, self._assignment(ray), self._jobs, len(to_do))
                    yield from self._work_by(crew, to_do)
            except ClusterError:
                self._started = self._started or Started(len(to_do), 0, self._work.device)  # that there is a summary
                raise

    def _work_by(self, crew: Crew, to_do: list[Job]) -> Generator[Event, None, None]:
        yield from crew.begin(self._stop)
        assert self._made_by is not None
        self._made_by = replace(self._made_by, settings={**self._made_by.settings, **crew.recorded})
        self._began = time.monotonic()
        self._started = Started(len(to_do), crew.workers, crew.device)
        yield self._started
        if crew.workers:
            yield from self._process_by(crew, to_do)
        crew.end()

    def _assignment(self, ray: Any) -> Assignment:
        import torch

        return Assignment(
            run=secrets.token_hex(8),
            version=version("excolor"),
            folder=os.fspath(Path.cwd()),
            threads=threads_of_workers(ray.nodes(), self._work.working_size, torch.get_num_threads()),
            checkpoints={role: path.read_bytes() for role, path in self._work.model.files.items()},
            outputs=self._plan.outputs,
            files=self._files,
        )

    def _process_by(self, crew: Crew, to_do: list[Job]) -> Iterator[Finished]:
        with self._stopping_when_left():
            waiting, deaths = deque(to_do), Counter[Job]()
            new: dict[Job, bool] = {}  # which were sent, and whether they had no result then
            while waiting or crew.is_busy:
                if self._stop.asked:
                    waiting.clear()
                while waiting and (hand := crew.free_hand()) is not None:
                    job = waiting.popleft()
                    again = new.get(job, False)
                    new.setdefault(job, _has_no_result(job))
                    crew.send(hand, job, self._outcomes[job], again=again)
                for job, finished in crew.collect():
                    if finished is None:  # nothing came back: its worker died
                        deaths[job] += 1
                    if finished is None and deaths[job] < MOST_DEATHS:
                        waiting.appendleft(job)
                        continue
                    yield self._settle(job, finished)
                waiting.extendleft(reversed(crew.returned()))
                self._note_workers(crew.workers)

    def _note_workers(self, workers: int) -> None:
        """Keep the most that there were at a time for the summary: others may never get room in the cluster."""
        assert self._started is not None
        self._started = replace(self._started, jobs=max(self._started.jobs, workers))

    def _settle(self, job: Job, finished: Finished | None) -> Finished:
        if finished is None:
            self.fail(
                job, f"{job.source.name}: {MOST_DEATHS} workers died over it; it may need more memory than they have"
            )
            return Finished(job, self._outcomes[job])
        self._outcomes[job] = finished.outcome
        if finished.bug is not None:
            self._error = finished.bug
            self._stop.ask()
        return finished


def _has_no_result(job: Job) -> bool:
    """Whether there is certainly none: what is there then was left by a worker of ours."""
    try:
        return job.destination is None or not exists(job.destination)
    except OutputError:  # the store does not tell; the worker will say what is wrong with it
        return False
