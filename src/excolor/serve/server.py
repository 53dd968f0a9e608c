"""The server itself: an address of its own, and an end without traces."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from errno import EADDRINUSE
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from excolor.errors import OutputError
from excolor.serve.security import Access, Guard

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TRIES = 50  # ports after the one that is asked for
_PATIENCE = 2  # seconds that answers may still take when the server ends


@dataclass(frozen=True)
class Address:
    """Where the server listens.

    Attributes:
        socket: bound, but not listening yet.
        host: as it was asked for.
        port: which may be a later one than was asked for.
    """

    socket: socket.socket
    host: str
    port: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which a browser may ask: that of the host, and on this machine those that mean the same."""
        if self.host in LOOPBACK:
            return LOOPBACK
        own = () if self.host in ("0.0.0.0", "::") else (self.host,)
        return (*LOOPBACK, *own, socket.gethostname(), *_addresses_of_this_machine())

    def url(self, token: str) -> str:
        """What to open in a browser the first time."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/?token={token}"


def bind(host: str, port: int) -> Address:
    """Take a port, or the next free one; port 0 is any.

    Raises:
        OutputError: there is no such address on this machine, or no free port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for attempt in range(port, port + _TRIES if port else 1):
        candidate = socket.socket(family, socket.SOCK_STREAM)
        try:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind((host, attempt))
            candidate.listen(0)  # only now it is certain that the port is free
        except (OSError, OverflowError) as error:
            candidate.close()
            if not (isinstance(error, OSError) and error.errno == EADDRINUSE):
                raise OutputError(f"cannot listen at {host}, port {attempt}: {error}; choose another one") from error
            continue
        return Address(candidate, host, candidate.getsockname()[1])
    raise OutputError(f"the ports {port} to {port + _TRIES - 1} of {host} are all taken; choose another --port")


class Server(uvicorn.Server):
    """Answers until a signal ends it: SIGINT (Ctrl-C) or SIGTERM, which are not passed on, so that one can tidy up."""

    def __init__(self, app: ASGIApp, address: Address, access: Access, when_ready: Callable[[], None]) -> None:
        """Prepare a server.

        Args:
            app: what is behind the guard.
            address: of `bind`.
            access: what requests must show.
            when_ready: called once requests are answered.
        """
        config = uvicorn.Config(
            Guard(app, access),
            log_level="critical",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=_PATIENCE,
        )
        super().__init__(config)
        self._address = address
        self._when_ready = when_ready

    def answer(self) -> None:
        """Answer requests until `stop` or a signal; the address is closed afterwards."""
        with closing(self._address.socket):
            self.run(sockets=[self._address.socket])

    def stop(self) -> None:
        """End `answer`, from any thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self._when_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Obey signals while the context lasts, where Python receives them: in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()


def _addresses_of_this_machine() -> tuple[str, ...]:
    """Those of its name, and the one by which it reaches others."""
    found = []
    with suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))  # an address for documentation; nothing is sent
            found.append(str(probe.getsockname()[0]))
    return tuple(dict.fromkeys(found))
