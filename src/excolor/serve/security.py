"""Who may ask this server: the browser of the person who started it, and no page of anybody else.

- The first visit needs the random token of the address that was printed; afterwards a cookie has it, which the browser
  sends with requests of our own page alone (SameSite=Strict) and scripts cannot read (HttpOnly).
- `Host` must be one of our own names: a foreign name that was made to lead here (DNS rebinding) is refused.
- `Origin`, where the browser sends it, must be ours, and requests that change something must have it.
- Our page may load nothing from elsewhere, run no script but its own file, and be framed by nobody.
"""

import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_HARMLESS = ("GET", "HEAD")


class Access:
    """What a request must show.

    Attributes:
        hosts: the values of the header Host under which this server may be addressed, "127.0.0.1:8000" for example.
        token: 256 random bits as text.
        once: another token, for a single visit: programs that open a browser show it to all users of the machine.
        cookie: the name of the cookie. Cookies know no ports, so each server needs a name of its own.
    """

    def __init__(self, hosts: Iterable[str], port: int) -> None:
        """With new tokens, for a server at `port` with these names or addresses."""
        self.hosts = frozenset(f"{f'[{host}]' if ':' in host else host}:{port}".lower() for host in hosts)
        self.token = secrets.token_urlsafe(32)
        self.once = secrets.token_urlsafe(32)
        self.cookie = f"excolor-{port}"

    def refusal(self, method: str, headers: Headers, *, enters: bool) -> str | None:
        """Why a request is refused, in a sentence; None if it is not."""
        if headers.get("host", "").lower() not in self.hosts:
            return "This server is not called that; open the address that excolor serve printed."
        origin = headers.get("origin")
        if origin is None and method not in _HARMLESS:
            return "This request does not say which page it comes from; open the address that excolor serve printed."
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self.hosts}:
            return "This request comes from another page."
        if not enters and not _same(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""), self.token):
            return "The token is missing or wrong; open the whole address that excolor serve printed."
        return None

    def admits(self, query: str) -> bool:
        """Whether the query of an address has a token. The one for a single visit is used up."""
        given = parse_qs(query).get("token", [""])[0]
        if self.once and _same(given, self.once):
            self.once = ""
            return True
        return _same(given, self.token)


def _same(given: str, secret: str) -> bool:
    """Compared in a time that does not depend on where they differ."""
    return secrets.compare_digest(given.encode(), secret.encode())


class Guard:
    """Lets through what `Access` does not refuse (403), and adds the headers that bind the browser."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            return

        headers, method = Headers(scope=scope), scope["method"]
        enters = (
            method == "GET" and scope["path"] == "/" and self._access.admits(scope["query_string"].decode("latin-1"))
        )
        reason = self._access.refusal(method, headers, enters=enters)

        async def send_bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer[name] = value
                if enters and reason is None:
                    cookie = f"{self._access.cookie}={self._access.token}; Path=/; HttpOnly; SameSite=Strict"
                    answer.append("set-cookie", cookie)
            await send(message)

        app = self._app if reason is None else PlainTextResponse(f"{reason}\n", 403)
        await app(scope, receive, send_bound)
