"""AdaIN: the palette of the reference arrives by mean and deviation. Second source: the formula, in numpy's float64."""

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import given, settings
from torch import Tensor

from excolor.networks.adain import adain, match, measure, mix


def features(*shape: int, seed: int = 0) -> Tensor:
    """Channels of different means and deviations."""
    generator = torch.Generator().manual_seed(seed)
    scale, shift = (torch.rand((shape[0], shape[1], 1, 1), generator=generator) * 3 for _ in range(2))
    return torch.randn(shape, generator=generator) * (scale + 0.1) + shift


def test_follows_the_formula() -> None:
    content, style = features(2, 5, 9, 7), features(2, 5, 6, 11, seed=1)
    x, y = (t.double().numpy() for t in (content, style))

    def mean(z: np.ndarray) -> np.ndarray:
        return z.mean((2, 3), keepdims=True)

    def std(z: np.ndarray) -> np.ndarray:
        return np.sqrt(z.var((2, 3), keepdims=True) + 1e-5)

    expected = std(y) * (x - mean(x)) / std(x) + mean(y)
    np.testing.assert_allclose(adain(content, style).numpy(), expected, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 1000), st.integers(2, 12), st.integers(2, 12))
@settings(max_examples=20)
def test_result_has_the_moments_of_the_style(seed: int, height: int, width: int) -> None:
    content, style = features(2, 3, height, width, seed=seed + 1), features(2, 3, 8, 8, seed=seed)
    found, wanted = measure(adain(content, style)), measure(style)
    torch.testing.assert_close(found.mean, wanted.mean, atol=1e-3, rtol=1e-3)
    # A content that hardly varies is held back by what is added to its variance
    share = (1 - 1e-5 / measure(content).std ** 2).sqrt()
    torch.testing.assert_close(found.std, wanted.std * share, atol=5e-3, rtol=1e-3)


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_own_style_changes_nothing(seed: int) -> None:
    x = features(2, 4, 5, 6, seed=seed)
    torch.testing.assert_close(adain(x, x), x, atol=1e-4, rtol=1e-4)


def test_deviation_is_the_biased_one() -> None:
    x = torch.tensor([0.0, 2.0]).view(1, 1, 1, 2)
    torch.testing.assert_close(measure(x).std.item(), 1.0, atol=1e-4, rtol=0)


def test_flat_channel_takes_the_mean_of_the_style() -> None:
    style = features(1, 2, 8, 8)
    content = torch.full((1, 2, 4, 4), 0.3)
    torch.testing.assert_close(adain(content, style), measure(style).mean.expand(-1, -1, 4, 4), atol=1e-3, rtol=0)


def test_single_position_is_finite() -> None:
    assert adain(features(1, 3, 1, 1), features(1, 3, 4, 4)).isfinite().all()


def test_batch_equals_its_items() -> None:
    content, style = features(3, 4, 6, 6), features(3, 4, 5, 5, seed=1)
    items = [adain(content[i : i + 1], style[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(adain(content, style), torch.cat(items), atol=1e-6, rtol=1e-6)


def test_one_style_serves_a_batch() -> None:
    content, style = features(3, 4, 6, 6), features(1, 4, 5, 5, seed=1)
    torch.testing.assert_close(adain(content, style), adain(content, style.expand(3, -1, -1, -1)))


def test_half_precision_is_measured_in_float32() -> None:
    x = features(1, 3, 64, 64) * 100  # the sum of squares exceeds float16
    moments = measure(x.half())
    assert moments.mean.dtype == torch.float32
    torch.testing.assert_close(moments.std, measure(x).std, rtol=1e-3, atol=0)
    assert match(x.half(), moments).dtype == torch.float16


def test_alpha_lies_between_the_own_moments_and_those_of_the_style() -> None:
    content, style = features(1, 3, 8, 8), measure(features(1, 3, 9, 9, seed=1))
    own, found = measure(content), measure(match(content, style, 0.3))
    torch.testing.assert_close(found.mean, own.mean.lerp(style.mean, 0.3), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std, own.std.lerp(style.std, 0.3), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(match(content, style, 0.0), content)


def test_styles_are_mixed_by_their_shares() -> None:
    first, second = measure(features(1, 3, 8, 8)), measure(features(1, 3, 9, 9, seed=1))
    mixed = mix([first, second], (0.7, 0.3))
    torch.testing.assert_close(mixed.mean, 0.7 * first.mean + 0.3 * second.mean)
    torch.testing.assert_close(mixed.std, 0.7 * first.std + 0.3 * second.std)


def test_weights_measure_a_part() -> None:
    x = features(2, 4, 8, 10)
    weights = torch.zeros(2, 1, 8, 10)
    weights[:, :, :5] = 1
    found, part = measure(x, weights), measure(x[:, :, :5])
    torch.testing.assert_close(found.mean, part.mean)
    torch.testing.assert_close(found.std, part.std)
    style = measure(features(1, 4, 7, 7, seed=1))
    torch.testing.assert_close(match(x, style, weights=weights)[:, :, :5], match(x[:, :, :5], style))
    nowhere = torch.zeros_like(weights)
    assert match(x, measure(x, nowhere), weights=nowhere).isfinite().all()
