"""The folder of a run on one machine, for what its workers share there, and its removal once nobody needs it.

Each worker holds a lock on the folder, which the system lets go when the process dies, however it dies. What nobody
holds was left by a run that was killed. The machine's name is in the folder's: several may have one place for temporary
files, and not all file systems tell them of each other's locks.
"""

import os
import platform
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from excolor.photo.files import TEMPORARY


class NodeFolder:
    """The folder of a run on this machine, as one of its processes has it.

    Windows has no such locks; there, what killed runs leave stays.
    """

    def __init__(self, run: str) -> None:
        """Make it, or share it with the other processes of the run, until `remove`; `run` is 16 hex digits."""
        self.path = Path(tempfile.gettempdir(), f"excolor-{run}-{platform.node()}")
        self._lock: int | None = None
        if sys.platform == "win32":
            self.path.mkdir(parents=True, exist_ok=True)
            return
        import fcntl

        while True:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # another process has taken it for abandoned just now
                self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
                with suppress(OSError):  # where there are no locks, nobody gets one, and nothing counts as abandoned
                    fcntl.flock(self._lock, fcntl.LOCK_SH)
                if os.path.samestat(os.fstat(self._lock), self.path.stat()):
                    return  # held until `remove`, or until the process ends
            self._let_go()

    def remove(self) -> None:
        """Remove it, when the run is over and no process uses it any more, and let go of its lock."""
        _remove(self.path)
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_abandoned() -> None:
    """Remove the folders of this user's runs on this machine that no process holds."""
    if sys.platform == "win32":
        return
    for path in _folders():
        with suppress(OSError), _held_alone(path):
            _remove(path)


def _folders() -> Iterator[Path]:
    name = re.compile("excolor-[0-9a-f]{16}-" + re.escape(platform.node()))
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).iterdir():
            if name.fullmatch(path.name):
                with suppress(OSError):
                    found = path.lstat()
                    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                        yield path


@contextmanager
def _held_alone(path: Path) -> Iterator[None]:
    """Hold the lock of a folder while the context lasts. Raises OSError if a process has it, or locks do not work."""
    import fcntl

    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def _remove(folder: Path) -> None:
    """Remove it with its files, and with the results in it that killed processes were about to upload."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name.startswith(TEMPORARY):
                shutil.rmtree(path)
            else:
                path.unlink()
        folder.rmdir()
