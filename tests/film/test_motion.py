import cv2
import numpy as np
import pytest
from clips import picture

from excolor.film.motion import Motion, MotionFinder, Path, moved


def gray(left: int, top: int = 0) -> np.ndarray:
    pixels = picture("palace", (200, 260)).mean(2).round().astype(np.uint8)
    return np.ascontiguousarray(pixels[20 + top : 140 + top, 20 + left : 180 + left])


def test_a_pan_is_found() -> None:
    there, back = MotionFinder().between(gray(0), gray(5, 3))
    inside = (slice(20, -20), slice(20, -20))
    for motion, sign in ((there, -1), (back, 1)):
        found = motion.flow[inside][motion.confidence[inside] > 0.5]
        assert np.abs(np.median(found, axis=0) - np.array([5, 3]) * sign).max() < 0.2
        assert motion.confidence[inside].mean() > 0.8


def test_what_was_outside_is_not_trusted() -> None:
    _, back = MotionFinder().between(gray(0), gray(8))
    assert back.confidence[:, -6:].max() < 1e-3
    assert back.confidence[:, 30:-30].mean() > 0.8


def test_motions_are_joined() -> None:
    finder = MotionFinder()
    steps = [finder.between(gray(3 * i), gray(3 * i + 3))[1] for i in range(3)]
    total = steps[0]
    for step in steps[1:]:
        total = total.after(step)
    surely = total.confidence > 0.5
    assert abs(np.median(total.flow[surely][:, 0]) - 9) < 0.3
    back = moved(gray(0), total.flow).astype(int) - gray(9)
    assert np.abs(back[surely]).mean() < 4


def test_no_motion_leaves_a_picture_as_it_is() -> None:
    assert np.array_equal(moved(gray(0), Motion.none((120, 160)).flow), gray(0))
    flat = np.zeros((5, 9), np.uint8)  # too small to be searched
    there, back = MotionFinder().between(flat, flat)
    assert not there.flow.any() and not back.flow.any()


def test_a_guess_leads_to_motion_that_is_too_wide_to_be_found() -> None:
    finder, size = MotionFinder(), (120, 160)
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (120, 280), np.uint8), (0, 0), 2)
    first, second = (np.ascontiguousarray(texture[:, left : left + 160]) for left in (0, 90))
    shift = np.full((*size, 2), (-88, 1), np.float32)
    sure = np.full(size, 0.01, np.float32)
    path = finder.between(first, second, Path(Motion(shift, sure), Motion(-shift, sure)))
    assert finder.between(first, second).there.confidence[:, 100:].mean() < 0.3
    seen = path.there.confidence[:, 100:] > 0.5
    assert seen.mean() > 0.8
    assert np.abs(path.there.flow[:, 100:][seen] - (-90, 0)).max() < 1
    assert np.array_equal(shift[0, 0], (-88, 1))  # the guess is left alone


def test_where_a_guess_is_surer_it_stays() -> None:
    one = Motion(np.ones((2, 3, 2), np.float32), np.array([[0.2, 0.5, 0.9]] * 2, np.float32))
    other = Motion(np.zeros((2, 3, 2), np.float32), np.array([[0.4, 0.5, 0.1]] * 2, np.float32))
    better = one.or_surer(other)
    assert better.flow[0, :, 0].tolist() == [0, 1, 1]
    assert better.confidence[0].tolist() == pytest.approx([0.4, 0.5, 0.9])
