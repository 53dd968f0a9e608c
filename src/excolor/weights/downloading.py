"""A file from a web server: whole and verified under its name, or not there at all.

What arrives is kept under a name of its own in the same folder, so that a download that was cut, or whose process was
killed, is gone on with. Only a file whose checksum is right gets its name.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import httpx2
from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined,unused-ignore]

from excolor.errors import DownloadError
from excolor.weights.places import check_inside, sha256_of
from excolor.weights.report import Report
from excolor.weights.table import LARGEST_FILE, StoredFile

T = TypeVar("T")

_WAITS = (1.0, 2.0, 4.0)  # seconds between attempts that bring nothing new
_NOTICEABLE = 0.5  # seconds of waiting for another process, before it is told
_LONGEST_WAIT = 60  # seconds that a server may ask for
_PHRASES = {status.value: status.phrase for status in HTTPStatus}  # a server's own words reach no terminal
_LONGEST_TEXT = 200  # characters of another's error
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class PassingError(Exception):
    """What may be over when it is tried again. `wait` is how many seconds the server asks for, if it does."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem)
        self.wait = wait


class OtherFileError(DownloadError):
    """A source has another file than the table says, now and whenever it is tried again."""


def patiently(attempt: Callable[[], T], progress: Callable[[], int] = lambda: 0) -> T:
    """Try until it works, at most four times in which `progress` grows no further. Raises DownloadError then."""
    waits, best = iter(_WAITS), progress()
    while True:
        try:
            return attempt()
        except PassingError as error:
            if progress() > best:
                waits, best = iter(_WAITS), progress()
            wait = next(waits, None)
            if wait is None or (error.wait or 0) > _LONGEST_WAIT:
                raise DownloadError(str(error)) from error
            time.sleep(wait if error.wait is None else error.wait)


def download(
    url: str,
    target: Path,
    stored: StoredFile,
    *,
    root: Path,
    lock: Path,
    headers: Mapping[str, str] | None = None,
    report: Report | None = None,
) -> None:
    """Download a file, going on with what an earlier attempt left; of several processes one does, and others wait.

    Args:
        url: http or https; redirects are followed, without `headers`' authorization to other hosts.
        target: the path that it gets; nothing happens if it is there.
        stored: its checksum and size.
        root: the folder that `target` is below, and must be below after following symbolic links.
        lock: a path that all who write `target` lock.
        headers: of the request.
        report: called while bytes arrive.

    Raises:
        DownloadError: why it did not arrive, without its name.
        CheckpointError: symbolic links lead out of `root`.
    """
    try:
        for folder in (target.parent, lock.parent):
            check_inside(folder, root)
            folder.mkdir(parents=True, exist_ok=True)
        with _locked(lock, stored, report), open_client() as client:
            if not target.exists():
                partial = target.with_name(target.name + ".incomplete")
                _Transfer(client, url, partial, stored, headers or {}, report).run()
                partial.replace(target)
    except OSError as error:
        raise DownloadError(f"{error.filename or target} cannot be written ({error.strerror})") from error


@contextmanager
def _locked(lock: Path, stored: StoredFile, report: Report | None) -> Iterator[None]:
    """Hold a lock, after telling once that another process holds it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(lock, timeout=_NOTICEABLE))
        except TimeoutError:
            if report:
                report(stored, None, None)
            stack.enter_context(WeakFileLock(lock))
        yield


def open_client() -> httpx2.Client:
    """A client that follows redirects. Raises DownloadError if the environment gives settings that it cannot use."""
    with settings_explained():
        return httpx2.Client(follow_redirects=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)


@dataclass(frozen=True)
class _Transfer:
    """From one address to one file that is not complete."""

    client: httpx2.Client
    url: str
    partial: Path
    stored: StoredFile
    headers: Mapping[str, str]
    report: Report | None

    def run(self) -> None:
        """Bring the whole file, and check it."""
        continued = self.size() > 0
        patiently(self.attempt, self.size)
        if continued and not self.is_right():
            self.partial.unlink()  # it began as another file
            patiently(self.attempt, self.size)
        if not self.is_right():
            found = sha256_of(self.partial)
            self.partial.unlink()
            raise OtherFileError(f"another file is there: its sha256 is {found[:12]}…")

    def size(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def is_right(self) -> bool:
        return sha256_of(self.partial).startswith(self.stored.sha256)

    def attempt(self) -> None:
        """Ask for what is missing, and add it to what is there."""
        there = self.size()
        if there == self.stored.bytes:
            return
        headers = {**self.headers, "Accept-Encoding": "identity"}  # ranges are of the file itself
        if there:
            headers["Range"] = f"bytes={there}-"
        with errors_explained(), self.client.stream("GET", self.url, headers=headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self.partial.unlink()
                raise PassingError("the server does not know the part that is missing", wait=0)
            check_status(response)
            self.write(response, there if response.status_code == HTTPStatus.PARTIAL_CONTENT else 0)

    def write(self, response: httpx2.Response, there: int) -> None:
        total = self.expected(response, there)
        # O_NOFOLLOW: a link of this name would let the download write anywhere
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(self.partial, flags, 0o666), "wb") as file:  # noqa: PTH123 - of a descriptor
            file.truncate(there)
            file.seek(there)
            for chunk in response.iter_raw():
                there += len(chunk)
                if there > (total or LARGEST_FILE):
                    raise OtherFileError(f"another file is there: it is larger than {total or LARGEST_FILE} bytes")
                file.write(chunk)
                if self.report:
                    self.report(self.stored, there, total)
        if total and there < total:  # a server that gives no length can end the body anywhere
            raise PassingError("the connection was cut")

    def expected(self, response: httpx2.Response, there: int) -> int | None:
        """How large the file is. Raises DownloadError if the server says otherwise, or sends another part of it."""
        length = response.headers.get("Content-Length", "")
        sent = there + int(length) if length.isdecimal() else None
        if there and not response.headers.get("Content-Range", "").startswith(f"bytes {there}-"):
            raise DownloadError("the server sends another part of the file than the one that is missing")
        if sent is not None and self.stored.bytes and sent != self.stored.bytes:
            raise OtherFileError(f"another file is there: it has {sent} bytes, not {self.stored.bytes}")
        return self.stored.bytes or sent


@contextmanager
def settings_explained() -> Iterator[None]:
    """Raise DownloadError for a request that cannot be made at all, mostly for the environment's settings."""
    try:
        yield
    except (ImportError, OSError, ValueError) as error:
        raise _refused_request(error) from error


@contextmanager
def errors_explained() -> Iterator[None]:
    """Raise PassingError or DownloadError for what may go wrong on the way to a server."""
    try:
        yield
    except httpx2.ConnectTimeout as error:
        raise DownloadError("the server does not answer") from error
    except httpx2.TimeoutException as error:
        raise PassingError("the server went silent") from error
    except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
        raise DownloadError(f"the server cannot be reached ({printable(error)})") from error
    except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
        raise PassingError("the connection was cut") from error
    except httpx2.HTTPError as error:
        raise DownloadError(f"the request failed ({printable(error)})") from error
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise _refused_request(error) from error


def _refused_request(error: Exception) -> DownloadError:
    said = printable(error)
    return DownloadError(f"the request cannot be made ({said}); check address, proxy, certificates and token")


def printable(error: Exception) -> str:
    """What an error says, which a server may have worded, fit for a terminal and for one sentence."""
    text = "".join(c for c in " ".join(str(error).split()) if c.isprintable())
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def check_status(response: httpx2.Response) -> None:
    """Raise PassingError or DownloadError unless the server sends what was asked for."""
    if response.is_success:
        return
    said = f"the server says {response.status_code} {_PHRASES.get(response.status_code, '')}".rstrip()
    if response.status_code in _PASSING:
        wait = response.headers.get("Retry-After", "")
        raise PassingError(said, float(wait) if wait.isdecimal() else None)
    raise DownloadError(said)
