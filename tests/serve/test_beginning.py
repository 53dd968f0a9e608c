"""What a session begins with: references that are read, and for each picture the one that fits it best."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from excolor.errors import PhotoError
from excolor.serve import targets

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


def opened(running: Any, index: int) -> Any:
    status, body, _ = running.ask("POST", f"/api/target/{running.session['pictures'][index]['id']}", b"")
    assert status == 200, body
    return json.loads(body)


def used_names(told: Any) -> list[str]:
    return [one["name"] for one in told["received"] if one["id"] in told["used"]]


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two gray pictures, and beside them their colors and a gray one, as references."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "references").mkdir()
    for name, photo in zip("ab", sorted(PHOTOS.glob("*.jpg")), strict=False):
        with Image.open(photo) as image:
            image.thumbnail((160, 160))
            image.convert("L").save(tmp_path / "scans" / f"{name}.png")
            image.save(tmp_path / "references" / f"of {name}.png")
            image.convert("L").save(tmp_path / "references" / f"1 gray {name}.png")
    return tmp_path / "scans"


def test_each_picture_of_a_folder_begins_with_the_reference_that_fits_it_best(
    serving_with: Callable[..., Any], scans: Path
) -> None:
    with serving_with(folder=scans, references=[scans.parent / "references"]) as running:
        assert len(running.session["references"]) == 4
        assert used_names(opened(running, 0)) == ["of a.png"]  # the gray one is even more similar, and has no colors
        told = opened(running, 1)
        assert used_names(told) == ["of b.png"]
        command = shlex.split(json.loads(running.ask("GET", "/api/command")[1])["command"])
        assert command[command.index("--ref") + 1].endswith("of b.png")
        others = [one for one in told["references"] if one not in told["used"]]
        assert running.choose(1, used=others[:2]) == 200
        assert used_names(opened(running, 0)) == ["of a.png"]
        assert sorted(opened(running, 1)["used"]) == sorted(others[:2])  # as it was chosen for this picture


def test_references_that_cannot_be_read_are_noticed_at_once(
    serving_with: Callable[..., Any], tmp_path: Path, warm: Path, gray: Path
) -> None:
    """Their headers are as they should be."""
    folder = tmp_path / "references"
    folder.mkdir()
    Image.effect_noise((400, 300), 80).convert("RGB").save(folder / "whole.jpg")
    data = (folder / "whole.jpg").read_bytes()
    (folder / "broken.jpg").write_bytes(data[:700])
    with pytest.raises(PhotoError, match=r"broken\.jpg"), serving_with(folder=gray, references=[folder / "broken.jpg"]):
        pass
    with serving_with(folder=gray, references=[folder]) as running:
        assert [one["name"] for one in running.session["received"]] == ["whole.jpg"]
        (note,) = running.notes
        assert "broken.jpg" in note and "not used as a reference" in note
    (folder / "whole.jpg").unlink()
    with pytest.raises(PhotoError, match="none of the references"), serving_with(folder=gray, references=[folder]):
        pass


def test_the_example_of_an_installed_package_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wheel has the pictures in the package itself, where there is no checkout around it."""
    package = tmp_path / "site" / "excolor" / "serve"
    (package / "examples").mkdir(parents=True)
    monkeypatch.setattr(targets, "_PACKAGE", package)
    assert targets.example_pair() is None
    for name in ("target.jpg", "reference.jpg"):
        (package / "examples" / name).write_bytes((PHOTOS.parent / name).read_bytes())
    pair = targets.example_pair()
    assert pair is not None
    assert [file.path for file in pair] == [package / "examples" / name for name in ("target.jpg", "reference.jpg")]


def test_whoever_switches_all_references_off_finds_them_so(serving_with: Callable[..., Any], scans: Path) -> None:
    with serving_with(folder=scans, references=[scans.parent / "references"]) as running:
        told = opened(running, 0)
        choices = {name: told[name] for name in ("hints", "references", "strength", "vivid", "hint_reach")}
        record = {**choices, "used": [], "page": "p", "number": 1, "revision": told["revision"]}
        assert running.ask("PUT", "/api/choices", json.dumps(record).encode())[0] == 200
        assert used_names(opened(running, 1)) == ["of b.png"]
        assert used_names(opened(running, 0)) == []


def test_a_reference_that_cannot_be_read_any_more_is_left_out(serving_with: Callable[..., Any], scans: Path) -> None:
    """It could be when the server began; the others are compared all the same."""
    references = scans.parent / "references"
    with serving_with(folder=scans, references=[references]) as running:
        (references / "of b.png").write_text("no picture")
        told = opened(running, 0)
        assert used_names(told) == ["of a.png"]
        (note,) = told["notes"]
        assert "of b.png" in note and note.endswith("; it is left out")
        told = opened(running, 1)
        assert used_names(told) == ["of a.png"] and "of b.png" in told["notes"][0]
        status, body, _ = running.ask("GET", f"/api/after?revision={told['revision']}&longest=256")
        assert status == 200, body
        broken = next(one["id"] for one in told["received"] if one["name"] == "of b.png")
        others = [one for one in told["references"] if one != broken]
        assert running.choose(1, references=others, used=told["used"]) == 200
        assert running.session["notes"] == []


def test_a_picture_opens_although_no_reference_can_be_read_any_more(
    serving_with: Callable[..., Any], scans: Path
) -> None:
    references = scans.parent / "references"
    with serving_with(folder=scans, references=[references]) as running:
        for path in references.iterdir():
            path.unlink()
        told = opened(running, 0)
        assert told["target"]["name"] == "a.png"
        assert len(told["notes"]) == 4
