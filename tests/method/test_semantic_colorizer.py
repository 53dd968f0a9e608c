"""Pictures through the semantic architecture, with random weights: any size, alpha, several references."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from excolor import Colorizer, ColorizeSettings
from excolor.errors import DeviceError, SettingError
from excolor.evaluation.metrics import lab
from excolor.method import semantic_affinity
from excolor.networks.checkpoint import save_network
from excolor.networks.semantic_colorization import SemanticColorizationConfig, SemanticColorizationNet

SMALL = ColorizeSettings(working_size=64)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    torch.manual_seed(0)
    net = SemanticColorizationNet(SemanticColorizationConfig(width=12, backbone="tiny"))
    with torch.no_grad():  # colors that can be told from gray
        for choice in (net.choice1, net.choice2):
            choice.own.weight.mul_(50)
    save_network(net, folder / "semantic.safetensors")
    return folder


@pytest.fixture(scope="module")
def semantic(model: Path) -> Iterator[Colorizer]:
    yield Colorizer.load(model, device="cpu")


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (33, 64), (130, 70)])
def test_any_size_keeps_its_size_and_lightness(semantic: Colorizer, size: tuple[int, int], reference: Path) -> None:
    gray = np.random.default_rng(0).random(size).astype(np.float32)
    found = semantic.colorize(gray, reference, SMALL).pixels
    assert found.shape == (*size, 3)
    wanted = lab(np.repeat(gray[..., None], 3, axis=2))[..., 0]
    np.testing.assert_allclose(lab(found)[..., 0], wanted, atol=0.5)
    assert semantic.colorize(gray, settings=SMALL).pixels.shape == (*size, 3)


def test_several_references_and_hidden_parts_of_them(semantic: Colorizer, target: Path, reference: Path) -> None:
    picture = np.random.default_rng(1).random((80, 60, 4)).astype(np.float32)
    picture[:40, :, 3] = 0
    one = semantic.encode_reference(reference, SMALL)
    both = semantic.colorize(target, [one, picture], SMALL)
    assert both.pixels.any()
    picture[:40, :, :3] = (1, 0, 0)  # what nobody sees changes nothing
    np.testing.assert_array_equal(semantic.colorize(target, [one, picture], SMALL).pixels, both.pixels)
    assert len(semantic.score(target, [one, one])) == 2


def test_pairs_of_places_that_the_memory_cannot_hold_are_not_begun(
    semantic: Colorizer, target: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux would grant the memory, and end the process without a word once it is used."""
    free = 1000
    monkeypatch.setattr("excolor.runtime.devices.free_memory", lambda: free)
    semantic.colorize(target, reference, SMALL)  # few pairs are not worth the look
    monkeypatch.setattr(semantic_affinity, "_AT_ONCE", 1000)
    with pytest.raises(DeviceError, match=r"it would need about .* GB of memory .* use a smaller working size"):
        semantic.colorize(target, reference, SMALL)
    free = 10**9
    assert semantic.colorize(target, reference, SMALL).pixels.any()


def test_vivid_and_strength_reach_the_result(semantic: Colorizer, target: Path, reference: Path) -> None:
    plain, gray, none = (
        semantic.colorize(target, reference, ColorizeSettings(64, **chosen)).pixels.astype(float)
        for chosen in ({}, {"vivid": 0.0}, {"strength": 0.0})
    )
    assert np.ptp(gray, axis=2).max() <= 1
    assert np.abs(plain - none).mean() > 0
    np.testing.assert_array_equal(none, semantic.colorize(target, settings=SMALL).pixels)


@pytest.mark.parametrize("setting", [{"match": "statistics"}, {"hint_share": 0.5}])
def test_settings_of_the_other_architecture_are_refused(
    semantic: Colorizer, target: Path, reference: Path, setting: dict[str, Any]
) -> None:
    with pytest.raises(SettingError, match="such as lite"):
        semantic.colorize(target, reference, ColorizeSettings(64, **setting))


def test_references_of_another_model_are_refused(semantic: Colorizer, colorizer: Colorizer, reference: Path) -> None:
    encoded = colorizer.encode_reference(reference, SMALL)
    with pytest.raises(SettingError, match="encode it again"):
        semantic.colorize(reference, encoded, SMALL)
