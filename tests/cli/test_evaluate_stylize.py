"""`excolor evaluate stylize` as a user meets it: the shipped model on a handful of pictures."""

import csv
import errno
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner, Result
from PIL import Image

from excolor.cli.main import main
from excolor.reporting.timing import Timing

QUICK = ("--no-seconds", "--side", 48)
METHODS = ["identity", "reinhard", "monge-kantorovich", "histogram", "excolor adain", "excolor wct"]


@pytest.fixture
def album(tmp_path: Path, reference: Path) -> Path:
    """Two parts of a photograph, and a synthetic picture in another folder."""
    folder = tmp_path / "album"
    (folder / "blobs").mkdir(parents=True)
    with Image.open(reference) as photograph:
        photograph.crop((0, 0, 400, 300)).save(folder / "upper.jpg")
        photograph.crop((100, 300, 500, 500)).save(folder / "lower.png")
    levels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(levels).resize((90, 70), Image.Resampling.BICUBIC).save(folder / "blobs" / "1.webp")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", "stylize", *map(str, arguments)])


def results_in(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_stylization_is_on_the_frontier(tmp_path: Path) -> None:
    """Quarters of the four photographs that scikit-image brings along, each in the style of one of another photograph.

    No other method keeps more of the content and reaches more of the style than AdaIN, nor than WCT: by default.
    """
    album = tmp_path / "quarters"
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        (album / name).mkdir(parents=True)
        photograph = Image.fromarray(getattr(skimage.data, name)())
        width, height = photograph.width // 2, photograph.height // 2
        for i, (left, top) in enumerate(((0, 0), (width, 0), (0, height), (width, height))):
            photograph.crop((left, top, left + width, top + height)).save(album / name / f"{i}.png")
    result = run(album, "--no-seconds", "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    found = results_in(tmp_path / "out.json")["results"]
    assert found["pairs"] == 16
    for own in ("excolor adain", "excolor wct"):
        assert found["better_on_both"][own] == []
        assert own in found["frontier"]
        for other in METHODS[:4]:
            margins = found["margins"][own][other]
            assert max(margins["content"]["mean"], margins["style"]["mean"]) > 0, f"{own} against {other}"
    # The content itself keeps everything and reaches nothing; all others are in between
    assert found["methods"]["identity"]["content"]["mean"] == pytest.approx(1)
    assert found["methods"]["identity"]["style"]["mean"] == pytest.approx(0)
    for method in METHODS[1:]:
        assert 0.4 < found["methods"][method]["content"]["mean"] < 1
        assert 0.3 < found["methods"][method]["style"]["mean"] < 1


def test_everything_at_once(album: Path, tmp_path: Path) -> None:
    out = {name: tmp_path / f"out.{name}" for name in ("json", "csv")}
    sheet, plot = tmp_path / "sheet.png", tmp_path / "plot.png"
    result = run(album, *QUICK, "--json", out["json"], "--csv", out["csv"], "--sheet", sheet, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "**Means over 3 pairs**" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("The frontier of content kept and style reached: identity")

    found = results_in(out["json"])
    assert (found["task"], found["side"], found["working_size"], found["seed"]) == ("stylize", 48, 48, 0)
    assert set(found["checkpoints"]) == {"encoder", "decoder"}
    assert list(found["results"]["methods"]) == METHODS
    assert found["seconds"] == {}

    rows = list(csv.DictReader(out["csv"].read_text().splitlines()))
    assert len(rows) == 3 * len(METHODS)
    styles = {row["content_picture"]: row["style_picture"] for row in rows}
    assert styles["upper.jpg"] == styles["lower.png"] == "blobs/1.webp"  # of another folder
    own = [float(row["style"]) for row in rows if row["method"] == "excolor wct"]
    assert np.mean(own) == pytest.approx(found["results"]["methods"]["excolor wct"]["style"]["mean"])
    for path in (sheet, plot):
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.width > 1000


def test_same_input_same_numbers(album: Path) -> None:
    first, second = (run(album, *QUICK, "--limit", 1, "--device", "cpu") for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == second.stdout
    assert "**Means over 1 pair**" in first.stdout
    assert "±" not in first.stdout


def test_seconds_are_told(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed = []

    def time_calls(work: Any, _synchronize: Any, _repeat: int) -> Timing:
        timed.append(work().shape)
        return Timing(0.5, 0.25, 0.75, 3)

    monkeypatch.setattr("excolor.evaluation.style_measuring.time_calls", time_calls)
    monkeypatch.setattr("excolor.cli.evaluate_stylize._SIZES", (32, 64))
    result = run(album, "--side", 48, "--limit", 1, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    assert "| excolor adain     | 0.500 (0.250–0.750) | 0.500 (0.250–0.750) |" in result.stdout
    assert timed == [(32, 32, 3)] * 5 + [(64, 64, 3)] * 5
    found = results_in(tmp_path / "out.json")["seconds"]
    assert list(found) == METHODS[1:]
    assert found["histogram"]["64"]["median"] == 0.5


def test_pairs_from_a_table(album: Path, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("content,style\nupper.jpg,lower.png\nlower.png,lower.png\n")
    result = run(album, *QUICK, "--pairs", table, "--csv", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    rows = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert {(row["content_picture"], row["style_picture"]) for row in rows} == {("upper.jpg", "lower.png")}
    assert "lower.png looks like lower.png already" in result.stderr  # nothing could be reached


def test_a_run_goes_on_where_it_was(album: Path, tmp_path: Path) -> None:
    state, straight, resumed = tmp_path / "state", tmp_path / "straight.json", tmp_path / "resumed.json"
    options = (album, *QUICK, "--device", "cpu")
    assert run(*options, "--json", straight, "--resume", state).exit_code == 0
    lines = state.read_text().splitlines(keepends=True)
    assert len(lines) == 1 + 3
    state.write_text("".join(lines[:2]) + lines[2][:30])  # killed while it wrote the second
    assert run(*options, "--json", resumed, "--resume", state).exit_code == 0
    found, expected = results_in(resumed), results_in(straight)
    for results in (found, expected):
        results.pop("date")
    assert found == expected


def test_a_state_of_another_run_is_refused(album: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert run(album, *QUICK, "--limit", 1, "--resume", state).exit_code == 0
    for command, other in (("colorize", ()), ("stylize", ("--working-size", 40))):
        arguments = ["evaluate", command, album, "--side", 48, "--limit", 1, "--resume", state, *other]
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 1
        assert "the run in it was another one" in result.stderr


def test_a_damaged_picture_is_named_and_left_out(album: Path, tmp_path: Path) -> None:
    damaged = album / "upper.jpg"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    result = run(album, *QUICK, "--json", tmp_path / "out.json")
    assert result.exit_code == 1
    assert "pictures that could not be used: 1" in result.stderr
    assert len(results_in(tmp_path / "out.json")["failures"]) == 1
    assert "| excolor wct" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("stylize", "--match", "both"), "--match"),
        (("stylize", "--protocol", "random"), "--protocol"),
        (("colorize", "--plot", "plot.png"), "--plot"),
        (("colorize", "--no-seconds"), "--no-seconds"),
        (("stylize", "--plot", "plot.svg"), "plot.svg does not end in .png"),
        (("sing",), "sing"),
    ],
)
def test_wrong_usage(options: tuple[str, ...], words: str, album: Path) -> None:
    command, *others = options
    result = CliRunner().invoke(main, ["evaluate", command, str(album), *others])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--plot", "nosuch/plot.png"), "nosuch"),
        (("--pairs", "nosuch.csv"), "nosuch.csv"),
        (("--leave-out", "upper", "--leave-out", "lower"), "random"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(options: tuple[str, ...], words: str, album: Path) -> None:
    result = run(album, *QUICK, *options)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert result.stdout == ""


def test_a_table_of_the_wrong_shape(album: Path, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("upper.jpg\n")
    assert "is not content,style" in run(album, *QUICK, "--pairs", table).stderr


def test_pictures_of_the_same_colors_are_left_out(tmp_path: Path, reference: Path) -> None:
    """Another save of a picture leaves so little to reach that each method's share of it would drown all others."""
    album = tmp_path / "album"
    album.mkdir()
    with Image.open(reference) as photograph:
        for quality in (50, 95):
            photograph.save(album / f"{quality}.jpg", quality=quality)
    result = run(album, *QUICK)
    assert result.exit_code == 1
    assert "50.jpg looks like 95.jpg already" in result.stderr
    assert "none of its pictures could be measured" in result.stderr


def test_a_plot_without_matplotlib_is_refused_before_anything_is_measured(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # imports fail
    result = run(album, *QUICK, "--plot", tmp_path / "plot.png")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("Error: plots need matplotlib, which is not installed")


@pytest.mark.parametrize("option", ["--json", "--csv", "--plot", "--sheet"])
@pytest.mark.parametrize("of_table", [False, True])
def test_no_picture_is_replaced(option: str, of_table: bool, album: Path, tmp_path: Path) -> None:
    """Neither one in the folder nor one that a table of pairs names beside itself, with --force either."""
    picture, pairs = album / "lower.png", []
    if of_table:
        picture = picture.rename(tmp_path / "beside.png")
        (tmp_path / "pairs.csv").write_text("content,style\nupper.jpg,beside.png\n")
        pairs = ["--pairs", tmp_path / "pairs.csv"]
    before = picture.read_bytes()
    (tmp_path / "linked.png").hardlink_to(picture)
    for name in (picture, tmp_path / "linked.png"):
        result = run(album, *QUICK, *pairs, "--force", option, name)
        assert result.exit_code == 1
        assert "is one of the pictures and would be replaced" in result.stderr
    assert picture.read_bytes() == before


def test_another_style_beside_the_table_is_noticed(album: Path, tmp_path: Path) -> None:
    table, beside = tmp_path / "pairs.csv", tmp_path / "beside.png"
    table.write_text("upper.jpg,beside.png\n")
    options = (album, *QUICK, "--pairs", table, "--resume", tmp_path / "state")
    for number, name in enumerate(("lower.png", "upper.jpg")):
        with Image.open(album / name) as image:
            image.save(beside)
        assert run(*options).exit_code == number


def test_the_files_come_though_nobody_reads_the_table(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_table: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("excolor.cli.evaluate_stylize.print_table", closed)
    result = run(album, *QUICK, "--json", tmp_path / "out.json", "--csv", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert results_in(tmp_path / "out.json")["results"]
    assert (tmp_path / "out.csv").stat().st_size > 0
