"""The baselines against their definitions, written out a second time in plain numpy."""

import numpy as np
import pytest
from PIL import Image
from skimage.color import lab2rgb, rgb2lab
from skimage.exposure import match_histograms

from excolor.evaluation.baselines import (
    COLORIZERS,
    STYLIZERS,
    Transfer,
    gray,
    identity,
    match_histogram,
    monge_kantorovich,
    reinhard,
    reinhard_colors,
    tint,
    welsh,
)

# Reinhard et al. 2001: linear RGB to cones (eq. 4), cones to lαβ (eq. 6)
CONES = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
AXES = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])


def picture(seed: int, height: int = 40, width: int = 56) -> np.ndarray:
    """Soft blobs of color, not too dark, as float32."""
    blobs = np.random.default_rng(seed).integers(60, 230, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(blobs).resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255


TRUTH, REFERENCE = picture(0), picture(1, 30, 44)
TARGET = gray(TRUTH)


def ruderman(rgb: np.ndarray) -> np.ndarray:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    rows = CONES / CONES.sum(1, keepdims=True)
    return np.log10(linear @ rows.T) @ AXES.T


@pytest.mark.parametrize("transfer", COLORIZERS.values(), ids=COLORIZERS)
def test_colorizers_keep_size_and_lightness(transfer: Transfer) -> None:
    result = transfer(TARGET, REFERENCE)
    assert result.dtype == np.float32
    assert result.shape == TARGET.shape
    assert result.min() >= 0
    assert result.max() <= 1
    assert np.abs(rgb2lab(result)[..., 0] - rgb2lab(TRUTH)[..., 0]).max() < 0.02


@pytest.mark.parametrize("transfer", [*COLORIZERS.values(), reinhard], ids=[*COLORIZERS, "reinhard in full"])
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (3, 2)])
def test_any_size(transfer: Transfer, size: tuple[int, int]) -> None:
    small = picture(2)[: size[0], : size[1]]
    assert np.isfinite(transfer(small, REFERENCE)).all()
    assert np.isfinite(transfer(TARGET, small)).all()


@pytest.mark.parametrize("transfer", [*COLORIZERS.values(), reinhard], ids=[*COLORIZERS, "reinhard in full"])
@pytest.mark.parametrize("level", [0, 1])
def test_black_and_white(transfer: Transfer, level: int) -> None:
    flat = np.full((12, 15, 3), level, np.float32)
    assert np.isfinite(transfer(flat, REFERENCE)).all()
    assert np.abs(transfer(flat, flat) - flat).max() < 0.03  # black has no logarithm: the darkest gray stands for it


def test_gray_is_gray() -> None:
    assert np.ptp(gray(TRUTH), axis=-1).max() < 1e-3


def test_tint_is_the_mean_color_of_the_reference() -> None:
    mean = rgb2lab(REFERENCE).mean((0, 1))
    expected = lab2rgb(np.dstack([rgb2lab(TARGET)[..., :1], np.broadcast_to(mean[1:], (*TARGET.shape[:2], 2))]))
    assert np.abs(tint(TARGET, REFERENCE) - expected).max() < 2e-3


def test_reinhard_gives_means_and_deviations() -> None:
    soft = 0.5 + 0.2 * (REFERENCE - 0.5)  # so that nothing leaves the gamut, which would change them
    found, wanted = ruderman(reinhard(TRUTH, soft)), ruderman(soft)
    assert found.mean((0, 1)) == pytest.approx(wanted.mean((0, 1)), abs=1e-4)
    assert found.std((0, 1)) == pytest.approx(wanted.std((0, 1)), abs=1e-4)


def test_reinhard_colors_a_picture_in_color() -> None:
    soft = 0.5 + 0.2 * (REFERENCE - 0.5)
    found, wanted = ruderman(reinhard_colors(0.5 + 0.2 * (TRUTH - 0.5), soft)), ruderman(soft)
    # Near, not equal: CIE lightness is kept, and with it l only roughly
    assert found.mean((0, 1))[1:] == pytest.approx(wanted.mean((0, 1))[1:], abs=0.005)
    assert found.std((0, 1))[1:] == pytest.approx(wanted.std((0, 1))[1:], rel=0.1)


def test_reinhard_gives_a_gray_target_one_tint() -> None:
    gentle = 0.5 + 0.2 * (REFERENCE - 0.5)
    chrominance = ruderman(reinhard_colors(TARGET, gentle))[..., 1:]
    assert np.ptp(chrominance, axis=(0, 1)).max() < 0.01
    assert chrominance.mean((0, 1)) == pytest.approx(ruderman(gentle)[..., 1:].mean((0, 1)), abs=0.005)


def test_welsh_finds_colors_by_luminance() -> None:
    """Two areas, each of one luminance and one color, in other places of the target and other shares of it."""
    dark, light = (0.45, 0.2, 0.2), (0.6, 0.8, 0.6)
    reference = np.zeros((64, 64, 3), np.float32)
    reference[:, :32], reference[:, 32:] = dark, light
    truth = np.zeros((48, 48, 3), np.float32)
    truth[:24], truth[24:] = light, dark
    found = welsh(gray(truth), reference)
    inside = np.ones(48, bool)
    inside[20:28] = False  # at the edge deviations are of both areas
    assert np.abs(found - truth)[inside].max() < 0.03


def test_welsh_remaps_luminance() -> None:
    """A reference that is the picture itself, darker and flatter, gives it its colors all the same."""
    truth = picture(3)
    same = welsh(gray(truth), truth)
    faded = welsh(gray(truth), np.clip(truth * 0.6, 0, 1))

    def hues(rgb: np.ndarray) -> np.ndarray:
        a, b = np.moveaxis(rgb2lab(rgb)[..., 1:], -1, 0)
        return np.arctan2(b, a)

    agreement = np.cos(hues(same) - hues(faded))
    assert np.median(agreement) > 0.99


def test_welsh_is_seeded() -> None:
    assert np.array_equal(welsh(TARGET, REFERENCE), welsh(TARGET, REFERENCE))
    assert not np.array_equal(welsh(TARGET, REFERENCE), welsh(TARGET, REFERENCE, seed=1))


def test_welsh_agrees_with_plain_search() -> None:
    """Every pixel got the chrominance of some pixel of the reference."""
    found = ruderman(welsh(TARGET, REFERENCE))[..., 1:].reshape(-1, 2)
    palette = ruderman(REFERENCE)[..., 1:].reshape(-1, 2)
    distance = np.abs(found[:, None] - palette).max(-1).min(1)
    assert np.median(distance) < 0.005


@pytest.mark.parametrize("transfer", STYLIZERS.values(), ids=STYLIZERS)
def test_stylizers_give_any_picture_its_size(transfer: Transfer) -> None:
    for content in (TRUTH, TARGET, TRUTH[:1, :1], np.zeros((3, 5, 3), np.float32), np.ones((3, 5, 3), np.float32)):
        for style in (REFERENCE, REFERENCE[:2, :1], np.zeros((4, 4, 3), np.float32)):
            result = transfer(content, style)
            assert result.shape == content.shape
            assert result.dtype == np.float32
            assert np.isfinite(result).all()
            assert 0 <= result.min() <= result.max() <= 1


def test_identity() -> None:
    assert np.array_equal(identity(TRUTH, REFERENCE), TRUTH)


def test_monge_kantorovich_gives_mean_and_covariance() -> None:
    soft = 0.5 + 0.2 * (REFERENCE - 0.5)  # so that nothing leaves [0, 1]
    found, wanted = monge_kantorovich(TRUTH, soft).reshape(-1, 3), soft.reshape(-1, 3)
    assert found.mean(0) == pytest.approx(wanted.mean(0), abs=1e-5)
    assert np.cov(found.T) == pytest.approx(np.cov(wanted.T), rel=2e-3, abs=1e-6)


def test_monge_kantorovich_moves_colors_least() -> None:
    """A rotation in between gives the same covariance too, and moves colors further: the cost is that of the paper."""
    soft = 0.5 + 0.2 * (REFERENCE - 0.5)
    colors, wanted = TRUTH.reshape(-1, 3).astype(np.float64), soft.reshape(-1, 3).astype(np.float64)
    moved = monge_kantorovich(TRUTH, soft).reshape(-1, 3) - colors
    own, other = np.cov(colors.T, bias=True), np.cov(wanted.T, bias=True)
    eigenvalues = np.linalg.eigvals(own @ other).real  # tr (Σᵤ^½ Σᵥ Σᵤ^½)^½ is the sum of their roots
    least = ((colors.mean(0) - wanted.mean(0)) ** 2).sum() + np.trace(own + other) - 2 * np.sqrt(eigenvalues).sum()
    assert (moved**2).sum(1).mean() == pytest.approx(least, rel=1e-3)
    cholesky = (colors - colors.mean(0)) @ np.linalg.inv(np.linalg.cholesky(own)).T @ np.linalg.cholesky(other).T
    assert np.cov(cholesky.T, bias=True) == pytest.approx(other, rel=1e-6)
    assert ((cholesky + wanted.mean(0) - colors) ** 2).sum(1).mean() > least * 1.001


def test_monge_kantorovich_leaves_what_is_there_already() -> None:
    assert np.abs(monge_kantorovich(TRUTH, TRUTH) - TRUTH).max() < 1e-5
    # Of other colors than gray nothing could be told apart by the gray target
    line = monge_kantorovich(TARGET, REFERENCE).reshape(-1, 3)
    inside = line[(line.min(1) > 0) & (line.max(1) < 1)].astype(np.float64)
    directions = np.linalg.svd(inside - inside.mean(0), compute_uv=False)
    assert directions[1] < 0.01 * directions[0]


@pytest.mark.parametrize("levels", [8, 256, None])
def test_histograms_are_matched_as_by_scikit_image(levels: int | None) -> None:
    content, style = (x if levels is None else np.round(x * levels) / levels for x in (TRUTH, REFERENCE))
    expected = match_histograms(content, style, channel_axis=-1)
    assert np.abs(match_histogram(content, style) - expected).max() < 1e-6
