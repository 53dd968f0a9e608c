"""The coarse map: which colors a reference gives, and how far they are trusted, with the shipped networks."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from excolor.imaging.color import grayed, rgb_to_lab
from excolor.imaging.working_size import shrink
from excolor.method.coarse import CoarseMap, coarse_map, encode_reference
from excolor.networks.checkpoint import load_transfer
from excolor.networks.transfer import TransferNet
from excolor.photo import read_photo
from excolor.weights import default_model, find_model

EXAMPLES = Path(__file__).parents[2] / "examples"


def load_default() -> TransferNet:
    files = find_model(default_model())
    return load_transfer(files.encoder, files.decoder)


@pytest.fixture(scope="module")
def net() -> TransferNet:
    return load_default()


@pytest.fixture(scope="module")
def color() -> Tensor:
    pixels = shrink(read_photo(EXAMPLES / "reference.jpg").pixels, (304, 256))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


@torch.inference_mode()
def mapped(net: TransferNet, target: Tensor, reference: Tensor, match: str = "both") -> CoarseMap:
    lightness = rgb_to_lab(target)[:, :1]
    return coarse_map(net, lightness, grayed(lightness), encode_reference(net, reference), match)


@pytest.mark.parametrize("match", ["statistics", "semantic", "both"])
def test_maps_are_finite_and_confidence_is_a_share(net: TransferNet, color: Tensor, match: str) -> None:
    found = mapped(net, color, color.flip(2), match)
    assert found.ab.shape == (1, 2, 304, 256) and found.confidence.shape == (1, 1, 304, 256)
    assert found.ab.isfinite().all() and found.ab.abs().max() < 130
    assert found.confidence.min() >= 0 and found.confidence.max() <= 1


@pytest.mark.parametrize("match", ["semantic", "both"])
def test_a_mirrored_copy_gives_its_colors_and_is_trusted_more_than_noise(
    net: TransferNet, color: Tensor, match: str
) -> None:
    noise = torch.rand(color.shape, generator=torch.Generator().manual_seed(0))
    own, other = mapped(net, color, color.flip(3), match), mapped(net, color, noise, match)
    truth = rgb_to_lab(color)[:, 1:]
    errors = [(found.ab - truth).norm(dim=1).mean().item() for found in (own, other)]
    sure = [found.confidence.mean().item() for found in (own, other)]
    assert errors[0] < 0.9 * errors[1]
    assert sure[0] > 1.3 * sure[1]


def test_no_place_of_a_blend_is_without_a_hint(net: TransferNet, color: Tensor) -> None:
    noise = torch.rand(color.shape, generator=torch.Generator().manual_seed(0))
    assert mapped(net, color, noise).confidence.min() > 0


def test_the_shipped_matcher_finds_more_than_plain_features(net: TransferNet, color: Tensor) -> None:
    assert net.encoder.matcher is not None
    plain = load_default()
    plain.encoder.matcher = None
    truth = rgb_to_lab(color)[:, 1:]
    errors = [(mapped(one, color, color.flip(3), "semantic").ab - truth).square().mean().item() for one in (net, plain)]
    assert errors[0] < 0.7 * errors[1]
