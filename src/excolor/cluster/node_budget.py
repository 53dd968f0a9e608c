"""A bound on the memory of pictures that are in work on one machine, in any number of processes.

It is kept in locks of files, which the system lets go when a process dies, however it dies.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import ceil
from pathlib import Path

_SHARE = 10  # megapixels for which one lock stands


class NodeBudget:
    """The `Budget` of all processes of a machine that give the same folder.

    Windows has no such locks; there, processes do not wait for each other.
    """

    def __init__(self, megapixels: float, folder: Path) -> None:
        """Admit up to `megapixels` at a time; `folder` is on this machine and belongs to the budget."""
        self._shares = max(1, int(megapixels / _SHARE))
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def hold(self, megapixels: float) -> Iterator[None]:
        """Wait until they are free, and hold them while the context lasts."""
        with ExitStack() as held:
            with _locked(self._folder / "turn"):  # first come, first served: small pictures must not starve a large one
                for number in self._free_first(min(self._shares, ceil(megapixels / _SHARE))):
                    held.enter_context(_locked(self._folder / str(number)))
            yield

    def _free_first(self, wanted: int) -> Iterator[int]:
        """So many shares to wait for: those that nobody holds, then others."""
        numbers = range(self._shares)
        free = [number for number in numbers if _is_free(self._folder / str(number))]
        yield from [*free, *(number for number in numbers if number not in free)][:wanted]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    import fcntl

    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _is_free(path: Path) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True
