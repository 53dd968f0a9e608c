"""Nothing that a person did on the page is lost: when saving, on opening other pictures, by undo, and with two tabs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def scans(tmp_path: Path, small: Callable[..., Path]) -> Path:
    """A folder of two pictures."""
    for name in "ab":
        small(tmp_path / "scans" / f"{name}.png", size=(160, 120))
    return tmp_path / "scans"


def saved(tab: Any) -> Any:
    """What Save gives."""
    with tab.page.expect_download() as waiting:
        tab.page.click("#save-hints")
    assert waiting.value.suggested_filename == "gray.hints.json"
    return json.loads(Path(waiting.value.path()).read_text())


def type_note(tab: Any, gray: Path, note: str) -> None:
    """Give a picture a hint, and begin a note of it, whose field keeps the focus."""
    tab.give("target-file", gray)
    tab.click(400, 300)
    tab.settle()
    tab.page.click("#hints .note")
    tab.page.keyboard.type(note)


def test_a_note_typed_just_before_saving_is_saved(tab: Any, gray: Path) -> None:
    type_note(tab, gray, "by a letter")
    assert [hint.get("note") for hint in saved(tab)["hints"]] == ["by a letter"]


def test_a_note_is_saved_while_it_is_typed(tab: Any, gray: Path) -> None:
    """The field keeps the focus and the place in it, and one step of undo takes the note back."""
    type_note(tab, gray, "by letter")
    tab.until(lambda: tab.server.session["hints"][0]["note"] == "by letter")
    tab.settle()
    for _ in "letter":
        tab.page.keyboard.press("ArrowLeft")
    tab.page.keyboard.type("a ")
    tab.until(lambda: tab.server.session["hints"][0]["note"] == "by a letter")
    tab.page.keyboard.press("Tab")
    tab.settle()
    tab.page.click("#undo")
    assert [hint["note"] for hint in tab.hints] == [""]


@pytest.mark.parametrize("long", ["", "é" * 2000], ids=["short", "long"])
def test_a_note_typed_just_before_the_page_goes_is_saved(tab: Any, gray: Path, long: str) -> None:
    """Also if there is more to send than a browser sends for a page that is gone."""
    tab.give("target-file", gray)
    for i in range(20 if long else 1):
        tab.click(330 + 20 * i, 300)
        if long:
            tab.page.fill(f"#hints .note >> nth={i}", long)
    tab.settle()
    note = tab.page.locator("#hints .note").first
    note.fill("")
    note.press_sequentially("by a letter")
    tab.page.reload()
    tab.settle()
    assert tab.page.input_value("#hints .note >> nth=0") == "by a letter"
    assert tab.hints[0]["note"] == "by a letter"
    tab.page.click("#undo")
    assert tab.hints[0]["note"] != "by a letter" and len(tab.hints) == (20 if long else 1)


def test_a_note_typed_just_before_the_page_is_left_is_there_in_another_tab(
    running: Any, visit: Callable[..., Any], gray: Path
) -> None:
    with visit(running) as tab:
        tab.give("target-file", gray)
        tab.click(400, 300)
        tab.settle()
        tab.page.click("#hints .note")
        tab.page.keyboard.type("by a letter")
        tab.page.goto("about:blank")
        tab.until(lambda: running.session["hints"][0]["note"] == "by a letter")
    with visit(running) as tab:
        assert [hint["note"] for hint in tab.hints] == ["by a letter"]


def test_hints_are_saved_when_the_server_is_gone(tab: Any, gray: Path, running: Any) -> None:
    tab.give("target-file", gray)
    tab.click(400, 300)
    tab.click(600, 500)
    tab.page.fill("#hints .note >> nth=1", "by a letter")
    tab.settle()
    with_server = saved(tab)
    tab.is_server_gone = True
    running.stop()
    without = saved(tab)
    assert without["hints"] == with_server["hints"]
    assert without["target"] == {"width": 160, "height": 120}
    assert "server does not answer" in tab.page.inner_text("#message")
    assert tab.page.locator("#hints li").count() == 2


def test_hints_and_their_undo_are_there_when_one_comes_back(
    serving_with: Callable[..., Any], visit: Callable[..., Any], scans: Path
) -> None:
    with serving_with(folder=scans) as running, visit(running) as tab:
        assert "list of pictures" in tab.page.inner_text("#empty")
        tab.choose("a.png")
        tab.click(400, 300)
        tab.settle()
        tab.click(600, 500)
        hints = tab.hints
        tab.choose("b.png")
        assert tab.hints == []
        assert "2 hints" in tab.page.inner_text("#files button >> nth=0")
        tab.click(500, 400)
        tab.settle()
        tab.choose("a.png")
        assert tab.hints == hints
        assert tab.page.locator("#hints li").count() == 2
        tab.page.keyboard.press("Control+z")
        assert tab.hints == hints[:1]
        tab.page.keyboard.press("Control+Shift+Z")
        assert tab.hints == hints
        tab.choose("b.png")
        assert len(tab.hints) == 1


def test_a_picture_that_another_one_replaced_is_there_still(tab: Any, gray: Path, warm: Path) -> None:
    """A reference that is dropped a little too far left is opened as a picture."""
    tab.drop("#stage", gray)
    assert tab.server.session["target"]["name"] == "gray.png"
    tab.click(400, 300)
    hints = tab.hints
    tab.drop("#stage", warm)
    assert tab.server.session["target"]["name"] == warm.name
    assert tab.hints == []
    tab.page.click("#message-action")
    tab.until(lambda: tab.server.session["target"]["name"] == "gray.png")
    assert tab.hints == hints
    tab.drop("#references-section", warm)
    assert tab.server.session["target"]["name"] == "gray.png"
    assert tab.page.inner_text("#references .name") == warm.name
    assert tab.hints == hints


def test_removing_a_reference_can_be_undone(tab: Any, gray: Path, tmp_path: Path) -> None:
    tinted = tmp_path / "tinted.png"  # the same picture: a reference that is followed
    Image.merge(
        "RGB", [Image.open(gray).point([round(v * share) for v in range(256)]) for share in (1, 0.7, 0.5)]
    ).save(tinted)
    tab.give("target-file", gray)
    tab.give("reference-files", tinted)
    colored = tab.seen()
    tab.page.click("#references .remove")
    tab.settle()
    assert tab.page.locator("#references li").count() == 0
    assert tab.server.session["used"] == []
    assert (tab.seen() != colored).any()
    tab.page.keyboard.press("Control+z")
    tab.settle()
    assert tab.page.inner_text("#references .name") == tinted.name
    assert len(tab.server.session["used"]) == 1
    assert tab.page.is_hidden("#message")
    inside = (slice(5, -5), slice(5, -5))  # without the mark of what has the focus
    assert (tab.seen()[inside] == colored[inside]).all()
    tab.page.keyboard.press("Control+z")  # that it was added
    tab.settle()
    assert tab.page.locator("#references li").count() == 0


def test_one_can_undo_after_a_reload(tab: Any, gray: Path, warm: Path, cold: Path) -> None:
    tab.give("target-file", gray)
    tab.give("reference-files", warm, cold)
    tab.page.uncheck("#references input >> nth=0")
    tab.page.check("#references input >> nth=0")
    tab.settle()
    tab.click(400, 300)
    tab.settle()
    tab.click(600, 500)
    hints = tab.hints
    tab.page.reload()
    tab.settle()
    for left in (hints[:1], []):
        tab.page.keyboard.press("Control+z")
        assert tab.hints == left
    for _ in range(2):
        tab.page.keyboard.press("Control+Shift+Z")
    assert tab.hints == hints


def test_hints_can_be_placed_before_the_first_result(tab: Any, gray: Path) -> None:
    tab.page.route("**/api/after*", lambda route: (tab.page.wait_for_timeout(600), route.continue_()))
    tab.page.set_input_files("#target-file", gray)
    tab.page.wait_for_selector("#download:enabled")
    tab.page.wait_for_timeout(100)
    assert tab.page.get_attribute("#stage", "data-state") == "busy"
    tab.click(400, 300)
    assert len(tab.hints) == 1


def test_references_can_come_before_the_picture(tab: Any, gray: Path, warm: Path, cold: Path) -> None:
    tab.give("reference-files", warm, cold)
    assert tab.page.get_attribute("#stage", "data-state") == "ready"
    tab.page.uncheck("#references input >> nth=1")
    tab.page.wait_for_timeout(100)
    assert tab.page.get_attribute("#stage", "data-state") == "ready"
    tab.give("target-file", gray)
    assert tab.server.session["used"] == tab.server.session["references"][:1]


def test_a_tab_that_does_not_know_of_another_ones_changes_discards_none(
    tab: Any, gray: Path, running: Any, visit: Callable[..., Any]
) -> None:
    tab.give("target-file", gray)
    with visit(running) as other:
        other.click(600, 400)
        (hint,) = other.hints
        tab.click(400, 300)
        tab.page.wait_for_selector("#message-text:has-text('Another tab')")
        assert tab.hints == [hint]
        assert tab.page.locator("#hints li").count() == 1
        tab.click(400, 300)  # once more, as the message says
        assert len(tab.hints) == 2
        other.page.evaluate("window.dispatchEvent(new Event('focus'))")
        other.page.wait_for_selector("#hints li >> nth=1")
        assert other.page.is_hidden("#message")


def test_messages_do_not_stay(tab: Any, gray: Path, warm: Path) -> None:
    for leave in (lambda: tab.page.keyboard.press("Escape"), lambda: tab.give("reference-files", warm)):
        tab.give("target-file", gray)
        tab.page.click("#command")
        tab.page.wait_for_selector("#message code:not(:empty)")
        leave()
        assert tab.page.is_hidden("#message")


def test_references_that_were_removed_long_ago_leave_the_disk(tab: Any, gray: Path, warm: Path, running: Any) -> None:
    """The last few stay, so that undo brings them back."""

    def on_disk() -> int:
        return len(list(running.workplace.uploads.new_folder().parent.rglob(warm.name)))

    tab.give("target-file", gray)
    for count in range(1, 11):
        tab.give("reference-files", warm)
        tab.page.click("#references .remove")
        tab.settle()
        tab.until(lambda count=count: on_disk() == min(count, 8))
    assert len(running.session["received"]) == 8
    for _ in range(15):  # back to the third one, the oldest that is kept
        tab.page.keyboard.press("Control+z")
    tab.settle()
    assert tab.page.locator("#references li").count() == 1
    assert tab.page.is_hidden("#message")
    tab.page.keyboard.press("Control+z")
    tab.page.keyboard.press("Control+z")
    tab.page.wait_for_selector("#message-text:has-text('removed that long ago')")
    tab.settle()
    assert tab.page.locator("#references li").count() == 0
    assert running.session["references"] == []


def test_what_is_changed_while_another_picture_opens_is_not_lost(
    serving_with: Callable[..., Any], visit: Callable[..., Any], scans: Path
) -> None:
    with serving_with(folder=scans) as running, visit(running) as tab:
        tab.choose("a.png")
        for x in (300, 400, 500):
            tab.click(x, 300)
            tab.settle()
        first, second, _ = tab.hints

        def slowly(route: Any) -> None:
            """What a person does before the answer comes, and also while it is on its way."""
            tab.page.click("#hints .remove >> nth=2")
            tab.page.fill("#vivid", "1.5")
            route.fetch()
            tab.page.click("#hints .note >> nth=1")
            tab.page.keyboard.type("by a letter")
            tab.page.fill("#strength" if tab.server.session["used"] else "#reach", "0.3")
            tab.page.click("#hints .note >> nth=1")
            route.continue_()

        tab.page.route("**/api/target/*", slowly)
        tab.choose("b.png")
        tab.page.unroute("**/api/target/*")
        assert tab.hints == []
        assert tab.page.locator("#hints li").count() == 0
        tab.page.keyboard.type("into nothing")
        assert [tab.server.session[name] for name in ("vivid", "hint_reach")] == [1.5, 0.3]
        assert tab.page.input_value("#vivid") == "1.5"
        assert "2 hints" in tab.page.inner_text("#files button >> nth=0")
        tab.choose("a.png")
        assert tab.hints == [first, {**second, "note": "by a letter"}]


def test_a_note_typed_while_another_picture_opens_is_not_lost_when_the_page_goes(
    serving_with: Callable[..., Any], visit: Callable[..., Any], scans: Path
) -> None:
    with serving_with(folder=scans) as running, visit(running) as tab:
        tab.choose("a.png")
        tab.click(400, 300)
        tab.settle()

        def slowly(_: Any) -> None:
            """The page goes before the request arrives."""
            tab.page.click("#hints .note")
            tab.page.keyboard.type("by a letter")
            tab.page.reload()

        tab.page.route("**/api/target/*", slowly)
        tab.page.click("#files button:has-text('b.png')")
        tab.page.wait_for_timeout(500)
        tab.page.unroute("**/api/target/*")
        tab.settle()
        assert [hint["note"] for hint in tab.hints] == ["by a letter"]
        tab.complaints.clear()


def test_a_hint_that_is_dragged_while_another_picture_opens_moves_none_of_that_one(
    serving_with: Callable[..., Any], visit: Callable[..., Any], scans: Path
) -> None:
    with serving_with(folder=scans) as running, visit(running) as tab:
        found = {}
        for name in "bab":
            tab.choose(f"{name}.png")
            if name not in found:
                tab.click(400, 300)
                found[name] = tab.hints
        box = tab.page.locator("#stage").bounding_box()
        tab.page.mouse.move(box["x"] + 400, box["y"] + 300)
        tab.page.mouse.down()
        tab.page.mouse.move(box["x"] + 450, box["y"] + 320)
        tab.page.focus("#files button >> nth=0")
        tab.page.keyboard.press("Enter")
        tab.until(lambda: tab.server.session["target"]["name"] == "a.png")
        tab.settle()
        tab.page.mouse.move(box["x"] + 600, box["y"] + 500)
        tab.page.mouse.up()
        assert tab.hints == found["a"]
