"""Hints as people write them."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from excolor import Hint, HintError, parse_hint
from excolor.hints.colors import hex_of, parse_color


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("#556b2f", (0x55, 0x6B, 0x2F)),
        ("#5AF", (0x55, 0xAA, 0xFF)),
        ("Olive", (128, 128, 0)),
        ("rebeccapurple", (0x66, 0x33, 0x99)),
        (" gray ", (128, 128, 128)),
    ],
)
def test_colors_are_those_of_css(text: str, rgb: tuple[int, int, int]) -> None:
    assert parse_color(text) == tuple(channel / 255 for channel in rgb)
    assert hex_of(parse_color(text)) == "#" + bytes(rgb).hex()


@pytest.mark.parametrize("text", ["", "#12", "#12345", "#1234567", "olivegreen", "rgb(1,2,3)", "556b2f"])
def test_other_words_are_no_colors(text: str) -> None:
    with pytest.raises(HintError, match="is not known"):
        parse_color(text)


def test_all_names_of_css_are_known() -> None:
    assert rgb2lab(np.array([[parse_color("lightgoldenrodyellow")]])).shape == (1, 1, 3)
    assert parse_color("grey") == parse_color("gray")


@pytest.mark.parametrize(
    ("text", "hint", "place", "radius"),
    [
        ("0.42,0.31=#556b2f", Hint(0.42, 0.31, "#556b2f"), (0.42, 0.31), 0.01),
        ("1200px,860px=gray,r=2%", Hint("1200px", "860px", "gray", "2%"), (1200.5 / 2400, 860.5 / 1000), 0.02),
        ("0, 1=teal,r=12px", Hint(0.0, 1.0, "teal", "12px"), (0, 1), 12 / 1000),
        ("1e-05,0.5=olive", Hint(1e-05, 0.5, "olive"), (1e-05, 0.5), 0.01),
        ("0.5,999px=teal , r=.5%", Hint(0.5, "999px", "teal", ".5%"), (0.5, 999.5 / 1000), 0.005),
    ],
)
def test_points_are_read(text: str, hint: Hint, place: tuple[float, float], radius: float) -> None:
    found = parse_hint(text)
    assert found == hint
    assert found.place((1000, 2400)) == pytest.approx(place)
    assert found.radius_of((1000, 2400)) == pytest.approx(radius)
    assert parse_hint(found.text) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0.4,0.3", "is not X,Y=COLOR"),
        ("0.4=olive", "is not X,Y=COLOR"),
        ("0.4,0.3,0.2=olive", "is not X,Y=COLOR"),
        ("0.4,0.3=olive,2%", "is not X,Y=COLOR"),
        ("0.4,0.3=olive,r=1%,r=2%", "is not X,Y=COLOR"),
        ("1.2,0.3=olive", "outside the picture"),
        ("-0.1,0.3=olive", "outside the picture"),
        ("-3px,0.3=olive", "outside the picture"),
        ("nan,0.3=olive", "write a fraction"),
        ("40%,0.3=olive", "write a fraction"),
        ("0.4,0.3=olve", "'olve' is not known"),
        ("0.4,0.3=olive,r=3", "percent of the shorter side"),
        ("0.4,0.3=olive,r=0px", "percent of the shorter side"),
        ("0.4,0.3=olive,r=-1%", "percent of the shorter side"),
        ("0.4,0.3=olive,r=101%", "percent of the shorter side"),
    ],
)
def test_what_is_no_point_gets_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(HintError, match=problem):
        parse_hint(text)


@pytest.mark.parametrize(
    "x",
    [
        *(float("nan"), float("inf"), None, True, [1]),
        *(pytest.param(10**400, id="more than floats hold"), pytest.param(-(10**400), id="less than floats hold")),
    ],
)
def test_numbers_are_checked(x: float) -> None:
    with pytest.raises(HintError):
        Hint(x, 0.5, "olive")
    with pytest.raises(HintError):
        Hint(0.5, 0.5, "olive", 0 if x is None else x)


def test_pixels_beyond_the_picture_are_outside() -> None:
    hint = parse_hint("100px,5px=olive")
    assert hint.place((10, 101)) == pytest.approx((100.5 / 101, 0.55))
    with pytest.raises(HintError, match=r"100px,5px=olive lies outside the picture, which is 100×10 pixels"):
        hint.place((10, 100))
