"""Ctrl-C and SIGTERM taken as a wish to end soon, not as an order to fall down."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import click


class Interruption:
    """While this context lasts, the signals are counted instead of obeyed.

    Whoever works looks at `asked` before beginning something new, and at `at_once` before the next step of what is
    begun. Where nothing looks (a model is being loaded) the second signal ends the program as ever.
    """

    def __init__(self) -> None:
        self.heeded = False
        """Whether somebody is looking."""
        self.asked = False
        """Whether to begin nothing new; set it to ask from within the program."""
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def at_once(self) -> bool:
        """Whether to leave what is in work."""
        return self._count > 1

    @property
    def by_signal(self) -> bool:
        """Whether it was a signal that asked, and not the program itself."""
        return self._count > 0

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # elsewhere signals cannot be received
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):  # as in the background of a shell
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is KeyboardInterrupt:
            raise click.exceptions.Exit(130)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        self.asked = True
        if self._count > 1 and not self.heeded:
            raise KeyboardInterrupt
        if self._count == 1 and self.heeded and sys.stderr.isatty():
            # Past Python's own streams, which may be in the middle of a line when a signal comes
            os.write(sys.stderr.fileno(), b"\nEnding when the pictures in work are done; once more to end at once.\n")
