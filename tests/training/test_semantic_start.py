"""Similar pictures are found once for the photographs and the backbone of a run, and never taken from another one."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from excolor.errors import TrainingError
from excolor.networks.backbone import VARIANTS, EfficientNetLite
from excolor.networks.checkpoint import save_network
from excolor.networks.semantic_places import SemanticPlacesNet
from excolor.training import semantic_start
from excolor.training.photo_store import PhotoStore
from excolor.training.semantic_pairs import similar_pictures
from excolor.training.semantic_recipes import PLACES
from excolor.training.semantic_start import SIMILAR, read_places, similar_of

SIDE = 40
CPU = torch.device("cpu")


def photographs(*seeds: int) -> PhotoStore:
    pictures = [np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for seed in seeds]
    return PhotoStore(pictures, ["a"] * len(pictures), CPU)


def backbone(seed: int = 0) -> EfficientNetLite:
    torch.manual_seed(seed)
    return EfficientNetLite(VARIANTS["tiny"]).eval()


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> list[PhotoStore]:
    """Gets the photographs of each search."""
    searched: list[PhotoStore] = []

    def search(photos: PhotoStore, net: EfficientNetLite) -> torch.Tensor:
        searched.append(photos)
        return similar_pictures(photos, net, 2)

    monkeypatch.setattr(semantic_start, "similar_pictures", search)
    return searched


def test_they_are_found_once_also_for_a_run_that_is_given_the_file(finds: list[PhotoStore], tmp_path: Path) -> None:
    first = similar_of(photographs(1, 2, 3), backbone(), tmp_path)
    (tmp_path / "more").mkdir()
    shutil.copy(tmp_path / SIMILAR, tmp_path / "more")  # as scripts/train.sh does
    for folder in (tmp_path, tmp_path / "more"):
        assert torch.equal(similar_of(photographs(1, 2, 3), backbone(), folder), first)
    assert len(finds) == 1
    assert {path.name for path in tmp_path.iterdir()} == {SIMILAR, "more"}


def test_those_of_others_are_not_taken(finds: list[PhotoStore], tmp_path: Path) -> None:
    """As many photographs of the same sizes, of which a single one is another; and another backbone."""
    for photos, net in ((photographs(1, 2, 3), 0), (photographs(1, 2, 4), 0), (photographs(1, 2, 4), 1)):
        found = similar_of(photos, backbone(net), tmp_path)
        assert torch.equal(found, similar_pictures(photos, backbone(net), 2))
    assert len(finds) == 3


@pytest.mark.parametrize("damage", ["cut short", "garbage", "of an earlier version"])
def test_a_file_that_does_not_tell_is_made_anew(damage: str, finds: list[PhotoStore], tmp_path: Path) -> None:
    photos, path = photographs(1, 2, 3), tmp_path / SIMILAR
    whole = similar_of(photos, backbone(), tmp_path)
    if damage == "of an earlier version":
        torch.save(whole.flip(0), path)
    else:
        path.write_bytes(path.read_bytes()[:300] if damage == "cut short" else b"\x08no tensors")
    for _ in range(2):
        assert torch.equal(similar_of(photos, backbone(), tmp_path), whole)
    assert len(finds) == 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=rf"{SIMILAR}: cannot be written \(No such file"):
        similar_of(photographs(1, 2), backbone(), tmp_path / "none")


def test_a_checkpoint_of_places_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened = tmp_path / "places.safetensors", []
    config = PLACES["semantic-tiny"].config

    def open_once(path: Path, **options: str) -> Any:
        opened.append(path)
        return safe_open(path, **options)

    monkeypatch.setattr("excolor.networks.checkpoint.safe_open", open_once)
    for over in (backbone(), None):
        save_network(SemanticPlacesNet(config), path, over=over)
        _, is_over_backbone = read_places(path, config, backbone())
        assert is_over_backbone is (over is not None)
    assert opened == [path, path]
