"""`excolor film`: Ctrl-C is obeyed wherever the work is, and what was finished is used by the same command."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from clips import content, crops, write_clip
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from excolor.film import frames as film_frames
from excolor.film.clip import Clip
from excolor.film.output import _Remux
from excolor.film.store import ShotStore
from excolor.method.colorizer import Colorizer
from excolor.networks.models import find_model

SMALL = ("--working-size", 48, "--model", "lite")
NOTHING_YET = "Interrupted before this run finished a shot.\n"
CONTINUES = "Interrupted: the same command continues at the last shot that was finished.\n"
PICTURES = crops(["palace", "coffee"], 6, (64, 96))  # two shots

Run = Callable[..., Result]


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
def frames(tmp_path: Path) -> Path:
    """A folder of the same frames."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i, pixels in enumerate(PICTURES):
        Image.fromarray(np.ascontiguousarray(pixels)).convert("L").save(folder / f"{i:02}.png")
    return folder


@pytest.fixture
def film(excolor: Run, tmp_path: Path) -> Run:
    """Colors a clip to out.mkv, or frames to the folder out."""
    ref = tmp_path / "first.png"
    Image.fromarray(np.ascontiguousarray(PICTURES[0])).save(ref)

    def run(clip: Path, *options: object) -> Result:
        return excolor("film", clip, "--ref", ref, "-o", tmp_path / f"out{clip.suffix}", *SMALL, *options)

    return run


@pytest.fixture
def interrupted(film: Run) -> Run:
    """Colors with Ctrl-C in a call of a function, counted from 1, after which it is not called any more."""

    def run(owner: Any, name: str, call: int, *arguments: Any) -> Result:
        function, calls = getattr(owner, name), 0

        def watched(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                signal.raise_signal(signal.SIGINT)
            return function(*args, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, watched)
            result = film(*arguments)
        assert calls == call
        return result

    return run


def results(folder: Path) -> list[str]:
    """Names of what a run has left, hidden or not."""
    return sorted(str(path.relative_to(folder)) for path in (*folder.glob("*out*"), *folder.glob("out/*")))


@pytest.mark.parametrize(
    ("owner", "name", "call", "said", "left", "finished"),
    [
        pytest.param(Clip, "of_frame", 3, NOTHING_YET, [], 0, id="while cuts are looked for"),
        pytest.param(Clip, "of_frame", 12 + 3, NOTHING_YET, [".out.mkv.film"], 0, id="in the first shot"),
        pytest.param(Clip, "of_frame", 12 + 9, CONTINUES, [".out.mkv.film"], 1, id="in the second shot"),
        pytest.param(_Remux, "_colored", 3, CONTINUES, [".out.mkv.film"], 2, id="while the result is written"),
    ],
)
def test_a_clip(
    tmp_path: Path,
    clip: Path,
    film: Run,
    interrupted: Run,
    owner: type,
    name: str,
    call: int,
    said: str,
    left: list[str],
    finished: int,
) -> None:
    result = interrupted(owner, name, call, clip)
    assert result.exit_code == 130 and result.stderr.endswith(said)
    assert results(tmp_path) == left
    result = film(clip)
    assert result.exit_code == 0 and (f"{finished} of 2 shots were finished" in result.stderr) == (finished > 0)
    assert results(tmp_path) == ["out.mkv"] and len(content(tmp_path / "out.mkv").frames) == 12


@pytest.mark.parametrize(
    ("call", "said", "written"),
    [
        pytest.param(3, NOTHING_YET, 0, id="while cuts are looked for"),
        pytest.param(12 + 3, NOTHING_YET, 2, id="in the first shot"),
        pytest.param(12 + 9, CONTINUES, 8, id="in the second shot"),
    ],
)
def test_frames(tmp_path: Path, frames: Path, film: Run, interrupted: Run, call: int, said: str, written: int) -> None:
    result = interrupted(film_frames, "read_photo", call, frames)
    assert result.exit_code == 130 and result.stderr.endswith(said)
    assert len(list((tmp_path / "out").glob("[!.]*"))) <= written  # the last ones take their colors from an anchor
    result = film(frames)
    assert result.exit_code == 0 and ("1 of 2 shots were finished" in result.stderr) == (said == CONTINUES)
    assert results(tmp_path) == ["out", *(f"out/{i:02}.png" for i in range(12))]


@pytest.mark.parametrize("removed", ["*.png", "02.png"])
def test_frames_that_were_removed_since_are_colored_anew(
    tmp_path: Path, frames: Path, film: Run, interrupted: Run, removed: str
) -> None:
    """As after `rm out/*.png`, which leaves the hidden folder where it is."""
    assert interrupted(film_frames, "read_photo", 12 + 9, frames).stderr.endswith(CONTINUES)
    for path in (tmp_path / "out").glob(removed):
        path.unlink()
    result = film(frames)
    assert result.exit_code == 0 and "were finished" not in result.stderr
    assert results(tmp_path) == ["out", *(f"out/{i:02}.png" for i in range(12))]


@pytest.mark.parametrize("options", [(), ("--strength", 0.5)], ids=["other frames", "other settings"])
def test_a_run_that_is_refused_takes_nothing_from_one_that_was_interrupted(
    tmp_path: Path, frames: Path, film: Run, interrupted: Run, options: tuple[object, ...]
) -> None:
    assert interrupted(film_frames, "read_photo", 12 + 9, frames).stderr.endswith(CONTINUES)
    added = frames / "12.png"
    if not options:
        Image.fromarray(np.ascontiguousarray(PICTURES[-1])).convert("L").save(added)
    result = film(frames, *options)
    assert result.exit_code == 1 and "00.png exists already" in result.stderr
    added.unlink(missing_ok=True)
    result = film(frames)
    assert result.exit_code == 0 and "1 of 2 shots were finished" in result.stderr


def test_shots_of_other_networks_are_not_used(tmp_path: Path, clip: Path, film: Run, interrupted: Run) -> None:
    """Also where only the net that invents colors has been trained on."""
    model = tmp_path / "mine"
    model.mkdir()
    for role, file in find_model("lite", "colorize").files.items():
        (model / f"{role}.safetensors").write_bytes(file.read_bytes())
    assert interrupted(Clip, "of_frame", 12 + 9, clip, "--model", model).stderr.endswith(CONTINUES)
    own = model / "colorizer.safetensors"
    with safe_open(own, "pt") as file:
        described, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file({name: tensor + 1e-3 for name, tensor in tensors.items()}, own, described)
    result = film(clip, "--model", model)
    assert result.exit_code == 0 and "were finished" not in result.stderr


def test_where_results_are_is_known_at_once(frames: Path, film: Run, interrupted: Run) -> None:
    """No frame is read for it where nothing was interrupted."""
    assert film(frames).exit_code == 0
    result = interrupted(film_frames, "read_photo", 0, frames)
    assert result.exit_code == 1 and "00.png exists already" in result.stderr


def test_while_finished_shots_are_passed_over(clip: Path, interrupted: Run) -> None:
    assert interrupted(_Remux, "_colored", 1, clip).exit_code == 130
    result = interrupted(Clip, "of_frame", 12 + 3, clip)  # 12 frames are looked at for cuts
    assert result.exit_code == 130 and result.stderr.endswith(CONTINUES)


def test_a_preview(tmp_path: Path, clip: Path, interrupted: Run) -> None:
    result = interrupted(Colorizer, "colorize", 2, clip, "--preview", 6)
    assert result.exit_code == 130 and result.stderr.endswith("Interrupted.\n")
    assert results(tmp_path) == []


def test_what_is_finished_is_not_interrupted(tmp_path: Path, clip: Path, interrupted: Run) -> None:
    """Ctrl-C comes when the result is in its place."""
    result = interrupted(ShotStore, "remove", 1, clip)
    assert result.exit_code == 0 and "Interrupted" not in result.output
    assert len(content(tmp_path / "out.mkv").frames) == 12
