"""Ctrl-C and SIGTERM as a request to end soon and cleanly."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import click

from excolor.batch.stop import Stop
from excolor.cli.progress import is_terminal

INTERRUPTED = 130
"""The exit code: 128 plus the number of SIGINT, as shells have it."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def ignore_signals() -> None:
    """Ignore them from now on: the program has nothing left to do but end."""
    if _are_received():
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _are_received() -> bool:
    return threading.current_thread() is threading.main_thread()  # Python handles them nowhere else


class Interruption:
    """While this context lasts, signals are counted instead of obeyed: the first one asks for a stop.

    `end_at_once` says how the second one ends the program. Where it is not set (a model is being loaded), the second
    one raises KeyboardInterrupt.
    """

    def __init__(self, stop: Stop) -> None:
        """Ask `stop`."""
        self.end_at_once: Callable[[], None] | None = None
        """Called in the main thread wherever it is; it does not return."""
        self._stop = stop
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def by_signal(self) -> bool:
        """Whether a signal asked for the stop, and not the program itself."""
        return self._count > 0

    def __enter__(self) -> "Interruption":
        if _are_received():
            for number in _SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):  # as in the background of a shell
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        self._stop.ask()
        if self._count > 1 and self.end_at_once is None:
            raise KeyboardInterrupt
        if self._count == 2 and self.end_at_once is not None:
            self.end_at_once()
        if self._count == 1 and self.end_at_once is not None and is_terminal(sys.stderr):
            # Past Python's own streams, which may be in the middle of a line when a signal comes
            with suppress(OSError):
                os.write(sys.stderr.fileno(), b"\nFinishing what is in progress; interrupt again to end at once.\n")
