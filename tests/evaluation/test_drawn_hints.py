"""Hints that an evaluation draws."""

import numpy as np
import pytest
import torch

from excolor.evaluation.drawn_hints import COUNTS, draw_places, far_from, spot, true_hints, wrong_hint
from excolor.evaluation.metrics import lab
from excolor.hints import Hint
from excolor.imaging.color import colored
from excolor.imaging.working_size import prepare_lightness
from excolor.method.person_hints import rasterize
from excolor.photo import as_photo

NAME = "sea/1.png"
SIZE = 120, 160
FIRST_PLACE = (0.7302543714096721, 0.8641757580875096)


def flat(color: tuple[float, float, float]) -> np.ndarray:
    return np.full((*SIZE, 3), color, np.float32)


def test_places_are_the_same_in_every_run_and_the_fewer_are_the_first_of_the_more() -> None:
    places = draw_places(NAME, 0)
    assert len(places) == COUNTS[-1] == 50
    # From a run of another process: sequences of numbers must never change, or old results cannot be compared
    np.testing.assert_allclose(places[0], FIRST_PLACE, atol=1e-12)
    for count in COUNTS:
        assert draw_places(NAME, 0, count) == places[:count]
    assert draw_places(NAME, 1) != places != draw_places("sea/2.png", 0)
    assert all(0 <= coordinate < 1 for place in places for coordinate in place)
    assert np.ptp(places, axis=0).min() > 0.8  # all over the picture


def test_true_hints_have_the_mean_color_of_their_spot() -> None:
    picture = np.random.default_rng(0).uniform(0.3, 0.7, (*SIZE, 3)).astype(np.float32)
    places = [(0.5, 0.5), (0.0, 0.999), (0.25, 0.1)]
    for place, hint in zip(places, true_hints(picture, places), strict=True):
        assert hint.place(SIZE) == place
        expected = lab(picture)[spot(place, SIZE)].mean(0)
        np.testing.assert_allclose(lab(np.array([[hint.rgb]]))[0, 0], expected, atol=0.6)  # 8 bits a channel


def test_a_spot_is_what_a_hint_without_a_radius_covers() -> None:
    seen = prepare_lightness(as_photo(flat((0.5, 0.5, 0.5))), min(SIZE), torch.device("cpu"), multiple=8)
    for place in (*draw_places(NAME, 0, 20), (0.0, 0.0), (1.0, 1.0)):
        given, _ = rasterize([Hint(*place, "red")], SIZE, seen)
        covered = np.zeros(SIZE)
        covered[spot(place, SIZE)] = 1
        np.testing.assert_array_equal(given.mask[0, 0, : SIZE[0], : SIZE[1]].numpy(), covered)


@pytest.mark.parametrize("color", [(0.7, 0.3, 0.3), (0.2, 0.5, 0.3), (0.5, 0.5, 0.5)])
def test_a_wrong_hint_is_strong_and_of_another_hue(color: tuple[float, float, float]) -> None:
    hints = [wrong_hint(flat(color), NAME, seed) for seed in range(8)]
    assert hints[0] == wrong_hint(flat(color), NAME, 0)
    true = complex(*lab(flat(color))[0, 0, 1:])
    found = [complex(*lab(np.array([[hint.rgb]]))[0, 0, 1:]) for hint in hints]
    assert min(map(abs, found)) > 18  # what sRGB has least of at these lightnesses
    assert np.ptp(np.angle(np.array(found) / found[0])) > 1  # the seed draws the hue
    if abs(true) > 5:
        # Colors that sRGB lacks bend in hue as they lose chroma
        assert min(abs(np.angle(one / true)) for one in found) > np.pi / 2 - 0.3


def test_a_wrong_hint_lies_where_its_color_can_be_seen() -> None:
    levels = torch.full((1, *SIZE), 97.0)
    levels[:, :, 60:100] = 60.0
    picture = colored(levels, torch.zeros(2, *SIZE)).permute(1, 2, 0).numpy()
    for seed in range(5):
        x, _ = wrong_hint(picture, NAME, seed).place(SIZE)
        assert 60 <= x * SIZE[1] <= 100
    black = wrong_hint(flat((0, 0, 0)), NAME, 0)
    assert black.place(SIZE) == draw_places(NAME, 0)[0]  # no place is better than another


def test_far_is_a_quarter_of_the_diagonal_away() -> None:
    far = far_from(Hint(0.5, 0.5, "red"), SIZE)
    assert far.shape == SIZE
    assert not far[60, 80:129].any()
    assert far[60, 131:].all()
    assert 0.3 < far.mean() < 0.7
    assert not far_from(Hint(0.0, 0.0, "red"), SIZE)[0, :49].any()
