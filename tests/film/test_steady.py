from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from clips import crops

from excolor import Colorizer, ColorizeSettings
from excolor.film.references import encode
from excolor.film.steady import FRAME_BY_FRAME, ColoredFrame, Frame, ShotColorizer, Steadiness
from excolor.photo import Photo

SETTINGS = ColorizeSettings(working_size=64)


@pytest.fixture(scope="module")
def pan() -> list[np.ndarray]:
    return crops(["palace"], 10, (64, 96), step=3)


def frames(pixels: list[np.ndarray]) -> Iterator[Frame]:
    return (Frame(i, i / 25, Photo(one)) for i, one in enumerate(pixels))


def colored(colorizer: Colorizer, pan: list[np.ndarray], steadiness: Steadiness) -> list[ColoredFrame]:
    reference = encode(Photo(pan[0]), colorizer, SETTINGS)
    return list(ShotColorizer(colorizer, SETTINGS, steadiness).colorize(frames(pan), reference))


def errors(found: list[ColoredFrame], pan: list[np.ndarray]) -> list[float]:
    from excolor.evaluation.metrics import lab

    return [float(np.abs(one.ab - lab(true / 255)[..., 1:]).mean()) for one, true in zip(found, pan, strict=True)]


def test_all_frames_come_in_order(colorizer: Colorizer, pan: list[np.ndarray]) -> None:
    for every in (1, 3, 4, 20):
        found = colored(colorizer, pan, Steadiness(every=every))
        assert [one.frame.index for one in found] == list(range(10))
        assert all(one.ab.shape == (64, 96, 2) and one.ab.dtype == np.float32 for one in found)
    assert list(ShotColorizer(colorizer, SETTINGS).colorize(iter(()), None)) == []


def test_colors_follow_motion(colorizer: Colorizer, pan: list[np.ndarray]) -> None:
    """With the first frame as reference, colors are nearer to the truth than those of frames colored alone."""
    alone = errors(colored(colorizer, pan, FRAME_BY_FRAME), pan)
    steady = errors(colored(colorizer, pan, Steadiness()), pan)
    assert np.mean(steady) < 0.8 * np.mean(alone)
    assert steady[0] < 2.5  # the reference is that very frame


def test_frames_alone_are_those_of_colorize(colorizer: Colorizer, pan: list[np.ndarray]) -> None:
    found = colored(colorizer, pan[:2], FRAME_BY_FRAME)
    reference = colorizer.encode_reference(Photo(pan[0]), SETTINGS)
    for one, pixels in zip(found, pan, strict=False):
        seen = colorizer.prepare(Photo(pixels), SETTINGS)
        assert np.array_equal(one.ab, seen.to_array(colorizer.find_ab(seen, reference, SETTINGS)))


def test_the_same_frames_give_the_same_colors(colorizer: Colorizer, pan: list[np.ndarray]) -> None:
    first, second = (colored(colorizer, pan[:6], Steadiness()) for _ in range(2))
    assert all(np.array_equal(a.ab, b.ab) for a, b in zip(first, second, strict=True))


def test_without_a_reference_colors_are_invented(colorizer: Colorizer, pan: list[np.ndarray]) -> None:
    (only,) = ShotColorizer(colorizer, SETTINGS).colorize(frames(pan[:1]), None)
    seen = colorizer.prepare(Photo(pan[0]), SETTINGS)
    assert np.array_equal(only.ab, seen.to_array(colorizer.find_ab(seen, (), SETTINGS)))


@pytest.fixture(scope="module")
def semantic() -> Colorizer:
    """The default model, which alone gains by recalling the anchor before."""
    return Colorizer.load(device="cpu")


def test_anchors_without_a_memory_are_those_of_frames_alone(semantic: Colorizer, pan: list[np.ndarray]) -> None:
    """Whatever came before: estimates see nothing of it."""
    alone = colored(semantic, pan, FRAME_BY_FRAME)
    anchors = colored(semantic, pan, Steadiness(every=3, average=1, reference_weight=0, recall=0))
    for index in (0, 3, 6, 9):
        assert np.abs(anchors[index].ab - alone[index].ab).max() < 1e-4


def test_what_enters_keeps_its_colors(semantic: Colorizer, pan: list[np.ndarray]) -> None:
    """An estimate sees what the anchor before became: it changes less than one that does not."""
    reference = encode(Photo(crops(["coffee"], 1, (64, 96))[0]), semantic, SETTINGS)

    def change(recall: float) -> float:
        steadiness = Steadiness(every=3, average=1, reference_weight=0, recall=recall)
        found = list(ShotColorizer(semantic, SETTINGS, steadiness).colorize(frames(pan), reference))[::3]
        assert np.mean([np.abs(one.ab).mean() for one in found]) > 3
        pairs = pairwise(found)  # 9 pixels apart
        return float(np.mean([np.abs(now.ab[:, :-9] - before.ab[:, 9:]).mean() for before, now in pairs]))

    assert change(0.6) < 0.8 * change(0)


def test_vivid_colors_do_not_grow_from_anchor_to_anchor(semantic: Colorizer, pan: list[np.ndarray]) -> None:
    reference = encode(Photo(crops(["coffee"], 1, (64, 96))[0]), semantic, SETTINGS)
    plain, vivid = (
        list(ShotColorizer(semantic, ColorizeSettings(working_size=64, vivid=vivid)).colorize(frames(pan), reference))
        for vivid in (1.0, 2.0)
    )
    for one, other in zip(plain, vivid, strict=True):
        np.testing.assert_allclose(other.ab, 2 * one.ab, atol=0.1)


def test_a_still_scene_keeps_the_colors_of_the_first_estimate(colorizer: Colorizer, pan: list[np.ndarray]) -> None:
    reference = encode(Photo(crops(["coffee"], 1, (64, 96))[0]), colorizer, SETTINGS)
    found = list(ShotColorizer(colorizer, SETTINGS).colorize(frames([pan[0]] * 10), reference))
    assert all(np.abs(one.ab - found[0].ab).max() < 1e-2 for one in found)


def test_a_reference_of_another_place_is_followed_steadily(colorizer: Colorizer, pan: list[np.ndarray]) -> None:
    """The mean along the motion changes less than estimates one by one."""
    reference = encode(Photo(crops(["coffee"], 1, (64, 96))[0]), colorizer, SETTINGS)

    def change(steadiness: Steadiness) -> float:
        found = list(ShotColorizer(colorizer, SETTINGS, steadiness).colorize(frames(pan), reference))
        assert np.mean([np.abs(one.ab).mean() for one in found]) > 3
        # Each frame is 3 pixels further to the right
        pairs = pairwise(found)
        return float(np.mean([np.abs(now.ab[:, :-3] - before.ab[:, 3:]).mean() for before, now in pairs]))

    assert change(Steadiness()) < 0.6 * change(FRAME_BY_FRAME)
    assert change(Steadiness(every=1)) < 0.6 * change(FRAME_BY_FRAME)
