"""What earlier anchors know of a frame, and how long a reference is followed, on moving pictures of known motion."""

import numpy as np
from clips import picture

from excolor.film.motion import MotionFinder, Path
from excolor.film.trail import Anchor, AnchorTrail, ReferenceTrack

SIZE = (96, 144)
GROUND, THING = picture("cat", (96, 400)).mean(2), picture("palace", (60, 40)).mean(2)


def frame(left: int, thing: int | None) -> np.ndarray:
    """The ground from `left` on, and before it a thing at x = `thing`, all in gray."""
    gray = GROUND[:, left : left + SIZE[1]].copy()
    if thing is not None:
        gray[20:80, thing : thing + 40] = THING
    return gray.round().astype(np.uint8)


def anchor(known: float) -> Anchor:
    full = np.full(SIZE, known, np.float32)
    return Anchor(np.full((*SIZE, 2), 100 * known, np.float32), full, full)


def test_what_a_thing_hid_in_the_newest_anchor_is_known_from_one_before() -> None:
    motion = MotionFinder()
    trail = AnchorTrail(motion)
    grays = [frame(4 * i, 10 + 25 * i) for i in range(3)]
    trail.add(grays[0], anchor(0.5), None)
    trail.add(grays[1], anchor(0.9), motion.between(grays[1], grays[0]))
    seen, _ = trail.seen_from(grays[2], motion.between(grays[2], grays[1]))
    # The thing hid this in the newest anchor, and not in the one before
    uncovered = (slice(25, 75), slice(45, 58))
    assert np.mean(seen.ab[uncovered] == 50) > 0.6
    elsewhere = (slice(None, 15), slice(20, 120))
    assert np.median(seen.ab[elsewhere]) == 90
    assert seen.known.max() <= 0.9 and seen.ab.dtype == np.float32


def test_a_trail_keeps_the_last_few_anchors() -> None:
    motion = MotionFinder()
    trail, before = AnchorTrail(motion), None
    for i in range(8):
        gray = frame(3 * i, None)
        path = None if before is None else motion.between(gray, before)
        if path is not None:
            seen, to_newest = trail.seen_from(gray, path)
            assert np.median(seen.ab) == 10 * (i - 1)
            assert abs(np.median(to_newest.there.flow[..., 0]) - 3) < 0.3
        trail.add(gray, anchor(i / 10), path)
        before = gray


def follow(grays: list[np.ndarray], reference: np.ndarray) -> list[float | None]:
    """The mean confidence of the motion to a reference from each of some anchors in turn; None where there is none."""
    motion = MotionFinder()
    track, found, before = ReferenceTrack(motion, reference), [], None
    for gray in grays:
        path: Path | None = None if before is None else motion.between(gray, before)
        to_reference = track.follow(gray, path)
        found.append(None if to_reference is None else float(to_reference.confidence.mean()))
        before = gray
    return found


def test_a_reference_is_followed_further_than_a_single_search_goes() -> None:
    grays = [frame(8 * i, None) for i in range(14)]
    found = follow(grays, grays[0])
    assert found[0] is not None and found[0] > 0.9
    assert found[9] is not None and found[9] > 0.3  # half of it is still in view
    assert follow(grays[9:10], grays[0]) == [None]


def test_a_reference_that_shows_another_scene_is_not_followed() -> None:
    assert (
        follow([frame(8 * i, None) for i in range(3)], picture("coffee", SIZE).mean(2).astype(np.uint8)) == [None] * 3
    )
