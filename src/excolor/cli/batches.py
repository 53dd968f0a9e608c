"""A batch on the terminal: planned, its events shown, signals heeded, and its end turned into an exit code."""

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from excolor.batch.destinations import named_by
from excolor.batch.events import Finished, Note, Started, Summary
from excolor.batch.plan import BatchPlan, plan_batch
from excolor.batch.report import write_report
from excolor.batch.sources import Source
from excolor.batch.stop import Stop
from excolor.cli.commands import with_options
from excolor.cli.interruption import INTERRUPTED, Interruption
from excolor.cli.options import FileOptions
from excolor.cli.progress import Display, duration, is_terminal, open_display, rate
from excolor.errors import OutputError

if TYPE_CHECKING:
    from excolor.batch.engine import Engine
    from excolor.batch.work import Work

AnyWork: TypeAlias = "Work[Any]"


def plan_files(
    sources: Sequence[Source],
    options: FileOptions,
    tag: str,
    *,
    keep: Iterable[Path] = (),
    stages: Path | None = None,
    passed_over: Collection[str] = (),
) -> BatchPlan:
    """`plan_batch`, and what the terminal adds to it: what is skipped is noted, and no result is lost.

    So no picture is written to the terminal, nor to the memory of this process.

    `passed_over` are folders that were not looked into; see `expand`.
    """
    if options.output is not None and options.output.startswith("memory://"):
        raise click.UsageError(
            "memory:// is this command's own memory, and ends with it; write to a folder or an object store."
        )
    if passed_over:
        names = Counter(os.path.basename(path) for path in passed_over)  # noqa: PTH119
        folders = ", ".join(name if number == 1 else f"{number} {name}" for name, number in sorted(names.items()))
        Display(None, options.quiet).note(f"folders of the system or a storage box are left out: {folders}")
    plan = plan_batch(sources, options.outputs, tag, keep=keep, stages=stages, shard=options.shard)
    if is_terminal(sys.stdout) and any(job.destination is None for job in plan.jobs):
        raise click.UsageError("a picture would be written to the terminal; redirect it, or name a file with -o.")
    if plan.earlier_results:
        Display(None, options.quiet).note(f"inputs skipped, since they are results of others: {plan.earlier_results}")
    return plan


def run_batch(plan: BatchPlan, work: AnyWork, options: FileOptions, doing: str) -> None:
    """Do a work to all pictures of a plan, show how it goes, and write the report.

    Args:
        plan: of `plan_files`.
        work: what is done to each picture.
        options: of the command.
        doing: what is done, for the progress bar.

    Raises:
        click.exceptions.Exit: 1 if a picture failed or stdout took no more, 130 if a signal ended it.
        OutputError: stdout is full or closed.
        Exception: a bug in the work on one picture, after everything else is shown and written.
    """
    stop = Stop()
    # The outer one, so that a second signal while the progress bar is taken away ends as one at any other time
    with Interruption(stop) as interruption, open_display(options.quiet) as display:
        display.expect(len(plan.jobs), "Loading the model")
        engine = _engine(plan, work, options, stop)
        _Run(plan, engine, options, stop, interruption, display).show(doing)


def _engine(plan: BatchPlan, work: AnyWork, options: FileOptions, stop: Stop) -> "Engine[Any]":
    if options.on is not None:
        from excolor.cluster.ray_engine import RayEngine

        return RayEngine(plan, work, options.file_settings, address=options.on, jobs=options.jobs, stop=stop)
    from excolor.batch.engine import Engine

    stdin = getattr(sys.stdin, "buffer", None)
    return Engine(plan, work, options.file_settings, jobs=options.jobs, stop=stop, stdin=stdin)


class _Run:
    """A batch while it runs."""

    def __init__(
        self,
        plan: BatchPlan,
        engine: "Engine[Any]",
        options: FileOptions,
        stop: Stop,
        interruption: Interruption,
        display: Display,
    ) -> None:
        self._plan = plan
        self._engine = engine
        self._options = options
        self._stop = stop
        self._interruption = interruption
        self._display = display
        self._lost: OSError | None = None  # why stdout takes nothing more
        self._went_well = True

    def show(self, doing: str) -> None:
        """Show all events, and raise what the end calls for; see `run_batch`."""
        from excolor.runtime.memory import imports_kept

        with closing(self._engine.run()) as events:
            with imports_kept():  # the first event comes when the model is loaded
                first = next(events)
            for event in chain((first,), events):
                match event:
                    case Note():
                        self._display.note(event.message)
                    case Started():
                        self._display.expect(event.pictures, doing)
                        self._interruption.end_at_once = self._end_at_once
                    case Finished():
                        self._show_picture(event)
                    case Summary():
                        self._conclude(event)
        if self._lost is not None and not isinstance(self._lost, BrokenPipeError):
            raise OutputError(_lost_output(self._lost))
        if self._lost is None and self._interruption.by_signal:
            raise click.exceptions.Exit(INTERRUPTED)
        if self._lost is not None or not self._went_well:
            raise click.exceptions.Exit(1)

    def _show_picture(self, finished: Finished) -> None:
        job, outcome = finished.job, finished.outcome
        for note in outcome.notes:
            self._display.note(f"{job.source.name}: {note}")
        if outcome.status == "failed":
            self._display.error(with_options(str(outcome.error), finished.cause.settings if finished.cause else ()))
        elif self._lost is None and outcome.status == "written":
            try:
                if job.destination is None:
                    self._display.data(finished.data)
                else:
                    self._display.result(job.destination)
            except OSError as error:  # whoever read the paths has read enough, or nobody can
                self._lost = error
                self._stop.ask()
                if job.destination is None:
                    self._engine.fail(job, _lost_output(error))
        self._display.advance()

    def _conclude(self, summary: Summary) -> None:
        """Write the report and show the summary."""
        self._went_well = self._write_report(summary) and not summary.totals["failed"]
        self._interruption.end_at_once = None  # from here on a signal has nothing to save
        for line in summary_lines(summary) if len(summary.outcomes) > 1 else ():
            self._display.note(line)

    def _write_report(self, summary: Summary) -> bool:
        """Whether the report could be written, if one is asked for."""
        outputs = self._plan.outputs
        if outputs.report is None:
            return True
        try:
            with named_by("report"):
                write_report(
                    summary,
                    outputs.report,
                    interrupted=self._interruption.by_signal,
                    overwrite=self._plan.may_replace_report(),  # another run may have written one meanwhile
                    shard=self._plan.shard,
                )
        except OutputError as error:
            self._display.error(with_options(str(error), error.settings))
            return False
        return True

    def _end_at_once(self) -> None:
        """End without waiting for the threads, which nothing can stop while a network runs."""
        from excolor.photo.files import remove_unfinished

        try:
            self._conclude(self._engine.summary())
            self._display.end()
        finally:
            remove_unfinished()
            os._exit(INTERRUPTED)


def summary_lines(summary: Summary) -> Iterator[str]:
    """How a batch went: the numbers, then what failed and why."""
    totals = summary.totals
    counts = ", ".join(f"{count} {status}" for status, count in totals.items() if count or status == "written")
    speed = rate(totals["written"], summary.seconds)
    yield f"{counts} in {duration(summary.seconds)}" + (f": {speed}" if speed else "")
    for outcome in summary.outcomes:
        if outcome.status == "failed":
            yield f"  failed: {outcome.error}"


def _lost_output(error: OSError) -> str:
    return f"cannot write to standard output: {error.strerror or error}; send it elsewhere"
