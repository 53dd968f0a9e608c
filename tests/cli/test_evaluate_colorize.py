"""`excolor evaluate colorize` as a user meets it: the shipped model on a handful of pictures."""

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from excolor import __version__
from excolor.cli.main import main
from excolor.errors import DeviceError, OutputError
from excolor.evaluation.measuring import Evaluator, Measurement
from excolor.evaluation.protocols import Case
from excolor.networks.models import find_model

SIDE = ("--side", 48)
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def album(tmp_path: Path, reference: Path) -> Path:
    """Two parts of a photograph, a synthetic picture, and a sequence of three frames."""
    folder = tmp_path / "album"
    (folder / "pan_frames").mkdir(parents=True)
    with Image.open(reference) as photograph:
        photograph.crop((0, 0, 400, 300)).save(folder / "upper.jpg")
        photograph.crop((100, 300, 500, 600)).save(folder / "lower.png")
        for i in range(3):
            photograph.crop((30 * i, 100, 30 * i + 200, 300)).save(folder / "pan_frames" / f"{i}.jpg")
    levels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(levels).resize((90, 70), Image.Resampling.BICUBIC).save(folder / "blobs.webp")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", "colorize", *map(str, arguments)])


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "excolor", "evaluate", "colorize", *map(str, arguments)]


def results_in(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_everything_at_once(album: Path, tmp_path: Path) -> None:
    out = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "png")}
    files = ("--json", out["json"], "--csv", out["csv"], "--sheet", out["png"], "--sheet-count", 4)
    result = run(album, *SIDE, *files, "--seed", 3, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    *lines, margins = result.stdout.splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {row[0]: row[1] for row in table if row[0]}
    assert heads.items() >= {"none": "3", "mirror": "3", "halves": "3", "frames": "2", "random": "3"}.items()
    assert {row[2] for row in table[2:]} == {"gray", "tint", "reinhard", "welsh", "excolor"}
    assert "mirror +" in margins
    assert "±" in margins

    found = results_in(out["json"])
    files_of_model = find_model("semantic")
    assert found["excolor"] == __version__
    assert found["model"] == "semantic"
    assert found["device"] == "cpu"
    assert (found["side"], found["working_size"], found["match"], found["seed"]) == (48, 48, "both", 3)
    digests = set(files_of_model.files.values())
    digested = subprocess.run(["sha256sum", *digests], check=True, capture_output=True, text=True).stdout
    assert {line.split()[0] for line in digested.splitlines()} == set(found["checkpoints"].values())
    assert found["failures"] == []
    mirror = found["results"]["mirror"]
    assert mirror["pictures"] == 3
    assert f"{mirror['methods']['excolor']['psnr']:.2f}" in margins or mirror["margin"]["over"] in margins

    rows = list(csv.DictReader(out["csv"].read_text().splitlines()))
    assert len(rows) == 3 * 2 + (3 + 3 + 2 + 3) * 5
    own = [float(row["psnr"]) for row in rows if (row["protocol"], row["method"]) == ("mirror", "excolor")]
    assert np.mean(own) == pytest.approx(mirror["methods"]["excolor"]["psnr"])
    with Image.open(out["png"]) as sheet:
        sheet.load()
        assert sheet.width > 1000


def test_the_model_is_better_than_gray_where_the_reference_fits(album: Path, tmp_path: Path) -> None:
    assert run(album, "--protocol", "mirror", "--json", tmp_path / "out.json").exit_code == 0
    methods = results_in(tmp_path / "out.json")["results"]["mirror"]["methods"]
    assert methods["excolor"]["psnr"] > methods["gray"]["psnr"] + 1
    assert methods["excolor"]["ciede2000"] < methods["gray"]["ciede2000"]
    assert methods["gray"]["colorfulness_ratio"] < 0.01 < methods["excolor"]["colorfulness_ratio"]


@pytest.mark.parametrize(("model", "harm"), [("lite", 0.7), ("semantic", 2.5)])
def test_models_keep_their_promises_on_the_photographs_of_the_readme(model: str, harm: float, tmp_path: Path) -> None:
    """Above every other method where the reference fits; an unrelated one does little harm, or some.

    Asked for is about what the project aims at, but for what an unrelated reference does to `semantic`, which follows
    it too far: about 2 dB.
    """
    options = ("--model", model, "--protocol", "none,mirror,halves,random", "--json", tmp_path / "out.json")
    result = run(EXAMPLES / "photos", *options)
    assert result.exit_code == 0, result.output
    found = results_in(tmp_path / "out.json")["results"]
    psnr = {
        protocol: {name: numbers["psnr"] for name, numbers in measured["methods"].items()}
        for protocol, measured in found.items()
    }
    best_other = {p: max(value for name, value in psnr[p].items() if name != "excolor") for p in psnr}
    margin = {p: psnr[p]["excolor"] - best_other[p] for p in psnr}
    assert margin["mirror"] > 2.5
    assert margin["halves"] > 1
    assert margin["none"] > 0.5
    assert psnr["random"]["excolor"] > psnr["none"]["excolor"] - harm


def test_same_input_same_numbers(album: Path) -> None:
    first, second = (run(album, *SIDE, "--limit", 2, "--protocol", "random,none") for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == second.stdout
    assert {line.split("|")[1].strip() for line in first.stdout.splitlines()[2:-1]} == {"none", "random", ""}


def test_pairs_from_here_and_there(album: Path, reference: Path, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    copy = tmp_path / "elsewhere.jpg"
    copy.write_bytes(reference.read_bytes())
    table.write_text("target,reference\nupper.jpg,lower.png\nblobs.webp,elsewhere.jpg\n")
    result = run(album, *SIDE, "--pairs", table, "--protocol", "pairs", "--csv", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    rows = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert {(row["target"], row["reference"]) for row in rows} == {
        ("upper.jpg", "lower.png"),
        ("blobs.webp", "elsewhere.jpg"),
    }


def test_a_damaged_picture_is_named_once_and_left_out(album: Path, tmp_path: Path) -> None:
    damaged = album / "upper.jpg"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    result = run(album, *SIDE, "--json", tmp_path / "out.json")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.count("upper.jpg") == 1
    assert "pictures that could not be used: 1" in result.stderr
    found = results_in(tmp_path / "out.json")
    assert found["results"]["mirror"]["pictures"] == 2
    assert len(found["failures"]) == 1
    assert "| mirror" in result.stdout


def test_a_picture_that_the_device_cannot_hold_ends_nothing(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, free = Evaluator.measure, iter(range(9))

    def measure_small(self: Evaluator, case: Case) -> Measurement | None:
        if case.target == "upper.jpg":
            raise DeviceError(f"{next(free)} GB are free; use another device")
        return measure(self, case)

    monkeypatch.setattr(Evaluator, "measure", measure_small)
    result = run(album, *SIDE, "--protocol", "none,mirror", "--json", tmp_path / "out.json")
    assert result.exit_code == 1
    assert result.stderr.count("upper.jpg: 0 GB are free; use another device; it is skipped") == 1
    assert "pictures that could not be used: 1" in result.stderr
    found = results_in(tmp_path / "out.json")
    assert found["results"]["mirror"]["pictures"] == 2
    assert found["failures"] == ["upper.jpg: 0 GB are free; use another device"]


@pytest.mark.parametrize("options", [("none,random,recolored,zoomed", "--film", "grainy"), ("hints",)])
def test_names_that_are_not_utf_8(options: tuple[str, ...], tmp_path: Path, reference: Path) -> None:
    folder, table = tmp_path / "album", tmp_path / "out.csv"
    folder.mkdir()
    with Image.open(reference) as photograph:
        for name, left in ((b"caf\xe9.jpg", 0), (b"caf\xe8.jpg", 200)):
            photograph.crop((left, 0, left + 200, 150)).save(folder / os.fsdecode(name))
    result = run(folder, *SIDE, "--protocol", *options, "--csv", table, "--sheet", tmp_path / "sheet.png")
    assert result.exit_code == 0, result.output
    targets = {row["target"] for row in csv.DictReader(os.fsdecode(table.read_bytes()).splitlines())}
    assert targets == {path.name for path in folder.iterdir()}


def test_a_gray_picture_is_no_failure(album: Path) -> None:
    with Image.open(album / "lower.png") as image:
        image.convert("L").save(album / "lower.png")
    result = run(album, *SIDE, "--protocol", "mirror")
    assert result.exit_code == 0
    assert "lower.png has no color to hide" in result.stderr
    assert run(album, *SIDE, "--protocol", "mirror", "--quiet").stderr == ""


def test_nothing_that_could_be_measured(tmp_path: Path) -> None:
    folder = tmp_path / "gray"
    folder.mkdir()
    Image.new("L", (60, 60), 100).save(folder / "a.png")
    result = run(folder, *SIDE, "-q")
    assert result.exit_code == 1
    assert "none of its pictures could be measured" in result.stderr
    assert result.stdout == ""


def test_a_killed_run_goes_on(album: Path, tmp_path: Path) -> None:
    state, straight, resumed = tmp_path / "state", tmp_path / "straight.json", tmp_path / "resumed.json"
    options = (album, *SIDE, "--device", "cpu")
    assert run(*options, "--json", straight).exit_code == 0

    killed = subprocess.Popen(command(*options, "--resume", state), stdout=subprocess.DEVNULL)
    while killed.poll() is None and (not state.exists() or state.read_bytes().count(b"\n") < 4):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept = state.read_bytes().count(b"\n") - 1
    assert 3 <= kept < 14

    assert run(*options, "--resume", state, "--json", resumed).exit_code == 0
    assert state.read_bytes().count(b"\n") - 1 == 3 * 4 + 2
    found, expected = results_in(resumed), results_in(straight)
    for results in (found, expected):
        results.pop("date")
    assert found == expected


def test_a_changed_setting_is_refused(album: Path, tmp_path: Path) -> None:
    options = (album, *SIDE, "--protocol", "none", "--resume", tmp_path / "state")
    assert run(*options).exit_code == 0
    for change in (("--match", "semantic"), ("--seed", 1), ("--leave-out", "upper")):
        result = run(*options, *change)
        assert result.exit_code == 1
        assert "the run in it was another one" in result.stderr
    assert run(*options).exit_code == 0


def test_another_reference_beside_the_table_is_noticed(album: Path, reference: Path, tmp_path: Path) -> None:
    table, beside = tmp_path / "pairs.csv", tmp_path / "generated.png"
    table.write_text("blobs.webp,generated.png\n")
    options = (album, *SIDE, "--protocol", "pairs", "--pairs", table, "--resume", tmp_path / "state", "-q")
    with Image.open(reference) as image:
        image.resize((90, 70)).save(beside)
        assert [run(*options).exit_code for _ in range(2)] == [0, 0]
        image.resize((90, 70)).rotate(180).save(beside)
    result = run(*options)
    assert result.exit_code == 1
    assert "the run in it was another one (photos_of_pairs_sha256 was" in result.stderr


def test_nothing_is_overwritten(album: Path, tmp_path: Path) -> None:
    precious = tmp_path / "out.json"
    precious.write_text("precious")
    options = (album, *SIDE, "--protocol", "none", "--limit", 1, "--json", precious)
    result = run(*options)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert precious.read_text() == "precious"
    assert run(*options, "--force").exit_code == 0
    assert results_in(precious)["limit"] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--protocol", "frames", "--leave-out", "pan"), "no pictures for frames"),
        (("--protocol", "pairs"), "--pairs"),
        (("--pairs", "nosuch.csv"), "nosuch.csv"),
        (("--json", "nosuch/out.json"), "nosuch"),
        (("--sheet", "sheet.xyz"), ".png"),
        (("--model", "nosuch"), "lite"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(options: tuple[str, ...], words: str, album: Path) -> None:
    result = run(album, *options)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "options",
    [("--protocol", "sideways"), ("--side", "8"), ("--protocol", "none", "--pairs", "p.csv"), ("--limit", "0")],
)
def test_wrong_usage(options: tuple[str, ...], album: Path) -> None:
    assert run(album, *options).exit_code == 2


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_a_file_is_not_asked_to_be_two_things(album: Path, tmp_path: Path) -> None:
    for options in (("--json", "--csv"), ("--resume", "--json"), ("--csv", "--sheet")):
        named = [part for option in options for part in (option, tmp_path / "same.png")]
        result = run(album, *SIDE, *named, "--force")
        assert result.exit_code == 2
        assert "same.png is named twice, for different purposes" in result.output.replace("\n", " ")


def test_the_table_comes_before_what_may_fail(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OutputError("the disk is full; make room")

    monkeypatch.setattr("excolor.evaluation.sheet.sheet", fail)
    result = run(album, *SIDE, "--protocol", "none", "--limit", 2, "--sheet", tmp_path / "sheet.png")
    assert result.exit_code == 1
    assert "| excolor" in result.stdout
    assert "the disk is full" in result.stderr


def test_the_files_come_though_nobody_reads_the_table(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_table: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("excolor.cli.evaluate_colorize.print_table", closed)
    files = ("--json", tmp_path / "out.json", "--csv", tmp_path / "out.csv")
    result = run(album, "--protocol", "mirror", "--side", 48, *files)
    assert result.exit_code == 1
    assert results_in(tmp_path / "out.json")["results"]
    assert (tmp_path / "out.csv").stat().st_size > 0


def test_on_a_terminal(album: Path) -> None:
    """A drawn table."""
    ours, theirs = os.openpty()
    environment = os.environ | {"COLUMNS": "120", "TERM": "xterm"}
    options = (album, *SIDE, "--protocol", "none", "--limit", 1)
    with subprocess.Popen(command(*options), stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 4096):
                shown += data
        except OSError:  # the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    assert "┃ protocol ┃ pictures ┃ method" in plain
    assert "95 % interval: none" in plain
