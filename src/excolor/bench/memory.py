"""The most main memory that this process held at a time, beyond what it held at a moment before."""

import sys
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc/self")
_RESET_PEAK = "5"  # proc(5): what clear_refs takes for "VmHWM begins anew"


class ResidentPeak:
    """Begins to watch when it is made.

    On Linux it is private memory: code of libraries that a call happens to touch first is resident too, and no cost
    of the call. Elsewhere all that is resident, and None where the system does not tell.
    """

    def __init__(self) -> None:
        with suppress(OSError):  # some containers refuse; the peak of a new process is low enough
            (_PROC / "clear_refs").write_text(_RESET_PEAK)
        status = _status()
        self._before = status["RssAnon"] if status else _resident_peak()

    def bytes(self) -> int | None:
        """The growth until now."""
        status = _status()
        peak = status["VmHWM"] - status["RssFile"] - status["RssShmem"] if status else _resident_peak()
        return None if peak is None or self._before is None else max(0, peak - self._before)


def _status() -> dict[str, int]:
    """The sizes in /proc/self/status, in bytes; empty where there is no such file, or not with all we need."""
    try:
        lines = (_PROC / "status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.endswith(" kB"))
    sizes = {name: int(value.split()[0]) * 1024 for name, value in pairs}
    return sizes if {"VmHWM", "RssAnon", "RssFile", "RssShmem"} <= sizes.keys() else {}


def _resident_peak() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
