"""Learned correspondence. Second source: the error that is foreseen, and Wiener's share, in numpy."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from excolor.networks import correspondence
from excolor.networks.correspondence import Landmarks, landmarks
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.matcher import Matcher

WIDTH = 8


@pytest.fixture(scope="module")
def matched() -> Encoder:
    torch.manual_seed(0)
    return Encoder(EncoderConfig(WIDTH, matcher=24)).eval().requires_grad_(False)


def pictures(n: int = 1, height: int = 48, width: int = 64, seed: int = 0) -> Tensor:
    return torch.rand((n, 1, height, width), generator=torch.Generator().manual_seed(seed)).expand(-1, 3, -1, -1)


def described(encoder: Encoder, rgb: Tensor) -> Tensor:
    assert encoder.matcher is not None
    descriptors: Tensor = encoder.matcher(encoder(rgb))
    return descriptors


def colors(n: int = 1, height: int = 48, width: int = 64, seed: int = 0) -> Tensor:
    cells = torch.rand((n, 2, height // 8, width // 8), generator=torch.Generator().manual_seed(seed)) * 100 - 50
    return cells.repeat_interleave(8, 2).repeat_interleave(8, 3)


def seen(encoder: Encoder, seed: int = 1) -> Landmarks:
    return landmarks(described(encoder, pictures(seed=seed)), colors(seed=seed))


def test_descriptors_are_directions_on_a_grid_of_eight(matched: Encoder) -> None:
    found = described(matched, pictures(2))
    assert found.shape == (2, 64, 6, 8)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2, 6, 8))


def test_brightness_and_contrast_of_a_feature_do_not_matter(matched: Encoder) -> None:
    """Features are standardized: what every place of a picture has more of than another's says nothing."""
    shapes = {"relu3_1": (4 * WIDTH, 12, 16), "pool3": (4 * WIDTH, 6, 8), "relu4_1": (8 * WIDTH, 6, 8)}
    generator = torch.Generator().manual_seed(0)
    features = {name: torch.randn((1, *shape), generator=generator) for name, shape in shapes.items()}
    assert matched.matcher is not None
    stronger = {name: 3 * feature + 0.1 for name, feature in features.items()}
    torch.testing.assert_close(matched.matcher(stronger), matched.matcher(features), atol=0.02, rtol=0)


def test_float16_finds_what_float32_does() -> None:
    """As on a GPU."""
    torch.manual_seed(0)
    exact = Encoder(EncoderConfig(WIDTH, matcher=24)).eval().requires_grad_(False)
    rough = Encoder(EncoderConfig(WIDTH, matcher=24)).eval().requires_grad_(False)
    rough.load_state_dict(exact.state_dict())
    rough.half()
    found = []
    for encoder in (exact, rough):
        assert encoder.matcher is not None
        reference = landmarks(described(encoder, pictures(seed=1)), colors(seed=1))
        found.append(encoder.matcher.find(described(encoder, pictures()), reference))
    assert found[1].ab.dtype == torch.float32
    torch.testing.assert_close(found[1].ab, found[0].ab, atol=2.0, rtol=0)  # ab units
    torch.testing.assert_close(found[1].confidence, found[0].confidence, atol=0.02, rtol=0)


@pytest.mark.parametrize("size", [(16, 16), (16, 64), (40, 16)], ids=str)
def test_small_pictures_and_flat_ones_are_finite(matched: Encoder, size: tuple[int, int]) -> None:
    assert matched.matcher is not None
    for rgb in (pictures(1, *size), torch.full((1, 3, *size), 0.5)):
        descriptors = described(matched, rgb)
        found = matched.matcher.find(descriptors, landmarks(descriptors, colors(1, *size)))
        for values in (found.ab, found.confidence, found.share):
            assert values.isfinite().all()


def test_one_reference_serves_a_batch_and_chunks_change_nothing(
    matched: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher, reference = matched.matcher, seen(matched)
    assert matcher is not None
    queries = described(matched, pictures(3, seed=2))
    whole = matcher.find(queries, reference)
    monkeypatch.setattr(correspondence, "_CHUNK", 100)
    for i in range(3):
        alone = matcher.find(queries[i : i + 1], reference)
        torch.testing.assert_close(alone.ab, whole.ab[i : i + 1], atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(alone.confidence, whole.confidence[i : i + 1], atol=1e-4, rtol=1e-4)


def with_foreseen_error(encoder: Encoder, error: float) -> Matcher:
    """A matcher that foresees the same error (ab units) everywhere."""
    matcher = encoder.matcher
    assert matcher is not None
    last = matcher.judge[2]
    assert isinstance(last, torch.nn.Conv2d) and last.bias is not None
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(2 * math.log(error / 20))
    return matcher


@pytest.mark.parametrize("error", [1.0, 15.0, 60.0])
def test_confidence_is_wieners_share_and_knows_the_whole(error: float) -> None:
    encoder = Encoder(EncoderConfig(WIDTH, matcher=24)).eval().requires_grad_(False)
    matcher = with_foreseen_error(encoder, error)
    queries, reference = described(encoder, pictures()), seen(encoder)
    judged = matcher.look_up(queries, reference)
    np.testing.assert_allclose(judged.log_error.exp().sqrt().numpy(), error, rtol=1e-4)
    found = matcher.find(queries, reference)
    odds = 15**2 / error**2
    fit = odds**2 / (1 + odds**2)
    odds *= np.exp(-0.7 + 3.7 * fit)
    np.testing.assert_allclose(found.confidence.numpy(), odds / (1 + odds), rtol=1e-4)
    assert (found.share >= found.confidence).all()
