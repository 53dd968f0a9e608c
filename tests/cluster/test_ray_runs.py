"""Batches on a real Ray: the same files as without it, whatever befalls the workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from excolor.batch.colorizing import PrecolorizeWork
from excolor.batch.plan import Outputs, plan_batch
from excolor.batch.sources import STDIN, Source
from excolor.cluster.connection import connected
from excolor.cluster.ray_engine import RayEngine
from excolor.errors import ClusterError, MissingPackageError, PlanError
from excolor.networks.models import find_model

Write = Callable[..., Path]
Start = Callable[..., "subprocess.Popen[str]"]

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'excolor[ray]'")

PICTURES = 30
RUN = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); from excolor.cli.main import run; run()"


@pytest.fixture
def scans(tmp_path: Path, small: Write) -> Path:
    """A folder of pictures, one of them damaged."""
    folder = tmp_path / "scans"
    for number in range(PICTURES):
        small(folder / f"{number}.jpg", number, size=(300 + number, 240))
    (folder / "3.jpg").write_text("no picture")
    return folder


def own_environment(home: Path) -> dict[str, str]:
    """Without what Ray has been told on this machine, and with a home for its token."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("RAY_")}, "HOME": str(home)}


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a command in the folder of the test, with pipes for its output."""

    def popen(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
        words = [sys.executable, "-c", RUN, *map(str, arguments)]
        pipe = subprocess.PIPE
        whole = {**own_environment(tmp_path), **environment}
        return subprocess.Popen(words, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, bufsize=1, env=whole)

    return popen


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def descendants(process: int) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == process:
            yield int(path.parent.name)
            yield from descendants(int(path.parent.name))


def workers(process: int) -> list[int]:
    """The processes of a run that are workers: Ray names them for the actor."""
    found = []
    for pid in descendants(process):
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::Worker"):
            found.append(pid)
    return found


@needs_ray
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
def test_a_worker_is_killed_and_all_is_done(
    scans: Path, reference: Path, warm: Path, tmp_path: Path, start: Start
) -> None:
    command = ("colorize", "scans", "--ref", reference, "--ref", warm, "--working-size", 96)
    local = start(*command, "-o", "local", "--report", "local.json")
    _, local_errors = local.communicate()
    assert local.returncode == 1

    run = start(*command, "-o", "out", "--on", "ray", "--jobs", 2, "--report", "ray.json")
    assert run.stdout is not None
    first = run.stdout.readline()
    assert first, run.communicate()
    os.kill(workers(run.pid)[0], signal.SIGKILL)
    rest, errors = run.communicate()
    assert run.returncode == 1, errors
    printed = [first, *rest.splitlines(keepends=True)]
    assert len(printed) == len(set(printed)) == PICTURES - 1

    assert contents(tmp_path / "out") == contents(tmp_path / "local")
    reports = [json.loads((tmp_path / name).read_text()) for name in ("local.json", "ray.json")]
    assert reports[0]["totals"] == reports[1]["totals"]
    known = ("input", "status", "error", "reference", "score", "width", "notes")
    assert [[file[name] for name in known] for file in reports[0]["files"]] == [
        [file[name] for name in known] for file in reports[1]["files"]
    ]
    assert reports[1]["jobs"] == 2 and reports[1]["device"] == "cpu"
    assert sorted(line for line in errors.splitlines() if " pictures/" not in line) == sorted(
        line for line in local_errors.splitlines() if " pictures/" not in line
    )


@needs_ray
def test_errors_are_told_as_without_it(scans: Path, tmp_path: Path, start: Start, small: Write) -> None:
    """A limit on the size of the workers' files stands for a full disk."""
    command = ("colorize", "scans", "--working-size", 32, "-o", "out", "--ref", "absent.jpg")
    told = []
    for on in ((), ("--on", "ray")):
        run = start(*command, *on)
        told.append((*run.communicate(), run.returncode))
    assert told[0] == told[1]
    assert "absent.jpg: there is no such file" in told[0][1]

    small(scans / "31.png", 9, size=(900, 900))
    (tmp_path / "sitecustomize.py").write_text(
        "import resource, sys\n"
        "if any('default_worker' in word for word in sys.orig_argv):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path[1:]])
    run = start("pre-colorize", "scans", "--working-size", 32, "-o", "pre", "--on", "ray", PYTHONPATH=path)
    _, errors = run.communicate()
    assert run.returncode == 1
    assert "cannot write pre/31-precolor.png: File too large" in errors, errors
    assert "Traceback" not in errors
    assert len(contents(tmp_path / "pre")) == PICTURES - 1


@needs_ray
def test_an_interrupted_run_ends_cleanly(scans: Path, reference: Path, tmp_path: Path, start: Start) -> None:
    command = ("colorize", "scans", "--ref", reference, "--working-size", 128, "-o", "out", "--jobs", 1)
    run = start(*command, "--on", "ray", "--report", "run.json")
    assert run.stdout is not None and run.stdout.readline()
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate()
    assert run.returncode == 130, errors
    totals = json.loads((tmp_path / "run.json").read_text())["totals"]
    assert totals["not begun"] > PICTURES / 2
    assert totals["written"] == len(contents(tmp_path / "out"))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A Ray that is there already and wants a token; its address."""
    head, port = free_port(), free_port()
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("5" * 64)
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    command = [*ray, "start", "--head", "--block", "--disable-usage-stats"]
    ports = ["--port", str(head), "--ray-client-server-port", str(port), "--num-cpus", "2"]
    environment = {**own_environment(tmp_path), "RAY_AUTH_MODE": "token"}
    process = subprocess.Popen(
        [*command, *ports, "--node-ip-address", "127.0.0.1", "--include-dashboard", "false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )

    def is_ready() -> bool:
        """Whether clients are listened to, and there is a node to work: it takes a while until the second is true."""
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) != 0:
                return False
        status = [*ray, "status", "--address", f"127.0.0.1:{head}"]
        done = subprocess.run(status, env=environment, capture_output=True, text=True, check=False)
        return done.returncode == 0 and "0.0/2.0 CPU" in done.stdout

    try:
        for _ in range(120):
            if is_ready():
                break
            assert process.poll() is None
            time.sleep(0.5)
        yield f"ray://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@needs_ray
@pytest.mark.skipif(find_spec("grpc") is None, reason="Ray's client is not installed: pip install 'excolor[ray]'")
def test_a_cluster_that_is_there_is_used(
    cluster: str, scans: Path, reference: Path, tmp_path: Path, start: Start
) -> None:
    command = ("colorize", "scans", "--ref", reference, "--working-size", 32)
    for options in (("-o", "local"), ("-o", "out", "--on", cluster)):
        run = start(*command, *options, RAY_AUTH_MODE="token")
        printed, errors = run.communicate()
        assert run.returncode == 1, errors
        assert len(printed.splitlines()) == PICTURES - 1, errors
    assert contents(tmp_path / "out") == contents(tmp_path / "local")


def refuse(*_: object, **__: object) -> None:
    raise ConnectionError("nobody answers\nand much more")


def test_no_cluster_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself gives up after half a minute."""
    ray = SimpleNamespace(init=refuse, is_initialized=lambda: False, __version__="2.60.0")
    monkeypatch.setitem(sys.modules, "ray", ray)
    message = "cannot use the cluster ray://a:1: nobody answers; check"
    with pytest.raises(ClusterError, match=message) as caught, connected("ray://a:1"):
        pass
    assert "\n" not in str(caught.value)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'excolor\[ray\]'"), connected("ray"):
        pass


def test_requests_that_no_cluster_can_do_are_refused(tmp_path: Path) -> None:
    work = PrecolorizeWork(find_model(), "cpu", 32)
    plan = plan_batch([Source(tmp_path / "a.jpg")], Outputs(), "color")
    for address in ("dask", "ray://host", "ray://host:port", "ray://:1", ""):
        with pytest.raises(PlanError, match="is no cluster"):
            RayEngine(plan, work, address=address)
    with pytest.raises(PlanError, match="cannot read standard input"):
        RayEngine(plan_batch([Source(STDIN)], Outputs(), "color"), work, address="ray")
