"""`excolor evaluate film` on small clips."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from clips import PHOTOS, crops, write_clip
from PIL import Image

from excolor.errors import DeviceError
from excolor.evaluation.metrics import colorfulness
from excolor.film.color_clips import ColorClip
from excolor.film.measuring import ClipMeasurement, FilmEvaluator

Excolor = Callable[..., Result]
METHODS = ["truth", "gray", "frame by frame", "excolor"]


@pytest.fixture
def measure(excolor: Excolor, tmp_path: Path) -> Callable[..., dict[str, dict[str, object]]]:
    """Measures clips; returns what the JSON file says."""

    def run(*arguments: object) -> dict[str, dict[str, object]]:
        file = tmp_path / "numbers.json"
        options = ("--working-size", 64, "--model", "lite", "--json", file, "-f")
        result = excolor("evaluate", "film", *arguments, *options)
        assert result.exit_code == 0, result.output
        data: dict[str, dict[str, object]] = json.loads(file.read_text())
        return data

    return run


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, pixels in enumerate(crops(["palace"], 9, (64, 96))):
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{i}.png")
    return folder


def test_a_folder_of_frames_is_measured(
    frames: Path, measure: Callable[..., dict[str, dict[str, object]]], excolor: Excolor
) -> None:
    data = measure(frames)
    assert data["model"] == "lite" and data["every"] == 4 and data["failures"] == []
    (found,) = data["results"].values()
    assert list(found["methods"]) == METHODS
    assert found["frames"] == 8 and found["shots"] == 1  # the first is the reference
    truth, gray, alone, steady = found["methods"].values()
    assert truth["psnr"] is None and truth["ciede2000"] == 0
    assert gray["colorfulness"] == 0
    assert gray["psnr"] < alone["psnr"] < steady["psnr"]
    assert steady["ciede2000"] < alone["ciede2000"] < gray["ciede2000"]
    assert steady["warp_error"] < alone["warp_error"]
    assert all(numbers["cdc"] > 0 for numbers in found["methods"].values())


def test_the_table(frames: Path, excolor: Excolor) -> None:
    result = excolor("evaluate", "film", frames, "--limit", 3, "--no-alone", "--working-size", 64, "--model", "lite")
    assert result.exit_code == 0
    head, _, *rows = result.stdout.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert head.strip("| ").split("|")[-1].strip() == "warp error"
    assert [row[2] for row in cells] == ["truth", "gray", "excolor"]
    assert cells[0][:2] == [str(frames), "2"] and cells[0][3:5] == ["–", "–"] and cells[0][6] == "100%"
    assert cells[1][5:7] == ["0.0", "0%"]


def test_videos_and_folders_are_the_same_to_it(
    tmp_path: Path, frames: Path, measure: Callable[..., dict[str, dict[str, object]]]
) -> None:
    """The same frames in a video, whose 4:4:4 samples are rounded."""
    clip = write_clip(tmp_path / "clip.mkv", count=9, pix_fmt="yuv444p", tags=(1, 1))
    results = measure(clip, frames, "--limit", 5, "--no-alone")["results"]
    assert list(results) == [str(clip), str(frames), "mean of 2 clips"]
    of_clip, of_frames, mean = (one["methods"]["excolor"] for one in results.values())
    assert of_clip["psnr"] == pytest.approx(of_frames["psnr"], abs=0.5)
    assert of_clip["colorfulness"] == pytest.approx(of_frames["colorfulness"], rel=0.05)
    assert mean["psnr"] == pytest.approx((of_clip["psnr"] + of_frames["psnr"]) / 2)


def test_stills_as_references_and_cuts(tmp_path: Path, measure: Callable[..., dict[str, dict[str, object]]]) -> None:
    """With stills, the first frame is measured like all others; what is compared never lies across a cut."""
    clip = write_clip(tmp_path / "clip.mkv", ["palace", "coffee"], 6)
    stills = ("--ref", PHOTOS / "palace.jpg", "--ref", PHOTOS / "coffee.jpg")
    (found,) = measure(clip, *stills)["results"].values()
    assert found["frames"] == 12 and found["shots"] == 2
    (alone,) = measure(clip, "--no-alone", "--ref", PHOTOS / "palace.jpg")["results"].values()
    assert alone["methods"]["excolor"]["psnr"] < found["methods"]["excolor"]["psnr"] - 0.5
    assert found["methods"]["truth"]["warp_error"] < 0.002


@pytest.fixture
def with_black(tmp_path: Path, frames: Path) -> Path:
    """The same frames with a black one among them."""
    folder = tmp_path / "with black"
    folder.mkdir()
    for path in frames.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    Image.new("RGB", (96, 64)).save(folder / "5.png")
    return folder


def test_frames_without_colors_do_not_count(
    with_black: Path, excolor: Excolor, tmp_path: Path, measure: Callable[..., dict[str, dict[str, object]]]
) -> None:
    """A black frame is true by any method, and its PSNR infinite."""
    (found,) = measure(with_black, "--ref", PHOTOS / "palace.jpg")["results"].values()
    assert found["frames"] == 8 and found["colorless"] == 1
    for numbers in found["methods"].values():
        assert all(value is None or np.isfinite(value) for value in numbers.values())
    black = np.zeros((64, 96, 3), np.uint8)
    kept = [np.asarray(Image.open(path)) for path in sorted(with_black.iterdir())]
    truth = [colorfulness(pixels / 255) for pixels in kept if not np.array_equal(pixels, black)]
    assert found["methods"]["truth"]["colorfulness"] == pytest.approx(np.mean(truth))
    options = ("--working-size", 64, "--model", "lite", "--no-alone")
    result = excolor("evaluate", "film", with_black, *options)
    assert result.exit_code == 0 and "1 frame has no colors to hide" in result.stderr


def test_a_first_frame_without_colors_is_no_reference(
    with_black: Path, frames: Path, excolor: Excolor, measure: Callable[..., dict[str, dict[str, object]]]
) -> None:
    (with_black / "5.png").rename(with_black / "0.png")
    options = ("--working-size", 64, "--model", "lite", "--no-alone", "--limit", 4)
    result = excolor("evaluate", "film", with_black, frames, *options)
    assert result.exit_code == 1 and str(frames) in result.stdout and str(with_black) not in result.stdout
    said = " ".join(result.stderr.split())
    assert "its first frame, which the others are to follow, has no colors, and frame 2 is the first that has" in said
    (found,) = measure(with_black, *options[4:], "--ref", PHOTOS / "palace.jpg")["results"].values()
    assert (found["frames"], found["colorless"]) == (3, 1)


def test_what_goes_wrong_later_costs_no_numbers(
    tmp_path: Path, frames: Path, excolor: Excolor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too little memory for a clip is a failure of this clip; a missing package is found out before any is measured."""
    large, file = tmp_path / "large", tmp_path / "numbers.json"
    large.mkdir()
    for i, pixels in enumerate(crops(["palace"], 3, (72, 96))):
        Image.fromarray(np.ascontiguousarray(pixels)).save(large / f"{i}.png")
    measure, measured = FilmEvaluator.measure, []

    def measure_small(self: FilmEvaluator, clip: ColorClip, advance: Callable[[], None]) -> ClipMeasurement:
        measured.append(clip.path)
        if clip.path == large:
            raise DeviceError("too little memory is free on device cuda; use another device")
        return measure(self, clip, advance)

    monkeypatch.setattr(FilmEvaluator, "measure", measure_small)
    options = ("--working-size", 64, "--model", "lite", "--no-alone", "--limit", 3, "--json", file)
    result = excolor("evaluate", "film", frames, large, *options)
    assert result.exit_code == 1 and str(frames) in result.stdout
    data = json.loads(file.read_text())
    assert list(data["results"]) == [str(frames)] and measured == [frames, large]
    assert data["failures"] == [f"{large}: too little memory is free on device cuda; use another device"]
    assert data["failures"][0] in result.stderr
    clip = write_clip(tmp_path / "clip.mkv")
    monkeypatch.setitem(sys.modules, "av", None)
    result = excolor("evaluate", "film", frames, clip, *options, "-f")
    assert result.exit_code == 1 and "pip install av" in result.output and measured == [frames, large]


def test_what_cannot_be_measured(tmp_path: Path, frames: Path, excolor: Excolor) -> None:
    gray = write_clip(tmp_path / "gray.mkv", pix_fmt="gray")
    single = write_clip(tmp_path / "single.mkv", count=1)
    text = tmp_path / "text.mkv"
    text.write_text("no video")
    options = ("--working-size", 64, "--model", "lite", "--no-alone", "--limit", 3)
    result = excolor("evaluate", "film", gray, single, text, tmp_path / "missing.mkv", frames, *options)
    assert result.exit_code == 1
    assert "has no colors to hide" in result.stderr and "a single frame is no clip" in result.stderr
    assert "not a video" in result.stderr and "no such file" in result.stderr
    assert "clips that could not be used: 4" in result.stderr
    assert str(frames) in result.stdout
    nothing = excolor("evaluate", "film", text, *options)
    assert nothing.exit_code == 1 and "none of the clips could be measured" in nothing.output


def test_nothing_is_replaced_unasked(tmp_path: Path, frames: Path, excolor: Excolor) -> None:
    file = tmp_path / "numbers.json"
    file.write_text("mine")
    result = excolor("evaluate", "film", frames, "--json", file)
    assert result.exit_code == 1 and "--force" in result.output and file.read_text() == "mine"
    clip = write_clip(tmp_path / "clip.mkv")
    assert excolor("evaluate", "film", clip, "--json", clip, "-f").exit_code == 2
