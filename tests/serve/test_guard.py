"""Who is let in, tried with requests as hostile pages and other programs make them."""

import json
from pathlib import Path
from typing import Any

import pytest

ADDRESSES = ("/", "/app.js", "/api/session", "/api/before?longest=256")


@pytest.mark.parametrize("path", ADDRESSES)
def test_without_the_token_nothing_is_shown(running: Any, path: str) -> None:
    assert running.ask("GET", path, cookie=None)[0] == 403
    assert running.ask("GET", path, cookie=f"{running.access.cookie}=guess")[0] == 403


def test_the_token_is_taken_from_the_address_once_and_then_from_a_strict_cookie(running: Any) -> None:
    status, _, headers = running.ask("GET", f"/?token={running.access.token}", cookie=None, origin=None)
    assert status == 200
    cookie = headers["set-cookie"]
    assert "SameSite=Strict" in cookie and "HttpOnly" in cookie
    assert running.ask("GET", "/api/session", cookie=cookie.split(";")[0])[0] == 200
    assert running.ask("GET", "/?token=guess", cookie=None)[0] == 403
    # Only the page itself is had for a token in the address
    assert running.ask("GET", f"/api/session?token={running.access.token}", cookie=None)[0] == 403


def test_the_token_that_a_browser_is_started_with_works_once(running: Any) -> None:
    path = f"/?token={running.access.once}"
    assert [running.ask("GET", path, cookie=None)[0] for _ in range(2)] == [200, 403]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}"]
)
def test_a_foreign_host_is_refused(running: Any, host: str) -> None:
    """A name of an attacker that was made to lead here: DNS rebinding."""
    assert running.ask("GET", "/api/session", host=host.format(port=running.port))[0] == 403


def test_localhost_is_this_machine(running: Any) -> None:
    own = f"localhost:{running.port}"
    assert running.ask("GET", "/api/session", host=own, origin=f"http://{own}")[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", None]
)
def test_a_foreign_origin_may_not_change_anything(running: Any, origin: str | None) -> None:
    given = origin and origin.format(port=running.port)
    assert running.ask("POST", "/api/example", b"", origin=given)[0] == 403
    if given:
        assert running.ask("GET", "/api/session", origin=given)[0] == 403
    assert running.session["target"] is None


def test_the_browser_is_bound(running: Any) -> None:
    for path in ("/", "/api/session", "/nowhere"):
        headers = running.ask("GET", path)[2]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert not [name for name in headers if name.startswith("access-control")]
        assert "server" not in headers


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/static/app.js", "/api/results/..%2F..%2Fapp.py", "/api/references/..%2f/large"]
)
def test_addresses_are_no_paths(running: Any, path: str) -> None:
    assert running.ask("GET", path)[0] == 404


def test_the_page_names_nothing_from_elsewhere() -> None:
    import excolor.serve

    folder = Path(excolor.serve.__file__).parent / "static"
    assert {path.name for path in folder.iterdir()} == {
        *("index.html", "style.css", "icon.svg"),
        *("app.js", "merging.js", "messages.js", "picker.js", "screen.js", "server.js", "state.js"),
    }
    for path in folder.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "//cdn" not in text
        assert "innerHTML" not in text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        json.dumps({"hints": [{"x": 5}], "references": [], "used": [], "number": 1, "revision": 0}).encode(),
    ],
)
def test_nonsense_is_answered_with_a_sentence(running: Any, body: bytes) -> None:
    status, answer, _ = running.ask("PUT", "/api/choices", body)
    assert status == 422
    assert json.loads(answer)["error"]
