"""A bound on the memory of pictures that are in work at the same time."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Budget(Protocol):
    """Admits pictures as long as they hold no more than so many megapixels together; a larger one is admitted alone."""

    def hold(self, megapixels: float) -> AbstractContextManager[None]:
        """Wait until they are free, and hold them while the context lasts."""


class MegapixelBudget:
    """The `Budget` of the threads of a process."""

    def __init__(self, megapixels: float) -> None:
        """Admit up to `megapixels` at a time."""
        self._megapixels = megapixels
        self._held = 0.0
        self._turn = threading.Lock()  # first come, first served: small pictures must not starve a large one
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, megapixels: float) -> Iterator[None]:
        """Wait until they are free, and hold them while the context lasts."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._held == 0 or self._held + megapixels <= self._megapixels)
            self._held += megapixels
        try:
            yield
        finally:
            with self._changed:
                self._held -= megapixels
                self._changed.notify_all()
