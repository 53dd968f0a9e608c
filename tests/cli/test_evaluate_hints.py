"""`excolor evaluate colorize --protocol hints` as a user meets it: the shipped model on two photographs."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"
COUNTS = [0, 1, 2, 5, 10, 20, 50]

Run = Callable[..., Result]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    folder = tmp_path / "two"
    folder.mkdir()
    for name in ("coffee.jpg", "flower.jpg"):
        (folder / name).write_bytes((EXAMPLES / "photos" / name).read_bytes())
    return folder


def test_two_photographs(two: Path, tmp_path: Path, excolor: Run) -> None:
    out = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "png", "state")}
    files = ("--json", out["json"], "--csv", out["csv"], "--sheet", out["png"], "--resume", out["state"])
    options = ("evaluate", "colorize", two, "--protocol", "hints", "--side", 96, "--device", "cpu")
    result = excolor(*options, *files)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    *lines, last = result.stdout.splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert table[0][:5] == ["reference", "pictures", "hints", "PSNR dB", "above none"]
    assert [int(row[2]) for row in table[2:]] == COUNTS * 2
    assert [row[:2] for row in table[2:] if row[0]] == [["none", "2"], ["related", "2"]]
    assert last.startswith("One wrong hint: ")

    found = json.loads(out["json"].read_text())
    assert (found["model"], found["protocols"], found["seed"], found["failures"]) == ("semantic", ["hints"], 0, [])
    assert list(found["results"]) == ["none", "related"]
    rows = list(csv.DictReader(out["csv"].read_text().splitlines()))
    assert len(rows) == 2 * 2 * len(COUNTS)
    for way, summary in found["results"].items():
        none, *hinted = summary["counts"]
        assert [one["hints"] for one in (none, *hinted)] == COUNTS
        ten, fifty = hinted[-3], hinted[-1]
        assert fifty["psnr"] > ten["psnr"] > none["psnr"] + 1
        assert fifty["ciede2000"] < ten["ciede2000"] < none["ciede2000"]
        assert fifty["gain"] == pytest.approx(fifty["psnr"] - none["psnr"])
        assert 0 < fifty["at_hints"]["median"] < 4
        assert f"{summary['far_change']['median']:.2f} and" in last
        own = [float(r["psnr"]) for r in rows if r["hints"] == "50" and bool(r["reference"]) == (way == "related")]
        assert sum(own) / 2 == pytest.approx(fifty["psnr"])
    assert {(r["target"], r["reference"]) for r in rows if r["reference"]} == {
        ("coffee.jpg", "flower.jpg"),
        ("flower.jpg", "coffee.jpg"),
    }
    with Image.open(out["png"]) as sheet:
        sheet.load()
        assert sheet.width > 1500

    kept = out["state"].read_bytes()
    assert kept.count(b"\n") == 3
    again = excolor(*options, "--resume", out["state"])  # nothing is left to be measured
    assert again.stdout == result.stdout
    assert out["state"].read_bytes() == kept
    other = excolor(*options, "--resume", out["state"], "--seed", 1)
    assert other.exit_code == 1
    assert "seed was 0 and is 1" in other.stderr


def test_a_picture_alone_on_old_film(two: Path, excolor: Run) -> None:
    (two / "flower.jpg").unlink()
    options = ("--protocol", "hints", "--side", 48, "--film", "ortho")
    first, second = (excolor("evaluate", "colorize", two, *options) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert len(first.stdout.splitlines()) == 2 + len(COUNTS) + 1
    assert first.stdout == second.stdout


def test_contrast_is_stretched_on_request(two: Path, tmp_path: Path, excolor: Run) -> None:
    (two / "flower.jpg").unlink()
    options = ("--protocol", "hints", "--side", 48, "--film", "low-contrast", "--resume", tmp_path / "state")
    plain = excolor("evaluate", "colorize", two, *options)
    assert excolor("evaluate", "colorize", two, *options, "--auto-levels").exit_code == 1  # a run of other settings
    (tmp_path / "state").unlink()
    stretched = excolor("evaluate", "colorize", two, *options, "--auto-levels")
    assert stretched.exit_code == plain.exit_code == 0
    assert stretched.stdout != plain.stdout


def test_it_is_measured_alone(two: Path, excolor: Run) -> None:
    result = excolor("evaluate", "colorize", two, "--protocol", "none,hints")
    assert result.exit_code == 2
    assert "name no other protocol beside it" in result.stderr
