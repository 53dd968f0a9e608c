"""`excolor train semantic`: from a published backbone to a model, and on from there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result
from public_states import efficientnet_lite_state

from excolor import Colorizer
from excolor.networks.backbone import VARIANTS, BackboneConfig
from excolor.training.semantic_start import SIMILAR

Run = Callable[..., Result]
COMMON = ("--recipe", "semantic-tiny", "--device", "cpu", "-q")


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.pth"
    torch.save(efficientnet_lite_state(VARIANTS["tiny"]), path)
    return path


def test_a_model_is_trained_and_gone_on_with(excolor: Run, photos: Path, tmp_path: Path, backbone: Path) -> None:
    out = tmp_path / "out"
    first = excolor("train", "semantic", photos, "-o", out, "--steps", 1, "--backbone", backbone, *COMMON)
    assert first.exit_code == 0, first.output
    checkpoint = out / "semantic.safetensors"
    assert first.stdout.strip() == str(checkpoint)
    assert (out / SIMILAR).is_file()
    colorizer = Colorizer.load(out, device="cpu")
    assert colorizer.colorize(photos / "0.png", photos / "1.png").pixels.shape == (100, 120, 3)

    again = excolor("train", "semantic", photos, "-o", out, "--steps", 2, "--resume", *COMMON)
    assert again.exit_code == 0, again.output
    for number, start in enumerate((out / "training-state.pt", checkpoint)):
        more = tmp_path / f"more{number}"
        assert excolor("train", "semantic", photos, "-o", more, "--steps", 1, "--start", start, *COMMON).exit_code == 0
    assert excolor("train", "semantic", photos, "-o", out, "--steps", 1, *COMMON).exit_code == 1  # holds a run


def test_what_does_not_fit_is_refused_in_a_sentence(excolor: Run, photos: Path, tmp_path: Path, backbone: Path) -> None:
    def refused(*options: object) -> str:
        result = excolor("train", "semantic", photos, "-o", tmp_path / "out", "--steps", 1, *options, *COMMON)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        return result.stderr

    other = tmp_path / "other.pth"
    torch.save(efficientnet_lite_state(BackboneConfig(8, (4, 6, 8, 10, 12, 14, 18), (1,) * 7)), other)
    assert "tiny" in refused("--backbone", other)
    assert "none.pth" in refused("--backbone", tmp_path / "none.pth")
    assert "plain tensor" in refused("--backbone", _state(tmp_path))
    assert "training state" in refused("--start", _state(tmp_path))


def _state(folder: Path) -> Path:
    """Something that torch can read, and that is neither a backbone nor a training state of the net."""
    path = folder / "state.pt"
    torch.save({"modules": {}}, path)
    return path
