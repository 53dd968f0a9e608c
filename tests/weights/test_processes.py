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
from weight_manifests import CONTENT, FILE, write_manifest

from excolor.weights import Checkpoint

FETCH = """
import sys
from contextlib import suppress
from pathlib import Path
from excolor.weights import fetch, load_manifest
with suppress(ValueError):  # of settings that the client refuses
    import huggingface_hub.constants
    huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = 4096
print(fetch(load_manifest(Path(sys.argv[1])).models["base"].checkpoints["encoder"]))
assert "torch" not in sys.modules
"""

Start = Callable[[Checkpoint], subprocess.Popen[str]]


@pytest.fixture
def start(machine: Path, server: Server) -> Iterator[Start]:
    """Starts a process that fetches a checkpoint and prints its path."""
    variables = {"HF_ENDPOINT": server.hub, "HF_HOME": str(machine / "home"), "HF_HUB_DOWNLOAD_TIMEOUT": "30"}
    started: list[subprocess.Popen[str]] = []

    def popen(stored: Checkpoint) -> subprocess.Popen[str]:
        # A manifest of its own: those who started before may be reading theirs
        manifest = write_manifest(machine / f"weights-{len(started)}.toml", {"base": {"encoder": stored}})
        command = [sys.executable, "-c", FETCH, str(manifest)]
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
    while not any(path.stat().st_size for path in machine.rglob("*.incomplete")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not [path for path in machine.rglob(FILE) if path.is_file()]

    assert path_of(start(stored)).read_bytes() == CONTENT
    if kind == "url":  # the hub's client leaves such files
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
    code = "from excolor.networks.models import find_model as f; f(); import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"huggingface_hub", "torch"} & set(done.stdout.split())
