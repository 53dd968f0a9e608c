import numpy as np
from clips import crops

from excolor.film.shots import Shot, find_shots


def lumas(frames: list[np.ndarray]) -> list[tuple[float, np.ndarray]]:
    return [(i / 25, frame.mean(2, dtype=np.float32) / 255) for i, frame in enumerate(frames)]


def test_cuts_are_found_and_pans_are_none() -> None:
    frames = crops(["palace", "coffee", "rocket"], 10, (64, 96), step=4)
    assert list(find_shots(lumas(frames))) == [Shot(0, 10, 0.0, 0.4), Shot(10, 20, 0.4, 0.8), Shot(20, 30, 0.8)]


def test_the_first_shot_of_a_part_counts_from_where_that_begins() -> None:
    frames = lumas(crops(["palace", "coffee"], 10, (64, 96), step=4))[4:]
    first, second = find_shots(frames, 0.15)
    assert 0.15 in first and 0.39 in first and 0.14 not in first and 0.4 not in first
    assert 0.4 in second and 60 in second
    _, until = find_shots(frames, 0.15, 0.75)
    assert 0.74 in until and 0.75 not in until


def test_a_fade_is_no_cut() -> None:
    frame = crops(["palace"], 1, (64, 96))[0].astype(np.float32)
    frames = [frame * (i / 24) for i in range(25)]
    assert len(list(find_shots(lumas(frames)))) == 1


def test_no_frames_have_no_shots() -> None:
    assert list(find_shots([])) == []
    assert list(find_shots(lumas(crops(["cat"], 1, (64, 96))))) == [Shot(0, 1, 0.0)]
