"""Hints of a person on the networks' grid, against numpy and scikit-image."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from excolor import Hint, HintError, HintLayer, parse_hint
from excolor.imaging.working_size import NetworkInput, prepare_lightness
from excolor.method.hints import Hints
from excolor.method.person_hints import rasterize
from excolor.photo import as_photo

SIZE = (300, 400)


def seen(size: tuple[int, int] = SIZE, level: int = 128, working_size: int = 60) -> NetworkInput:
    return prepare_lightness(as_photo(np.full(size, level, np.uint8)), working_size, torch.device("cpu"))


def ab_of(color: tuple[int, int, int]) -> np.ndarray:
    return rgb2lab(np.array([[color]], np.uint8))[0, 0, 1:]


def cells(hints: Hints) -> list[list[int]]:
    return hints.mask[0, 0].nonzero().tolist()


def painted(
    *spots: tuple[slice | int, slice | int, tuple[int, int, int, int]], size: tuple[int, int] = SIZE
) -> HintLayer:
    pixels = np.zeros((*size, 4), np.uint8)
    for rows, columns, color in spots:
        pixels[rows, columns] = color
    return HintLayer(as_photo(pixels))


def test_a_point_is_a_disc_of_its_color() -> None:
    hints, _ = rasterize([Hint(0.5, 0.5, "#556b2f", "10%")], SIZE, seen())
    assert hints.ab.shape == (1, 2, 64, 80)  # 60×80 padded to multiples of 8
    mask = hints.mask[0, 0].numpy()
    rows, columns = np.mgrid[:64, :80]
    np.testing.assert_array_equal(mask, (rows + 0.5 - 30) ** 2 + (columns + 0.5 - 40) ** 2 <= 6**2)
    ab = hints.ab[0].numpy() * 110
    np.testing.assert_allclose(ab[:, mask > 0].mean(1), ab_of((0x55, 0x6B, 0x2F)), atol=0.05)
    assert not ab[:, mask == 0].any()


def test_the_smallest_point_has_the_cell_that_it_lies_in() -> None:
    for hint, cell in (
        ("0,0=red,r=1px", [0, 0]),
        ("1,1=red,r=1px", [59, 79]),
        ("399px,299px=red,r=1px", [59, 79]),
        ("204px,7px=red,r=1px", [1, 40]),
    ):
        hints, _ = rasterize([parse_hint(hint)], SIZE, seen())
        assert cells(hints) == [cell]


def test_gray_pins_no_color_and_the_last_hint_counts() -> None:
    hints, notes = rasterize([Hint(0.5, 0.5, "blue", "20%"), Hint(0.5, 0.5, "gray", "5%")], SIZE, seen())
    assert hints.mask[0, 0, 30, 40] == 1
    assert not hints.ab[0, :, 30, 40].any()
    assert hints.ab[0, :, 30, 48].any()
    assert len(notes) == 1  # full blue is darker than that


def test_layers_are_pooled_by_alpha_in_ab() -> None:
    """Half a cell in one color and half in another, the latter half transparent: the mean of ab, weighted by alpha."""
    red, green = (150, 90, 90, 255), (90, 140, 90, 128)
    hints, _ = rasterize([painted((slice(0, 5), slice(0, 2), red), (slice(0, 5), slice(2, 5), green))], SIZE, seen())
    assert cells(hints) == [[0, 0]]
    weights = np.array([2 * 255, 3 * 128])
    wanted = (weights[:, None] * np.array([ab_of(red[:3]), ab_of(green[:3])])).sum(0) / weights.sum()
    np.testing.assert_allclose(hints.ab[0, :, 0, 0].numpy() * 110, wanted, atol=0.05)


def test_every_spot_keeps_a_cell_and_none_grows() -> None:
    spots = painted(
        (52, 52, (200, 40, 40, 3)),  # nearly transparent
        (100, 100, (40, 40, 200, 255)),
        (slice(199, 201), slice(199, 202), (40, 120, 40, 255)),  # over four cells, most in the lower right one
        (slice(250, 260), slice(300, 330), (90, 90, 90, 255)),  # two by six whole cells
        (slice(260, 261), slice(300, 330), (90, 90, 90, 255)),  # and a fringe, which is no spot of its own
    )
    hints, _ = rasterize([spots], SIZE, seen())
    assert cells(hints) == [
        [10, 10],
        [20, 20],
        [40, 40],
        *([row, column] for row in (50, 51) for column in range(60, 66)),
    ]


def test_layers_of_any_scale_fit() -> None:
    small = painted((1, 2, (40, 120, 40, 255)), size=(3, 4))
    hints, _ = rasterize([small], SIZE, seen())
    assert cells(hints) == [[row, column] for row in range(20, 40) for column in range(40, 60)]
    with pytest.raises(HintError, match="aspect ratios differ"):
        rasterize([painted((1, 2, (40, 120, 40, 255)), size=(40, 30))], SIZE, seen())


def test_layers_of_16_bits_and_floats_are_the_same() -> None:
    pixels = np.zeros((*SIZE, 4), np.uint8)
    pixels[100:120, 100:130] = (180, 60, 20, 200)
    found = [
        rasterize([HintLayer(as_photo(array))], SIZE, seen())[0]
        for array in (pixels, pixels.astype(np.uint16) * 257, (pixels / 255).astype(np.float32))
    ]
    for other in found[1:]:
        torch.testing.assert_close(other.ab, found[0].ab)
        assert torch.equal(other.mask, found[0].mask)


def test_colors_that_cannot_be_had_are_named_once_a_hint() -> None:
    hints = [Hint(0.2, 0.2, "blue", note="sash"), Hint(0.8, 0.8, "#8a9a8a"), Hint(0.5, 0.5, "gray")]
    _, notes = rasterize(hints, SIZE, seen(level=230))
    (note,) = notes
    assert "0.2,0.2=blue" in note
    nearest = np.array([[tuple(bytes.fromhex(note.rsplit("#", 1)[1]))]], np.uint8)
    lightness, *_ = rgb2lab(np.full((1, 1, 3), 230, np.uint8))[0, 0]
    found = rgb2lab(nearest)[0, 0]
    assert abs(found[0] - lightness) < 1
    assert found[2] < -5  # still a blue


def noted_places(layer: HintLayer, level: int = 230) -> list[str]:
    """Where in the layer there are colors that cannot be had, by the notes."""
    _, notes = rasterize([layer], SIZE, seen(level=level))
    assert all("does not exist" in note for note in notes)
    return [note.split(" at ")[1].split()[0] for note in notes]


BLUE, RED, PALE = (0, 0, 255, 255), (200, 0, 0, 255), (235, 230, 225, 255)
"""At a level of 230 there is neither the first nor the second."""


def test_each_spot_of_a_layer_is_noted() -> None:
    """The largest first; what touches in another color is a spot of its own, and so is the same color elsewhere."""
    spots = painted(
        (slice(100, 200), slice(100, 200), PALE),
        (slice(20, 60), slice(20, 60), BLUE),
        (slice(20, 50), slice(60, 90), RED),
        (slice(250, 270), slice(300, 320), BLUE),
    )
    assert noted_places(spots) == ["0.09,0.12", "0.18,0.11", "0.77,0.86"]


def test_a_small_spot_in_a_large_one_is_noted() -> None:
    """Also where its edges do not follow the grid, whose cells are mixtures there."""
    spots = painted((slice(50, 250), slice(50, 350), PALE), (slice(141, 163), slice(202, 227), BLUE))
    (place,) = noted_places(spots)
    x, y = map(float, place.split(","))
    assert 202 <= x * SIZE[1] <= 227 and 141 <= y * SIZE[0] <= 163
    (place,) = noted_places(painted((slice(141, 142), slice(202, 203), BLUE)))  # a single pixel


def test_where_the_picture_is_too_bright_for_a_part_of_a_spot_most_of_it_counts() -> None:
    blue = painted((slice(100, 200), slice(100, 300), BLUE))
    level = np.full(SIZE, 80, np.uint8)
    for dark_enough, notes in ((300, 0), (150, 1)):
        level[:, dark_enough:] = 230
        picture = prepare_lightness(as_photo(level.copy()), 60, torch.device("cpu"))
        assert len(rasterize([blue], SIZE, picture)[1]) == notes, dark_enough


def test_of_many_spots_a_few_are_named() -> None:
    spots = painted(*((slice(20, 30), slice(40 * n, 40 * n + 20 + n), BLUE) for n in range(9)))
    _, notes = rasterize([spots], SIZE, seen(level=230))
    assert len(notes) == 6 and sum("does not exist" in note for note in notes) == 5
    assert "4 smaller spots of the layer" in notes[-1]


def test_points_outside_are_refused() -> None:
    with pytest.raises(HintError, match="outside the picture"):
        rasterize([parse_hint("400px,0=red")], SIZE, seen())
