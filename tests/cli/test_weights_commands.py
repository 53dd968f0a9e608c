"""`excolor weights`, and --weights and --offline of the commands that use a model."""

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hub_server import COMMIT, REPOSITORY, Fault, Server
from weight_manifests import describe, write_manifest

from excolor.networks.models import find_model
from excolor.photo import read_photo
from excolor.photo.provenance import read_provenance
from excolor.weights import Hub, Url

Run = Callable[..., Result]

LITE = find_model("lite")
CONTENTS = {f"copy-{role}.safetensors": path.read_bytes() for role, path in LITE.files.items()}
ENCODER, DECODER, MATCHER, COLORIZER = CONTENTS

# The client takes megabytes at a time, which is more than these files have
IN_SMALL_STEPS = (
    "import huggingface_hub.constants as c; c.DOWNLOAD_CHUNK_SIZE = 4096; from excolor.cli.main import run; run()"
)


@pytest.fixture
def manifest(machine: Path, server: Server) -> Path:
    """Lists a model named copy, which is `lite`, but not here: its encoder is on the hub, the others elsewhere."""
    server.publish(ENCODER, CONTENTS[ENCODER])
    sources = [
        Hub(REPOSITORY, COMMIT, ENCODER),
        *(Url(server.put(n, CONTENTS[n])) for n in (DECODER, MATCHER, COLORIZER)),
    ]
    described = [describe(*item, source) for item, source in zip(CONTENTS.items(), sources, strict=True)]
    return write_manifest(machine / "own.toml", {"copy": dict(zip(LITE.files, described, strict=True))})


def cached(machine: Path, name: str) -> Path:
    return machine / "cache" / "excolor" / hashlib.sha256(CONTENTS[name]).hexdigest()[:12] / name


def row(listed: Result, name: str) -> list[str]:
    assert listed.exit_code == 0, listed.output
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith(name)]
    return line.split()


def test_list(excolor: Run, manifest: Path, server: Server, machine: Path) -> None:
    assert row(excolor("weights", "list"), "lite")[-4:] == ["5.9", "MB", "package", "MIT"]
    assert row(excolor("weights", "list"), "vgg19")[1:] == ["encoder", "574.7", "MB", "remote", "BSD-3-Clause"]
    assert row(excolor("weights", "list", "--weights", manifest), "copy")[-4:] == ["5.9", "MB", "remote", "MIT"]
    assert not server.requests
    dropped = cached(machine, DECODER)
    dropped.parent.mkdir(parents=True)
    dropped.write_bytes(CONTENTS[DECODER])
    assert row(excolor("weights", "list", "--weights", manifest), "copy")[-5:] == ["1", "of", "4", "cached", "MIT"]
    excolor("weights", "download", "copy", "--weights", manifest)
    assert row(excolor("weights", "list", "--weights", manifest), "copy")[-4:] == ["5.9", "MB", "cached", "MIT"]


def test_list_shows_texts_as_they_are(excolor: Run, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A licence is no markup of the terminal's."""
    manifest.write_text(manifest.read_text().replace('"MIT"', '"[/b] a [red]b"'))
    monkeypatch.setattr("excolor.cli.weights.is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "150")
    listed = excolor("weights", "list", "--weights", manifest)
    assert listed.exit_code == 0, listed.output
    assert "[/b] a [red]b" in listed.stdout


def test_list_with_one_that_is_damaged(excolor: Run, manifest: Path, machine: Path) -> None:
    dropped = cached(machine, DECODER)
    dropped.parent.mkdir(parents=True)
    dropped.symlink_to("/etc/passwd")
    listed = excolor("weights", "list", "--weights", manifest)
    assert row(listed, "copy")[-4:] == ["5.9", "MB", "damaged", "MIT"]
    assert row(listed, "lite")[-4:] == ["5.9", "MB", "package", "MIT"]


def test_list_as_json(excolor: Run, manifest: Path, server: Server) -> None:
    listed = json.loads(excolor("weights", "list", "--json", "--weights", manifest).stdout)
    assert listed["default"] == "semantic"
    models = {entry["name"]: entry for entry in listed["models"]}
    assert models["copy"]["where"] == "remote"
    encoder = models["copy"]["checkpoints"]["encoder"]
    assert encoder["sha256"] == hashlib.sha256(CONTENTS[ENCODER]).hexdigest()
    assert encoder["trained_at"] == "2026-11-22"
    assert encoder["path"] is None
    assert encoder["sources"] == [{"repo_id": REPOSITORY, "revision": COMMIT, "filename": ENCODER}]
    assert models["copy"]["checkpoints"]["decoder"]["sources"] == [f"{server.hub}/files/{DECODER}"]
    assert models["lite"]["checkpoints"]["decoder"]["path"] == str(LITE.path("decoder"))
    assert {entry["name"] for entry in listed["public"]} == {"siggraph17", "vgg19-imagenet"}


def test_download(excolor: Run, manifest: Path, server: Server, machine: Path) -> None:
    done = excolor("weights", "download", "copy", "--weights", manifest)
    assert done.exit_code == 0, done.output
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert paths[0].is_relative_to(machine / "hub")
    assert paths[1:] == [cached(machine, DECODER), cached(machine, MATCHER), cached(machine, COLORIZER)]
    assert sorted(done.stderr.splitlines()) == [
        f"Downloading {COLORIZER}, 4.3 MB",
        f"Downloading {DECODER}, 0.6 MB",
        f"Downloading {ENCODER}, 0.4 MB",
        f"Downloading {MATCHER}, 0.6 MB",
    ]

    server.requests.clear()
    again = excolor("weights", "download", "--all", "--weights", manifest)
    assert again.stdout.splitlines()[:4] == [str(path) for path in paths]
    shipped = [path for name in ("lite", "semantic") for path in find_model(name).files.values()]
    assert again.stdout.splitlines()[4:] == list(map(str, shipped))
    assert not server.requests
    assert not again.stderr


def test_download_what_can_be_had(excolor: Run, manifest: Path, server: Server) -> None:
    server.fail(f"/files/{DECODER}", always=Fault(status=404))
    done = excolor("weights", "download", "copy", "--weights", manifest, "-q")
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: {DECODER} is not on this machine")
    assert "404 Not Found" in line


def test_download_replaces_what_is_damaged(excolor: Run, manifest: Path, machine: Path) -> None:
    path = cached(machine, DECODER)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    assert excolor("weights", "verify", "copy", "--weights", manifest).exit_code == 1
    assert excolor("weights", "download", "copy", "--weights", manifest).exit_code == 0
    assert path.read_bytes() == CONTENTS[DECODER]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["download"], 2, "either MODELS or --all"),
        (["download", "lite", "--all"], 2, "either MODELS or --all"),
        (["download", "gone"], 1, "unknown name 'gone'"),
        (["verify", "gone"], 1, "unknown name 'gone'"),
        (["path", "gone"], 1, "unknown model 'gone'"),
        (["list", "--weights", "gone.toml"], 1, "gone.toml: cannot be read"),
    ],
)
def test_usage(words: list[str], code: int, sentence: str, excolor: Run, machine: Path) -> None:
    done = excolor("weights", *words)
    assert done.exit_code == code
    assert sentence in done.stderr
    assert not done.stdout


def test_verify(excolor: Run, manifest: Path, machine: Path) -> None:
    shipped = excolor("weights", "verify")
    assert shipped.exit_code == 0
    assert shipped.stdout.splitlines()[:4] == [f"ok       {path}" for path in LITE.files.values()]
    assert "absent   vgg19-dcbb9e9d.pth is not on this machine" in shipped.stdout

    excolor("weights", "download", "copy", "--weights", manifest)
    assert excolor("weights", "verify", "copy", "--weights", manifest).exit_code == 0
    path = cached(machine, COLORIZER)
    path.write_bytes(CONTENTS[COLORIZER][:-1] + b"?")
    damaged = excolor("weights", "verify", "copy", "--weights", manifest)
    assert damaged.exit_code == 1
    assert damaged.stdout.splitlines()[3].startswith(f"damaged  {path}: sha256 is ")
    path.unlink()
    path.symlink_to("/etc/passwd")
    astray = excolor("weights", "verify", "--weights", manifest)
    assert astray.exit_code == 1
    assert "by a symbolic link" in astray.stdout


def test_path(excolor: Run, manifest: Path, server: Server, machine: Path) -> None:
    assert excolor("weights", "path", "lite").stdout.splitlines() == list(map(str, LITE.files.values()))
    absent = excolor("weights", "path", "copy", "--weights", manifest)
    assert absent.exit_code == 1
    assert f"put it at {cached(machine, ENCODER)} by hand" in absent.stderr
    assert not server.requests
    done = excolor("weights", "download", "copy", "--weights", manifest)
    assert excolor("weights", "path", "copy", "--weights", manifest).stdout == done.stdout


def test_path_of_a_folder(excolor: Run, machine: Path) -> None:
    folder = machine / "mine"
    folder.mkdir()
    for network in ("encoder", "decoder"):
        (folder / f"{network}.safetensors").touch()
    absent = excolor("weights", "path", folder)
    assert absent.exit_code == 1
    assert not absent.stdout
    assert f"{folder / 'colorizer.safetensors'} is not there" in absent.stderr
    (folder / "colorizer.safetensors").touch()
    done = excolor("weights", "path", folder)
    names = ("encoder", "decoder", "colorizer")
    assert done.stdout.splitlines() == [str(folder / f"{network}.safetensors") for network in names]
    (folder / "matcher.safetensors").touch()  # which a model need not have
    done = excolor("weights", "path", folder)
    assert done.stdout.splitlines() == [str(folder / f"{role}.safetensors") for role in LITE.files]


def test_a_model_is_fetched_when_it_is_first_used(
    excolor: Run, manifest: Path, server: Server, target: Path, reference: Path, machine: Path
) -> None:
    def colorize(name: str, *options: object) -> Result:
        size = ("--working-size", 64, "--no-provenance")
        return excolor("colorize", target, "--ref", reference, "-o", machine / name, *size, *options)

    own = ("--model", "copy", "--weights", manifest)
    offline = colorize("offline.png", *own, "--offline")
    assert offline.exit_code == 1
    assert f"put it at {cached(machine, ENCODER)} by hand" in offline.stderr
    assert not server.requests

    online = colorize("online.png", *own)
    assert online.exit_code == 0, online.output
    assert f"Downloading {COLORIZER}, 4.3 MB" in online.stderr
    server.requests.clear()
    assert colorize("offline.png", *own, "--offline").exit_code == 0
    assert not server.requests
    colorize("lite.png", "--model", "lite")
    made = {(machine / f"{name}.png").read_bytes() for name in ("online", "offline", "lite")}
    assert len(made) == 1


@pytest.mark.parametrize(
    ("words", "needed"), [(["pre-colorize"], [COLORIZER]), (["stylize", "REFERENCE"], [ENCODER, DECODER])]
)
def test_a_command_fetches_and_reads_only_what_it_uses(
    words: list[str], needed: list[str], excolor: Run, manifest: Path, server: Server, gray: Path, reference: Path
) -> None:
    """And names only that in its results."""
    words = [str(reference) if word == "REFERENCE" else word for word in words]
    result = manifest.with_name("result.png")
    done = excolor(*words, gray, "-o", result, "--model", "copy", "--weights", manifest, "--working-size", 32)
    assert done.exit_code == 0, done.output
    there = [name for name in CONTENTS if list(manifest.parent.rglob(name))]
    assert there == needed
    provenance = read_provenance(read_photo(result).metadata)
    assert provenance is not None
    assert list(provenance.checkpoints) == [name.removeprefix("copy-").removesuffix(".safetensors") for name in needed]


@pytest.mark.parametrize("command", ["pre-colorize", "stylize", "evaluate colorize"])
def test_every_command_takes_a_manifest(
    command: str,
    excolor: Run,
    manifest: Path,
    target: Path,
    reference: Path,
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = {
        "pre-colorize": [target, "-o", machine / "out.png"],
        "stylize": [reference, target, "-o", machine / "out.png"],
        "evaluate colorize": [machine, "--protocol", "none"],
    }[command]
    if command == "evaluate colorize":
        (machine / "reference.jpg").write_bytes(reference.read_bytes())
    refused = excolor(*command.split(), *words, "--model", "copy", "--weights", manifest, "--offline")
    assert refused.exit_code == 1
    assert "was not asked (offline)" in refused.stderr
    monkeypatch.setenv("EXCOLOR_WEIGHTS", str(manifest))
    monkeypatch.setenv("EXCOLOR_OFFLINE", "1")
    refused = excolor(*command.split(), *words, "--model", "copy")
    assert refused.exit_code == 1
    assert "was not asked (offline)" in refused.stderr
    monkeypatch.delenv("EXCOLOR_OFFLINE")
    done = excolor(*command.split(), *words, "--model", "copy", "--working-size", 32)
    assert done.exit_code == 0, done.output


def test_nothing_is_fetched_for_a_plan_that_cannot_be(excolor: Run, manifest: Path, server: Server, gray: Path) -> None:
    done = excolor("pre-colorize", gray, "-o", gray, "--model", "copy", "--weights", manifest)
    assert done.exit_code != 0
    assert not server.requests


@pytest.fixture
def environment(machine: Path, server: Server) -> dict[str, str]:
    """Of processes, whose hub is the server."""
    return os.environ | {"HF_ENDPOINT": server.hub, "HF_HOME": str(machine / "home")}


def test_the_clients_attempts_are_not_shown(manifest: Path, server: Server, environment: dict[str, str]) -> None:
    """It takes up what was cut, and asks again where there is much to do."""
    server.fail(f"/files/{DECODER}", Fault(cut_after=70_000))
    server.fail(f"/files/{MATCHER}", Fault(status=429))
    words = [sys.executable, "-m", "excolor", "weights", "download", "copy", "--weights", str(manifest)]
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    assert len([request for request in server.bodies() if request.path.endswith((DECODER, MATCHER))]) == 4
    assert sorted(line.partition(",")[0] for line in done.stderr.splitlines()) == [
        f"Downloading {name}" for name in sorted(CONTENTS)
    ]


def test_a_bar_on_a_terminal(manifest: Path, server: Server, environment: dict[str, str]) -> None:
    server.fail(f"/files/{COLORIZER}", Fault(pause=0.0005))
    command = [sys.executable, "-c", IN_SMALL_STEPS, "weights"]
    master, slave = pty.openpty()
    variables = environment | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [*command, "download", "copy", "--weights", manifest], env=variables, stdout=subprocess.PIPE, stderr=slave
    )
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # its end, on Linux
        pass
    os.close(master)
    paths, _ = process.communicate()
    assert len(paths.splitlines()) == 4
    for name in CONTENTS:
        assert name.encode() in shown
    assert b"4.3/4.3 MB" in shown
    assert b"B/s" in shown


def test_ctrl_c_and_on(manifest: Path, server: Server, environment: dict[str, str], machine: Path) -> None:
    server.fail(f"/files/{COLORIZER}", Fault(silent_after=200_000))
    command = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); " + IN_SMALL_STEPS
    words = [sys.executable, "-c", command, "weights", "download", "copy", "--weights", str(manifest)]
    patient = environment | {"HF_HUB_DOWNLOAD_TIMEOUT": "60"}
    process = subprocess.Popen(words, env=patient, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    incomplete = cached(machine, COLORIZER).with_name(f"{COLORIZER}.incomplete")
    until = time.monotonic() + 180
    while not incomplete.exists() or incomplete.stat().st_size < 190_000:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=180)
    assert time.monotonic() - began < 18  # it does not wait for the server, which is silent for 20 s
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert not cached(machine, COLORIZER).exists()

    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 4
    assert cached(machine, COLORIZER).read_bytes() == CONTENTS[COLORIZER]


BUSY = """
import itertools, signal, tempfile
from pathlib import Path
import excolor.cli.weights as weights
from excolor.cli.main import run

def fetch(*_):
    with tempfile.TemporaryDirectory() as folder:
        for number in itertools.count():
            Path(folder, str(number)).touch()

weights._fetch = fetch
signal.signal(signal.SIGINT, signal.default_int_handler)
run("excolor")
"""


def test_ctrl_c_while_a_thread_uses_a_folder_that_python_would_remove(manifest: Path, tmp_path: Path) -> None:
    """As the hub's client does for a moment, to see whether there can be links."""
    (used := tmp_path / "used").mkdir()
    words = [sys.executable, "-c", BUSY, "weights", "download", "copy", "--weights", str(manifest)]
    environment = os.environ | {"TMPDIR": str(used)}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not list(used.glob("*/9")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().strip() == "Interrupted."
