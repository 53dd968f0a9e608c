"""`excolor film --hints`: a frame with colors of a person, and the shot that follows it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from clips import PHOTOS, content, rgb_of, write_clip
from PIL import Image

from excolor.evaluation.metrics import lab

SMALL = ("--working-size", 64, "--model", "lite", "--every", 2)
SIZE = (64, 96)


def write_spot(path: Path, x: float, y: float, color: str, radius: str) -> Path:
    """A file of one hint."""
    spot = {"x": x, "y": y, "color": color, "radius": radius}
    path.write_text(json.dumps({"excolor_hints": 1, "hints": [spot]}))
    return path


@pytest.fixture
def hints(tmp_path: Path) -> Path:
    """Magenta on a spot of the sky."""
    return write_spot(tmp_path / "sky.json", 0.8, 0.2, "#c060c0", "12%")


def ab(path: Path) -> list[np.ndarray]:
    return [lab(rgb_of(frame) / 255)[..., 1:] for frame in content(path).frames]


def spot_at(frame: np.ndarray, moved: int) -> np.ndarray:
    """Mean ab where the spot is after a pan by so many pixels."""
    column = round(0.8 * SIZE[1]) - moved
    return frame[10:16, column - 3 : column + 3].mean((0, 1))


def test_hints_of_a_frame_serve_its_shot_and_no_other(
    tmp_path: Path, excolor: Callable[..., Result], hints: Path
) -> None:
    """The clip pans by two pixels a frame; the color stays on the sky, before and after the frame with the hint."""
    clip = write_clip(tmp_path / "in.mkv", ["palace", "coffee"], 7, size=SIZE, pix_fmt="yuv444p", tags=(1, 1))
    references = ("--ref", PHOTOS / "palace.jpg", "--ref", PHOTOS / "coffee.jpg", *SMALL)
    assert excolor("film", clip, *references, "-o", tmp_path / "plain.mkv").exit_code == 0
    result = excolor("film", clip, *references, "--hints", f"0.12={hints}", "-o", tmp_path / "hinted.mkv")
    assert result.exit_code == 0, result.output
    plain, hinted = ab(tmp_path / "plain.mkv"), ab(tmp_path / "hinted.mkv")
    for index in range(7):
        before, after = (spot_at(frames[index], 2 * (index - 3)) for frames in (plain, hinted))
        assert after[0] > before[0] + 6, index
    assert all(np.array_equal(a, b) for a, b in zip(plain[7:], hinted[7:], strict=True))


def test_hints_alone(tmp_path: Path, excolor: Callable[..., Result], hints: Path) -> None:
    """Without a reference all other colors are invented; a folder of frames takes hints as well."""
    folder = tmp_path / "frames"
    folder.mkdir()
    clip = write_clip(tmp_path / "in.mkv", count=4, size=SIZE)
    for i, frame in enumerate(content(clip).frames):
        Image.fromarray(rgb_of(frame)).convert("L").save(folder / f"{i}.png")
    assert excolor("film", clip, "--hints", f"0={hints}", *SMALL, "-o", tmp_path / "out.mkv").exit_code == 0
    assert excolor("film", folder, "--hints", f"0={hints}", *SMALL, "-o", tmp_path / "out").exit_code == 0
    last = lab(np.asarray(Image.open(tmp_path / "out" / "3.png")) / 255)[..., 1:]
    for found in (spot_at(ab(tmp_path / "out.mkv")[3], 6), spot_at(last, 6)):
        assert found[0] > 6


def test_a_painted_layer(tmp_path: Path, excolor: Callable[..., Result]) -> None:
    clip = write_clip(tmp_path / "in.mkv", count=3, size=SIZE)
    layer = np.zeros((*SIZE, 4), np.uint8)
    layer[8:18, 70:84] = (192, 96, 192, 255)
    Image.fromarray(layer).save(tmp_path / "layer.png")
    result = excolor("film", clip, "--hints", f"0={tmp_path / 'layer.png'}", *SMALL, "-o", tmp_path / "out.mkv")
    assert result.exit_code == 0, result.output
    assert spot_at(ab(tmp_path / "out.mkv")[2], 4)[0] > 6


def test_hints_that_cannot_be_used(tmp_path: Path, excolor: Callable[..., Result], hints: Path) -> None:
    clip = write_clip(tmp_path / "in.mkv", count=3, size=SIZE)

    def failing(hints_at: str, code: int) -> str:
        result = excolor("film", clip, "--hints", hints_at, *SMALL, "-o", tmp_path / "out.mkv")
        assert result.exit_code == code and not (tmp_path / "out.mkv").exists()
        return " ".join(result.output.split())

    assert "no frame of the clip is shown at 60 s" in failing(f"1:00={hints}", 1)
    assert "missing.json" in failing(f"0={tmp_path / 'missing.json'}", 1)
    assert "not TIME=FILE" in failing(str(hints), 2)
    other = tmp_path / "other.json"
    target = {"width": 640, "height": 480}
    other.write_text(
        json.dumps({"excolor_hints": 1, "target": target, "hints": json.loads(hints.read_text())["hints"]})
    )
    assert "640×480" in failing(f"0={other}", 1)
    assert "give a .json" in failing(f"0={tmp_path / 'hints.csv'}", 2)


def test_hints_that_would_not_be_seen_are_said(tmp_path: Path, excolor: Callable[..., Result], hints: Path) -> None:
    """25 frames a second: 0.01 s and 0.03 s are the first frame, 0.12 s is the fourth."""
    clip = write_clip(tmp_path / "in.mkv", count=6, size=SIZE)
    layer = np.zeros((*SIZE, 4), np.uint8)
    layer[8:18, 70:84] = (192, 96, 192, 255)
    Image.fromarray(layer).save(tmp_path / "layer.png")
    both = ("--hints", f"0.01={hints}", "--hints", f"0.03={tmp_path / 'layer.png'}")
    result = excolor("film", clip, *both, *SMALL, "-o", tmp_path / "out.mkv")
    assert result.exit_code == 2 and "are for one frame" in result.output
    apart = ("--hints", f"0={hints}", "--hints", f"0.12={hints}")
    result = excolor("film", clip, *apart, "--start", "0.1", *SMALL, "-o", tmp_path / "out.mkv")
    assert result.exit_code == 0, result.output
    said = [line for line in result.output.splitlines() if "not in the part" in line]
    assert len(said) == 1 and "at 0 s" in said[0]


def test_hints_after_the_end_of_the_part_color_nothing_before_it(
    tmp_path: Path, excolor: Callable[..., Result], hints: Path
) -> None:
    clip = write_clip(tmp_path / "in.mkv", count=6, size=SIZE, pix_fmt="yuv444p", tags=(1, 1))
    found = []
    for number, second in enumerate(("0.12", "0.2")):
        given = ("--hints", f"{second}={hints}", "--end", "0.16")
        assert excolor("film", clip, *given, *SMALL, "-o", tmp_path / f"{number}.mkv").exit_code == 0
        found.append(ab(tmp_path / f"{number}.mkv"))
    within, after = (spot_at(frames[3], 8)[0] for frames in found)
    assert within > 6 and after < within - 3


def test_several_frames_of_a_shot(tmp_path: Path, excolor: Callable[..., Result], hints: Path) -> None:
    """The networks see all of them: what only the second one says counts as well."""
    clip = write_clip(tmp_path / "in.mkv", count=5, size=SIZE, pix_fmt="yuv444p", tags=(1, 1))
    second = write_spot(tmp_path / "second.json", 0.3, 0.8, "#2040d0", "20%")
    found = []
    for number, more in enumerate(((), ("--hints", f"0.16={second}"))):
        output = tmp_path / f"{number}.mkv"
        assert excolor("film", clip, "--hints", f"0={hints}", *more, *SMALL, "-o", output).exit_code == 0
        found.append(ab(output))
    assert all(spot_at(frames[4], 8)[0] > 6 for frames in found)
    assert found[1][4][..., 1].mean() < found[0][4][..., 1].mean() - 0.5


@pytest.fixture
def other_hints(tmp_path: Path) -> Path:
    """Green on the same spot, and on all around it."""
    return write_spot(tmp_path / "green.json", 0.8, 0.2, "#30a030", "40%")


def test_other_shots_know_nothing_of_hints_without_a_reference_either(
    tmp_path: Path, excolor: Callable[..., Result], hints: Path, other_hints: Path
) -> None:
    """Neither in the result nor in a preview, where the shot of the hints follows them as well."""
    clip = write_clip(tmp_path / "in.mkv", ["palace", "coffee"], 7, size=SIZE, pix_fmt="yuv444p", tags=(1, 1))
    found, sheets = [], []
    for number, given in enumerate((hints, other_hints)):
        output = tmp_path / f"{number}.mkv"
        command = ("film", clip, "--hints", f"0={given}", *SMALL, "-o", output)
        assert excolor(*command).exit_code == 0
        found.append(ab(output))
        assert excolor(*command, "--preview", 2).exit_code == 0  # frames 3 and 10
        sheets.append(np.asarray(Image.open(tmp_path / f"{number}-preview.png").convert("RGB"), np.int16))
    assert all(not np.array_equal(a, b) for a, b in zip(found[0][:7], found[1][:7], strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(found[0][7:], found[1][7:], strict=True))
    middle = sheets[0].shape[1] // 2
    difference = np.abs(sheets[0] - sheets[1])
    assert difference[:, :middle].max() > 20 and difference[:, middle:].max() == 0


def test_hints_beside_a_reference_for_the_shot(tmp_path: Path, excolor: Callable[..., Result], hints: Path) -> None:
    """The frame has all other colors from the reference that is for its shot, though another one fits it better."""
    clip = write_clip(tmp_path / "in.mkv", count=5, size=SIZE, pix_fmt="yuv444p", tags=(1, 1))
    fits = ("--ref", PHOTOS / "palace.jpg")
    found = {}
    for name, references in {
        "fits": fits,
        "at once": (*fits, "--ref-at", f"0={PHOTOS / 'coffee.jpg'}"),
        "later": (*fits, "--ref-at", f"0.1={PHOTOS / 'coffee.jpg'}"),
        "alone": ("--ref-at", f"0={PHOTOS / 'coffee.jpg'}"),
    }.items():
        output = tmp_path / f"{name}.mkv"
        assert excolor("film", clip, *references, "--hints", f"0={hints}", *SMALL, "-o", output).exit_code == 0
        found[name] = ab(output)
    for name in ("at once", "later"):
        assert all(map(np.array_equal, found[name], found["alone"])), name
    assert all(spot_at(found["alone"][index], 2 * index)[0] > 6 for index in range(5))
    assert not any(map(np.array_equal, found["fits"], found["alone"]))


def test_cuts_are_looked_for_once(
    tmp_path: Path, excolor: Callable[..., Result], hints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the frame with hints takes its other colors from the reference of its shot."""
    from excolor.film import coloring, jobs

    searches: list[str] = []
    for module in (coloring, jobs):
        monkeypatch.setattr(module, "find_shots", _counted(module.find_shots, searches))
    clip = write_clip(tmp_path / "in.mkv", count=3, size=SIZE)
    given = ("--ref-at", f"0={PHOTOS / 'coffee.jpg'}", "--hints", f"0={hints}", *SMALL)
    assert excolor("film", clip, *given, "-o", tmp_path / "out.mkv").exit_code == 0
    assert len(searches) == 1


def _counted(find: Callable[..., object], searches: list[str]) -> Callable[..., object]:
    def counted(*arguments: object) -> object:
        searches.append("again")
        return find(*arguments)

    return counted
