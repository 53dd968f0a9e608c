"""Progress and notes on stderr, results on stdout."""

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

    def __init__(self, progress: "Progress", quiet: bool) -> None:
        self._progress = progress
        self._quiet = quiet
        self._task: TaskID | None = None

    def expect(self, total: int, what: str) -> None:
        """Show a bar of `total` units, or change what it says."""
        if self._task is None:
            self._task = self._progress.add_task(what, total=total)
        else:
            self._progress.update(self._task, description=what, total=total)

    def advance(self, units: float = 1) -> None:
        """Move the bar on."""
        if self._task is not None:
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
        # rich would keep its bar below a line on stdout only if it owned stdout; pausing it is simpler
        with self._paused():
            click.echo(str(path))

    def _print(self, message: str) -> None:
        with self._paused():
            click.echo(message, err=True)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        live = self._progress.live.is_started
        if live:
            self._progress.stop()
        try:
            yield
        finally:
            if live:
                self._progress.start()


@contextmanager
def reporter(quiet: bool) -> Iterator[Reporter]:
    """A progress bar on stderr while the context lasts: none with `quiet` or if stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with progress:
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
