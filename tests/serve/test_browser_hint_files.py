"""Files of hints on the page: they are told from pictures, and do what the command line does with them."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from excolor.cli.main import main


def painted(path: Path, size: tuple[int, int] = (160, 120), color: tuple[int, int, int] = (200, 30, 30)) -> Path:
    """A layer that is transparent but for a spot in its middle."""
    layer = np.zeros((size[1], size[0], 4), np.uint8)
    layer[size[1] // 3 : size[1] // 2, size[0] // 3 : size[0] // 2] = (*color, 255)
    Image.fromarray(layer).save(path)
    return path


@pytest.fixture
def opened(tab: Any, gray: Path) -> Any:
    """The page with the picture gray.png."""
    tab.give("target-file", gray)
    return tab


def told(tab: Any) -> str:
    tab.page.wait_for_selector("#message:not([hidden])")
    return str(tab.page.inner_text("#message-text"))


@pytest.mark.parametrize("name", ["gray.hints.png", "any.hints.TIF", "gray.hints.webp"])
@pytest.mark.parametrize("place", ["#stage", "#references-section"])
def test_a_painted_layer_is_hints_by_its_name(opened: Any, tmp_path: Path, name: str, place: str) -> None:
    before = opened.seen()
    opened.drop(place, painted(tmp_path / name))
    session = opened.server.session
    assert session["target"]["name"] == "gray.png" and not session["references"]
    assert opened.page.inner_text("#layer-name") == name
    assert opened.page.is_hidden("#no-hints") and opened.page.is_enabled("#reach")
    assert (opened.seen() != before).any()
    opened.page.click("#layer-remove")
    opened.settle()
    assert opened.page.is_hidden("#layer")
    inside = (slice(5, -5), slice(5, -5))  # without the mark of what has the focus
    assert (opened.seen()[inside] == before[inside]).all()
    opened.page.keyboard.press("Control+z")
    opened.settle()
    assert opened.page.inner_text("#layer-name") == name
    opened.page.reload()
    opened.settle()
    assert opened.page.inner_text("#layer-name") == name


def test_a_picture_with_transparency_is_hints_if_it_is_dropped_on_one_that_it_fits(opened: Any, tmp_path: Path) -> None:
    layer = painted(tmp_path / "layer.png", (320, 240))
    opened.drop("#stage", layer)
    assert opened.server.session["target"]["name"] == "gray.png"
    assert opened.page.inner_text("#layer-name") == "layer.png"
    assert "transparency" in told(opened)
    opened.page.click("#message-action")
    opened.until(lambda: opened.server.session["target"]["name"] == "layer.png")
    opened.settle()
    assert opened.page.is_hidden("#layer")
    opened.page.click("#message-action")  # back to it
    opened.until(lambda: opened.server.session["target"]["name"] == "gray.png")
    opened.settle()
    assert opened.page.is_hidden("#layer")
    opened.give("target-file", layer)  # who chooses a picture gets a picture
    assert opened.server.session["target"]["name"] == "layer.png"


@pytest.mark.parametrize("size", [(160, 100), None])
def test_other_pictures_are_opened_as_pictures(opened: Any, tmp_path: Path, size: tuple[int, int] | None) -> None:
    """Transparent ones of another shape, and opaque ones that have alpha."""
    path = tmp_path / "other.png"
    if size is None:
        Image.new("RGBA", (160, 120), (90, 90, 90, 255)).save(path)
    else:
        painted(path, size)
    opened.drop("#stage", path)
    assert opened.server.session["target"]["name"] == "other.png"
    assert opened.server.session["layer"] is None


def test_a_picture_with_transparency_that_is_dropped_on_the_references_is_one(opened: Any, tmp_path: Path) -> None:
    opened.drop("#references-section", painted(tmp_path / "layer.png"))
    assert opened.page.inner_text("#references .name") == "layer.png"
    assert opened.server.session["layer"] is None


def test_a_picture_its_reference_and_its_layer_are_dropped_at_once(
    tab: Any, gray: Path, warm: Path, tmp_path: Path
) -> None:
    tab.drop("#stage", painted(tmp_path / "gray.hints.png"), gray, warm)
    session = tab.server.session
    assert session["target"]["name"] == "gray.png"
    assert [one["name"] for one in session["received"]] == [warm.name]
    assert tab.page.inner_text("#layer-name") == "gray.hints.png"


def test_the_download_with_a_layer_is_what_the_shown_command_writes(
    opened: Any, gray: Path, warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = painted(gray.parent / "gray.hints.png")
    (gray.parent / warm.name).write_bytes(warm.read_bytes())
    opened.drop("#stage", layer)
    opened.give("reference-files", warm)
    opened.click(600, 500)
    opened.settle()
    command = shlex.split(json.loads(opened.server.ask("GET", "/api/command")[1])["command"])
    assert command[command.index("--hints") + 1] == "gray.hints.png" and "--hint" in command
    data = opened.server.download()
    monkeypatch.chdir(gray.parent)
    before = set(gray.parent.iterdir())
    assert CliRunner().invoke(main, command[1:]).exit_code == 0
    (made,) = set(gray.parent.iterdir()) - before
    assert made.read_bytes() == data


@pytest.mark.parametrize("place", ["#stage", "#references-section"])
def test_json_and_tables_can_be_dropped(opened: Any, tmp_path: Path, place: str) -> None:
    hint = {"x": 0.25, "y": 0.5, "color": "#556b2f", "radius": "2%", "note": "a coat"}
    (tmp_path / "gray.hints.json").write_text(json.dumps({"excolor_hints": 1, "hints": [hint]}))
    opened.drop(place, tmp_path / "gray.hints.json")
    assert opened.hints == [hint]
    rows = ["file,x,y,color", "scans/gray.png,40px,0.5,olive", "other.png,0.1,0.1,red", "more.png,0.1,0.1,red"]
    (tmp_path / "all.csv").write_text("\n".join(rows))
    opened.drop(place, tmp_path / "all.csv")
    (found,) = opened.hints
    assert (found["x"], found["y"], found["color"]) == (0.25312, 0.5, "olive")
    assert "hints for 2 other pictures" in told(opened)
    assert opened.page.locator("#hints li").count() == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.json", "[1, 2]", "list.json: not a file of hints: it holds an array instead of an object"),
        ("more.hints.json", "[{", "more.hints.json: not a JSON file"),
        (
            "table.csv",
            "file,x,y,color\na,1,1,red\n",
            "table.csv has no hints for gray.png: its column file names a",
        ),
        (
            "two.csv",
            "file,x,y,color\na/gray.png,1,1,red\nb/gray.png,1,1,red\n",
            "two.csv has hints for a/gray.png and b/gray.png, and either may be gray.png",
        ),
        ("notes.csv", "coat: olive", "notes.csv: the first row must name the columns"),
        ("opaque.hints.png", None, "opaque.hints.png has no transparency"),
        ("wide.hints.png", (300, 100), "their aspect ratios differ"),
    ],
)
def test_what_is_no_hints_is_told_as_it_is(
    opened: Any, gray: Path, tmp_path: Path, name: str, content: Any, message: str
) -> None:
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    elif content is None:
        path.write_bytes(gray.read_bytes())
    else:
        painted(path, content)
    opened.page.set_input_files("#hints-file", path)
    assert message in told(opened)
    opened.complaints.clear()  # the browser logs the 422
    assert opened.hints == [] and opened.server.session["layer"] is None
    assert opened.server.session["target"]["name"] == "gray.png"


def test_each_picture_has_its_own_layer(opened: Any, tmp_path: Path, small: Callable[..., Path]) -> None:
    opened.drop("#stage", painted(tmp_path / "gray.hints.png"))
    opened.drop("#stage", small(tmp_path / "other.png", size=(160, 120)))
    assert opened.page.is_hidden("#layer")
    assert "1 hint" in opened.page.inner_text("#files button:has-text('gray.png')")
    opened.page.click("#files button:has-text('gray.png')")
    opened.until(lambda: opened.server.session["target"]["name"] == "gray.png")
    opened.settle()
    assert opened.page.inner_text("#layer-name") == "gray.hints.png"
