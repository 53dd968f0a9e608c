"""Second sources: SciPy for divergences, and a loop over pixels for the warp error."""

import math

import numpy as np
import pytest
from clips import picture
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from excolor.film.clip_metrics import ColorConsistency, WarpError, jensen_shannon, visible_before
from excolor.film.motion import MotionFinder


def frame(seed: int, size: tuple[int, int] = (12, 17)) -> np.ndarray:
    return np.random.default_rng(seed).random((*size, 3)).astype(np.float32)


def consistency(frames: list[np.ndarray]) -> float | None:
    meter = ColorConsistency()
    for one in frames:
        meter.add(one)
    return meter.value


def test_divergence_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, (2, 3, 256)).astype(np.float64)
    first, second = (one / one.sum(-1, keepdims=True) for one in (first, second))
    expected = [jensenshannon(p, q) ** 2 for p, q in zip(first, second, strict=True)]
    assert jensen_shannon(first, second) == pytest.approx(expected, abs=1e-12)
    assert jensen_shannon(second, first) == pytest.approx(expected, abs=1e-12)


def test_divergence_is_zero_to_itself_and_ln_2_at_most() -> None:
    first, second = np.eye(256)[:2]
    assert jensen_shannon(first, first) == 0
    assert jensen_shannon(first, second) == pytest.approx(math.log(2))


@given(seed=st.integers(0, 999), count=st.integers(2, 7))
def test_cdc_follows_its_definition(seed: int, count: int) -> None:
    frames = [frame(seed + i) for i in range(count)]
    means = []
    for distance in (1, 2, 4):
        found = []
        for earlier, later in zip(frames, frames[distance:], strict=False):
            for channel in range(3):
                p, q = (
                    np.histogram(np.rint(one[..., channel] * 255), np.arange(257))[0] / one[..., 0].size
                    for one in (earlier, later)
                )
                found.append(jensenshannon(p, q) ** 2)
        if found:
            means.append(np.mean(found))
    assert consistency(frames) == pytest.approx(np.mean(means), rel=1e-9)


def test_cdc_counts_colors_and_not_places() -> None:
    one = frame(0)
    assert consistency([one] * 6) == 0
    shuffled = [np.random.default_rng(i).permutation(one.reshape(-1, 3)).reshape(one.shape) for i in range(6)]
    assert consistency(shuffled) == 0
    photo = picture("palace") / 255
    weak, strong = ([np.clip(photo + amount * (i % 2), 0, 1) for i in range(6)] for amount in (0.02, 0.2))
    assert 0 < consistency(weak) < consistency(strong)
    assert consistency([one]) is None


def test_cdc_does_not_look_across_a_cut() -> None:
    meter = ColorConsistency()
    for one in [frame(0)] * 3:
        meter.add(one)
    meter.cut()
    for one in [np.zeros((4, 4, 3), np.float32)] * 3:
        meter.add(one)
    assert meter.value == 0


def shifted(size: tuple[int, int] = (90, 120), by: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A pan: a frame, the one before, and the true flows there and back."""
    pixels = (picture("palace", (size[0], size[1] + by)) / 255).astype(np.float32)
    before, now = (np.ascontiguousarray(pixels[:, left : left + size[1]]) for left in (0, by))
    flow = np.zeros((*size, 2), np.float32)
    flow[..., 0] = by
    return now, before, flow, -flow


def warp_error(*arguments: np.ndarray) -> float | None:
    meter = WarpError()
    meter.add(*arguments)
    return meter.value


def test_a_pan_has_no_warp_error_and_a_change_of_color_its_square() -> None:
    now, before, flow, back = shifted()
    visible = visible_before(flow, back)
    assert visible[:, :116].all() and not visible[:, 116:].any()  # the last columns were outside
    assert warp_error(now, before, flow, visible) < 1e-10
    changed = now + np.float32([0.1, 0, 0])
    assert warp_error(changed, before, flow, visible) == pytest.approx(0.01 / 3, rel=1e-4)
    assert warp_error(now, before, flow, np.zeros_like(visible)) is None


def test_warp_error_agrees_with_a_loop_over_pixels() -> None:
    now, before, flow, _ = shifted((20, 30), 3)
    other = frame(1, (20, 30))
    visible = np.zeros((20, 30), bool)
    visible[4:15, 5:20] = True
    errors = []
    for y in range(4, 15):
        for x in range(5, 20):
            errors += [(float(now[y, x, c]) - float(other[y, x + 3, c])) ** 2 for c in range(3)]
    assert warp_error(now, other, flow, visible) == pytest.approx(np.mean(errors), rel=1e-5)
    assert np.isfinite(warp_error(before, other, flow, visible))


def test_what_something_hid_is_left_out() -> None:
    """A square moves over a still background: the strip that it uncovers was not visible before."""
    background = picture("palace", (120, 160)).mean(2).astype(np.uint8)
    thing = picture("cat", (50, 50)).mean(2).astype(np.uint8)

    def with_thing(left: int) -> np.ndarray:
        gray = background.copy()
        gray[35:85, left : left + 50] = thing
        return gray

    there, back = MotionFinder().between(with_thing(66), with_thing(60))
    visible = visible_before(there.flow, back.flow)
    assert visible[45:75, 61:65].mean() < 0.5
    assert visible[:30].mean() > 0.9 and visible[45:75, 75:105].mean() > 0.9


@given(height=st.integers(1, 9), width=st.integers(1, 9))
def test_any_size_can_be_measured(height: int, width: int) -> None:
    still = np.zeros((height, width, 2), np.float32)
    assert visible_before(still, still).all()
    one = frame(0, (height, width))
    assert warp_error(one, one, still, visible_before(still, still)) == 0
