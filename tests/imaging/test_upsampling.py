"""From the working size to full size.

Second sources: OpenCV's bicubic upsampling, and the guided filter written out window by window.
"""

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from excolor.imaging.upsampling import LocalAffine, fit_detail, fit_local_affine


def test_local_affine_maps_are_found_exactly() -> None:
    rng = np.random.default_rng(0)
    guide = rng.random((20, 24, 3)).astype(np.float32)
    matrix, constant = rng.normal(size=(2, 3)), np.array([0.3, -0.2])
    values = (guide @ matrix.T + constant).astype(np.float32)
    found = fit_local_affine(guide, values, radius=2, epsilon=1e-7)
    assert found.shape == (20, 24, 2, 4)
    np.testing.assert_allclose(found[..., :3], np.broadcast_to(matrix, (20, 24, 2, 3)), atol=2e-3)
    np.testing.assert_allclose(found[..., 3], np.broadcast_to(constant, (20, 24, 2)), atol=2e-3)


def test_local_fit_agrees_with_a_plain_guided_filter() -> None:
    rng = np.random.default_rng(1)
    guide, values = rng.random((11, 12, 2)).astype(np.float32), rng.random((11, 12, 1)).astype(np.float32)
    epsilon, own = 1e-2, {}
    for y in range(1, 10):
        for x in range(1, 11):
            g = guide[y - 1 : y + 2, x - 1 : x + 2].reshape(9, 2).astype(np.float64)
            v = values[y - 1 : y + 2, x - 1 : x + 2].reshape(9).astype(np.float64)
            covariance = np.cov(g.T, bias=True) + epsilon * np.eye(2)
            slope = np.linalg.inv(covariance) @ ((g - g.mean(0)) * (v - v.mean())[:, None]).mean(0)
            own[y, x] = np.array([*slope, v.mean() - slope @ g.mean(0)])
    found = fit_local_affine(guide, values, radius=1, epsilon=epsilon)[:, :, 0]
    for y in range(2, 9):
        for x in range(2, 10):
            expected = np.mean([own[y + i, x + j] for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0)
            np.testing.assert_allclose(found[y, x], expected, atol=1e-4)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 100))
@settings(max_examples=20)
def test_constant_values_stay_constant(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    small = (rng.random((height, width, 1)) * 100).astype(np.float32)
    fit = fit_local_affine(small, np.full((height, width, 2), 7, np.float32), radius=2, epsilon=10)
    guide = rng.random((1, 30, 20), dtype=np.float32) * 100
    found = LocalAffine(fit, (30, 20))(guide, slice(0, 30))
    np.testing.assert_allclose(found, np.full((2, 30, 20), 7), atol=1e-3)


def test_a_flat_guide_gives_the_mean() -> None:
    values = np.random.default_rng(0).random((9, 9, 1)).astype(np.float32)
    found = fit_local_affine(np.full((9, 9, 1), 50, np.float32), values, radius=1, epsilon=10)
    np.testing.assert_allclose(found[..., 0], 0, atol=1e-5)
    expected = cv2.blur(cv2.blur(values, (3, 3), borderType=cv2.BORDER_REFLECT), (3, 3), borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(found[..., 0, 1], expected, atol=1e-5)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 100))
@settings(max_examples=20)
def test_values_stay_what_they_are_at_their_own_size(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    guide = rng.random((height, width), dtype=np.float32) * 100
    values = rng.normal(0, 40, (height, width, 2)).astype(np.float32)
    fit = fit_detail(guide, values, radius=1, epsilon=3, doubt=1)
    found = LocalAffine(fit, (height, width))(guide[None], slice(0, height))
    np.testing.assert_allclose(found, np.moveaxis(values, -1, 0), atol=1e-3)


def test_detail_is_taken_from_the_guide_only_where_the_values_follow_it() -> None:
    rng = np.random.default_rng(0)
    guide = rng.normal(50, 20, (40, 40)).astype(np.float32)
    unrelated = rng.normal(0, 20, (40, 40)).astype(np.float32)
    slopes = fit_detail(guide, np.stack((0.5 * guide, unrelated), -1), radius=2, epsilon=0.1, doubt=0.1)[..., 0]
    np.testing.assert_allclose(slopes[..., 0], 0.5, atol=0.01)
    assert np.abs(slopes[..., 1]).mean() < 0.02, np.abs(slopes[..., 1]).mean()
    flat = fit_detail(np.full_like(guide, 50), unrelated[..., None], radius=2, epsilon=0.1, doubt=0.1)
    np.testing.assert_allclose(flat[..., 0], 0, atol=1e-5)


@pytest.mark.parametrize("size", [(33, 50), (9, 12), (5, 7), (1, 1)])
def test_coefficients_are_upsampled_as_opencv_does(size: tuple[int, int]) -> None:
    constants = np.random.default_rng(0).random((9, 12)).astype(np.float32)
    coefficients = np.stack((np.zeros_like(constants), constants), -1)[:, :, None]  # slope 0
    found = LocalAffine(coefficients, size)(np.ones((1, *size), np.float32), slice(0, size[0]))
    expected = cv2.resize(constants, size[::-1], interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_strips_equal_one_piece() -> None:
    rng = np.random.default_rng(0)
    upsampled = LocalAffine(rng.normal(size=(6, 8, 2, 2)).astype(np.float32), (45, 31))
    guide = rng.random((1, 45, 31), dtype=np.float32)
    pieces = [upsampled(guide[:, rows], rows) for rows in (slice(0, 1), slice(1, 20), slice(20, 45))]
    # On some machines torch's matrix product sums in another order for a matrix of another height
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), upsampled(guide, slice(0, 45)), rtol=0, atol=1e-6)


def test_weights_leave_pixels_out_of_the_fit() -> None:
    rng = np.random.default_rng(0)
    guide = rng.random((20, 20, 1), dtype=np.float32)
    values, weights = guide * 2 + 1, np.ones((20, 20), np.float32)
    expected = fit_local_affine(guide, values, radius=3, epsilon=1e-6)
    np.testing.assert_allclose(
        fit_local_affine(guide, values, radius=3, epsilon=1e-6, weights=weights * 0.3), expected, atol=1e-4
    )
    wrong = rng.random((20, 20)) < 0.2
    values[wrong] += 5
    weights[wrong] = 1e-6
    found = fit_local_affine(guide, values, radius=3, epsilon=1e-6, weights=weights)
    np.testing.assert_allclose(found, expected, atol=1e-2)
