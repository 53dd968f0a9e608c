"""The metrics against their definitions, with scikit-image and scipy as second sources."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import wasserstein_distance
from skimage.color import lab2rgb, rgb2lab
from skimage.filters import sobel_h, sobel_v
from skimage.metrics import structural_similarity

from excolor.evaluation.style_metrics import (
    StyleStatistics,
    color_distance,
    edges,
    edges_kept,
    lightness_kept,
    profile_distance,
)
from excolor.networks.encoder import LEVELS, Encoder, EncoderConfig

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}


def picture(seed: int, size: tuple[int, int] = (56, 40)) -> np.ndarray:
    """Soft blobs, of (width, height)."""
    levels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(levels).resize(size, Image.Resampling.BICUBIC), np.float32) / 255


A, B = picture(0), picture(1)


@pytest.fixture(scope="module")
def statistics() -> StyleStatistics:
    torch.manual_seed(0)
    return StyleStatistics(Encoder(EncoderConfig(width=4)).eval())


def test_content_itself_is_kept() -> None:
    assert lightness_kept(A, A) == pytest.approx(1)
    assert edges_kept(A, A) == pytest.approx(1)
    assert lightness_kept(B, A) < 0.5
    assert edges_kept(B, A) < 0.5


def test_color_alone_costs_no_content() -> None:
    lab = rgb2lab(0.4 + 0.2 * A)  # within the gamut, whatever its colors
    other = lab2rgb(np.dstack([lab[..., :1], -0.5 * lab[..., 1:]])).astype(np.float32)
    assert np.abs(other - (0.4 + 0.2 * A)).max() > 0.05
    assert lightness_kept(other, 0.4 + 0.2 * A) > 0.999
    assert edges_kept(other, 0.4 + 0.2 * A) > 0.999


def test_edges_are_those_of_scikit_image() -> None:
    light = rgb2lab(A)[..., 0] / 100
    expected = np.hypot(sobel_h(light), sobel_v(light))  # borders are reflected in another way there
    assert edges(A)[1:-1, 1:-1] == pytest.approx(expected[1:-1, 1:-1], abs=1e-5)
    step = np.zeros((20, 20, 3), np.float32)
    step[:, 10:] = 1
    assert edges(step).max() == pytest.approx(1, abs=1e-5)


def test_structure_is_that_of_scikit_image() -> None:
    light = [rgb2lab(x)[..., 0] / 100 for x in (B, A)]
    assert lightness_kept(B, A) == pytest.approx(structural_similarity(*light, **WANG), abs=1e-4)
    assert edges_kept(B, A) == pytest.approx(structural_similarity(edges(B), edges(A), **WANG), abs=1e-6)


def test_color_distance_is_the_sliced_wasserstein_distance() -> None:
    """The mean over many random directions of the distances that scipy finds along each."""
    directions = np.random.default_rng(1).normal(size=(600, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    other = picture(2, (30, 44))
    colors = [rgb2lab(x).reshape(-1, 3) for x in (A, other)]
    expected = np.mean([wasserstein_distance(colors[0] @ axis, colors[1] @ axis) for axis in directions])
    assert color_distance(A, other) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("apart", [(20, 0, 0), (0, 20, 0), (0, 0, 20), (12, -9, 15)])
def test_colors_that_are_apart_by_one_step(apart: tuple[int, int, int]) -> None:
    """On the mean over all directions a step of length 1 shows half of it."""
    flat = [lab2rgb(np.full((4, 4, 3), (50.0, 0, 0)) + step).astype(np.float32) for step in ((0, 0, 0), apart)]
    assert color_distance(*flat) == pytest.approx(np.linalg.norm(apart) / 2, rel=0.01)


def test_color_distance_knows_neither_places_nor_sizes() -> None:
    shuffled = np.random.default_rng(0).permutation(A.reshape(-1, 3)).reshape(A.shape)
    assert color_distance(shuffled, A) < 1e-4
    assert color_distance(np.tile(A, (2, 3, 1)), A) < 0.05
    assert color_distance(A, B) == pytest.approx(color_distance(B, A))
    assert color_distance(A[:1, :1], A) > 1


def test_profiles_are_the_statistics_of_the_levels(statistics: StyleStatistics) -> None:
    profile = statistics.profile(A)
    assert tuple(profile) == LEVELS
    assert [len(profile[level]) for level in LEVELS] == [2 * 4, 2 * 8, 2 * 16, 2 * 32]
    with torch.no_grad():
        encoder = statistics._encoder
        feature = encoder(torch.from_numpy(A).permute(2, 0, 1)[None])["relu3_1"][0].double().numpy()
    assert profile["relu3_1"][:16] == pytest.approx(feature.mean((1, 2)), abs=1e-6)
    assert profile["relu3_1"][16:] == pytest.approx(np.sqrt(feature.var((1, 2)) + 1e-5), abs=1e-5)


def test_profile_distance_goes_from_content_to_style(statistics: StyleStatistics) -> None:
    content, style = statistics.profile(A), statistics.profile(B)
    assert profile_distance(content, style, content) == 1
    assert profile_distance(style, style, content) == 0
    halfway = {level: (content[level] + style[level]) / 2 for level in LEVELS}
    assert profile_distance(halfway, style, content) == pytest.approx(0.5)


def test_profile_distance_gives_each_level_its_share(statistics: StyleStatistics) -> None:
    content, style = statistics.profile(A), statistics.profile(B)
    for level in LEVELS:
        assert profile_distance(content | {level: style[level]}, style, content) == pytest.approx(0.75)


def test_nothing_to_reach() -> None:
    flat = {level: np.ones(4) for level in LEVELS}
    assert np.isnan(profile_distance(flat, flat, flat))
