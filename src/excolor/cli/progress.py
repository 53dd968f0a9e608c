"""Progress and notes on stderr, results on stdout."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.errors import ExcolorError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Reporter:
    """What a command tells while it works; made by `reporter`."""

    def __init__(self, progress: "Progress | None", quiet: bool) -> None:
        """Tell by `progress`, if there is a bar, and leave notes away if `quiet`."""
        self._progress = progress
        self._quiet = quiet
        self._task: TaskID | None = None

    def expect(self, total: int, what: str) -> None:
        """Show a bar of `total` units, or change what it says."""
        if self._progress is None:
            return
        if self._task is None:
            self._task = self._progress.add_task(what, total=total)
        else:
            self._progress.update(self._task, description=what, total=total)

    def advance(self, units: float = 1) -> None:
        """Move the bar on."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, units)

    def note(self, message: str) -> None:
        """Tell something the user should know; nothing with --quiet."""
        if not self._quiet:
            self._print(message)

    def error(self, message: str) -> None:
        """Tell of a failure, always."""
        self._print(f"Error: {message}")

    def result(self, path: Path) -> None:
        """Print a written path to stdout."""
        with self._paused():
            click.echo(os.fsencode(path))  # as bytes: a name need not be text in the terminal's encoding

    def _print(self, message: str) -> None:
        with self._paused():
            click.echo(message, err=True)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Take the bar away while a line is printed; rich does so only for what goes through its own console."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


@contextmanager
def reporter(quiet: bool) -> Iterator[Reporter]:
    """A progress bar on stderr while the context lasts: none with `quiet` or if stderr is not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield Reporter(None, quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Reporter(progress, quiet)


def for_each(
    jobs: Sequence[tuple[Path, Path]], work: Callable[[Path, Path], None], report: Reporter, what: str
) -> None:
    """Run `work(input, output)` for each job; a failing one is named and the rest goes on.

    Raises:
        click.exceptions.Exit: with code 1 after the last job, if any failed.
    """
    failed: list[Path] = []
    report.expect(len(jobs), what)
    for source, destination in jobs:
        try:
            work(source, destination)
        except ExcolorError as error:
            report.error(str(error))
            failed.append(source)
        else:
            report.result(destination)
        report.advance()
    if failed:
        if len(jobs) > 1:
            report.error(f"{len(failed)} of {len(jobs)} pictures failed: {', '.join(map(str, failed))}")
        raise click.exceptions.Exit(1)
