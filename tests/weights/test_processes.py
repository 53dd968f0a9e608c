"""Downloads by processes of their own: with the settings that the hub's client knows, killed, and many at once."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import REPOSITORY, Fault, Server
from weight_tables import CONTENT, FILE, write_table

from excolor.weights import NETWORKS, Checkpoint

FETCH = """
import sys
from pathlib import Path
from excolor.weights import load_table, fetch
print(fetch(load_table(Path(sys.argv[1])).models["base"]["encoder"]))
assert "torch" not in sys.modules
"""

Start = Callable[[Checkpoint], subprocess.Popen[str]]


@pytest.fixture
def start(machine: Path, server: Server) -> Iterator[Start]:
    """Starts a process that fetches a checkpoint and prints its path."""
    variables = {"HF_ENDPOINT": server.hub, "HF_HOME": str(machine / "home"), "HF_HUB_DOWNLOAD_TIMEOUT": "30"}
    started: list[subprocess.Popen[str]] = []

    def popen(stored: Checkpoint) -> subprocess.Popen[str]:
        # A table of its own: those who started before may be reading theirs
        table = write_table(machine / f"weights-{len(started)}.toml", {"base": dict.fromkeys(NETWORKS, stored)})
        command = [sys.executable, "-c", FETCH, str(table)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=os.environ | variables, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield popen
    for process in started:
        process.kill()
        process.communicate()


def path_of(process: subprocess.Popen[str]) -> Path:
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    return Path(out.strip())


def test_the_settings_of_the_hubs_client_count(
    start: Start, checkpoint: Callable[..., Checkpoint], server: Server, machine: Path
) -> None:
    """HF_HOME, HF_ENDPOINT and the token in its folder."""
    server.token = "hf_secret"
    (machine / "home").mkdir()
    (machine / "home" / "token").write_text("hf_secret")
    path = path_of(start(checkpoint("hub")))
    assert path.is_relative_to(machine / "home" / "hub" / f"models--{REPOSITORY.replace('/', '--')}" / "snapshots")
    assert path.read_bytes() == CONTENT


def test_a_setting_that_the_hubs_client_refuses(
    kind: str, start: Start, checkpoint: Callable[..., Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "abc")
    _, err = start(checkpoint(kind)).communicate(timeout=180)
    assert "SettingError: the hub's client refuses a variable of the environment" in err.splitlines()[-1]


def test_killed_in_the_middle(
    kind: str, start: Start, checkpoint: Callable[..., Checkpoint], server: Server, machine: Path
) -> None:
    stored = checkpoint(kind)
    body = f"/blob/{stored.sha256}" if kind == "hub" else FILE
    server.fail(body, Fault(silent_after=90_000))
    process = start(stored)
    until = time.monotonic() + 180
    while not (left := [path for path in machine.rglob("*.incomplete") if path.stat().st_size]):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not [path for path in machine.rglob(FILE) if path.is_file()]
    there = left[0].stat().st_size

    assert path_of(start(stored)).read_bytes() == CONTENT
    assert [request.range for request in server.bodies()] == [None, f"bytes={there}-"]
    assert not list(machine.rglob("*.incomplete"))


def test_sixteen_at_once(kind: str, start: Start, checkpoint: Callable[..., Checkpoint], server: Server) -> None:
    """One fetches, and fifteen wait for it."""
    stored = checkpoint(kind)
    server.fail(FILE if kind == "url" else f"/blob/{stored.sha256}", always=Fault(pause=0.01))
    processes = [start(stored) for _ in range(16)]
    paths = {path_of(process) for process in processes}
    assert len(paths) == 1
    assert hashlib.sha256(paths.pop().read_bytes()).hexdigest() == stored.sha256
    assert len(server.bodies()) == 1


def test_what_is_in_the_package_needs_no_client() -> None:
    """Its import would take longer than the files do."""
    code = "import sys; from excolor.weights import find_model; find_model(); print('huggingface_hub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
