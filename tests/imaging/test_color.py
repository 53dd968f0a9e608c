"""sRGB <-> Lab: the colors that every other part computes with. Second source: scikit-image."""

from itertools import product

import hypothesis.strategies as st
import numpy as np
import pytest
import skimage.color
import torch
from hypothesis import given, settings
from torch import Tensor

from excolor.imaging.color import (
    ab_from_network,
    ab_to_network,
    fit_gamut,
    gray_to_lightness,
    lab_to_linear,
    lab_to_rgb,
    lightness_to_network,
    rgb_to_lab,
)

CORNERS = torch.tensor(list(product((0.0, 0.5, 1.0), repeat=3))).T.reshape(3, 27, 1)
RANDOM = torch.rand((3, 40, 50), generator=torch.Generator().manual_seed(0))

unit = st.floats(0, 1, width=32)
ab_value = st.floats(-128, 127, width=32)


def pixel(*values: float) -> Tensor:
    return torch.tensor(values).view(3, 1, 1)


@pytest.mark.parametrize("rgb", [CORNERS, RANDOM, RANDOM / 50], ids=["corners", "random", "dark"])
def test_lab_agrees_with_skimage(rgb: Tensor) -> None:
    expected = skimage.color.rgb2lab(rgb.double().numpy(), channel_axis=0)
    # The formulas are the same: what remains is float32 against float64, far below a visible difference (about 1)
    np.testing.assert_allclose(rgb_to_lab(rgb).numpy(), expected, atol=1e-3)


def test_rgb_agrees_with_skimage_inside_the_gamut() -> None:
    lab = skimage.color.rgb2lab(RANDOM.double().numpy(), channel_axis=0)
    expected = skimage.color.lab2rgb(lab, channel_axis=0)
    np.testing.assert_allclose(lab_to_rgb(torch.from_numpy(lab)).numpy(), expected, atol=1e-4)


@given(unit, unit, unit)
@settings(max_examples=100)
def test_rgb_survives_the_way_to_lab_and_back(r: float, g: float, b: float) -> None:
    rgb = pixel(r, g, b)
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=1e-4, rtol=0)  # 1/40 of an 8-bit step


def test_gray_has_no_chroma() -> None:
    gray = torch.linspace(0, 1, 256).view(1, 1, 256).expand(3, -1, -1)
    # Not quite zero: the rows of the standard's matrix do not add up to the white point exactly
    assert rgb_to_lab(gray)[1:].abs().max() < 0.01


def test_lightness_of_gray_is_that_of_equal_channels() -> None:
    gray = torch.linspace(0, 1, 256).view(1, 1, 256)
    torch.testing.assert_close(gray_to_lightness(gray), rgb_to_lab(gray.expand(3, -1, -1))[:1], atol=1e-4, rtol=0)


@given(st.floats(0, 100, width=32), ab_value, ab_value)
@settings(max_examples=200)
def test_colors_outside_srgb_lose_chroma_and_keep_lightness(lightness: float, a: float, b: float) -> None:
    lab = pixel(lightness, a, b)
    rgb = lab_to_rgb(lab)
    assert rgb.min() >= 0 and rgb.max() <= 1
    shown = rgb_to_lab(rgb)
    assert abs(shown[0].item() - lightness) < 0.05
    assert shown[1:].norm() <= lab[1:].norm() + 0.05


def test_colors_outside_srgb_roughly_keep_their_hue() -> None:
    generator = torch.Generator().manual_seed(1)
    lab = torch.rand((3, 200, 200), generator=generator) * torch.tensor((100.0, 160, 160)).view(3, 1, 1)
    lab[1:] -= 80
    shown = rgb_to_lab(lab_to_rgb(lab))
    outside = ((lab_to_linear(lab) - fit_gamut(lab_to_linear(lab))).abs().amax(0) > 0.01) & (shown[1:].norm(dim=0) > 5)
    assert outside.sum() > 1000  # or nothing was looked at
    turned = torch.atan2(shown[2], shown[1]) - torch.atan2(lab[2], lab[1])
    turned = torch.rad2deg(torch.remainder(turned + torch.pi, 2 * torch.pi) - torch.pi)[outside].abs()
    # Straight lines to gray in RGB are slightly bent in Lab, most for blue; 60° would be another color name
    assert turned.median() < 10 and turned.max() < 40


def test_colors_inside_srgb_are_left_alone() -> None:
    torch.testing.assert_close(fit_gamut(RANDOM), RANDOM, atol=1e-6, rtol=0)


@pytest.mark.parametrize("function", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize("color", [(0, 0, 0), (1, 1, 1), (100, 0, 0), (0, 5, 5)])
def test_gradients_are_finite_at_the_ends(function, color: tuple[float, ...]) -> None:
    values = pixel(*map(float, color)).requires_grad_()
    function(values).sum().backward()
    assert values.grad is not None and values.grad.isfinite().all()


def test_batches_keep_their_shape_and_dtype() -> None:
    rgb = RANDOM.double().expand(2, 4, -1, -1, -1)
    lab = rgb_to_lab(rgb)
    assert lab.shape == rgb.shape and lab.dtype == torch.float64
    torch.testing.assert_close(lab[1, 2], rgb_to_lab(RANDOM.double()))


def test_colors_keep_their_digits_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        lab = rgb_to_lab(RANDOM)
    torch.testing.assert_close(lab, rgb_to_lab(RANDOM), atol=0, rtol=0)


def test_network_scales_are_those_of_the_siggraph_2017_net() -> None:
    # Zhang et al. 2017: (L - 50) / 100 and ab / 110, as the published checkpoint expects
    torch.testing.assert_close(lightness_to_network(torch.tensor([0.0, 50, 100])), torch.tensor([-0.5, 0, 0.5]))
    torch.testing.assert_close(ab_to_network(torch.tensor([-110.0, 0, 55])), torch.tensor([-1.0, 0, 0.5]))
    torch.testing.assert_close(ab_from_network(ab_to_network(RANDOM)), RANDOM)
