"""A web server on loopback that speaks the hub's protocol as far as its client needs it, and misbehaves on demand."""

import hashlib
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "archive/colors"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer."""

    status: int | None = None
    error_code: str | None = None  # the hub's own, in X-Error-Code
    retry_after: int | None = 0  # seconds; None leaves the header out
    cut_after: int | None = None  # bytes of the body, then the connection is closed
    silent_after: int | None = None  # bytes of the body, then nothing comes any more
    pause: float = 0  # seconds between pieces of the body
    body: bytes | None = None  # sent in place of the file, with its own length
    no_length: bool = False  # the body ends with the connection
    ignore_range: bool = False
    wrong_range: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    port: int
    range: str | None
    authorization: str | None


@dataclass
class Server:
    """Files by their paths; those of a repository are served by the hub's rules, and redirect to another port."""

    hub: str = ""
    cdn: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Iterator[Fault]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)  # repositories that were renamed
    token: str | None = None  # that the hub wants to see
    etag: str | None = None  # in place of the sha256
    phrase: str | None = None  # in place of HTTP's own
    ended: threading.Event = field(default_factory=threading.Event)

    def put(self, name: str, content: bytes) -> str:
        """Serve a file under /files/; returns its address."""
        self.files[f"/files/{name}"] = content
        return f"{self.hub}/files/{name}"

    def publish(self, filename: str, content: bytes) -> None:
        """Serve a file of the repository."""
        self.files[f"/{REPOSITORY}/resolve/{COMMIT}/{filename}"] = content

    def fail(self, path: str, *faults: Fault, always: Fault | None = None) -> None:
        """Let requests whose path ends so fail, one after the other; then all, or none."""
        self.faults[path] = chain(faults, () if always is None else repeat(always))

    def fault(self, path: str) -> Fault:
        for end, faults in self.faults.items():
            if path.endswith(end):
                return next(faults, Fault())
        return Fault()

    def bodies(self) -> list[Request]:
        """The requests for a file's bytes."""
        return [r for r in self.requests if r.method == "GET" and r.path.startswith(("/blob/", "/files/"))]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        server, path = self.served, urlsplit(self.path).path  # a proxy is given the whole address
        port = self.server.server_port  # type: ignore[attr-defined]
        header = self.headers.get
        server.requests.append(Request(self.command, path, port, header("Range"), header("Authorization")))
        fault = server.fault(path)
        if fault.status is not None:
            self.head(fault.status, {"X-Error-Code": fault.error_code, "Retry-After": fault.retry_after})
        elif "/resolve/" in path and fault.cut_after is not None:
            self.close_connection = True
        elif "/resolve/" in path:
            self.resolve(path)
        else:
            self.send_file(server.files.get(path), fault)

    def resolve(self, path: str) -> None:
        """What the hub says of a file: what it is, and that it lies elsewhere."""
        server = self.served
        for old, new in server.moved.items():
            if path.startswith(f"/{old}/"):
                return self.head(307, {"Location": path.replace(old, new)})
        content = server.files.get(path)
        if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
            return self.head(401, {"X-Error-Code": "RepoNotFound"})
        if content is None:
            known = any(name.startswith(path.rsplit("/", 1)[0]) for name in server.files)
            return self.head(404, {"X-Error-Code": "EntryNotFound" if known else "RevisionNotFound"})
        sha256 = hashlib.sha256(content).hexdigest()
        server.files[f"/blob/{sha256}"] = content
        linked = {"X-Linked-ETag": f'"{server.etag or sha256}"', "X-Linked-Size": len(content)}
        return self.head(302, {"X-Repo-Commit": COMMIT, "Location": f"{server.cdn}/blob/{sha256}", **linked})

    def send_file(self, content: bytes | None, fault: Fault) -> None:
        if content is None:
            return self.head(404, {})
        content = content if fault.body is None else fault.body
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        wanted = None if fault.ignore_range else wanted
        start = int(wanted[1]) + fault.wrong_range if wanted else 0
        if start >= len(content) > 0:
            return self.head(416, {"Content-Range": f"bytes */{len(content)}"})
        end = min(len(content), int(wanted[2]) + 1) if wanted and wanted[2] else len(content)
        headers: dict[str, object] = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "Accept-Ranges": "bytes"}
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        self.head(206 if wanted else 200, headers | {"Content-Length": None if fault.no_length else end - start})
        return None if self.command == "HEAD" else self.send_body(content[start:end], fault)

    def send_body(self, body: bytes, fault: Fault) -> None:
        end = min((n for n in (fault.cut_after, fault.silent_after) if n is not None), default=len(body))
        pieces = deque(body[i : min(i + 4096, end)] for i in range(0, end, 4096))
        while pieces and not self.served.ended.wait(fault.pause):
            try:
                self.wfile.write(pieces.popleft())
            except OSError:  # the client has gone
                break
        if fault.silent_after is not None:
            self.served.ended.wait(20)
        self.close_connection = fault.cut_after is not None or fault.silent_after is not None or fault.no_length

    def head(self, status: int, headers: dict[str, object]) -> None:
        self.send_response(status, self.served.phrase)
        for name, value in ({"Content-Length": 0} | headers).items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Clients go away in the middle here."""


@contextmanager
def serving() -> Iterator[Server]:
    """A hub and its CDN, on two ports."""
    server = Server()
    handler = type("Bound", (Handler,), {"served": server})
    listeners = [Listener(("127.0.0.1", 0), handler) for _ in range(2)]
    server.hub, server.cdn = (f"http://127.0.0.1:{listener.server_port}" for listener in listeners)
    threads = [threading.Thread(target=listener.serve_forever, args=(0.01,)) for listener in listeners]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        for listener, thread in zip(listeners, threads, strict=True):
            listener.shutdown()
            thread.join()
            listener.server_close()
