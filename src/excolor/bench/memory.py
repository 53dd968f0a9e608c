"""The peak of this process's main memory, beyond what it held before."""

import sys
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc/self")
_RESET_PEAK = "5"  # proc(5): resets VmHWM when written to clear_refs


class ResidentPeak:
    """Starts to watch when it is created.

    On Linux this is private memory: code of libraries that a call is the first to touch is resident too, but no cost of
    the call. Elsewhere it is all resident memory, or None if the system does not say.
    """

    def __init__(self) -> None:
        with suppress(OSError):  # some containers refuse; the peak of a new process is low enough
            (_PROC / "clear_refs").write_text(_RESET_PEAK)
        status = _status()
        self._before = status["RssAnon"] if status else _resident_peak()

    def bytes(self) -> int | None:
        """The growth so far."""
        status = _status()
        peak = status["VmHWM"] - status["RssFile"] - status["RssShmem"] if status else _resident_peak()
        return None if peak is None or self._before is None else max(0, peak - self._before)


def _status() -> dict[str, int]:
    """The sizes in /proc/self/status, in bytes; empty if there is no such file, or something is missing in it."""
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
