"""What users install: the wheel, and the checkpoints in it."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

import excolor
from excolor import errors
from excolor.errors import CheckpointError
from excolor.networks.models import find_model
from excolor.weights import load_manifest

ROOT = Path(__file__).parents[1]
MANIFEST = tomllib.loads((ROOT / "weights.toml").read_text())


def test_the_wheel_alone_runs_the_main_job_from_another_folder(tmp_path: Path, target: Path, reference: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("excolor-*.whl")
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", site, wheel], check=True)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = os.environ | {"PYTHONPATH": str(site)}

    def python(*arguments: object) -> str:
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=elsewhere, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    assert python("-c", "import excolor; print(excolor.__file__)").startswith(str(site))
    assert python("-m", "excolor", "colorize", target, "--ref", reference, "-o", "color.jpg") == "color.jpg"
    with Image.open(elsewhere / "color.jpg") as image, Image.open(target) as original:
        assert image.size == original.size
        assert image.mode == "RGB"
    example = "from excolor.serve.targets import example_pair; print(all(one.path.is_file() for one in example_pair()))"
    assert python("-c", example) == "True"


def test_every_error_is_exported() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert kinds == {name for name in excolor.__all__ if name.endswith("Error")}
    assert all(issubclass(getattr(excolor, name), excolor.ExcolorError) for name in kinds)


def test_all_that_is_exported_is_there() -> None:
    assert all(getattr(excolor, name) is not None for name in excolor.__all__)


def test_the_default_model_is_shipped() -> None:
    manifest = load_manifest()
    assert manifest.default in manifest.shipped()
    files = find_model(manifest.default).files
    assert files.keys() == manifest.models[manifest.default].checkpoints.keys()
    assert all(path.is_file() for path in files.values())


def test_a_damaged_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One flipped bit in the packaged file."""
    roles = list(find_model("lite").files)
    monkeypatch.setattr("excolor.weights.store.PACKAGE", tmp_path)
    (tmp_path / "checkpoints").mkdir()
    for role in roles:
        file = MANIFEST["models"]["lite"][role]["file"]
        data = bytearray((ROOT / "src/excolor/checkpoints" / file).read_bytes())
        data[-1] ^= role == "decoder"
        (tmp_path / "checkpoints" / file).write_bytes(data)
    with pytest.raises(CheckpointError, match=r"lite-decoder.*sha256"):
        find_model("lite")
    (tmp_path / "checkpoints" / MANIFEST["models"]["lite"]["decoder"]["file"]).unlink()
    with pytest.raises(CheckpointError, match="reinstall"):
        find_model("lite")


def test_nothing_large_is_tracked() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert sum((ROOT / name).stat().st_size for name in files.split("\0") if name and (ROOT / name).exists()) < 45e6
