"""The maintainer's way, as docs/releasing.md tells it: pack, publish (here on loopback), pin, check, use."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import COMMIT, REPOSITORY, Server

from excolor.networks.models import find_model
from excolor.weights import Hub, Package, Url, read_manifest

ROOT = Path(__file__).parents[1]
LITE = find_model("lite")

Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def script(machine: Path, server: Server) -> Script:
    """Runs a script in a checkout of its own, whose hub is the server."""
    (machine / "weights.toml").write_bytes((ROOT / "weights.toml").read_bytes())
    variables = {"HF_ENDPOINT": server.hub, "HF_HOME": str(machine / "home")}

    def run(name: str, *words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "scripts" / name), *map(str, words)]
        environment = os.environ | variables
        return subprocess.run(command, cwd=machine, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def pack(script: Script) -> Script:
    """Packs the shipped networks as a new model."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        details = ["--data", "none", "--hardware", "none", "--minutes", "1,2,3,4", "--commits", ",".join(["12345"] * 4)]
        return script(
            "pack_model.py", "new", *(f"{role}={path}" for role, path in LITE.files.items()), *details, *words
        )

    return run


def test_pack_publish_pin_check(pack: Script, script: Script, server: Server, machine: Path) -> None:
    before = (machine / "weights.toml").read_bytes()
    packed = pack("--to", "dist")
    assert packed.returncode == 0, packed.stderr
    assert (machine / "weights.toml").read_bytes() == before
    for role in LITE.files:
        name = f"new-{role}.safetensors"
        server.publish(name, (machine / "dist" / name).read_bytes())
        server.put(name, (machine / "dist" / name).read_bytes())

    pinned = pack("--to", "dist", "--hub", f"{REPOSITORY}@{COMMIT}", "--url", f"{server.hub}/files/", "--default")
    assert pinned.returncode == 0, pinned.stderr
    manifest = read_manifest(machine / "weights.toml")
    encoder = manifest.models["new"].checkpoints["encoder"]
    assert encoder.sources == (
        Hub(REPOSITORY, COMMIT, "new-encoder.safetensors"),
        Url(f"{server.hub}/files/new-encoder.safetensors"),
    )
    assert encoder.sha256 == LITE.sha256("encoder")
    assert (manifest.default, manifest.models.keys()) == ("new", {"lite", "new", "semantic"})
    assert (manifest.models["lite"], manifest.public) == (
        read_manifest(ROOT / "weights.toml").models["lite"],
        read_manifest(ROOT / "weights.toml").public,
    )

    own = machine / "own.toml"  # without the public checkpoints of others, which are on no loopback
    own.write_text((machine / "weights.toml").read_text().split("# Public checkpoints")[0])
    checked = script("check_weights.py", "--remote", own)
    assert checked.returncode == 0, checked.stdout
    assert len(server.bodies()) == 8
    assert checked.stdout.count("as described") == 13

    server.put("new-decoder.safetensors", b"rotten")
    checked = script("check_weights.py", "--remote", own)
    assert checked.returncode == 1
    (wrong,) = [line for line in checked.stdout.splitlines() if "as described" not in line]
    assert wrong.startswith("new decoder: ")
    assert "only a part of the file arrived, 6 of" in wrong


def test_pack_into_the_package(pack: Script, machine: Path) -> None:
    packed = pack()
    assert packed.returncode == 0, packed.stderr
    assert read_manifest(machine / "weights.toml").models["new"].checkpoints["decoder"].sources == (Package(),)
    file = machine / "src/excolor/checkpoints/new-decoder.safetensors"
    assert file.read_bytes() == LITE.path("decoder").read_bytes()


def test_a_table_that_cannot_be_is_not_written(pack: Script, machine: Path) -> None:
    before = (machine / "weights.toml").read_bytes()
    assert "which moves" in pack("--hub", f"{REPOSITORY}@main").stderr
    assert (machine / "weights.toml").read_bytes() == before


def test_a_name_is_not_given_to_other_files(pack: Script, script: Script, machine: Path) -> None:
    assert pack("--licence", "CC-BY-4.0").returncode == 0
    manifest = machine / "weights.toml"
    assert read_manifest(manifest).models["new"].checkpoints["encoder"].licence == "CC-BY-4.0"
    packed = machine / "src/excolor/checkpoints/new-encoder.safetensors"
    content = packed.read_bytes()
    released = manifest.read_text().replace(LITE.sha256("encoder"), "0" * 64)
    manifest.write_text(released)
    packed.unlink()
    refused = pack()
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: new is in weights.toml with another encoder; a released model")
    assert manifest.read_text() == released
    assert not packed.exists()
    assert pack("--replace").returncode == 0
    assert packed.read_bytes() == content
    assert read_manifest(manifest).models["new"].checkpoints["encoder"].sha256 == LITE.sha256("encoder")


@pytest.mark.parametrize(
    ("changed", "code", "sentence"),
    [
        ({"decoder": LITE.path("encoder")}, 1, "a checkpoint of the encoder, given as the decoder"),
        ({"decoder": Path(__file__)}, 1, "test_releasing.py: not a checkpoint of excolor"),
        ({"decoder": Path("gone.safetensors")}, 1, "gone.safetensors: not a checkpoint of excolor"),
        ({"upsampler": LITE.path("decoder")}, 2, "exemplar has the roles encoder, decoder, matcher, colorizer"),
        ({"--commits": "1234567"}, 2, "--commits wants one for each"),
        ({"--licence": "of\ntwo lines"}, 1, "licence is not a text of one printable line"),
        ({"--to": "weights.toml"}, 1, "weights.toml"),
    ],
)
def test_what_is_not_packed(
    changed: dict[str, object], code: int, sentence: str, script: Script, machine: Path
) -> None:
    """Nothing is written then."""
    options = {"--data": "none", "--hardware": "none", "--minutes": "1,2,3,4", "--commits": "1,2,3,4"}
    words = dict(LITE.files) | options | changed
    before = sorted(machine.rglob("*"))
    files = [f"{word}={words.pop(word)}" for word in list(words) if not word.startswith("--")]
    done = script("pack_model.py", "new", *files, *(word for pair in words.items() for word in pair))
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(machine.rglob("*")) == before
    assert (machine / "weights.toml").read_bytes() == (ROOT / "weights.toml").read_bytes()


def test_a_table_that_only_adds_is_checked(script: Script, machine: Path) -> None:
    text = (machine / "weights.toml").read_text()
    (machine / "own.toml").write_text("".join(line for line in text.splitlines(True) if not line.startswith("default")))
    checked = script("check_weights.py", "own.toml")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("lite ") == 4


def test_every_shipped_entry_matches_its_file(script: Script) -> None:
    checked = script("check_weights.py")
    assert checked.returncode == 0, checked.stdout
    assert [line for line in checked.stdout.splitlines() if "the package" in line] == [
        *(f"lite {role}: as described: the package" for role in LITE.files),
        "semantic semantic: as described: the package",
    ]
    assert all(
        stored.commit
        for model in read_manifest(ROOT / "weights.toml").models.values()
        for stored in model.checkpoints.values()
    )


@pytest.mark.parametrize(
    ("key", "wrong", "sentence"),
    [
        ("width", 32, "has width 16, not 32"),
        ("dtype", "float32", "has dtype float16, not float32"),
        ("bytes", 5, "has 441072 bytes, not 5"),
        ("sha256", "0" * 64, "the file is damaged"),
    ],
)
def test_an_entry_that_is_wrong(key: str, wrong: object, sentence: str, script: Script, machine: Path) -> None:
    lines = (machine / "weights.toml").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(f"{key} = "))
    lines[first] = f"{key} = {json.dumps(wrong)}"
    (machine / "wrong.toml").write_text("\n".join(lines))
    checked = script("check_weights.py", "wrong.toml")
    assert checked.returncode == 1
    assert sentence in checked.stdout.splitlines()[0]
