"""The numbers in the tables.

Second sources: scikit-image, the test data published with Sharma et al. 2005 (Table 1), and the formula of Hasler and
Süsstrunk from their text.
"""

import math

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from excolor.evaluation.metrics import ciede2000, colorfulness, edge_error, lab, mean_ciede2000, psnr, ssim

PICTURE = np.random.default_rng(0).random((12, 17, 3))

# Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test Data, and
# Mathematical Observations", Color Research and Application 30(1), 2005, Table 1: two Lab colors and their difference
SHARMA = (
    (50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425),
    (50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615),
    (50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412),
    (50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000),
    (50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000),
    (50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000),
    (50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669),
    (50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669),
    (50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792),
    (50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792),
    (50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195),
    (50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195),
    (50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045),
    (50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045),
    (50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461),
    (50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065),
    (50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492),
    (50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977),
    (50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030),
    (50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535),
    (50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000),
    (50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000),
    (50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000),
    (50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630),
    (61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731),
    (35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645),
    (22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373),
    (36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146),
    (90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441),
    (90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381),
    (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
    (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082),
)


@pytest.mark.parametrize("noise", [0.001, 0.1, 1.0])
def test_psnr_agrees_with_skimage(noise: float) -> None:
    other = (PICTURE + noise * np.random.default_rng(1).normal(size=PICTURE.shape)).clip(0, 1)
    assert psnr(other, PICTURE) == pytest.approx(peak_signal_noise_ratio(PICTURE, other, data_range=1), abs=1e-9)


def test_psnr_of_float32_loses_no_digits() -> None:
    near = (PICTURE + 1e-4).astype(np.float32)
    assert psnr(near, PICTURE.astype(np.float32)) == pytest.approx(80, abs=0.01)


def test_equal_pictures_are_infinitely_good() -> None:
    assert psnr(PICTURE, PICTURE) == math.inf


@pytest.mark.parametrize("shape", [(11, 11, 3), (40, 57, 3)])
@pytest.mark.parametrize("noise", [0.01, 0.5])
def test_ssim_agrees_with_skimage(shape: tuple[int, int, int], noise: float) -> None:
    rng = np.random.default_rng(2)
    picture = rng.random(shape)
    other = (picture + noise * rng.normal(size=shape)).clip(0, 1)
    paper = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(picture, other, data_range=1, channel_axis=-1, **paper)
    assert ssim(other, picture) == pytest.approx(expected, abs=1e-9)
    assert ssim(other.astype(np.float32), picture.astype(np.float32)) == pytest.approx(expected, abs=1e-5)


def test_ssim_of_equal_pictures_is_one() -> None:
    assert ssim(PICTURE, PICTURE) == 1


def test_ssim_needs_a_window() -> None:
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(PICTURE[:10], PICTURE[:10])


@pytest.mark.parametrize("pair", SHARMA)
def test_ciede2000_of_the_published_pairs(pair: tuple[float, ...]) -> None:
    first, second, expected = np.array(pair[:3]), np.array(pair[3:6]), pair[6]
    assert ciede2000(first, second) == pytest.approx(expected, abs=5e-5)
    assert ciede2000(second, first) == pytest.approx(expected, abs=5e-5)


def test_ciede2000_agrees_with_skimage_all_over_the_gamut() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random((2, 60, 70, 3))
    second[:20] = first[:20] + 0.01  # small differences
    second[20:30] = second[20:30, :, :1]  # one gray
    second = second.clip(0, 1)
    expected = deltaE_ciede2000(rgb2lab(first), rgb2lab(second))
    assert ciede2000(rgb2lab(first), rgb2lab(second)) == pytest.approx(expected, abs=1e-6)
    assert mean_ciede2000(first, second) == pytest.approx(expected.mean(), abs=1e-4)


def test_equal_colors_differ_by_nothing() -> None:
    assert mean_ciede2000(PICTURE, PICTURE) == 0


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


def test_the_error_at_edges_counts_where_colors_run_over_them_and_nowhere_else() -> None:
    wanted = np.full((32, 32, 3), (0.5, 0.4, 0.4), np.float32)
    wanted[:, 16:] = (0.2, 0.4, 0.7)
    assert edge_error(wanted, wanted) == 0
    far, near = wanted.copy(), wanted.copy()
    far[:, :4] = (0.9, 0.1, 0.1)
    near[:, 13:16] = (0.2, 0.4, 0.7)
    assert edge_error(far, wanted) == 0
    distance = np.linalg.norm(lab(wanted)[0, 0, 1:] - lab(wanted)[0, 31, 1:])
    assert edge_error(near, wanted) == pytest.approx(distance * 3 / 9, rel=0.01)  # 3 of the 9 columns near the edge
    assert np.isnan(edge_error(wanted, np.full_like(wanted, 0.5)))
