"""WCT: the style's whole covariance is reached. Second source: whitening and coloring by SVD, in numpy's float64."""

import numpy as np
import pytest
import torch
from torch import Tensor

from excolor.models.wct import match, measure, wct


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


def reference_wct(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Symmetric whitening and coloring of (C, P) features from their singular values; no covariance is formed."""
    mean = style.mean(1, keepdims=True)
    u, _, vt = np.linalg.svd(content - content.mean(1, keepdims=True), full_matrices=False)
    white = u @ vt * np.sqrt(content.shape[1])
    u, s, _ = np.linalg.svd(style - mean, full_matrices=False)
    return (u * s / np.sqrt(style.shape[1])) @ u.T @ white + mean


def test_agrees_with_an_independent_computation() -> None:
    content, style = features(1, 6, 9, 8), features(1, 6, 7, 10, seed=1)
    expected = reference_wct(*(t[0].flatten(1).double().numpy() for t in (content, style)))
    np.testing.assert_allclose(wct(content, style)[0].flatten(1).numpy(), expected, rtol=1e-4, atol=1e-4)


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
    torch.testing.assert_close(wct(content, style), style.mean((2, 3), keepdim=True).expand_as(content))


def test_flat_style_gives_its_color() -> None:
    style = torch.full((1, 4, 5, 5), 2.0)
    torch.testing.assert_close(wct(features(1, 4, 8, 8), style), torch.full((1, 4, 8, 8), 2.0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 3)])
def test_fewer_positions_than_channels_stay_finite_and_in_range(size: tuple[int, int]) -> None:
    style = features(1, 16, 12, 12)
    result = wct(features(1, 16, *size, seed=1), style)
    assert result.isfinite().all()
    # In no direction does it vary more than the style does in its strongest
    centered = (result - result.mean((2, 3), keepdim=True))[0].flatten(1).double()
    strongest = np.linalg.eigvalsh(covariance(style))[-1]
    assert (centered @ centered.T / centered.shape[1]).norm(2) < 1.01 * strongest


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
    torch.testing.assert_close(result[:, 1], torch.zeros(1, 8, 8), atol=1e-5, rtol=0)


def test_batch_equals_its_items_and_one_style_serves_it() -> None:
    content, style = features(3, 5, 6, 6), features(3, 5, 7, 5, seed=1)
    items = [wct(content[i : i + 1], style[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(wct(content, style), torch.cat(items), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(wct(content, style[:1])[:1], items[0], atol=1e-5, rtol=1e-5)


def test_dtype_is_kept_and_statistics_are_float64() -> None:
    x = features(1, 4, 6, 6).half()
    assert measure(x).values.dtype == torch.float64
    assert match(x, measure(x)).dtype == torch.float16
