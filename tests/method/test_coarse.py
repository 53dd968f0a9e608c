"""The coarse map: which colors a reference gives, and how far they are trusted, with the shipped networks."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from excolor.imaging.color import grayed, rgb_to_lab
from excolor.imaging.working_size import shrink
from excolor.method.coarse import CoarseMap, coarse_map, encode_reference
from excolor.method.correspondence import Correspondence, FeatureCorrespondence, LearnedCorrespondence
from excolor.networks.checkpoint import load_matcher, load_transfer
from excolor.networks.models import find_model
from excolor.networks.transfer import TransferNet
from excolor.photo import read_photo

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def net() -> TransferNet:
    files = find_model("lite")
    return load_transfer(files.path("encoder"), files.path("decoder"))


@pytest.fixture(scope="module")
def learned(net: TransferNet) -> LearnedCorrespondence:
    matcher = find_model("lite").path("matcher")
    assert matcher is not None
    return LearnedCorrespondence(load_matcher(matcher, net.encoder))


@pytest.fixture(scope="module")
def color() -> Tensor:
    pixels = shrink(read_photo(EXAMPLES / "reference.jpg").pixels, (304, 256))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


@torch.inference_mode()
def mapped(
    net: TransferNet, correspondence: Correspondence, target: Tensor, reference: Tensor, match: str = "both"
) -> CoarseMap:
    lightness = rgb_to_lab(target)[:, :1]
    encoded = encode_reference(net, correspondence, reference)
    return coarse_map(net, correspondence, lightness, grayed(lightness), encoded, match)


@pytest.mark.parametrize("match", ["statistics", "semantic", "both"])
def test_maps_are_finite_and_confidence_is_a_share(
    net: TransferNet, learned: LearnedCorrespondence, color: Tensor, match: str
) -> None:
    found = mapped(net, learned, color, color.flip(2), match)
    assert found.ab.shape == (1, 2, 304, 256) and found.confidence.shape == (1, 1, 304, 256)
    assert found.ab.isfinite().all() and found.ab.abs().max() < 130
    assert found.confidence.min() >= 0 and found.confidence.max() <= 1


@pytest.mark.parametrize("match", ["semantic", "both"])
def test_a_mirrored_copy_gives_its_colors_and_is_trusted_more_than_noise(
    net: TransferNet, learned: LearnedCorrespondence, color: Tensor, match: str
) -> None:
    noise = torch.rand(color.shape, generator=torch.Generator().manual_seed(0))
    own, other = mapped(net, learned, color, color.flip(3), match), mapped(net, learned, color, noise, match)
    truth = rgb_to_lab(color)[:, 1:]
    errors = [(found.ab - truth).norm(dim=1).mean().item() for found in (own, other)]
    sure = [found.confidence.mean().item() for found in (own, other)]
    assert errors[0] < 0.9 * errors[1]
    assert sure[0] > 1.3 * sure[1]


def test_no_place_of_a_blend_is_without_a_hint(net: TransferNet, learned: LearnedCorrespondence, color: Tensor) -> None:
    noise = torch.rand(color.shape, generator=torch.Generator().manual_seed(0))
    assert mapped(net, learned, color, noise).confidence.min() > 0


def test_the_shipped_matcher_finds_more_than_plain_features(
    net: TransferNet, learned: LearnedCorrespondence, color: Tensor
) -> None:
    truth = rgb_to_lab(color)[:, 1:]
    maps = [mapped(net, one, color, color.flip(3), "semantic") for one in (learned, FeatureCorrespondence())]
    errors = [(found.ab - truth).square().mean().item() for found in maps]
    assert errors[0] < 0.7 * errors[1]
