"""Contact sheets: every picture is on the page, in its place, and every label can be read."""

import numpy as np
import pytest
from PIL import Image

from excolor.reporting.sheet import Row, Tile, contact_sheet, tile_size

TILE = 120, 160
RED, GREEN, BLUE = (np.full((60, 80, 3), color, np.float32) for color in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))


def pixels(rows: list[Row], tile: tuple[int, int] = TILE, *, enlarge: bool = False) -> np.ndarray:
    return np.asarray(contact_sheet(rows, tile, enlarge=enlarge)).astype(int)


def places(page: np.ndarray, color: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height and width of what has a color."""
    rows, columns = np.nonzero((page == (color[0, 0] * 255)).all(-1))
    return rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1


def ink(page: np.ndarray) -> np.ndarray:
    return page.max(-1) < 120


def test_pictures_stand_in_rows_and_columns() -> None:
    page = pixels([Row([Tile(RED, "red"), Tile(GREEN, "green")]), Row([None, Tile(BLUE, "blue")])])
    red, green, blue = (places(page, color) for color in (RED, GREEN, BLUE))
    assert red[2:] == green[2:] == blue[2:] == (60, 80)
    assert red[0] == green[0] < blue[0]
    assert red[1] < green[1] == blue[1]
    assert green[1] - red[1] >= TILE[1]


@pytest.mark.parametrize(("shape", "shown"), [((6, 8), (120, 160)), ((400, 100), (120, 30)), ((30, 600), (8, 160))])
def test_pictures_fill_their_tiles_and_keep_their_shape(shape: tuple[int, int], shown: tuple[int, int]) -> None:
    page = pixels([Row([Tile(np.broadcast_to(RED[:1, :1], (*shape, 3)), "red")])], enlarge=True)
    assert places(page, RED)[2:] == shown


def test_eight_bits_and_floats_are_the_same() -> None:
    as_bytes = (RED * 255).astype(np.uint8)
    assert np.array_equal(pixels([Row([Tile(RED, "x")])]), pixels([Row([Tile(as_bytes, "x")])]))


@pytest.mark.parametrize("width", [64, 200, 800])
def test_labels_grow_with_the_tiles(width: int) -> None:
    """They are a visible share of a tile, and never too small to read."""
    page = pixels([Row([Tile(RED, "EXAMPLE")])], (width, width), enlarge=True)
    top, *_ = places(page, RED)
    rows, columns = np.nonzero(ink(page[:top]))
    height = np.ptp(rows) + 1
    assert height >= max(8, width / 25)
    assert columns.max() < width * 1.1


@pytest.mark.parametrize(
    "label",
    [
        "a name of very many words, more than anybody would read " * 5,
        "A" * 400,
        "Фото άλφα – été",
        "x\ny\t\0\udcff",
    ],
)
def test_labels_stay_on_their_own_tile(label: str) -> None:
    page = pixels([Row([Tile(RED, label), Tile(GREEN, "")])])
    red, green = places(page, RED), places(page, GREEN)
    assert red[0] == green[0]
    assert ink(page[: red[0]]).any()
    assert not ink(page[:, green[1] :]).any()
    assert red[0] < 80  # three lines at most


def test_a_title_stands_above_its_row() -> None:
    without = pixels([Row([Tile(RED, "red")])])
    page = pixels([Row([Tile(RED, "red")], "what this row shows")])
    assert page.shape[1] == without.shape[1]
    assert page.shape[0] > without.shape[0]
    assert ink(page[: page.shape[0] - without.shape[0]]).any()


def test_tiles_have_the_shape_of_the_picture_within_limits() -> None:
    assert tile_size((100, 100), 384) == (384, 384)
    height, width = tile_size((3000, 4000), 384)
    assert width / height == pytest.approx(4 / 3, abs=0.01)
    assert height * width == pytest.approx(384**2, rel=0.01)
    assert tile_size((1, 9000), 384) == tile_size((10, 20), 384)
    assert tile_size((9000, 1), 384) == tile_size((20, 10), 384)


def test_the_page_is_a_picture() -> None:
    page = contact_sheet([Row([Tile(RED, "red")])], TILE)
    assert isinstance(page, Image.Image)
    assert page.mode == "RGB"
    assert page.getpixel((0, 0)) == (255, 255, 255)
