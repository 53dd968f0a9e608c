"""Progress and notes on stderr, results on stdout."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Display:
    """Shows what a command does while it works; made by `open_display`."""

    def __init__(self, progress: "Progress | None", quiet: bool) -> None:
        """Show a bar by `progress`, if there is one, and no notes if `quiet`."""
        self._progress = progress
        self._quiet = quiet
        self._task: TaskID | None = None
        self._rated = True
        self._units = "pictures"

    def expect(self, total: int, what: str, *, rated: bool = True, units: str = "pictures") -> None:
        """Show a bar of `total` units, or change the bar; if `rated`, their speed is shown."""
        self._rated = rated
        self._units = units
        if self._progress is None:
            return
        if self._task is None:
            self._task = self._progress.add_task(what, total=total, rate="")
        else:
            self._progress.reset(self._task, description=what, total=total)  # resets the clock for the rate as well

    def advance(self, units: float = 1) -> None:
        """Advance the bar."""
        if self._progress is None or self._task is None:
            return
        self._progress.advance(self._task, units)
        if not self._rated:
            return
        (task,) = self._progress.tasks
        self._progress.update(self._task, rate=rate(int(task.completed), task.elapsed or 0, self._units))

    def end(self) -> None:
        """Remove the bar, and show the terminal's cursor again."""
        if self._progress is not None:
            self._progress.stop()

    def note(self, message: str) -> None:
        """Show something that the user should know; nothing with --quiet."""
        if not self._quiet:
            self._print(message)

    def error(self, message: str) -> None:
        """Show an error, always."""
        self._print(f"Error: {message}")

    def result(self, path: Path) -> None:
        """Print a written path to stdout. Raises OSError if that fails; what is printed later is discarded."""
        with _to_nowhere_after_failure(sys.stdout), self._paused():
            click.echo(os.fsencode(path))  # as bytes: a name need not be text in the terminal's encoding

    def data(self, content: bytes) -> None:
        """Write a picture to stdout. OSError as in `result`."""
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")
        with _to_nowhere_after_failure(sys.stdout):
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()

    def _print(self, message: str) -> None:
        # If stderr fails, the messages are lost but the work is not
        with suppress(OSError), _to_nowhere_after_failure(sys.stderr), self._paused():
            click.echo(message, err=True)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Remove the bar while a line is printed; rich does so only for what goes through its own console."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


@contextmanager
def open_display(quiet: bool) -> Iterator[Display]:
    """A progress bar on stderr while the context lasts: none with `quiet` or if stderr is not a terminal."""
    if quiet or not is_terminal(sys.stderr):
        yield Display(None, quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # Speed is estimated over the last 300 s: a picture of many megapixels may take long
    with Progress(*columns, console=console, transient=True, speed_estimate_period=300) as progress:
        yield Display(progress, quiet)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether one of Python's own streams, which are None where they were closed from the start, is a terminal."""
    return stream is not None and stream.isatty()


@contextmanager
def _to_nowhere_after_failure(stream: TextIO | None) -> Iterator[None]:
    """Discard what a stream could not write: Python would try again when it exits, and fail."""
    try:
        yield
    except OSError:
        with suppress(OSError):  # not a file at all, as in tests
            if stream is not None:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
        raise


def rate(count: int, seconds: float, units: str = "pictures") -> str:
    """The speed, in the unit of time that is easier to read."""
    if count == 0 or seconds <= 0:
        return ""
    per_second = count / seconds
    return f"{per_second:.1f} {units}/s" if per_second >= 1 else f"{per_second * 60:.1f} {units}/min"


def duration(seconds: float) -> str:
    """Seconds in the units that people use."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s" if whole >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
