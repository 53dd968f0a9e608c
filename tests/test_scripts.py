"""The scripts of the checkout run to their end, on four small pictures, and say what they cannot do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from public_states import efficientnet_lite_state

from excolor.networks.backbone import VARIANTS
from excolor.networks.checkpoint import load_colorizer, load_encoder, load_matcher, load_network, save_network
from excolor.networks.colorization import ColorizationConfig, ColorizationNet
from excolor.networks.semantic_colorization import SemanticColorizationNet
from excolor.networks.semantic_places import SemanticPlacesNet

SCRIPTS = Path(__file__).parents[1] / "scripts"


def test_train_measures_a_usable_model(photos: Path, tmp_path: Path, target: Path, reference: Path) -> None:
    out = tmp_path / "model"
    # Of one class only, if they were not read as sheets, or only one of the two was found
    sheets = tmp_path / "sheets of tiles"
    for seed, name in enumerate(("cat", "dog")):
        folder = sheets / name / "all"
        folder.mkdir(parents=True)
        sheet = np.random.default_rng(seed).integers(0, 256, (64, 192, 3), dtype=np.uint8)
        Image.fromarray(sheet).save(folder / f"{name}.png")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DEVICE": "cpu"}
    environment |= {"CLASSES": f"{sheets}/[c]at:{sheets}/dog", "CLASS_TILES": "64"}

    told: list[str] = []

    def train() -> str:
        command = ["bash", SCRIPTS / "train.sh", "lite", out, "0.01", photos, photos]
        ended = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        told.append(ended.stderr)
        return ended.stdout

    printed = train()
    assert re.search(r"top1 \d", told[0])
    for protocol in ("none", "mirror", "halves", "random"):
        assert re.search(rf"^\| {protocol} +\| 4 ", printed, re.MULTILINE), printed
    assert (out / "numbers.json").is_file() and (out / "sheet.png").is_file()
    assert load_matcher(out / "matcher.safetensors", load_encoder(out / "encoder.safetensors")).config.hidden == 96
    assert "encoder.safetensors" not in train()  # what is done is not done again

    command = [sys.executable, "-m", "excolor", "colorize", target, "--ref", reference, "--model", out]
    subprocess.run([*command, "--working-size", "64", "-o", tmp_path / "color.png"], check=True, capture_output=True)
    assert (tmp_path / "color.png").is_file()


def test_train_leaves_a_semantic_model(photos: Path, tmp_path: Path, target: Path, reference: Path) -> None:
    backbone, out = tmp_path / "tiny.pth", tmp_path / "model"
    torch.save(efficientnet_lite_state(VARIANTS["tiny"]), backbone)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DEVICE": "cpu"}

    def train(out: Path, **variables: str) -> str:
        command = ["bash", SCRIPTS / "train.sh", "semantic-tiny", out, "0.02", photos, photos]
        return subprocess.run(command, env=environment | variables, check=True, capture_output=True, text=True).stdout

    printed = train(out, BACKBONE=str(backbone))
    for protocol in ("none", "mirror", "halves", "random"):
        assert re.search(rf"^\| {protocol} +\| 4 ", printed, re.MULTILINE), printed
    left = {"semantic", "semantic.safetensors", "numbers.json", "sheet.png"}
    assert {path.name for path in out.iterdir()} == left | {"places"}
    described = load_network(out / "places" / "places.safetensors", SemanticPlacesNet).state_dict()
    similar = [(out / name / "similar-pictures.pt").read_bytes() for name in ("places", "semantic")]
    assert similar[0] == similar[1]  # of the same photographs by the same backbone: not found again
    (out / "semantic" / "done").unlink()
    train(out, BACKBONE=str(backbone))  # goes on where it was
    train(tmp_path / "more", START=str(out / "semantic" / "training-state.pt"))
    assert {path.name for path in (tmp_path / "more").iterdir()} == left
    for folder in (out, tmp_path / "more"):
        net = load_network(folder / "semantic.safetensors", SemanticColorizationNet)
        assert all(torch.equal(tensor, described[name]) for name, tensor in net.places.state_dict().items())

    command = [sys.executable, "-m", "excolor", "colorize", target, "--ref", reference, "--model", out]
    subprocess.run([*command, "--working-size", "64", "-o", tmp_path / "color.png"], check=True, capture_output=True)
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


def test_averaged_colorizers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ColorizationConfig(8, gated=True)
    nets = [ColorizationNet(config).folded() for _ in range(2)]
    paths = [tmp_path / name for name in ("a.safetensors", "b.safetensors")]
    for net, path in zip(nets, paths, strict=True):
        save_network(net, path)
    save_network(ColorizationNet(ColorizationConfig(16)).folded(), tmp_path / "wide.safetensors")
    out = tmp_path / "out.safetensors"

    def average(*parts: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, SCRIPTS / "average_colorizers.py", *parts, "-o", out]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    for wrong in ("wide.safetensors:1", "b.safetensors:0", "b.safetensors", "none.safetensors:1"):
        refused = average(f"{paths[0]}:1", f"{tmp_path}/{wrong}")
        assert refused.returncode == 1 and refused.stderr.startswith("Error: ") and refused.stderr.count("\n") == 1
        assert not out.exists()

    assert average(f"{paths[0]}:3", f"{paths[1]}:1").returncode == 0
    again = average(f"{paths[0]}:1", f"{paths[1]}:1")
    assert again.returncode == 1 and "exists already" in again.stderr
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
