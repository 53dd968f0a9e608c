"""Batches on a real Ray: the same files as without it, whatever befalls the workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
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

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'")
needs_client = pytest.mark.skipif(find_spec("grpc") is None, reason="Ray's client is not installed: see above")
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")

PICTURES = 30
RUN = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); from excolor.cli.main import run; run()"
SOON = "from excolor.cluster import crew; crew._UNTOLD = 1.0; "  # seconds, not 10, until it says that it waits


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

    def popen(*arguments: object, code: str = RUN, **environment: str) -> "subprocess.Popen[str]":
        words = [sys.executable, "-c", code, *map(str, arguments)]
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


def command_lines(process: int) -> dict[int, bytes]:
    """Those of the processes of a run."""
    found = {}
    for pid in descendants(process):
        with suppress(OSError):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes()
    return found


def workers(process: int) -> list[int]:
    """The processes of a run that are workers: Ray names them for the actor."""
    return [pid for pid, line in command_lines(process).items() if line.startswith(b"ray::Worker")]


@needs_ray
@needs_proc
def test_a_worker_is_killed_and_all_is_done(
    scans: Path, reference: Path, warm: Path, tmp_path: Path, start: Start
) -> None:
    command = ("colorize", "scans", "--ref", reference, "--ref", warm, "--working-size", 96)
    run = start(*command, "-o", "out", "--on", "ray", "--jobs", 2, "--report", "ray.json")
    assert run.stdout is not None
    first = run.stdout.readline()
    assert first, run.communicate()
    os.kill(workers(run.pid)[0], signal.SIGKILL)
    local = start(*command, "-o", "local", "--report", "local.json")  # now that Ray has started, which has no patience
    rest, errors = run.communicate()
    assert run.returncode == 1, errors
    printed = [first, *rest.splitlines(keepends=True)]
    assert len(printed) == len(set(printed)) == PICTURES - 1

    _, local_errors = local.communicate()
    assert local.returncode == 1
    assert contents(tmp_path / "out") == contents(tmp_path / "local")
    reports = [json.loads((tmp_path / name).read_text()) for name in ("local.json", "ray.json")]
    assert reports[0]["totals"] == reports[1]["totals"]
    assert reports[0]["settings"] == reports[1]["settings"]
    known = ("input", "status", "error", "reference", "score", "width", "notes")
    assert [[file[name] for name in known] for file in reports[0]["files"]] == [
        [file[name] for name in known] for file in reports[1]["files"]
    ]
    assert reports[1]["jobs"] in (1, 2), "those that have begun: none may have been in time after the one that died"
    assert reports[1]["device"] == "cpu"
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


@needs_ray
@needs_proc
def test_a_signal_while_ray_starts_is_heeded(scans: Path, tmp_path: Path, start: Start) -> None:
    """Ray has a handler of its own for it then, which would end the process at once."""
    run = start("pre-colorize", "scans", "--working-size", 32, "-o", "out", "--on", "ray", "--report", "run.json")
    while not any(b"gcs_server" in line for line in command_lines(run.pid).values()):
        assert run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate()
    assert run.returncode == 130, errors
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["interrupted"] and report["jobs"] == 0 and report["totals"]["not begun"] == PICTURES


@needs_ray
def test_workers_that_have_no_memory_end_the_run_in_one_sentence(scans: Path, tmp_path: Path, start: Start) -> None:
    """Ray's monitor of memory takes any use for too much here."""
    command = ("pre-colorize", "scans", "--working-size", 32, "-o", "out", "--jobs", 2, "--report", "run.json")
    limit = {"RAY_memory_usage_threshold": "0.001", "RAY_memory_monitor_refresh_ms": "100"}
    run = start(*command, "--on", "ray", **limit)
    printed, errors = run.communicate()
    assert run.returncode == 1 and not printed
    *_, summary, error = errors.splitlines()
    assert "not begun" in summary
    assert error.startswith("Error: the workers of the cluster die again and again") and "more memory" in error
    assert "Traceback" not in errors
    totals = json.loads((tmp_path / "run.json").read_text())["totals"]
    assert totals == {"written": 0, "skipped": 0, "failed": 0, "not begun": PICTURES}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass
class Cluster:
    """A Ray that is there already and wants a token."""

    address: str
    head: "subprocess.Popen[bytes]"


StartCluster = Callable[[int], Cluster]


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[StartCluster]:
    """Starts one of so many processors."""
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("5" * 64)
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    environment = {**own_environment(tmp_path), "RAY_AUTH_MODE": "token"}
    started = []

    def popen(cpus: int) -> Cluster:
        head, port = free_port(), free_port()
        command = [*ray, "start", "--head", "--block", "--disable-usage-stats", "--num-cpus", str(cpus)]
        ports = ["--port", str(head), "--ray-client-server-port", str(port)]
        process = subprocess.Popen(
            [*command, *ports, "--node-ip-address", "127.0.0.1", "--include-dashboard", "false"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        started.append(process)

        def is_ready() -> bool:
            """Whether clients are listened to, and there is a node to work: it takes a while until that is true."""
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) != 0:
                    return False
            status = [*ray, "status", "--address", f"127.0.0.1:{head}"]
            done = subprocess.run(status, env=environment, capture_output=True, text=True, check=False)
            there = f"0.0/{cpus}.0 CPU" if cpus else "object_store_memory"
            return done.returncode == 0 and there in done.stdout

        for _ in range(120):
            if is_ready():
                break
            assert process.poll() is None
            time.sleep(0.5)
        return Cluster(f"ray://127.0.0.1:{port}", process)

    try:
        yield popen
    finally:
        for process in started:
            process.terminate()
            process.wait()


@needs_ray
@needs_client
@needs_proc
def test_a_cluster_that_is_there_is_used_until_it_is_gone(
    start_cluster: StartCluster, scans: Path, reference: Path, tmp_path: Path, start: Start
) -> None:
    cluster = start_cluster(2)
    command = ("colorize", "scans", "--ref", reference, "--working-size", 32)
    for options in (("-o", "local"), ("-o", "out", "--on", cluster.address)):
        run = start(*command, *options, RAY_AUTH_MODE="token")
        printed, errors = run.communicate()
        assert run.returncode == 1, errors
        assert len(printed.splitlines()) == PICTURES - 1, errors
    assert contents(tmp_path / "out") == contents(tmp_path / "local")

    larger = ("colorize", "scans", "--ref", reference, "--working-size", 400, "--quiet")
    options = ("-o", "part", "--on", cluster.address, "--jobs", "1", "--report", "run.json")
    run = start(*larger, *options, RAY_AUTH_MODE="token", RAY_CLIENT_RECONNECT_GRACE_PERIOD="1")  # seconds, not 30
    assert run.stdout is not None and run.stdout.readline()
    for pid in list(descendants(cluster.head.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _, errors = run.communicate()
    assert run.returncode == 1 and "Traceback" not in errors, errors
    assert "Error: the cluster is lost: " in errors
    totals = json.loads((tmp_path / "run.json").read_text())["totals"]
    assert totals["written"] > 0 and totals["not begun"] > 0


@needs_ray
@needs_client
def test_a_cluster_without_room_is_waited_for_until_a_signal(
    start_cluster: StartCluster, scans: Path, tmp_path: Path, start: Start
) -> None:
    """A head without processors stands for a cluster whose processors all others have."""
    cluster = start_cluster(0)
    command = ("pre-colorize", "scans", "--working-size", 32, "-o", "out", "--report", "run.json")
    run = start(*command, "--on", cluster.address, code=SOON + RUN, RAY_AUTH_MODE="token")
    assert run.stderr is not None
    assert "waiting for room in the cluster" in run.stderr.readline()
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate()
    assert run.returncode == 130, errors
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["interrupted"] and report["totals"]["not begun"] == PICTURES


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
    with pytest.raises(MissingPackageError, match=r"pip install 'ray\[client\]'"), connected("ray"):
        pass


def test_requests_that_no_cluster_can_do_are_refused(tmp_path: Path) -> None:
    work = PrecolorizeWork(find_model(), "cpu", 32)
    plan = plan_batch([Source(tmp_path / "a.jpg")], Outputs(), "color")
    for address in ("dask", "ray://host", "ray://host:port", "ray://:1", ""):
        with pytest.raises(PlanError, match="is no cluster"):
            RayEngine(plan, work, address=address)
    with pytest.raises(PlanError, match="cannot read standard input"):
        RayEngine(plan_batch([Source(STDIN)], Outputs(), "color"), work, address="ray")
