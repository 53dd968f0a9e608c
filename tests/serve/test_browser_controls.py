"""The controls of the page: that they can be reached on any screen and with the keyboard, and say what is so."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from excolor.settings import ColorizeSettings

OUTSIDE = """() => [...document.querySelectorAll("button, input, select, output, h2, label")].filter((element) => {
    const box = element.getBoundingClientRect();
    const isSeen = element.checkVisibility({ checkVisibilityCSS: true }) && box.width > 0;
    return isSeen && (box.left < -0.5 || box.right > innerWidth + 0.5 || box.top < -0.5);
}).map((element) => element.id || element.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1024, 768), (820, 1180), (768, 1024), (600, 960)])
def test_no_control_passes_the_screen(tab: Any, tmp_path: Path, warm: Path, width: int, height: int) -> None:
    path = tmp_path / "a long name of a scanned photograph from the archive of the city, box 12.tif"
    with tifffile.TiffWriter(path) as file:
        for _ in range(12):
            file.write(np.full((40, 60), 128, np.uint8), photometric="minisblack")
    tab.page.set_viewport_size({"width": width, "height": height})
    tab.give("target-file", path)
    tab.give("reference-files", warm)
    tab.page.check("#reliance")
    tab.settle()
    assert tab.page.evaluate(OUTSIDE) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    box = tab.page.locator("#stage").bounding_box()
    assert box["width"] * box["height"] > 0.3 * width * height


def test_many_references_leave_room_for_hints(tab: Any, gray: Path, small: Callable[..., Path], tmp_path: Path) -> None:
    tab.give("target-file", gray)
    tab.give("reference-files", *(small(tmp_path / f"{number}.png", number) for number in range(11)))
    box = tab.page.locator("#radius").bounding_box()
    assert box["y"] + box["height"] < 800
    for number in range(12):
        tab.click(200 + 50 * number, 200)
        tab.settle()

    def is_in_sight(number: int) -> bool:
        list_, row = (tab.page.locator(name).bounding_box() for name in ("#hints", f"#hints li >> nth={number}"))
        return bool(list_["y"] - 1 <= row["y"] and row["y"] + row["height"] <= list_["y"] + list_["height"] + 1)

    assert is_in_sight(11) and not is_in_sight(0)
    tab.click(200, 200)
    tab.settle()
    assert is_in_sight(0) and not is_in_sight(11)


def test_a_long_list_says_so(
    serving_with: Callable[..., Any], visit: Callable[..., Any], small: Callable[..., Path], tmp_path: Path
) -> None:
    for number in range(40):
        small(tmp_path / "scans" / f"{number}.png", number, size=(16, 12))
    with serving_with(folder=tmp_path / "scans") as running, visit(running) as tab:
        assert tab.page.inner_text("#file-count") == "40"
        cut = """(list) => [...list.children].some((row) => {
            const end = list.getBoundingClientRect().bottom, { top, bottom } = row.getBoundingClientRect();
            return top < end - 6 && bottom > end + 6;
        })"""
        assert tab.page.locator("#files").evaluate(cut)  # so that one sees that there is more


def test_arrows_move_a_hint_that_was_selected_in_the_list_and_are_undone_at_once(tab: Any, gray: Path) -> None:
    tab.give("target-file", gray)
    tab.click(400, 300)
    (hint,) = tab.hints
    tab.page.keyboard.press("Escape")
    tab.page.click("#hints .swatch")
    for _ in range(5):
        tab.page.keyboard.press("ArrowRight")
    (moved,) = tab.hints
    assert moved["x"] > hint["x"] and moved["y"] == hint["y"]
    tab.page.keyboard.press("Control+z")
    assert tab.hints == [hint]
    tab.page.keyboard.press("Control+z")
    assert tab.hints == []


def test_keys_do_nothing_that_is_not_seen(tab: Any, gray: Path) -> None:
    tab.give("target-file", gray)
    tab.click(400, 300)
    (hint,) = tab.hints
    for slider in ("#vivid", "#radius"):
        tab.page.focus(slider)
        tab.page.keyboard.press("Backspace")
        tab.page.keyboard.press("Delete")
    assert tab.hints == [hint]
    tab.page.focus("#stage")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("o")
    tab.page.keyboard.press("Enter")
    assert tab.hints == [hint]
    tab.page.keyboard.press("o")
    tab.page.keyboard.press("Enter")
    assert len(tab.hints) == 2


def test_a_question_mark_lists_the_keys(tab: Any) -> None:
    tab.page.keyboard.press("?")
    assert "removes the selected hint" in tab.page.inner_text("#keys[open]")
    tab.page.keyboard.press("Escape")
    assert tab.page.is_hidden("#keys")


def test_sliders_show_what_is_applied(tab: Any, gray: Path, warm: Path) -> None:
    tab.give("target-file", gray)
    plain = tab.seen()
    for name in ("strength", "reach"):
        assert tab.page.is_disabled(f"#{name}")
        assert tab.page.inner_text(f"#{name}-value") == "–"
    tab.page.fill("#vivid", "1.6")
    tab.settle()
    assert tab.page.inner_text("#vivid-value") == "1.60"
    strong = tab.seen()
    chroma = [np.ptp(seen[200:500, 300:700].astype(int), axis=-1).mean() for seen in (plain, strong)]
    assert chroma[1] > 1.2 * chroma[0]
    tab.page.click("#command")
    words = shlex.split(tab.page.inner_text("#message code"))
    assert words[1] == "pre-colorize" and words[words.index("--vivid") + 1] == "1.6"
    tab.give("reference-files", warm)
    assert tab.page.is_enabled("#strength")
    assert tab.page.inner_text("#strength-value") == "1.00"


def test_placeholders_can_be_read(tab: Any, gray: Path) -> None:
    """WCAG 2 asks for a contrast of 4.5."""
    tab.give("target-file", gray)
    tab.click(400, 300)
    tab.settle()
    script = """() => {
        const note = document.querySelector(".hint.selected .note");
        const text = getComputedStyle(note, "::placeholder").color;
        const back = getComputedStyle(note.parentNode).backgroundColor;
        return [text, back].map((color) => color.match(/[0-9.]+/g).slice(0, 3).map(Number));
    }"""

    def luminance(rgb: list[float]) -> float:
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in np.array(rgb) / 255
        ]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    text, back = map(luminance, tab.page.evaluate(script))
    assert (text + 0.05) / (back + 0.05) >= 4.5


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 800)])
def test_many_hints_leave_the_sliders_in_sight(
    tab: Any, gray: Path, small: Callable[..., Path], tmp_path: Path, width: int, height: int
) -> None:
    tab.page.set_viewport_size({"width": width, "height": height})
    for number in range(4):
        tab.drop("#stage", small(tmp_path / f"{number}.png", size=(160, 120)))
    tab.give("reference-files", *(small(tmp_path / f"{number}.png", number) for number in range(4)))
    for number in range(8):
        tab.click(200 + 60 * number, 300)
        tab.settle()
    for name in ("#vivid", "#reach"):
        box = tab.page.locator(name).bounding_box()
        assert box["y"] + box["height"] <= height
    first, last = (tab.page.locator(f"#hints li >> nth={number}") for number in (0, 7))
    assert first.is_visible() and last.bounding_box()["y"] < tab.page.locator("#vivid").bounding_box()["y"]


def test_a_finger_reaches_hints_and_buttons(
    browser: Any, running: Any, gray: Path, warm: Path, visit: Callable[..., Any]
) -> None:
    with visit(running) as tab:
        tab.give("target-file", gray)
        tab.give("reference-files", warm)
        tab.click(400, 300)
        tab.settle()
        assert len(tab.hints) == 1
    context = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(running.url)
    page.wait_for_selector("#hints li")
    page.wait_for_selector("#stage[data-state=ready]")
    for name in ("#open", "#gray", "#strength", "#references .remove", "#files button", "#hints .note"):
        heights = page.locator(name).evaluate_all(  # at once: lists are drawn anew now and then
            "all => all.filter(one => one.offsetParent).map(one => one.getBoundingClientRect().height)"
        )
        assert min(heights, default=40) >= 40
    hint = running.session["hints"][0]
    box = page.locator("#stage").bounding_box()
    scale = min((box["width"] - 40) / 160, (box["height"] - 40) / 120)
    x = box["x"] + (box["width"] - 160 * scale) / 2 + hint["x"] * 160 * scale
    y = box["y"] + (box["height"] - 120 * scale) / 2 + hint["y"] * 120 * scale
    page.touchscreen.tap(x + 18, y)
    page.wait_for_selector("#hints li.selected")
    assert page.locator("#hints li").count() == 1
    page.touchscreen.tap(x + 60, y)
    page.wait_for_selector("#hints li >> nth=1")
    context.close()


def test_a_slider_without_use_shows_the_default(tab: Any, gray: Path) -> None:
    tab.give("target-file", gray)
    default = ColorizeSettings()
    assert tab.page.is_disabled("#reach") and tab.page.is_disabled("#strength")
    assert float(tab.page.input_value("#reach")) == default.hint_reach
    assert float(tab.page.input_value("#strength")) == default.strength


def test_a_reference_that_cannot_be_read_any_more_is_named(
    serving_with: Callable[..., Any],
    visit: Callable[..., Any],
    small: Callable[..., Path],
    warm: Path,
    gray: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "whole.png").write_bytes(warm.read_bytes())
    broken = small(tmp_path / "references" / "broken.png")
    with serving_with(references=[tmp_path / "references"]) as running, visit(running) as tab:
        broken.write_text("no picture")
        tab.give("target-file", gray)
        notes = tab.page.inner_text("#notes")
        assert "broken.png" in notes and "it is left out" in notes
        assert tab.page.locator("#references input:checked").count() == 1
        tab.complaints.clear()  # the browser logs that its fit cannot be told


def test_notes_are_sentences_that_name_files_as_the_lists_do_and_are_not_repeated(
    serving_with: Callable[..., Any], visit: Callable[..., Any], tmp_path: Path
) -> None:
    photos = Path(__file__).parents[2] / "examples" / "photos"
    with Image.open(photos / "palace.jpg") as image:
        image.resize((160, 120)).convert("L").save(tmp_path / "palace.png")
    unlike = photos / "cat.jpg"
    with serving_with(folder=tmp_path / "palace.png", references=[unlike]) as running, visit(running) as tab:
        note = tab.page.inner_text("#notes li")
        assert note.startswith("Little of what this picture shows is in cat.jpg, ") and note.endswith(".")
        with tab.page.expect_download():
            tab.page.click("#download")
        tab.page.wait_for_selector("#download:enabled")
        assert tab.page.is_hidden("#message")
