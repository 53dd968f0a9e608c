"""What is received, kept and given back, without a browser: results are those of the command line, byte for byte."""

import json
import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from excolor.cli.main import main
from excolor.serve.uploads import safe_name

HINTS = [
    {"x": 0.4, "y": 0.3, "color": "olive", "radius": None, "note": "by a letter"},
    {"x": 0.7123, "y": 0.9, "color": "#808080", "radius": "2.5%", "note": ""},
]


def send(running: Any, kind: str, path: Path, name: str | None = None) -> Any:
    status, body, _ = running.ask("POST", f"/api/{kind}", path.read_bytes(), name=quote(name or path.name))
    assert status == 200, body
    return json.loads(body)


def by_command(running: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What the command that the page shows writes in a folder that has the files."""
    command = json.loads(running.ask("GET", "/api/command")[1])["command"]
    monkeypatch.chdir(folder)
    before = set(folder.iterdir())
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    (made,) = set(folder.iterdir()) - before
    return made.read_bytes()


@pytest.mark.parametrize("references", [0, 1, 2])
@pytest.mark.parametrize("hints", [[], HINTS])
def test_the_download_is_what_the_shown_command_writes(
    running: Any,
    tmp_path: Path,
    small: Callable[..., Path],
    warm: Path,
    cold: Path,
    monkeypatch: pytest.MonkeyPatch,
    references: int,
    hints: list[Any],
) -> None:
    target = small(tmp_path / "an old photo.png")
    send(running, "target", target)
    for path in (warm, cold)[:references]:
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        send(running, "references", copy)
    choices = {"hints": hints, "strength": 0.75, "vivid": 1.5, "hint_reach": 0.5}
    assert running.choose(1, **choices) == 200
    assert running.download() == by_command(running, tmp_path, monkeypatch)


def test_sixteen_bits_pages_and_orientation_come_back(
    running: Any, tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    pages = [rng.integers(0, 65536, (40 + 8 * i, 60), np.uint16) for i in range(2)]
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as file:
        for page in pages:
            file.write(page, photometric="minisblack")
    told = send(running, "target", path)["target"]
    assert (told["pages"], told["width"], told["height"]) == (2, 60, 40)
    assert json.loads(running.ask("POST", "/api/page/2", b"")[1])["target"]["height"] == 48
    running.choose(1, hints=HINTS)
    data = running.download()
    assert data == by_command(running, tmp_path, monkeypatch)
    (tmp_path / "result.tif").write_bytes(data)
    result = tifffile.imread(tmp_path / "result.tif")
    assert result.dtype == np.uint16
    assert result.shape == (48, 60, 3)

    rotated = tmp_path / "rotated.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray((pages[0] >> 8).astype(np.uint8)).save(rotated, exif=exif)
    told = send(running, "target", rotated)["target"]
    assert (told["width"], told["height"]) == (40, 60)
    assert running.session["hints"] == []  # they belong to a picture


def test_what_a_cut_out_hides_may_be_in_color(running: Any, tmp_path: Path, small: Callable[..., Path]) -> None:
    rgba = np.array(Image.open(small(tmp_path / "a.png")).convert("RGBA"))
    rgba[:20] = (0, 200, 40, 0)
    Image.fromarray(rgba).save(tmp_path / "cut-out.png")
    assert send(running, "target", tmp_path / "cut-out.png")["target"]["notes"] == []
    rgba[:20, :, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "whole.png")
    assert send(running, "target", tmp_path / "whole.png")["target"]["notes"] != []


def test_hints_are_saved_and_opened_and_a_wrong_picture_is_noticed(
    running: Any, tmp_path: Path, small: Callable[..., Path]
) -> None:
    send(running, "target", small(tmp_path / "a.png"))
    running.choose(1, hints=HINTS)
    status, saved, headers = running.ask("GET", "/api/hints")
    assert status == 200
    assert "a.hints.json" in headers["content-disposition"]
    running.choose(2, hints=[])
    status, body, _ = running.ask("POST", "/api/hints", saved, name="a.hints.json")
    assert status == 200
    assert json.loads(body)["hints"] == HINTS
    send(running, "target", small(tmp_path / "b.png", 3))
    status, body, _ = running.ask("POST", "/api/hints", saved, name="a.hints.json")
    assert status == 422
    assert "belongs to another picture" in json.loads(body)["error"]
    assert running.session["hints"] == []
    assert running.ask("POST", "/api/hints?force=1", saved, name="a.hints.json")[0] == 200
    assert running.session["hints"] == HINTS


def test_hints_stay_when_references_come_and_go(
    running: Any, tmp_path: Path, small: Callable[..., Path], warm: Path
) -> None:
    send(running, "target", small(tmp_path / "a.png"))
    running.choose(1, hints=HINTS)
    told = send(running, "references", warm)
    assert told["hints"] == HINTS
    assert told["used"] == told["references"] == [told["received"][0]["id"]]
    assert running.choose(2, references=[], used=told["used"]) == 200
    assert running.session["references"] == running.session["used"] == []
    assert running.session["hints"] == HINTS
    running.choose(3, references=told["references"])  # the person takes it back
    assert running.session["references"] == told["references"]


def test_an_earlier_change_of_the_same_page_is_not_taken_after_a_later_one(
    running: Any, tmp_path: Path, small: Callable[..., Path]
) -> None:
    send(running, "target", small(tmp_path / "a.png"))
    assert running.choose(5, hints=HINTS) == 200
    assert running.choose(4, hints=[]) == 409
    assert running.session["hints"] == HINTS


def test_a_result_that_nobody_waits_for_is_not_made(running: Any, tmp_path: Path, small: Callable[..., Path]) -> None:
    told = send(running, "target", small(tmp_path / "a.png"))
    running.choose(1, hints=HINTS)
    assert running.ask("GET", f"/api/after?revision={told['revision']}&longest=256")[0] == 409
    assert running.ask("GET", f"/api/after?revision={running.session['revision']}&longest=256")[0] == 200


def test_what_is_no_picture_changes_nothing(running: Any, tmp_path: Path, small: Callable[..., Path]) -> None:
    told = send(running, "target", small(tmp_path / "a.png"))
    (tmp_path / "text.jpg").write_text("no picture")
    for kind in ("target", "references"):
        status, body, _ = running.ask("POST", f"/api/{kind}", b"no picture", name="text.jpg")
        assert status == 422
        assert json.loads(body)["error"].startswith("cannot read text.jpg")  # without the private folder
    assert running.session == told


def test_received_files_are_private_and_go_away(running: Any, tmp_path: Path, small: Callable[..., Path]) -> None:
    send(running, "target", small(tmp_path / "a.png"))
    first = running.workplace.session.now.target.file.path
    folder = first.parent.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for number in range(1, 8):
        send(running, "target", small(tmp_path / f"{number}.png", number))
    assert first.exists()  # one can come back to it
    send(running, "target", small(tmp_path / "last.png", 8))
    assert not first.exists()
    running.download()
    assert len(list(folder.iterdir())) == 9  # the last eight and a result
    with running.workplace.uploads:
        pass
    assert not folder.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\1912.tif", "1912.tif"),
        ("a\0b\nc.jpg", "abc.jpg"),
        ("", "picture"),
        ("..", "picture"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("é" * 300 + ".jpeg", "é" * 97 + ".jpeg"),
    ],
)
def test_names_lose_their_folders(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize("name", ["many.json", "many.csv"])
def test_more_hints_than_can_be_placed_are_not_opened(
    running: Any, tmp_path: Path, small: Callable[..., Path], name: str
) -> None:
    """Whoever had them could change nothing any more, nor download."""
    send(running, "target", small(tmp_path / "a.png"))
    running.choose(1, hints=HINTS)
    for number, status in ((1001, 422), (1000, 200)):
        points = [{"x": (index + 1) / 2000, "y": 0.5, "color": "olive"} for index in range(number)]
        text = json.dumps({"excolor_hints": 1, "hints": points})
        if name.endswith(".csv"):
            text = "file,x,y,color\n" + "".join(f"a.png,{point['x']},0.5,olive\n" for point in points)
        answered, body, _ = running.ask("POST", "/api/hints", text.encode(), name=name)
        assert answered == status, body
        if status == 422:
            told = json.loads(body)["error"]
            assert told == "there are 1001 hints, and 1000 at most can be placed; paint a layer instead"
            assert running.session["hints"] == HINTS
    session = running.session
    assert len(session["hints"]) == 1000
    assert running.choose(2, vivid=1.5) == 200


@pytest.fixture
def not_text(tmp_path: Path, small: Callable[..., Path]) -> Path:
    """A folder with a picture whose name is no UTF-8."""
    path = tmp_path / "scans" / os.fsdecode(b"caf\xe9 7'.png")
    try:
        return small(path).parent
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")


def test_pictures_whose_names_are_no_text_are_worked_on_like_others(
    serving_with: Callable[..., Any], not_text: Path, tmp_path: Path, warm: Path
) -> None:
    references = tmp_path / "references"
    references.mkdir()
    (references / os.fsdecode(b"r\xe9f.png")).write_bytes(warm.read_bytes())
    (references / os.fsdecode(b"no\xe9.png")).write_text("no picture")
    with serving_with(folder=not_text, references=[references]) as running:
        assert "no\udce9.png" in running.notes[0]
        (picture,) = running.session["pictures"]
        assert picture["name"] == "caf\ufffd 7'.png"
        status, body, _ = running.ask("POST", f"/api/target/{picture['id']}", b"")
        assert status == 200, body
        told = json.loads(body)
        assert told["target"]["name"] == "caf\ufffd 7'.png"
        assert [one["name"] for one in told["received"]] == ["r\ufffdf.png"]
        assert running.choose(1, hints=HINTS) == 200
        assert running.ask("GET", f"/api/after?revision={running.session['revision']}&longest=256")[0] == 200
        status, _, headers = running.ask("GET", "/api/hints")
        assert status == 200 and quote("caf\ufffd 7'.hints.json", safe="") in headers["content-disposition"]

        status, body, _ = running.ask("POST", "/api/results", b"")
        assert status == 200 and json.loads(body)["name"] == "caf\ufffd 7'-color.png"
        status, data, headers = running.ask("GET", f"/api/results/{json.loads(body)['id']}")
        assert status == 200 and quote("caf\ufffd 7'-color.png", safe="") in headers["content-disposition"]

        command = json.loads(running.ask("GET", "/api/command")[1])["command"]
        words = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True).stdout
        arguments = [os.fsdecode(word) for word in words.split(b"\0")[1:-1]]
        assert str(not_text / os.fsdecode(b"caf\xe9 7'.png")) in arguments
        result = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "made.png")])
        assert result.exit_code == 0, result.output
        assert (tmp_path / "made.png").read_bytes() == data

        next(not_text.iterdir()).write_text("no picture")
        status, body, _ = running.ask("POST", "/api/page/2", b"")
        assert status == 422 and "caf\ufffd 7'.png" in json.loads(body)["error"]
