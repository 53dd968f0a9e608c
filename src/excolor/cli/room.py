"""Room in memory for pictures that are in work at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """Lets pictures in as long as they hold so many megapixels together; a larger one goes in alone."""

    def __init__(self, megapixels: float) -> None:
        """Have room for so many megapixels."""
        self._megapixels = megapixels
        self._held = 0.0
        self._turn = threading.Lock()  # first come, first served: small ones do not keep a large one out for ever
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, megapixels: float) -> Iterator[None]:
        """Wait for room, and keep it while the context lasts."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._held == 0 or self._held + megapixels <= self._megapixels)
            self._held += megapixels
        try:
            yield
        finally:
            with self._changed:
                self._held -= megapixels
                self._changed.notify_all()
