"""Checkpoints of others, from the file or the server to a picture: import, download, train, stylize, colorize."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import Result
from hub_server import Fault, Server
from huggingface_hub import constants
from PIL import Image
from public_states import siggraph17, vgg19

from excolor.networks.checkpoint import load_colorizer, load_encoder
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.models import find_model
from excolor.training import recipes

Run = Callable[..., Result]

LITE = find_model("lite")


def as_pth(state: dict[str, torch.Tensor]) -> bytes:
    """The file as torch.save writes it; tensors without memory of their own take none."""
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def vgg19_file() -> bytes:
    return as_pth(vgg19())


@pytest.fixture(scope="module")
def siggraph17_file() -> bytes:
    return as_pth(siggraph17().state_dict())


@pytest.fixture
def published(
    machine: Path, server: Server, vgg19_file: bytes, siggraph17_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A machine that has neither checkpoint, and a server that has both."""
    entries = {
        "vgg19-imagenet": ("vgg19.pth", vgg19_file, "encoder"),
        "siggraph17": ("siggraph17.pth", siggraph17_file, "colorizer"),
    }
    lines = []
    for name, (file, content, role) in entries.items():
        lines += [f"[public.{name}]", f'file = "{file}"', f'role = "{role}"']
        lines += [f'sha256_prefix = "{sha256(content)[:8]}"', "width = 64", 'licence = "BSD"']
        lines += [f'sources = ["{server.put(file, content)}"]']
    (machine / "own.toml").write_text("\n".join(lines))
    monkeypatch.setenv("EXCOLOR_WEIGHTS", str(machine / "own.toml"))
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 10)
    return machine


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def model_of(folder: Path, **networks: Path) -> Path:
    """A folder with the networks of `lite`, but for those that are given."""
    folder.mkdir()
    for network in ("encoder", "decoder", "colorizer"):
        shutil.copy(networks.get(network, LITE.path(network)), folder / f"{network}.safetensors")
    return folder


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_import_and_colorize(
    excolor: Run, siggraph17_file: bytes, small: Callable[..., Path], reference: Path, tmp_path: Path
) -> None:
    (tmp_path / "siggraph17.pth").write_bytes(siggraph17_file)
    done = excolor("weights", "import", tmp_path / "siggraph17.pth", "--as", "colorizer")
    assert done.exit_code == 0, done.output
    imported = tmp_path / "siggraph17.safetensors"
    assert done.stdout == f"{imported}\n"
    assert load_colorizer(imported).config.width == 64

    model = model_of(tmp_path / "model", colorizer=imported)
    gray = small(tmp_path / "gray.png")
    for command in (["colorize", gray, "--ref", reference, "--hint-share", "0.05"], ["pre-colorize", gray]):
        done = excolor(*command, "--model", model, "--working-size", "64", "-o", tmp_path / f"{command[0]}.png")
        assert done.exit_code == 0, done.output
        assert size_of(tmp_path / f"{command[0]}.png") == size_of(gray)


def test_import_is_careful_with_files(excolor: Run, tmp_path: Path) -> None:
    state = Encoder(EncoderConfig(4)).state_dict()
    source, result = tmp_path / "net.pth", tmp_path / "net.safetensors"
    torch.save(state, source)
    result.write_text("mine")
    command = ("weights", "import", source, "--as", "encoder")
    refused = excolor(*command)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert result.read_text() == "mine"
    assert excolor(*command, "--force").exit_code == 0
    assert load_encoder(result).config.width == 4

    too_long = excolor(*command, "-o", tmp_path / ("a" * 300 + ".safetensors"))
    assert too_long.exit_code == 1
    assert "cannot be written (File name too long)" in too_long.stderr

    own_name = excolor("weights", "import", result, "--as", "encoder")
    assert own_name.exit_code == 2
    before = result.read_bytes()
    spelled = tmp_path / ".." / tmp_path.name / result.name
    assert excolor("weights", "import", result, "--as", "encoder", "-f", "-o", spelled).exit_code == 2
    assert result.read_bytes() == before
    assert "--output" in own_name.stderr
    nowhere = excolor(*command, "-o", tmp_path / "gone" / "net.safetensors")
    assert nowhere.exit_code == 1
    assert nowhere.stderr.startswith(f"Error: {tmp_path / 'gone'}")
    wrong = excolor("weights", "import", source, "--as", "decoder", "-o", tmp_path / "d.safetensors")
    assert wrong.exit_code == 1
    assert wrong.stderr == f"Error: {source}: holds an encoder of width 4; import it --as encoder\n"
    assert not (tmp_path / "d.safetensors").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        *((folder, "it is a folder; name the file in it") for folder in (".", "/", "..")),
        *((name, "no such file; check the path") for name in ("missing.pth", "a" * 300)),
    ],
)
def test_what_is_no_file_is_not_imported(
    excolor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = excolor("weights", "import", given, "--as", "encoder")
    assert done.exit_code == 1
    assert done.stderr == f"Error: {given}: {words}\n"
    assert not list(tmp_path.iterdir())


def test_a_pickle_in_a_model_is_refused(excolor: Run, small: Callable[..., Path], tmp_path: Path) -> None:
    torch.save(Encoder(EncoderConfig(4)).state_dict(), tmp_path / "net.pth")
    model = model_of(tmp_path / "model", colorizer=tmp_path / "net.pth")
    done = excolor("pre-colorize", small(tmp_path / "gray.png"), "--model", model)
    assert done.exit_code == 1
    assert "excolor weights import" in done.stderr


def test_download(excolor: Run, published: Path, server: Server) -> None:
    done = excolor("weights", "download", "vgg19-imagenet", "siggraph17")
    assert done.exit_code == 0, done.output
    encoder, colorizer = (Path(line) for line in done.stdout.splitlines())
    assert encoder.is_relative_to(published / "cache")
    torch.testing.assert_close(load_encoder(encoder).conv4_1.weight, vgg19()["features.19.weight"])
    assert load_colorizer(colorizer).config.folded
    assert excolor("weights", "path", "siggraph17").stdout == f"{colorizer}\n"
    assert excolor("weights", "list").stdout.count("cached") == 2

    server.requests.clear()
    assert excolor("weights", "download", "vgg19-imagenet").stdout == f"{encoder}\n"
    encoder.write_bytes(encoder.read_bytes()[:-9])  # what was converted is made again of what was fetched
    assert excolor("weights", "download", "vgg19-imagenet").exit_code == 0
    load_encoder(encoder)
    assert not server.requests


def test_download_of_another_file(excolor: Run, published: Path, server: Server, siggraph17_file: bytes) -> None:
    server.fail("/files/vgg19.pth", always=Fault(body=siggraph17_file))
    done = excolor("weights", "download", "vgg19-imagenet")
    assert done.exit_code == 1
    assert "another file is there" in done.stderr
    assert not list((published / "cache").rglob("*.safetensors"))


def test_download_of_what_its_entry_does_not_describe(excolor: Run, published: Path) -> None:
    """The checksum is right, and the manifest gives it the wrong role."""
    manifest = published / "own.toml"
    manifest.write_text(manifest.read_text().replace('"colorizer"', '"encoder"'))
    done = excolor("weights", "download", "siggraph17")
    assert done.exit_code == 1
    assert "holds the colorization net of SIGGRAPH 2017" in done.stderr


def test_offline(excolor: Run, published: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXCOLOR_OFFLINE", "1")
    done = excolor("weights", "download", "vgg19-imagenet")
    assert done.exit_code == 1
    assert "offline" in done.stderr
    assert not server.requests


def test_no_links_out_of_the_cache(excolor: Run, published: Path, vgg19_file: bytes) -> None:
    (published / "elsewhere").mkdir()
    folder = published / "cache" / "excolor" / sha256(vgg19_file)[:8]
    folder.parent.mkdir(parents=True)
    folder.symlink_to(published / "elsewhere")
    done = excolor("weights", "download", "vgg19-imagenet")
    assert done.exit_code == 1
    assert "symbolic link" in done.stderr
    assert not list((published / "elsewhere").iterdir())


def test_train_over_vgg19_and_stylize(
    excolor: Run,
    published: Path,
    photos: Path,
    small: Callable[..., Path],
    reference: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = replace(recipes.DECODER["base"], batch=1, crops=(32,))
    monkeypatch.setitem(recipes.DECODER, "base", quick)
    out = published / "run"
    options = ("--steps", 2, "--device", "cpu", "-o", out)
    done = excolor("train", "decoder", photos, "--encoder", "vgg19-imagenet", *options)
    assert done.exit_code == 0, done.output
    assert "Downloading vgg19.pth" in done.stderr

    encoder = Path(excolor("weights", "path", "vgg19-imagenet").stdout.strip())
    model = model_of(published / "model", encoder=encoder, decoder=Path(done.stdout.strip()))
    content, styled = small(published / "content.png"), published / "styled.png"
    done = excolor("stylize", content, reference, "--model", model, "--working-size", 64, "-o", styled)
    assert done.exit_code == 0, done.output
    assert size_of(styled) == size_of(content)
    colored = published / "colored.png"
    done = excolor("colorize", content, "--ref", reference, "--model", model, "--working-size", 64, "-o", colored)
    assert done.exit_code == 0, done.output


def test_a_colorizer_is_no_encoder(excolor: Run, published: Path, server: Server, photos: Path) -> None:
    done = excolor("train", "decoder", photos, "--encoder", "siggraph17", "--steps", 1, "-o", published / "run")
    assert done.exit_code == 1
    assert "siggraph17: no such checkpoint" in done.stderr
    assert not server.requests


def test_two_processes_end_with_one_file(published: Path, server: Server) -> None:
    words = [sys.executable, "-m", "excolor", "weights", "download", "vgg19-imagenet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(words, env=environment, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    (path,) = {out.strip() for out, _ in told}
    assert load_encoder(Path(path)).config.width == 64
    assert len([request for request in server.requests if request.path.endswith(".pth")]) == 1
    assert not list((published / "cache").rglob("*.tmp"))
