"""WCT: the style's whole covariance is reached. Second source: the least-moving map by SVD, in numpy's float64."""

import numpy as np
import pytest
import torch
from torch import Tensor

from excolor.networks.wct import match, measure, mix, wct


def features(*shape: int, seed: int = 0) -> Tensor:
    """Correlated channels."""
    n, channels, height, width = shape
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn((n, channels, channels), generator=generator) @ torch.randn(
        (n, channels, height * width), generator=generator
    )
    return mixed.reshape(shape) + torch.randn((n, channels, 1, 1), generator=generator)


def covariance(x: Tensor) -> np.ndarray:
    return np.cov(x[0].flatten(1).double().numpy(), bias=True)


def half_powers(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance^1/2 and covariance^-1/2 of centered (C, P) features from their singular values."""
    u, s, _ = np.linalg.svd(x / np.sqrt(x.shape[1]), full_matrices=False)
    return (u * s) @ u.T, (u / s) @ u.T


def reference_wct(content: np.ndarray, style: np.ndarray) -> tuple[np.ndarray, float]:
    """The least-moving map applied to (C, P) features, and the mean square of how far it moves them.

    Whitening, then the rotation nearest to doing nothing (orthogonal Procrustes), then coloring; the distance is
    that of Bures between the Gaussians.
    """
    mean = style.mean(1, keepdims=True)
    own_mean = content.mean(1, keepdims=True)
    (own, whiten), (color, _) = half_powers(content - own_mean), half_powers(style - mean)
    u, s, vt = np.linalg.svd(color @ own)
    distance = ((mean - own_mean) ** 2).sum() + np.trace(own @ own) + np.trace(color @ color) - 2 * s.sum()
    return color @ u @ vt @ whiten @ (content - own_mean) + mean, distance


def test_agrees_with_an_independent_computation() -> None:
    content, style = features(1, 6, 9, 8), features(1, 6, 7, 10, seed=1)
    flat = content[0].flatten(1).double().numpy()
    expected, distance = reference_wct(flat, style[0].flatten(1).double().numpy())
    result = wct(content, style)[0].flatten(1).numpy()
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(((result - flat) ** 2).sum(0).mean(), distance, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_covariance_and_mean_are_those_of_the_style(seed: int) -> None:
    style = features(1, 8, 12, 12, seed=seed)
    result = wct(features(1, 8, 10, 15, seed=seed + 10), style)
    wanted = covariance(style)
    assert np.linalg.norm(covariance(result) - wanted) < 1e-3 * np.linalg.norm(wanted)
    torch.testing.assert_close(result.mean((2, 3)), style.mean((2, 3)), atol=1e-3, rtol=0)


def test_own_style_changes_nothing() -> None:
    x = features(2, 5, 8, 8)
    torch.testing.assert_close(wct(x, x), x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("noise", [0, 1e-7], ids=["exactly", "up to rounding"])
def test_flat_content_takes_the_mean_of_the_style(noise: float) -> None:
    style = features(1, 4, 8, 8)
    content = 0.3 + noise * torch.randn((1, 4, 6, 7), generator=torch.Generator().manual_seed(0))
    expected = style.mean((2, 3), keepdim=True).expand_as(content)
    torch.testing.assert_close(wct(content, style), expected, atol=1e-3, rtol=0)


def test_flat_style_gives_its_color() -> None:
    style = torch.full((1, 4, 5, 5), 2.0)
    torch.testing.assert_close(wct(features(1, 4, 8, 8), style), torch.full((1, 4, 8, 8), 2.0), atol=1e-2, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 3)])
def test_fewer_positions_than_channels_stay_finite_and_in_range(size: tuple[int, int]) -> None:
    style = features(1, 16, 12, 12)
    result = wct(features(1, 16, *size, seed=1), style)
    assert result.isfinite().all()
    # In no direction does it vary more than the style does in its strongest
    centered = (result - result.mean((2, 3), keepdim=True))[0].flatten(1).double()
    strongest = np.linalg.eigvalsh(covariance(style))[-1]
    assert torch.linalg.matrix_norm(centered @ centered.T / centered.shape[1], 2) < 1.01 * strongest


@pytest.mark.parametrize("scale", [1, 1000])
def test_rounding_of_the_content_does_not_show(scale: float) -> None:
    """One channel is the sum of two others: in that direction there is nothing but rounding, not to be whitened."""
    content, style = features(1, 4, 8, 8) * scale, features(1, 4, 9, 9, seed=1)
    content[:, 3] = content[:, 0] + content[:, 1]
    rounded = content * (1 + 1e-7 * torch.randn(content.shape, generator=torch.Generator().manual_seed(2)))
    torch.testing.assert_close(wct(rounded, style), wct(content, style), atol=1e-2, rtol=0)


def test_dead_channels_stay_finite() -> None:
    content, style = features(1, 4, 8, 8), features(1, 4, 8, 8, seed=1)
    content[:, 2] = 0
    style[:, 1] = 0
    result = wct(content, style)
    assert result.isfinite().all()
    torch.testing.assert_close(result[:, 1], torch.zeros(1, 8, 8), atol=1e-2, rtol=0)  # AdaIN leaves as much


def test_batch_equals_its_items_and_one_style_serves_it() -> None:
    content, style = features(3, 5, 6, 6), features(3, 5, 7, 5, seed=1)
    items = [wct(content[i : i + 1], style[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(wct(content, style), torch.cat(items), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(wct(content, style[:1])[:1], items[0], atol=1e-5, rtol=1e-5)


def test_dtype_is_kept_and_statistics_are_float64() -> None:
    x = features(1, 4, 6, 6).half()
    assert measure(x).matrix.dtype == torch.float64
    assert match(x, measure(x)).dtype == torch.float16


def test_many_positions_are_measured_as_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weights = features(2, 4, 9, 11), torch.rand(2, 1, 9, 11, generator=torch.Generator().manual_seed(1))
    whole = measure(x), measure(x, weights)
    monkeypatch.setattr("excolor.networks.wct._POSITIONS", 10)
    for one, pieces in zip(whole, (measure(x), measure(x, weights)), strict=True):
        torch.testing.assert_close(pieces.mean, one.mean)
        torch.testing.assert_close(pieces.matrix, one.matrix)


@pytest.mark.parametrize("alpha", [0.25, 0.8])
def test_alpha_lies_on_the_shortest_way(alpha: float) -> None:
    """Own statistics at 0, the style's at 1, and the distance (Bures) to each in proportion."""
    content, style = features(1, 5, 9, 8), features(1, 5, 7, 10, seed=1)
    between = match(content, measure(style), alpha)
    own, found, goal = (x[0].flatten(1).double().numpy() for x in (content, between, style))
    whole = reference_wct(own, goal)[1] ** 0.5
    np.testing.assert_allclose(reference_wct(own, found)[1] ** 0.5, alpha * whole, rtol=1e-3)
    np.testing.assert_allclose(reference_wct(found, goal)[1] ** 0.5, (1 - alpha) * whole, rtol=1e-3)
    assert torch.equal(match(content, measure(style), 1.0), wct(content, style))
    torch.testing.assert_close(match(content, measure(style), 0.0), content)


def test_styles_are_mixed_by_their_shares() -> None:
    first, second = features(1, 4, 8, 8), features(1, 4, 7, 9, seed=1)
    mixed = mix([measure(first), measure(second)], (0.7, 0.3))
    np.testing.assert_allclose(mixed.matrix[0], 0.7 * covariance(first) + 0.3 * covariance(second), rtol=1e-6)
    found = match(features(1, 4, 6, 6, seed=2), mixed)
    assert np.linalg.norm(covariance(found) - mixed.matrix[0].numpy()) < 1e-3 * mixed.matrix.norm()


def test_weights_measure_a_part() -> None:
    """Weight 1 in a part and 0 elsewhere is that part alone; half the weight everywhere is the whole."""
    x = features(2, 4, 8, 10)
    weights = torch.zeros(2, 1, 8, 10)
    weights[:, :, :5] = 1
    style = measure(features(1, 4, 7, 7, seed=1))
    part = measure(x[:, :, :5])
    torch.testing.assert_close(measure(x, weights).matrix, part.matrix)
    torch.testing.assert_close(match(x, style, weights=weights)[:, :, :5], match(x[:, :, :5], style), atol=1e-4, rtol=0)
    torch.testing.assert_close(measure(x, torch.full_like(weights, 0.5)).matrix, measure(x).matrix)
    assert match(x, measure(x, torch.zeros_like(weights)), weights=torch.zeros_like(weights)).isfinite().all()


@pytest.mark.parametrize("noise", [0, 1e-3])
def test_a_flat_part_of_a_content_stays_flat(noise: float) -> None:
    """A sky with the noise of 8 bits, in a picture that varies otherwise: the noise grows as the rest does."""
    content, style = features(1, 6, 16, 16), features(1, 6, 12, 12, seed=1)
    generator = torch.Generator().manual_seed(2)
    content[:, :, :8] = 0.3 + noise * torch.randn((1, 6, 8, 16), generator=generator)
    sky = wct(content, style)[0, :, :8].flatten(1)
    gain = (measure(style).matrix[0].diagonal().max() / np.linalg.eigvalsh(covariance(content))[0]) ** 0.5
    assert sky.std(1).max() <= gain * noise * 2 + 1e-4
