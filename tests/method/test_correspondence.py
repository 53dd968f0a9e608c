"""Colors are found where they belong. Second source: the softmax written out in numpy's float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from random_networks import random_encoder
from torch import Tensor

from excolor.method import confidence, correspondence
from excolor.method.correspondence import FeatureCorrespondence, Found
from excolor.networks import neighbors
from excolor.networks.encoder import Encoder
from excolor.networks.neighbors import Landmarks, landmarks, score

GRID = (4, 6)
PLACES = GRID[0] * GRID[1]


def describe(features: dict[str, Tensor]) -> Tensor:
    return FeatureCorrespondence().describe(features)


def find(descriptors: Tensor, reference: Landmarks) -> Found:
    return FeatureCorrespondence().find(descriptors, reference)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return random_encoder()


def unlike(n: int = 1) -> Tensor:
    """Descriptors of places that have nothing in common: orthogonal."""
    return torch.eye(PLACES).view(1, PLACES, *GRID).expand(n, -1, -1, -1)


def descriptors(n: int = 1, channels: int = PLACES, seed: int = 0) -> Tensor:
    """Descriptors of places that are like each other more or less."""
    drawn = torch.randn((n, channels, *GRID), generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=1)


def colors(n: int = 1, seed: int = 0) -> Tensor:
    """ab in pictures of 8 times the grid, one color a place."""
    drawn = torch.rand((n, 2, *GRID), generator=torch.Generator().manual_seed(seed)) * 160 - 80
    return drawn.repeat_interleave(8, 2).repeat_interleave(8, 3)


def tensors(found: Found) -> tuple[Tensor, ...]:
    return found.ab, found.confidence.of_place, found.confidence.over_statistics


OWN = colors()[..., ::8, ::8]


def test_a_picture_finds_its_own_colors_in_itself() -> None:
    found = find(unlike(), landmarks(unlike(), colors()))
    torch.testing.assert_close(found.ab, OWN, atol=0.01, rtol=0)
    assert found.confidence.of_place.min() > 0.99
    assert found.confidence.over_statistics.min() > 0.99


def test_colors_are_found_wherever_they_are_in_the_reference() -> None:
    found = find(unlike(), landmarks(unlike().flip(3), colors().flip(3))).ab
    torch.testing.assert_close(found, OWN, atol=0.01, rtol=0)


def test_mirrored_colors_are_found_mirrored() -> None:
    found = find(unlike(), landmarks(unlike(), colors().flip(3))).ab
    torch.testing.assert_close(found, OWN.flip(3), atol=0.01, rtol=0)


def test_encoder_features_tell_places_apart(encoder: Encoder) -> None:
    generator = torch.Generator().manual_seed(0)
    gray = torch.rand((1, 1, 48, 64), generator=generator).expand(-1, 3, -1, -1)
    ab = torch.rand((1, 2, 6, 8), generator=generator) * 100
    keys = describe(encoder(gray))
    assert keys.shape == (1, 32 + 64, 6, 8)
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(1, 6, 8))
    found = find(keys, landmarks(keys, ab.repeat_interleave(8, 2).repeat_interleave(8, 3))).ab
    # Not exact, the places resemble each other; by chance the mean error of an ab pair would be 70
    assert (found - ab).norm(dim=1).mean() < 20


def test_agrees_with_a_plain_computation() -> None:
    queries, keys, ab = descriptors(2), descriptors(2, seed=1), colors(2, seed=1)
    reference = landmarks(keys, ab)
    found = find(queries, reference)
    scores = score(queries, reference)
    for i in range(2):
        q, k = (t[i].flatten(1).double().numpy() for t in (queries, keys))
        candidates = ab[i, :, ::8, ::8].flatten(1).double().numpy().T
        similarity = q.T @ k
        weight = np.exp((similarity - similarity.max(1, keepdims=True)) / correspondence._TEMPERATURE)
        weight /= weight.sum(1, keepdims=True)
        mean = weight @ candidates
        np.testing.assert_allclose(found.ab[i].flatten(1).numpy().T, mean, atol=1e-3)
        distance = ((candidates[None] - mean[:, None]) ** 2).sum(-1)
        spread = np.sqrt((weight * distance).sum(1)) / confidence._SPREAD
        cosine = (weight * similarity).sum(1)
        evidence = confidence._COSINE_WEIGHT * cosine.mean() + confidence._SPREAD_WEIGHT * spread.mean()
        fit = 1 / (1 + np.exp(-(confidence._FEATURE_FIT.offset + evidence)))
        local = cosine.clip(0, 1) * np.exp(-spread)
        trusted = local * (confidence._LEAST_FIT + (1 - confidence._LEAST_FIT) * fit)
        np.testing.assert_allclose(found.confidence.of_place[i].flatten().numpy(), trusted, atol=1e-3)
        np.testing.assert_allclose(
            found.confidence.over_statistics[i].flatten().numpy(), local + (1 - local) * fit, atol=1e-3
        )
        assert scores[i].item() == pytest.approx(similarity.max(1).mean(), abs=1e-5)


def test_confidence_falls_where_candidates_disagree() -> None:
    """Two places of the reference look alike: on their color depends what is known."""
    key = F.normalize(torch.ones(1, 4, 1, 1), dim=1)
    twins = key.expand(-1, -1, 1, 2)

    def trust(difference: float) -> float:
        ab = torch.zeros(1, 2, 8, 16)
        ab[:, 0, :, 8:] = difference
        found = find(key, landmarks(twins, ab))
        assert found.ab[0, 0].item() == pytest.approx(difference / 2, abs=1e-3)
        return found.confidence.of_place.item()

    assert trust(0) > 0.99
    assert trust(0) > trust(10) > trust(40) > trust(100)
    assert trust(100) < 0.25 * trust(0)


def test_strangers_are_not_trusted() -> None:
    queries = F.normalize(torch.ones(1, 8, *GRID), dim=1)
    reference = landmarks(-queries, colors())
    found = find(queries, reference)
    assert found.confidence.of_place.max() == 0 and score(queries, reference).item() == 0
    assert found.confidence.over_statistics.max() < 0.01
    trust = find(descriptors(), landmarks(descriptors(seed=1), colors())).confidence.of_place
    assert trust.min() >= 0 and trust.max() < 0.9


def test_a_picture_fits_itself_best() -> None:
    own, other = (landmarks(descriptors(seed=seed), colors()) for seed in (0, 1))
    assert score(descriptors(), own).item() == pytest.approx(1, abs=1e-4)
    assert score(descriptors(), other).item() < 0.8


@pytest.mark.parametrize("held", [1, 100, 150])
def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    queries, reference = descriptors(2), landmarks(descriptors(2, seed=1), colors(2))

    def all_of_it() -> tuple[Tensor, ...]:
        return (*tensors(find(queries, reference)), score(queries, reference))

    whole = all_of_it()
    monkeypatch.setattr(neighbors, "_CHUNK", held)
    for found, expected in zip(all_of_it(), whole, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-5)


def test_digits_are_kept_under_autocast() -> None:
    queries, reference = descriptors(), landmarks(descriptors(seed=1), colors())
    with torch.autocast("cpu", torch.bfloat16):
        found = find(queries, reference)
    torch.testing.assert_close(tensors(found), tensors(find(queries, reference)))


def test_a_flat_picture_is_finite(encoder: Encoder) -> None:
    keys = describe(encoder(torch.full((1, 3, 32, 48), 0.5)))
    found = find(keys, landmarks(descriptors(channels=96), colors()))
    assert all(t.isfinite().all() for t in tensors(found))


def test_one_reference_serves_a_batch() -> None:
    queries, reference = descriptors(3), landmarks(descriptors(seed=1), colors(seed=1))
    found = tensors(find(queries, reference))
    for i in range(3):
        expected = tensors(find(queries[i : i + 1], reference))
        torch.testing.assert_close(tuple(t[i : i + 1] for t in found), expected, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(score(queries, reference)[i : i + 1], score(queries[i : i + 1], reference))
