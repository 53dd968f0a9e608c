"""Pipes: what they hold comes once, when it comes, and a stop is heeded while it is waited for."""

import io
import os
import select
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from excolor.batch.stop import Stop, StoppedError
from excolor.errors import PhotoError

_LOOK_AGAIN = 100  # milliseconds between two looks at the stop
_PIECE = 1 << 20  # bytes that are read at a time


def is_pipe(path: Path) -> bool:
    """Whether a file is a pipe, or a device, which comes in the same way."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def read_pipe(path: Path, stop: Stop) -> bytes:
    """All that comes through the pipe of a name: a FIFO, or what a shell makes of <(COMMAND).

    Raises:
        PhotoError: it cannot be opened or read.
        StoppedError: see there.
    """
    # Opening a FIFO waits for who writes to it, and only on Linux can that be done later
    flags = os.O_RDONLY | (os.O_NONBLOCK if sys.platform == "linux" else 0)
    try:
        with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
            return read_stream(file, stop)
    except OSError as error:
        raise PhotoError(f"cannot read {path}: {error.strerror}; check that you may read this file") from error


def read_stream(file: BinaryIO | io.RawIOBase, stop: Stop) -> bytes:
    """All that is left of a file, which may be a pipe. Raises StoppedError; see there."""
    try:
        number = file.fileno()
    except OSError:  # it is in memory
        number = None
    if number is None or not hasattr(select, "poll"):  # Windows cannot wait for pipes
        return file.read() or b""
    poll = select.poll()
    poll.register(number, select.POLLIN | select.POLLHUP | select.POLLERR)
    read = getattr(file, "read1", file.read)  # no more than what is there
    parts: list[bytes] = []
    while True:
        is_ready = poll.poll(_LOOK_AGAIN)
        if stop.asked:
            raise StoppedError
        part = read(_PIECE) if is_ready else None
        if part == b"":
            return b"".join(parts)
        if part is not None:
            parts.append(part)
