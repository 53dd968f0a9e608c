"""Calling a function in a separate process: it starts cold, its memory can be measured, and it may run out of it."""

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar, cast

from excolor.errors import DeviceError, ExcolorError
from excolor.runtime.memory import keep_freed_memory

R = TypeVar("R")

# Imported once, by a server from which the processes are forked where the system can do so
_PRELOADED = ["excolor.bench.measuring"]
_KILLED = -9  # SIGKILL, which Linux sends when memory runs out


def run_apart(function: Callable[..., R], *arguments: object, fresh: bool = False) -> R:
    """Call a module's function, with arguments that can be pickled, in a new process.

    With `fresh` its interpreter has imported nothing; otherwise the libraries are imported already.

    Raises:
        DeviceError: there was too little memory, whether Python raised an error or the system killed the process.
        ExcolorError: what `function` raised.
        RuntimeError: it raised something else, whose traceback is in the message; or the process ended by itself.
    """
    method = "spawn" if fresh or "forkserver" not in multiprocessing.get_all_start_methods() else "forkserver"
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(_PRELOADED)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(sender, function, arguments), daemon=True)
    process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        process.join()
        if process.exitcode == _KILLED:
            raise DeviceError("the system ended the process because it asked for too much memory") from None
        raise RuntimeError(f"the process of {function.__name__}{arguments} ended with {process.exitcode}") from None
    finally:
        process.kill()  # it has nothing left to do, or we are interrupted
        process.join()
        receiver.close()
    if isinstance(answer, Exception):
        raise answer
    return cast("R", answer)


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, even if it was interrupted while it did so."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _call(sender: Connection, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits, which ends this one
    with suppress(OSError):  # if memory runs out, this process is to end and no other
        Path("/proc/self/oom_score_adj").write_text("1000")
    keep_freed_memory()  # as every command does
    try:
        answer = function(*arguments)
    except ExcolorError as error:
        answer = error
    except Exception:  # not every exception can be sent, and none with its traceback
        answer = RuntimeError(traceback.format_exc())
    sender.send(answer)
