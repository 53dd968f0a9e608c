"""The page in a real browser: what a person does with mouse and keyboard, and what then is seen and downloaded."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from excolor.cli.main import main


def colorfulness(pixels: np.ndarray) -> float:
    return float(np.ptp(pixels.astype(int), axis=-1).mean())


def downloaded(tab: Any) -> tuple[str, bytes]:
    """What the button gives: the name, and the content."""
    with tab.page.expect_download(timeout=60_000) as waiting:
        tab.page.click("#download")
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def by_command(tab: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What the command that the page shows writes, in a folder that has the files."""
    tab.page.click("#command")
    command = tab.page.inner_text("#message code")
    monkeypatch.chdir(folder)
    before = set(folder.iterdir())
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    (made,) = set(folder.iterdir()) - before
    return made.read_bytes()


def test_the_example_pair_gets_colors(tab: Any) -> None:
    assert tab.page.is_visible("#empty")
    tab.page.click("#example")
    tab.page.wait_for_selector("#references .fit:not(:empty)", timeout=60_000)
    tab.settle()
    assert tab.page.is_hidden("#empty")
    assert 0 < float(tab.page.inner_text("#references .fit")) < 1
    picture = tab.seen()[200:500, 300:700]
    assert colorfulness(picture) > 8
    tab.page.keyboard.press("o")
    tab.page.wait_for_timeout(100)
    assert colorfulness(tab.seen()[200:500, 300:700]) < 0.5


def test_without_the_token_there_is_no_page(browser: Any, running: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"http://127.0.0.1:{running.port}/")
    assert answer.status == 403
    assert "address that excolor serve printed" in page.inner_text("body")
    context.close()


def test_the_token_leaves_the_address(tab: Any) -> None:
    assert "token" not in tab.page.url


def test_a_click_at_zoom_3_lands_on_the_right_pixel(tab: Any, tmp_path: Path) -> None:
    """A white pixel in a dark picture is found on the screen, and clicked."""
    pixels = np.full((300, 400), 40, np.uint8)
    column, row = 251, 97
    pixels[row, column] = 255
    Image.fromarray(pixels).save(tmp_path / "dot.png")
    tab.give("target-file", tmp_path / "dot.png")
    tab.page.focus("#stage")
    tab.page.keyboard.press("1")
    box = tab.page.locator("#stage").bounding_box()
    tab.page.mouse.move(box["x"] + 600, box["y"] + 250)
    tab.page.mouse.wheel(0, -np.log(3) / 0.0015)
    tab.page.wait_for_timeout(150)
    assert tab.page.inner_text("#zoom") == "300 %"
    tab.page.mouse.move(5, 5)
    tab.page.wait_for_timeout(100)
    bright = np.argwhere(tab.seen().min(axis=2) > 140)
    assert 1 <= len(bright) <= 16
    y, x = bright.mean(axis=0) + 0.5
    tab.click(x, y)
    (hint,) = tab.hints
    assert abs(hint["x"] * 400 - (column + 0.5)) <= 0.5
    assert abs(hint["y"] * 300 - (row + 0.5)) <= 0.5


def test_the_eyedropper_takes_the_color_that_is_clicked(tab: Any, gray: Path, tmp_path: Path) -> None:
    colors = np.array([[[200, 30, 40], [20, 160, 60]], [[30, 50, 220], [240, 200, 10]]], np.uint8)
    Image.fromarray(colors.repeat(60, 0).repeat(80, 1)).save(tmp_path / "flat.png")
    tab.give("target-file", gray)
    tab.give("reference-files", tmp_path / "flat.png")
    for index in np.ndindex(2, 2):
        tab.page.click("#pick")
        tab.page.wait_for_selector("#picker[open]")
        tab.page.click("#picker-canvas", position={"x": 40 + 80 * index[1], "y": 30 + 60 * index[0]})
        assert tab.page.input_value("#color") == "#" + bytes(colors[index]).hex()
    tab.click(480, 370)
    assert tab.hints[-1]["color"] == "#f0c80a"
    tab.page.click("#pick")  # by keyboard: from the middle to the upper left
    tab.page.wait_for_selector("#picker[open]")
    for key in ("ArrowLeft", "ArrowUp", "Enter"):
        tab.page.keyboard.press(key)
    assert tab.hints[-1]["color"] == "#c81e28"


def test_hints_survive_reload_and_a_new_reference(tab: Any, gray: Path, warm: Path, cold: Path) -> None:
    tab.give("target-file", gray)
    tab.give("reference-files", warm)
    tab.click(400, 300)
    tab.click(600, 500)
    tab.page.fill("#hints .note >> nth=0", "the coat, by a letter")
    tab.page.keyboard.press("Tab")
    before = tab.hints
    assert before[0]["note"] == "the coat, by a letter"
    tab.page.reload()
    tab.settle()
    assert tab.page.locator("#hints li").count() == 2
    assert tab.page.input_value("#hints .note >> nth=0") == "the coat, by a letter"
    tab.give("reference-files", cold)
    assert tab.hints == before
    assert tab.page.locator("#references li").count() == 2


def test_a_hint_gives_its_place_its_color_and_can_be_moved_and_removed(tab: Any, gray: Path) -> None:
    tab.give("target-file", gray)
    tab.page.fill("#color", "#20c040")
    plain = tab.seen()[330:350, 470:490].astype(float).mean((0, 1))
    tab.click(520, 360)
    tab.settle()
    tinted = tab.seen()[330:350, 500:512].astype(float).mean((0, 1))
    assert tinted[1] - tinted[0] > plain[1] - plain[0] + 5
    (hint,) = tab.hints
    box = tab.page.locator("#stage").bounding_box()
    tab.page.mouse.move(box["x"] + 520, box["y"] + 360)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 560, box["y"] + 390, steps=4)
    tab.page.mouse.up()
    (moved,) = tab.hints
    assert moved["x"] > hint["x"] and moved["y"] > hint["y"]
    tab.page.keyboard.press("Delete")
    assert tab.hints == []
    tab.page.keyboard.press("Control+z")
    assert tab.hints == [moved]
    tab.page.keyboard.press("Control+z")
    assert tab.hints == [hint]
    tab.page.keyboard.press("Control+Shift+Z")
    assert tab.hints == [moved]


def test_the_keyboard_is_enough(tab: Any) -> None:
    tab.page.focus("#example")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#references li", timeout=60_000)
    tab.settle()
    tab.page.focus("#stage")
    for key in ("ArrowLeft", "ArrowUp", "Enter"):
        tab.page.keyboard.press(key)
    (hint,) = tab.hints
    assert 0.4 < hint["x"] < 0.5 and 0.4 < hint["y"] < 0.5
    tab.page.keyboard.press("ArrowRight")
    assert tab.hints[0]["x"] > hint["x"]
    tab.page.keyboard.press("c")
    tab.page.focus("#divider")
    tab.page.keyboard.press("End")
    tab.page.wait_for_selector("#divider[aria-valuenow='100']", timeout=5000)


def test_the_divider_moves(tab: Any, gray: Path, warm: Path) -> None:
    tab.give("target-file", gray)
    tab.give("reference-files", warm)
    tab.page.check("input[value=compare]", force=True)
    handle = tab.page.locator("#divider").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x - 200, y, steps=5)
    tab.page.mouse.up()
    tab.page.wait_for_timeout(150)
    seen, middle = tab.seen(), int(x - 200)
    before, after = seen[100:330, middle - 90 : middle - 20], seen[100:330, middle + 20 : middle + 200]
    assert colorfulness(before) < 0.5
    assert colorfulness(after) > 3


def test_the_download_is_what_the_command_line_makes(
    tab: Any, gray: Path, warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / warm.name).write_bytes(warm.read_bytes())
    tab.give("target-file", gray)
    tab.give("reference-files", tmp_path / warm.name)
    tab.page.fill("#color", "#4060a0")
    tab.click(420, 340)
    tab.page.fill("#strength", "0.8")
    tab.settle()
    name, data = downloaded(tab)
    assert name == "gray-color.png"
    assert data == by_command(tab, tmp_path, monkeypatch)


def test_a_16_bit_tiff_and_a_rotated_jpeg_come_back_whole(tab: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    deep = rng.integers(0, 65536, (60, 90), np.uint16)
    with tifffile.TiffWriter(tmp_path / "deep.tif") as file:
        file.write(deep, photometric="minisblack")
        file.write(deep[:, ::-1], photometric="minisblack")
    tab.give("target-file", tmp_path / "deep.tif")
    assert tab.page.locator("#page option").count() == 2
    tab.page.select_option("#page", "2")
    tab.until(lambda: tab.server.session["target"]["page"] == 2)
    tab.settle()
    name, data = downloaded(tab)
    assert name == "deep-precolor.tif"
    (tmp_path / "result.tif").write_bytes(data)
    result = tifffile.imread(tmp_path / "result.tif")
    assert (result.dtype, result.shape) == (np.uint16, (60, 90, 3))
    luminance = result @ np.array([0.2126, 0.7152, 0.0722])
    assert np.corrcoef(luminance.ravel(), deep[:, ::-1].ravel().astype(float))[0, 1] > 0.99

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray((deep >> 8).astype(np.uint8)).save(tmp_path / "rotated.jpg", exif=exif)
    tab.give("target-file", tmp_path / "rotated.jpg")
    assert tab.server.session["target"]["height"] == 90
    name, data = downloaded(tab)
    (tmp_path / "result.jpg").write_bytes(data)
    with Image.open(tmp_path / "result.jpg") as image:
        assert image.size == (60, 90)
        assert image.getexif().get(0x0112, 1) == 1


def test_evil_names_and_notes_are_shown_as_text(tab: Any, gray: Path, warm: Path, tmp_path: Path) -> None:
    evil = "<img src=x onerror=\"document.title='hacked'\">"
    target, reference = tmp_path / f"{evil}.png", tmp_path / f"ref {evil}.png"
    target.write_bytes(gray.read_bytes())
    reference.write_bytes(warm.read_bytes())
    tab.give("target-file", target)
    tab.give("reference-files", reference)
    assert tab.page.inner_text("#name") == target.name
    assert tab.page.inner_text("#references .name") == reference.name
    tab.click(480, 370)
    tab.page.fill("#hints .note", evil)
    tab.page.keyboard.press("Tab")
    tab.page.click("#command")
    assert target.name in shlex.split(tab.page.inner_text("#message code"))
    assert tab.page.title() == f"{target.name} – excolor"
    assert tab.page.locator("img[src=x]").count() == 0
    (tmp_path / f"{evil}.txt").write_text("no picture")
    tab.page.set_input_files("#target-file", tmp_path / f"{evil}.txt")
    tab.page.wait_for_selector("#message.error")
    assert evil in tab.page.inner_text("#message")
    tab.complaints.clear()  # the browser logs the 422


def test_twenty_quick_clicks_end_in_the_result_of_the_last(tab: Any, gray: Path) -> None:
    tab.give("target-file", gray)
    box = tab.page.locator("#stage").bounding_box()
    places = [(200 + 28 * i, 130 + (i * 53) % 480) for i in range(20)]
    for x, y in places:
        tab.page.mouse.click(box["x"] + x, box["y"] + y)
    hints = tab.hints
    assert len(hints) == 20
    shown = tab.seen()
    tab.page.reload()
    tab.settle()
    tab.page.click("#hints .swatch >> nth=19")
    tab.page.mouse.move(5, 5)
    tab.page.wait_for_timeout(150)
    inside = np.s_[5:-5, 5:-5]  # without the mark of what has the focus
    np.testing.assert_array_equal(shown[inside], tab.seen()[inside])


def test_hints_are_saved_and_opened(tab: Any, gray: Path, tmp_path: Path) -> None:
    tab.give("target-file", gray)
    tab.click(400, 300)
    before = tab.hints
    with tab.page.expect_download() as waiting:
        tab.page.click("#save-hints")
    assert waiting.value.suggested_filename == "gray.hints.json"
    saved = tmp_path / "gray.hints.json"
    waiting.value.save_as(saved)
    assert json.loads(saved.read_text())["excolor_hints"] == 1
    tab.page.click("#hints .remove")
    assert tab.hints == []
    tab.give("hints-file", saved)
    assert tab.hints == before


def test_large_pictures_show_their_own_pixels_when_zoomed(tab: Any, tmp_path: Path) -> None:
    """Lines of one pixel, of which a preview has nothing left."""
    pixels = np.full((2400, 3200), 128, np.uint8)
    pixels[:, ::2], pixels[:, 1::2] = 60, 200
    Image.fromarray(pixels).save(tmp_path / "lines.png")
    tab.give("target-file", tmp_path / "lines.png")
    assert np.ptp(tab.seen()[300:310, 400:500].mean(axis=2)) < 60
    tab.page.focus("#stage")
    tab.page.keyboard.press("1")
    tab.page.wait_for_selector("#stage[data-detail]", timeout=30_000)
    tab.page.wait_for_timeout(150)
    shown = tab.seen()[300:310, 400:500].mean(axis=2)
    assert np.ptp(shown) > 100
    assert np.abs(np.diff(shown, axis=1)).min() > 80
    tab.page.focus("#stage")
    tab.click(500, 300)
    (hint,) = tab.hints
    left, top, right, bottom = map(int, tab.page.get_attribute("#stage", "data-detail").split())
    assert left < hint["x"] * 3200 < right and top < hint["y"] * 2400 < bottom


def test_where_references_are_followed_is_shown(tab: Any, gray: Path, warm: Path) -> None:
    tab.give("target-file", gray)
    assert tab.page.is_hidden("#reliance")
    tab.give("reference-files", warm)
    before = tab.seen()
    tab.page.check("#reliance")
    tab.settle()
    change = tab.seen()[100:600, 150:800].astype(int).sum(2) - before[100:600, 150:800].astype(int).sum(2)
    assert (change < -60).mean() > 0.02 and (change > 60).mean() > 0.02  # seen on any color: dark and light stripes
    assert tab.page.inner_text("#legend").split() == ["invented", "followed"]
    tab.page.uncheck("#reliance")
    tab.settle()
    assert tab.page.is_hidden("#legend")
    np.testing.assert_array_equal(tab.seen()[5:-5, 5:-5], before[5:-5, 5:-5])


def test_two_fingers_zoom(tab: Any, gray: Path) -> None:
    tab.give("target-file", gray)
    before = int(tab.page.inner_text("#zoom").split()[0])
    touch = tab.page.context.new_cdp_session(tab.page)

    def fingers(kind: str, *places: int) -> None:
        points = [{"x": x, "y": 400, "id": number} for number, x in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 450, 550)
    for distance in (60, 80, 100):
        fingers("touchMove", 500 - distance, 500 + distance)
    fingers("touchEnd")
    tab.page.wait_for_timeout(150)
    assert abs(int(tab.page.inner_text("#zoom").split()[0]) / before - 2) < 0.1
    assert tab.hints == []


def test_a_file_that_is_too_large_is_not_even_sent(tab: Any, gray: Path) -> None:
    tab.server.workplace.uploads.max_bytes = 1000
    tab.page.reload()
    tab.settle()
    tab.page.set_input_files("#target-file", gray)
    tab.page.wait_for_selector("#message.error")
    assert "0.001 MB, which is the limit" in tab.page.inner_text("#message")
    assert tab.server.session["target"] is None
    assert not [url for url in tab.requests if url.endswith("/api/target")]
