"""`excolor serve` as it is started: what it prints, listens to, refuses and leaves behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from excolor.cli.main import main
from excolor.errors import OutputError
from excolor.serve.security import Access
from excolor.serve.server import bind

START = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); from excolor.cli.main import run; run()"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts the command; its temporary files are in `tmp_path / "temporary"`."""
    (tmp_path / "temporary").mkdir()
    started = []

    def popen(*arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", START, "serve", "--no-browser", "--working-size", "64", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_cleanly(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path, target: Path, reference: Path, number: signal.Signals
) -> None:
    process = start("--port", 0, target, "--ref", reference)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", url)
    with urllib.request.urlopen(url) as answer:
        assert b"<title>excolor</title>" in answer.read()
        cookie = answer.headers["set-cookie"].split(";")[0]
    base = url.split("?")[0]
    request = urllib.request.Request(f"{base}api/session", headers={"Cookie": cookie})
    with urllib.request.urlopen(request) as answer:
        assert b'"name":"target.jpg"' in answer.read()
    assert len(list((tmp_path / "temporary").glob("excolor-serve-*"))) == 1
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out == ""
    assert "Traceback" not in err
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_shown_command_takes_pictures_as_large(start: Callable[..., "subprocess.Popen[str]"], target: Path) -> None:
    process = start("--port", 0, target, "--max-megapixels", "1200")
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with urllib.request.urlopen(url) as answer:
        cookie = answer.headers["set-cookie"].split(";")[0]
    request = urllib.request.Request(f"{url.split('?')[0]}api/command", headers={"Cookie": cookie})
    with urllib.request.urlopen(request) as answer:
        assert json.loads(answer.read())["command"].endswith(" --max-megapixels 1200")


def test_a_port_that_is_taken_is_not_shared(start: Callable[..., "subprocess.Popen[str]"]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start("--port", port)
        assert process.stdout is not None
        url = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert f":{port}/" not in url
    assert f"Port {port} is taken" in err


def test_other_machines_are_warned_of(start: Callable[..., "subprocess.Popen[str]"]) -> None:
    process = start("--port", 0, "--host", "0.0.0.0")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "Warning: 0.0.0.0 can be reached from other machines" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.jpg"], "there is no such file"),
        (["--ref", "missing.jpg"], "there is no such file"),
        (["--host", "192.0.2.7", "--port", "0"], "cannot listen at 192.0.2.7"),
        (["--model", "nobody"], "unknown model"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], told: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = CliRunner().invoke(main, ["serve", "--no-browser", *arguments])
    assert result.exit_code == 1
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    result = CliRunner().invoke(main, ["serve", "--no-browser"])
    assert result.exit_code == 1
    assert "run pip install starlette uvicorn (or, where excolor's source is, pip install '.[serve]')" in result.stderr


def test_an_address_in_version_6() -> None:
    try:
        address = bind("::1", 0)
    except OutputError:
        pytest.skip("this machine has no IPv6")
    with address.socket:
        assert address.url("x") == f"http://[::1]:{address.port}/?token=x"
        assert f"[::1]:{address.port}" in Access(address.names, address.port).hosts


def test_limits_and_folders(serving_with: Callable[..., Any], small: Callable[..., Path], tmp_path: Path) -> None:
    for number in range(3):
        small(tmp_path / "scans" / f"{number}.png", number)
    with serving_with(folder=tmp_path / "scans", max_bytes=20_000, max_pixels=6000) as running:
        files = running.session["pictures"]
        assert [file["name"] for file in files] == ["0.png", "1.png", "2.png"]
        assert str(tmp_path) not in str(files)
        assert running.ask("POST", f"/api/target/{files[1]['id']}", b"")[0] == 200
        assert running.session["target"]["name"] == "1.png"
        assert running.ask("POST", "/api/target/1.png", b"")[0] == 404
        status, body, _ = running.ask("POST", "/api/target", bytes(30_000), name="large.png")
        assert status == 422
        assert b"--max-upload" in body
        content = small(tmp_path / "wide.png", size=(100, 80)).read_bytes()
        status, body, _ = running.ask("POST", "/api/target", content, name="wide.png")
        assert status == 422
        assert b"megapixels" in body and b"--max-megapixels" in body
        assert running.session["target"]["name"] == "1.png"
