"""The connection to Ray: a cluster that is there, or processes of this machine that are started for the run."""

import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from excolor.errors import ClusterError, MissingPackageError, PlanError, how_to_install

LOCAL = "ray"
_REMOTE = "ray://"

_BUSY = "Initialization failure from server"
"""What a head answers that could not begin a session within its 30 seconds, since it has other things to do."""
_TRIES = 3


def check_address(address: str) -> str:
    """`ray` or ray://HOST:PORT. Raises PlanError if it is neither."""
    host, colon, port = address.removeprefix(_REMOTE).rpartition(":")
    if address != LOCAL and not (address.startswith(_REMOTE) and host and colon and port.isdigit()):
        raise PlanError(f"{address!r} is no cluster: give ray for this machine, or ray://HOST:PORT.")
    return address


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module `ray`, connected while the context lasts.

    Args:
        address: of `check_address`; `ray` is the cluster that RAY_ADDRESS names, or else processes of this machine.

    Raises:
        MissingPackageError: Ray is not installed.
        ClusterError: there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody, unless the user says so
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError(
            f"--on ray needs Ray, which is not installed; {how_to_install('ray', 'ray[client]')}"
        ) from error
    with _own_signals(), _heeding_signals(ray), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an error says the same
        try:
            _connect(ray, address)
        except (ConnectionError, RuntimeError, ValueError, ImportError, TimeoutError, OSError) as error:
            raise ClusterError(
                f"cannot use the cluster {os.environ.get('RAY_ADDRESS', address) if address == LOCAL else address}: "
                f"{_first_line(error)}; check that it runs, with this version of Python and Ray ({ray.__version__}), "
                "and set RAY_AUTH_MODE=token if it wants a token"
            ) from error
    try:
        with _silent(ray):
            yield ray
    finally:
        ray.shutdown()


@contextmanager
def loss_explained(ray: Any) -> Iterator[None]:
    """Turn what Ray raises when it cannot go on into a ClusterError."""
    try:
        yield
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise ClusterError(
            f"the cluster is lost: {_first_line(error)}; look into its logs, and do the rest when it is mended",
            settings=("skip_existing",),
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _connect(ray: Any, address: str) -> None:
    if ray.is_initialized():
        raise RuntimeError("this process is connected to Ray already")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address != LOCAL:
        for tries_left in reversed(range(_TRIES)):
            try:
                ray.init(address, **quiet)
                break
            except ConnectionError as error:
                if _BUSY not in str(error) or not tries_left:
                    raise
    elif "RAY_ADDRESS" in os.environ:  # as for a job that was submitted to a cluster
        ray.init(**quiet)
    else:
        from excolor.runtime.devices import cores

        ray.init("local", num_cpus=cores(), include_dashboard=False, **quiet)


def _silent(ray: Any) -> AbstractContextManager[None]:
    """Keep Ray from telling deaths of workers on standard output, where results go; it has no setting for that."""
    return _without(ray._private.worker, "print_to_stdstream")


def _heeding_signals(ray: Any) -> AbstractContextManager[None]:
    """Keep Ray from handling SIGTERM while it connects, by ending at once; `_own_signals` mends it only later."""
    return _without(getattr(getattr(ray, "_private", None), "utils", None), "set_sigterm_handler")


@contextmanager
def _without(module: Any, function: str) -> Iterator[None]:
    """Have a function of a module of Ray's do nothing while the context lasts, if there is such a function."""
    before = getattr(module, function, None)
    if before is None:
        yield
        return
    setattr(module, function, lambda *_, **__: None)
    try:
        yield
    finally:
        setattr(module, function, before)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handlers of signals: Ray puts its own in their place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
