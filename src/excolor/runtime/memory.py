"""How the process gets its memory from the system, and when Python looks for garbage in it."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Of mallopt(3)
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8

_LARGE = 1 << 27  # bytes: above every feature of a network at working sizes, below a picture of 100 megapixels
_KEPT = 1 << 29


def keep_freed_memory() -> None:
    """Let glibc keep the memory of freed features for the next ones, where it is used and nobody has said otherwise.

    It hands each large tensor back to the system as soon as it is freed; the next one begins with pages that have to be
    emptied one by one, which takes longer than many a layer. Whole pictures still go back. This changes the process, so
    it is for commands to call, not for the library.
    """
    told = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get(
        "GLIBC_TUNABLES", ""
    )
    if told or sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)  # those of threads are too small for features, and keep nothing
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _KEPT)


@contextmanager
def imports_kept() -> Iterator[None]:
    """While it lasts, Python looks for no garbage; afterwards it never looks at what there is by then.

    Importing torch makes half a million objects that stay, and Python would look at them again and again, and once more
    at the end: half a second for a command that colorizes one picture in one and a half. This changes the process, so
    it is for commands to call, once; a second time it does nothing.
    """
    if not gc.isenabled() or gc.get_freeze_count():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
