"""Learned descriptors, and colors with the error that is predicted for them."""

import pytest
import torch
from torch import Tensor

from excolor.networks import neighbors
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.matcher import Matcher, MatcherConfig
from excolor.networks.neighbors import Landmarks, landmarks

WIDTH = 8


class Matched:
    """An encoder and a matcher over it."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.encoder = Encoder(EncoderConfig(WIDTH)).eval().requires_grad_(False)
        self.matcher = Matcher(MatcherConfig(WIDTH, hidden=24)).eval().requires_grad_(False)

    def describe(self, rgb: Tensor) -> Tensor:
        descriptors: Tensor = self.matcher(self.encoder(rgb))
        return descriptors


@pytest.fixture(scope="module")
def matched() -> Matched:
    return Matched()


def pictures(n: int = 1, height: int = 48, width: int = 64, seed: int = 0) -> Tensor:
    return torch.rand((n, 1, height, width), generator=torch.Generator().manual_seed(seed)).expand(-1, 3, -1, -1)


def colors(n: int = 1, height: int = 48, width: int = 64, seed: int = 0) -> Tensor:
    cells = torch.rand((n, 2, height // 8, width // 8), generator=torch.Generator().manual_seed(seed)) * 100 - 50
    return cells.repeat_interleave(8, 2).repeat_interleave(8, 3)


def reference_of(matched: Matched, seed: int = 1) -> Landmarks:
    return landmarks(matched.describe(pictures(seed=seed)), colors(seed=seed))


def test_descriptors_are_directions_on_a_grid_of_eight(matched: Matched) -> None:
    found = matched.describe(pictures(2))
    assert found.shape == (2, 64, 6, 8)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2, 6, 8))


def test_brightness_and_contrast_of_a_feature_do_not_matter(matched: Matched) -> None:
    """Features are standardized: what every place of a picture has more of than another's says nothing."""
    shapes = {"relu3_1": (4 * WIDTH, 12, 16), "pool3": (4 * WIDTH, 6, 8), "relu4_1": (8 * WIDTH, 6, 8)}
    generator = torch.Generator().manual_seed(0)
    features = {name: torch.randn((1, *shape), generator=generator) for name, shape in shapes.items()}
    stronger = {name: 3 * feature + 0.1 for name, feature in features.items()}
    torch.testing.assert_close(matched.matcher(stronger), matched.matcher(features), atol=0.02, rtol=0)


def test_float16_finds_what_float32_does() -> None:
    """As on a GPU."""
    exact, rough = Matched(), Matched()
    rough.encoder.half()
    rough.matcher.half()
    found = []
    for one in (exact, rough):
        reference = landmarks(one.describe(pictures(seed=1)), colors(seed=1))
        found.append(one.matcher.look_up(one.describe(pictures()), reference))
    assert found[1].ab.dtype == torch.float32
    torch.testing.assert_close(found[1].ab, found[0].ab, atol=2.0, rtol=0)  # ab units
    torch.testing.assert_close(found[1].log_error, found[0].log_error, atol=0.05, rtol=0)


@pytest.mark.parametrize("size", [(16, 16), (16, 64), (40, 16)], ids=str)
def test_small_pictures_and_flat_ones_are_finite(matched: Matched, size: tuple[int, int]) -> None:
    for rgb in (pictures(1, *size), torch.full((1, 3, *size), 0.5)):
        descriptors = matched.describe(rgb)
        judged = matched.matcher.look_up(descriptors, landmarks(descriptors, colors(1, *size)))
        for values in (judged.ab, judged.log_error):
            assert values.isfinite().all()


def test_one_reference_serves_a_batch_and_chunks_change_nothing(
    matched: Matched, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = reference_of(matched)
    queries = matched.describe(pictures(3, seed=2))
    whole = matched.matcher.look_up(queries, reference)
    monkeypatch.setattr(neighbors, "_CHUNK", 100)
    for i in range(3):
        alone = matched.matcher.look_up(queries[i : i + 1], reference)
        torch.testing.assert_close(alone.ab, whole.ab[i : i + 1], atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(alone.log_error, whole.log_error[i : i + 1], atol=1e-4, rtol=1e-4)
