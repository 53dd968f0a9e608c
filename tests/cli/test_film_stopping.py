"""`excolor film`: Ctrl-C is obeyed wherever the work is."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from clips import content, crops, write_clip
from PIL import Image

from excolor.film import clip as film_clip
from excolor.film import frames as film_frames
from excolor.film import output as film_output
from excolor.method.colorizer import Colorizer

SMALL = ("--working-size", 48, "--model", "lite")
CONTINUES = "Interrupted: the same command continues at the last shot that was finished."


@pytest.fixture(autouse=True)
def is_heeded() -> Iterator[None]:
    """Ctrl-C, though tests that a shell runs in its background begin with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "in.mkv", ["palace", "coffee"], 6)


@pytest.fixture
def film(excolor: Callable[..., Result], tmp_path: Path) -> Callable[..., Result]:
    """Colors a clip to out.mkv."""
    ref = tmp_path / "first.png"
    Image.fromarray(np.ascontiguousarray(crops(["palace"], 6, (64, 96))[0])).save(ref)

    def run(clip: object, *options: object, output: str = "out.mkv") -> Result:
        return excolor("film", clip, "--ref", ref, "-o", tmp_path / output, *SMALL, *options)

    return run


def interrupt_in(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int) -> list[int]:
    """Send Ctrl-C in a call of a function, counted from 1; returns the calls so far."""
    function, calls = getattr(owner, name), list[int]()

    def interrupted(*args: Any, **options: Any) -> Any:
        calls.append(len(calls) + 1)
        if calls[-1] == call:
            signal.raise_signal(signal.SIGINT)
        return function(*args, **options)

    monkeypatch.setattr(owner, name, interrupted)
    return calls


def test_while_cuts_are_looked_for(
    tmp_path: Path, clip: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = interrupt_in(monkeypatch, film_clip.Clip, "of_frame", 3)
    result = film(clip)
    assert result.exit_code == 130 and CONTINUES in result.output
    assert len(calls) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.png", "in.mkv"]


def test_while_the_result_is_written(
    tmp_path: Path, clip: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command then goes on."""
    calls = interrupt_in(monkeypatch, film_output._Remux, "_colored", 3)
    result = film(clip)
    assert result.exit_code == 130 and CONTINUES in result.output
    assert len(calls) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.mkv.film", "first.png", "in.mkv"]
    monkeypatch.undo()
    result = film(clip)
    assert result.exit_code == 0 and "2 of 2 shots were finished" in result.output
    assert len(content(tmp_path / "out.mkv").frames) == 12


def test_while_finished_shots_are_passed_over(
    tmp_path: Path, clip: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_in(monkeypatch, film_output._Remux, "_colored", 1)
    assert film(clip).exit_code == 130
    monkeypatch.undo()
    calls = interrupt_in(monkeypatch, film_clip.Clip, "of_frame", 12 + 3)  # 12 frames are looked at for cuts
    result = film(clip)
    assert result.exit_code == 130 and CONTINUES in result.output
    assert len(calls) == 15


def test_during_a_preview(
    tmp_path: Path, clip: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = interrupt_in(monkeypatch, Colorizer, "colorize", 2)
    result = film(clip, "--preview", 6)
    assert result.exit_code == 130
    assert "Interrupted.\n" in result.output
    assert len(calls) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.png", "in.mkv"]


def test_with_a_folder_of_frames(tmp_path: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, pixels in enumerate(crops(["palace"], 6, (64, 96))):
        Image.fromarray(np.ascontiguousarray(pixels)).convert("L").save(folder / f"{i}.png")
    calls = interrupt_in(monkeypatch, film_frames, "read_photo", 3)
    result = film(folder, output="out")
    assert result.exit_code == 130 and CONTINUES in result.output
    assert len(calls) == 3


def test_what_is_finished_is_not_interrupted(
    tmp_path: Path, clip: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes when the result is in its place."""
    interrupt_in(monkeypatch, __import__("excolor.film.store", fromlist=["ShotStore"]).ShotStore, "remove", 1)
    result = film(clip)
    assert result.exit_code == 0 and "Interrupted" not in result.output
    assert len(content(tmp_path / "out.mkv").frames) == 12
