"""The numbers in the tables. Second sources: scikit-image, and the formula of Hasler and Süsstrunk from their text."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from excolor.metrics import colorfulness, psnr

PICTURE = np.random.default_rng(0).random((12, 17, 3))


@pytest.mark.parametrize("noise", [0.001, 0.1, 1.0])
def test_psnr_agrees_with_skimage(noise: float) -> None:
    other = (PICTURE + noise * np.random.default_rng(1).normal(size=PICTURE.shape)).clip(0, 1)
    assert psnr(other, PICTURE) == pytest.approx(peak_signal_noise_ratio(PICTURE, other, data_range=1), abs=1e-9)


def test_psnr_of_float32_loses_no_digits() -> None:
    near = (PICTURE + 1e-4).astype(np.float32)
    assert psnr(near, PICTURE.astype(np.float32)) == pytest.approx(80, abs=0.01)


def test_equal_pictures_are_infinitely_good() -> None:
    assert psnr(PICTURE, PICTURE) == math.inf


def test_colorfulness_follows_its_definition() -> None:
    rg, yb = [], []
    for r, g, b in (PICTURE * 255).reshape(-1, 3):
        rg.append(r - g)
        yb.append(0.5 * (r + g) - b)

    def moments(values: list[float]) -> tuple[float, float]:
        mean = sum(values) / len(values)
        return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))

    (mean_rg, std_rg), (mean_yb, std_yb) = moments(rg), moments(yb)
    expected = math.sqrt(std_rg**2 + std_yb**2) + 0.3 * math.sqrt(mean_rg**2 + mean_yb**2)
    assert colorfulness(PICTURE) == pytest.approx(expected, rel=1e-9)


def test_gray_has_no_colorfulness() -> None:
    assert colorfulness(np.repeat(PICTURE[..., :1], 3, -1)) == 0
