"""Files of hints: JSON, CSV and painted layers."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from excolor import Hint, HintError, HintLayer, dump_hints, read_hints, read_layer
from excolor.errors import PhotoError
from excolor.hints import TargetRecord, read_table
from excolor.photo import as_photo

HINTS = (Hint(0.42, 0.31, "#556b2f", "1%", "the coat, by a letter of 1912"), Hint("12px", 0.5, "gray"))


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_json_comes_back(tmp_path: Path) -> None:
    target = TargetRecord(2400, 1800, "ab" * 32)
    found = read_hints(write(tmp_path / "a.hints.json", dump_hints(HINTS, target)))
    assert found.hints == HINTS
    assert found.target == target
    assert read_hints(write(tmp_path / "b.json", "\ufeff" + dump_hints(HINTS))).target is None


def test_another_picture_is_noticed() -> None:
    record = TargetRecord(2400, 1800, "ab" * 32)
    assert record.difference((1800, 2400), "AB" * 32) is None
    assert record.difference((1800, 2400), None) is None
    assert "made for 2400×1800 pixels" in str(record.difference((2400, 1800), "ab" * 32))
    assert "sha256" in str(record.difference((1800, 2400), "cd" * 32))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not a JSON file"),
        ("[" * 100_000, "not a JSON file"),
        ([], "it holds an array instead of an object"),
        (3.5, "it holds a number instead of an object"),
        (None, "it holds null instead of an object"),
        ({"hints": []}, "not a file of hints"),
        ({"excolor_hints": 2, "hints": []}, "version 2"),
        ({"excolor_hints": 1}, "not a list"),
        ({"excolor_hints": 1, "hints": [3]}, "hint 1: not an object"),
        ({"excolor_hints": 1, "hints": [{"x": 0, "y": 0}]}, "color is missing"),
        ({"excolor_hints": 1, "hints": [{"x": 0, "y": 0, "color": 7}]}, "color is not text"),
        ({"excolor_hints": 1, "hints": [{"x": 0, "y": 0, "color": "red", "size": 1}]}, "'size' is not known"),
        ({"excolor_hints": 1, "hints": [{"x": 0, "y": 2, "color": "red"}]}, "hint 1: y of a hint is 2"),
        ({"excolor_hints": 1, "hints": [], "target": {"width": "a"}}, '"target" does not say'),
    ],
)
def test_malformed_json_gets_a_sentence(tmp_path: Path, content: object, problem: str) -> None:
    path = write(tmp_path / "a.json", content)
    with pytest.raises(HintError, match=problem) as caught:
        read_hints(path)
    assert str(path) in str(caught.value)


def test_what_cannot_be_read_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HintError, match="cannot be read"):
        read_hints(tmp_path / "absent.json")
    (tmp_path / "latin.json").write_bytes(b"\xff\xfe\xe9")
    with pytest.raises(HintError, match="UTF-8"):
        read_hints(tmp_path / "latin.json")


def test_a_table_serves_many_files(tmp_path: Path) -> None:
    table = "file,x,y,color,radius,note\n1912.jpg,0.42,0.31,#556b2f,1%,coat\nb/1913.jpg,12px,0.5,gray,,\n"
    found = read_table(write(tmp_path / "hints.csv", table + '1912.jpg,0.1,0.1,"teal",,"a, b"\n'))
    assert found == {
        "1912.jpg": (Hint(0.42, 0.31, "#556b2f", "1%", "coat"), Hint(0.1, 0.1, "teal", None, "a, b")),
        "b/1913.jpg": (Hint("12px", 0.5, "gray"),),
    }
    assert read_table(write(tmp_path / "c.csv", "FILE, x,y,color\na.png,0,0,red\n")) == {
        "a.png": (Hint(0.0, 0.0, "red"),)
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0c", "\x1e"])
def test_a_row_ends_at_the_end_of_its_line_only(tmp_path: Path, mark: str, end: str) -> None:
    rows = ("file,x,y,color,note", f"a.png,0,0,red,coat{mark}of 1912", "b.png,0,0,red,", "")
    (tmp_path / "c.csv").write_bytes(end.join(rows).encode())
    assert read_table(tmp_path / "c.csv") == {
        "a.png": (Hint(0.0, 0.0, "red", None, f"coat{mark}of 1912"),),
        "b.png": (Hint(0.0, 0.0, "red"),),
    }


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("", "must name the columns"),
        ("1912.jpg,0.4,0.3,red\n", "must name the columns"),
        ("file,x,y,color,size\n", "must name the columns"),
        ("file,x,y,color\na.jpg,0.4,0.3\n", "row 2"),
        ("file,x,y,color\na.jpg,0.4,0.3,red,1%\n", "row 2"),
        ("file,x,y,color\na.jpg,0.4,0.3,redd\n", "row 2: the color 'redd'"),
        ("file,x,y,color\n,0.4,0.3,red\n", "row 2"),
        ('file,x,y,color\n"a,0.4,0.3,red\n', "not a row of a CSV"),
    ],
)
def test_malformed_tables_get_a_sentence(tmp_path: Path, table: str, problem: str) -> None:
    with pytest.raises(HintError, match=problem):
        read_table(write(tmp_path / "hints.csv", table))


def layer(*, opaque: bool = True) -> np.ndarray:
    pixels = np.zeros((6, 8, 4), np.uint8)
    if opaque:
        pixels[2, 3] = (200, 30, 30, 255)
    return pixels


@pytest.mark.parametrize("name", ["layer.png", "layer.tif", "layer.webp"])
def test_layers_are_pictures_with_transparency(tmp_path: Path, name: str) -> None:
    Image.fromarray(layer()).save(tmp_path / name, lossless=True)
    found = read_layer(tmp_path / name)
    assert found.photo.alpha is not None
    assert np.argwhere(found.photo.alpha).tolist() == [[2, 3]]
    found.check_fits((600, 800))
    found.check_fits((601, 800))
    with pytest.raises(HintError, match="aspect ratios differ"):
        found.check_fits((800, 600))


def test_layers_without_transparency_or_hints_are_refused(tmp_path: Path) -> None:
    Image.fromarray(layer()[..., :3]).save(tmp_path / "opaque.png")
    with pytest.raises(HintError, match=r"opaque\.png has no transparency"):
        read_layer(tmp_path / "opaque.png")
    with pytest.raises(HintError, match="transparent everywhere"):
        HintLayer(as_photo(layer(opaque=False)))
    with pytest.raises(PhotoError, match="no such file"):
        read_layer(tmp_path / "absent.png")
