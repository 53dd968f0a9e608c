"""The scripts of the checkout run to their end, on four small pictures, and say what they cannot do."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from public_states import efficientnet_lite_state
from side_by_side import ONE_CORE, begun, side_by_side

from excolor.networks.backbone import VARIANTS
from excolor.networks.checkpoint import load_colorizer, load_encoder, load_matcher, load_network, save_network
from excolor.networks.colorization import ColorizationConfig, ColorizationNet
from excolor.networks.semantic_colorization import SemanticColorizationNet
from excolor.networks.semantic_places import SemanticPlacesNet

SCRIPTS = Path(__file__).parents[1] / "scripts"


@dataclass(frozen=True)
class Training:
    """A run of train.sh on four small pictures, with a folder of its own, and what it printed."""

    out: Path
    run: Callable[..., "subprocess.CompletedProcess[str]"]
    first: "Future[subprocess.CompletedProcess[str]]"


@pytest.fixture(scope="module")
def trainings(
    tmp_path_factory: pytest.TempPathFactory, draw_photos: Callable[[Path], Path]
) -> Iterator[dict[str, Training]]:
    """Of the model lite and of a semantic one, both begun at once: a run does much that takes one core alone."""
    folder = tmp_path_factory.mktemp("trainings")
    photos, backbone, sheets = draw_photos(folder / "photos"), folder / "tiny.pth", folder / "sheets of tiles"
    torch.save(efficientnet_lite_state(VARIANTS["tiny"]), backbone)
    # Of one class only, if they were not read as sheets, or only one of the two was found
    for seed, name in enumerate(("cat", "dog")):
        (sheets / name / "all").mkdir(parents=True)
        sheet = np.random.default_rng(seed).integers(0, 256, (64, 192, 3), dtype=np.uint8)
        Image.fromarray(sheet).save(sheets / name / "all" / f"{name}.png")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def train(model: str, minutes: str, out: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        command = ["bash", SCRIPTS / "train.sh", model, out, minutes, photos, photos]
        environment = os.environ | ONE_CORE | {"PATH": path, "DEVICE": "cpu"} | variables
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)

    classes = {"CLASSES": f"{sheets}/[c]at:{sheets}/dog", "CLASS_TILES": "64"}
    outs = {name: folder / name for name in ("lite", "semantic")}
    runs = {"lite": partial(train, "lite", "0.01", **classes), "semantic": partial(train, "semantic-tiny", "0.02")}
    firsts = (partial(runs["lite"], outs["lite"]), partial(runs["semantic"], outs["semantic"], BACKBONE=str(backbone)))
    with begun(*firsts) as futures:
        yield {name: Training(outs[name], runs[name], first) for name, first in zip(runs, futures, strict=True)}


def colorize(target: Path, reference: Path, model: Path, result: Path) -> None:
    command = [sys.executable, "-m", "excolor", "colorize", target, "--ref", reference, "--model", model]
    environment = os.environ | ONE_CORE
    options = ["--working-size", "64", "-o", result]
    subprocess.run([*command, *options], check=True, capture_output=True, env=environment)


def test_train_measures_a_usable_model(
    trainings: dict[str, Training], tmp_path: Path, target: Path, reference: Path
) -> None:
    training = trainings["lite"]
    out, first = training.out, training.first.result()
    assert re.search(r"top1 \d", first.stderr)
    for protocol in ("none", "mirror", "halves", "random"):
        assert re.search(rf"^\| {protocol} +\| 4 ", first.stdout, re.MULTILINE), first.stdout
    assert (out / "numbers.json").is_file() and (out / "sheet.png").is_file()
    assert load_matcher(out / "matcher.safetensors", load_encoder(out / "encoder.safetensors")).config.hidden == 96

    model = tmp_path / "model"
    model.mkdir()
    for path in out.glob("*.safetensors"):  # which are put there again
        shutil.copy(path, model)
    again, _ = side_by_side(
        lambda: training.run(out), lambda: colorize(target, reference, model, tmp_path / "color.png")
    )
    assert again is not None and "encoder.safetensors" not in again.stdout  # what is done is not done again
    assert (tmp_path / "color.png").is_file()


def test_train_leaves_a_semantic_model(
    trainings: dict[str, Training], tmp_path: Path, target: Path, reference: Path
) -> None:
    training = trainings["semantic"]
    out, more, printed = training.out, tmp_path / "more", training.first.result().stdout
    for protocol in ("none", "mirror", "halves", "random"):
        assert re.search(rf"^\| {protocol} +\| 4 ", printed, re.MULTILINE), printed
    left = {"semantic", "semantic.safetensors", "numbers.json", "sheet.png"}
    assert {path.name for path in out.iterdir()} == left | {"places"}
    described = load_network(out / "places" / "places.safetensors", SemanticPlacesNet).state_dict()
    similar = [(out / name / "similar-pictures.pt").read_bytes() for name in ("places", "semantic")]
    assert similar[0] == similar[1]  # of the same photographs by the same backbone: not found again
    (out / "semantic" / "done").unlink()
    start = shutil.copy(out / "semantic" / "training-state.pt", tmp_path / "start.pt")
    # One goes on where it was, and the other begins with that
    side_by_side(
        lambda: training.run(out, BACKBONE=str(out.parent / "tiny.pth")), lambda: training.run(more, START=str(start))
    )
    assert {path.name for path in more.iterdir()} == left
    for folder in (out, more):
        net = load_network(folder / "semantic.safetensors", SemanticColorizationNet)
        assert all(torch.equal(tensor, described[name]) for name, tensor in net.places.state_dict().items())

    colorize(target, reference, out, tmp_path / "color.png")
    assert (tmp_path / "color.png").is_file()


@pytest.fixture
def noting(tmp_path: Path) -> dict[str, str]:
    """An environment with a command in place of excolor: it notes in LOG what it is told, and leaves what is needed.

    With INTERRUPTED it ends early where there is no training state yet, and leaves one.
    """
    command = tmp_path / "bin" / "excolor"
    command.parent.mkdir()
    command.write_text(
        '#!/bin/sh\necho "$@" >> "$LOG"\n[ "$1" = train ] || exit 0\n'
        'while [ "$1" != -o ]; do shift; done\nmkdir -p "$2" && cd "$2"\n'
        '[ -z "$INTERRUPTED" ] || [ -e training-state.pt ] || { touch training-state.pt; exit 130; }\n'
        "touch similar-pictures.pt\n"
        "for part in places semantic encoder decoder matcher colorizer; do touch $part.safetensors; done\n"
    )
    command.chmod(0o755)
    return os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}


@pytest.mark.parametrize(("minutes", "places", "colors"), [(720, 60, 660), (90, 30, 60)])
def test_train_gives_places_a_third_of_the_minutes_up_to_an_hour(
    tmp_path: Path, noting: dict[str, str], minutes: int, places: float, colors: float
) -> None:
    out = tmp_path / "out"
    script = ["bash", SCRIPTS / "train.sh", "semantic", out, str(minutes), tmp_path, tmp_path]
    subprocess.run(script, env=noting, check=True)
    first, second, third = Path(noting["LOG"]).read_text().splitlines()
    assert first.startswith("train places") and third.startswith("evaluate")
    assert second.startswith("train semantic") and f"--places {out}/places/places.safetensors" in second
    given = [float(told.split("--minutes ")[1].split()[0]) for told in (first, second)]
    assert given == pytest.approx([places, colors], rel=1e-3)


@pytest.mark.parametrize(
    ("model", "begin"),
    [
        ("lite", {"decoder": ["--start"], "colorizer-fine": ["--start"]}),
        ("semantic", {"places": ["--backbone"], "semantic": ["--backbone", "--places"]}),
    ],
)
def test_train_says_what_a_run_begins_with_unless_it_is_resumed(
    tmp_path: Path, noting: dict[str, str], model: str, begin: dict[str, str]
) -> None:
    script = ["bash", SCRIPTS / "train.sh", model, tmp_path / "out", "90", tmp_path, tmp_path]
    environment = noting | {"INTERRUPTED": "1"} | ({"BACKBONE": "b.pth"} if model == "semantic" else {})
    networks = 2 if model == "semantic" else 5
    ends = [subprocess.run(script, env=environment, check=False).returncode for _ in range(networks + 1)]
    assert ends == [130] * networks + [0]
    told = [line for line in Path(noting["LOG"]).read_text().splitlines() if line.startswith("train")]
    begun, resumed = told[::2], told[1::2]
    for first, again in zip(begun, resumed, strict=True):
        name = Path(first.split(" -o ")[1].split()[0]).name
        assert f"/{name} " in again and "--resume" in again and "--resume" not in first
        assert re.findall("--(?:start|places|backbone)", first) == begin.get(name, [])
        assert not re.search("--(start|places|backbone)", again)


def test_a_folder_from_before_places_were_trained_is_refused_before_any_work(tmp_path: Path) -> None:
    state = tmp_path / "out" / "semantic" / "training-state.pt"
    state.parent.mkdir(parents=True)
    state.touch()
    script = ["bash", SCRIPTS / "train.sh", "semantic", tmp_path / "out", "9", tmp_path, tmp_path]
    result = subprocess.run(script, check=False, capture_output=True, text=True)
    assert result.returncode == 1 and "give another folder" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["semantic"]


def test_averaged_colorizers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    config = ColorizationConfig(8, gated=True)
    nets = [ColorizationNet(config).folded() for _ in range(2)]
    paths = [tmp_path / name for name in ("a.safetensors", "b.safetensors")]
    for net, path in zip(nets, paths, strict=True):
        save_network(net, path)
    save_network(ColorizationNet(ColorizationConfig(16)).folded(), tmp_path / "wide.safetensors")
    out = tmp_path / "out.safetensors"

    script = SCRIPTS / "average_colorizers.py"

    for wrong in ("wide.safetensors:1", "b.safetensors:0", "b.safetensors", "none.safetensors:1"):
        arguments = [str(script), f"{paths[0]}:1", f"{tmp_path}/{wrong}", "-o", str(out)]
        monkeypatch.setattr(sys, "argv", arguments)  # in this process, which has imported torch
        with pytest.raises(SystemExit) as refused:
            runpy.run_path(str(script), run_name="__main__")
        said = capsys.readouterr().err
        assert refused.value.code == 1 and said.startswith("Error: ") and said.count("\n") == 1
        assert not out.exists()

    arguments = [str(script), f"{paths[0]}:3", f"{paths[1]}:1", "-o", str(out)]
    subprocess.run([sys.executable, *arguments], check=True)
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        runpy.run_path(str(script), run_name="__main__")
    assert "exists already" in capsys.readouterr().err
    mean = load_colorizer(out).state_dict()
    first, second = (load_colorizer(path).state_dict() for path in paths)
    for name, found in mean.items():
        torch.testing.assert_close(found, 0.75 * first[name] + 0.25 * second[name], atol=1e-3, rtol=1e-3)


def test_synthetic_clips(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, SCRIPTS / "synthetic_clips.py", *sorted(photos.iterdir()), "-o", tmp_path / "clips"]
    subprocess.run([*command, "--frames", "2"], check=True, capture_output=True)
    assert len(list((tmp_path / "clips").glob("*-crossing/0000?.png"))) == 8
    too_few = subprocess.run(command[:3] + command[-2:], check=False, capture_output=True, text=True)
    assert too_few.returncode == 2 and "three" in too_few.stderr
    assert len(list((tmp_path / "clips").rglob("*.png"))) == 24
    again = subprocess.run([*command, "--frames", "1"], check=False, capture_output=True, text=True)
    assert again.returncode == 1 and "exists already" in again.stderr
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / command[2].name
    twin.write_bytes(command[2].read_bytes())
    command = [*command[:-2], twin, "-o", tmp_path / "twins"]
    twins = subprocess.run(command, check=False, capture_output=True, text=True)
    assert twins.returncode == 1 and "same name" in twins.stderr and not (tmp_path / "twins").exists()


@pytest.mark.parametrize(
    ("model", "minutes", "why"),
    [("light", "9", "no model to train"), ("lite", "1h", "minutes"), ("lite", "0", "minutes")],
)
def test_train_says_what_it_does_not_understand_before_any_work(
    tmp_path: Path, noting: dict[str, str], model: str, minutes: str, why: str
) -> None:
    script = ["bash", SCRIPTS / "train.sh", model, tmp_path / "out", minutes, tmp_path, tmp_path]
    result = subprocess.run(script, env=noting, check=False, capture_output=True, text=True)
    assert result.returncode == 2 and why in result.stderr and len(result.stderr.splitlines()) == 1
    assert not Path(noting["LOG"]).exists()


def test_verdicts_are_counted_and_mistakes_in_them_told(tmp_path: Path) -> None:
    """The key is named after the whole name of the folder; what is no verdict is not a tie."""
    sheets, verdicts = tmp_path / "runs-1.2", tmp_path / "verdicts.txt"
    key = {"00": {"A": "ours", "B": "theirs"}, "01": {"A": "theirs", "B": "ours"}, "02": {"A": "ours", "B": "theirs"}}
    (tmp_path / "runs-1.2.key.json").write_text(json.dumps(key))

    def score(text: str) -> subprocess.CompletedProcess[str]:
        verdicts.write_text(text)
        command = [sys.executable, SCRIPTS / "blind_comparison.py", "score", sheets, verdicts]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    counted = score("00 A skin\n\n01 b less purple\n02 tie\n")
    assert counted.stdout == "ours: 2 (100% of the decided)\ntie: 1\n"
    for text, why in (
        ("00 A\n01 B\n02 both", "'02 both' is no verdict"),
        ("00 A\n01 B\n2 A", "'2 A' is no verdict"),
        ("00 A\n01 B\n01 A\n02 A", "01 is judged twice"),
        ("00 A", "no verdict on 01, 02"),
    ):
        refused = score(text)
        assert refused.returncode == 1 and why in refused.stderr and refused.stderr.startswith("Error: "), text
        assert len(refused.stderr.splitlines()) == 1 and not refused.stdout


def test_a_blind_comparison_refuses_what_would_tell_nothing(tmp_path: Path) -> None:
    for number in range(2):  # alone in their folders
        (tmp_path / "photos" / str(number)).mkdir(parents=True)
        Image.new("RGB", (64, 64), (200, 40 * number, 10)).save(tmp_path / "photos" / str(number) / "a.png")
    (tmp_path / "taken").mkdir()
    for out, models, why in (
        ("taken", ("lite", "semantic"), "exists already"),
        ("out", ("lite", "lite"), "given twice"),
        ("out", ("lite", "semantic"), "no subfolder has two pictures"),
    ):
        command = [
            sys.executable,
            SCRIPTS / "blind_comparison.py",
            "make",
            tmp_path / "photos",
            tmp_path / out,
            *models,
        ]
        refused = subprocess.run(command, check=False, capture_output=True, text=True)
        assert refused.returncode == 1 and why in refused.stderr and len(refused.stderr.splitlines()) == 1
        assert not (tmp_path / "out").exists()


def test_what_is_no_checkout_is_not_compared(tmp_path: Path) -> None:
    """The excolor that is installed would run for it, and be the same as itself."""
    command = [sys.executable, SCRIPTS / "compare_checkouts.py", SCRIPTS.parent, tmp_path]
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert refused.returncode == 2 and f"{tmp_path} is no checkout of excolor" in refused.stderr
