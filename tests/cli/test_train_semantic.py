"""`excolor train places` and `semantic`: from a published backbone to a model, and on from there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result
from public_states import efficientnet_lite_state

from excolor import Colorizer
from excolor.networks.backbone import VARIANTS, BackboneConfig
from excolor.networks.checkpoint import load_network, save_network
from excolor.networks.semantic_colorization import SemanticColorizationConfig, SemanticColorizationNet
from excolor.networks.semantic_places import SemanticPlacesNet
from excolor.training.semantic_recipes import PLACES
from excolor.training.semantic_start import SIMILAR
from excolor.training.state import STATE

Run = Callable[..., Result]
COMMON = ("--recipe", "semantic-tiny", "--device", "cpu", "-q")


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.pth"
    torch.save(efficientnet_lite_state(VARIANTS["tiny"]), path)
    return path


@pytest.fixture
def places(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "places.safetensors"
    save_network(SemanticPlacesNet(PLACES["semantic-tiny"].config), path)
    return path


def test_places_are_trained_and_gone_on_with(excolor: Run, photos: Path, tmp_path: Path, backbone: Path) -> None:
    out, command = tmp_path / "places", ("train", "places", photos)
    first = excolor(*command, "-o", out, "--steps", 1, "--backbone", backbone, "--validate", photos, *COMMON)
    assert first.exit_code == 0, first.output
    checkpoint = out / "places.safetensors"
    assert first.stdout.strip() == str(checkpoint)
    assert {path.name for path in out.iterdir()} == {checkpoint.name, STATE, SIMILAR, "training-log.jsonl"}
    logged = json.loads((out / "training-log.jsonl").read_text())["validation"]
    assert {"views_right", "related_right", "related_fine_db"} < logged.keys()
    load_network(checkpoint, SemanticPlacesNet)

    assert excolor(*command, "-o", out, "--steps", 1, "--backbone", backbone, *COMMON).exit_code == 1  # holds a run
    again = excolor(*command, "-o", out, "--steps", 2, "--resume", *COMMON)
    assert again.exit_code == 0, again.output
    starts = {"state": (out / STATE, ()), "checkpoint": (checkpoint, ("--backbone", backbone))}
    for name, (start, others) in starts.items():
        more = excolor(*command, "-o", tmp_path / name, "--steps", 1, "--start", start, *others, *COMMON)
        assert more.exit_code == 0, more.output
    both = (*command, "-o", tmp_path / "both", "--steps", 1, "--start", out / STATE, "--backbone", backbone, *COMMON)
    unused = excolor(*both)
    assert unused.exit_code == 2 and "leave out --backbone" in unused.stderr


def test_new_weights_are_those_of_the_seed(
    excolor: Run, photos: Path, tmp_path: Path, backbone: Path, places: Path
) -> None:
    for network, given in (("places", ()), ("semantic", ("--places", places))):
        found = []
        for number, seed in enumerate((1, 1, 2)):
            out = tmp_path / f"{network}{number}"
            options = ("-o", out, "--steps", 1, "--seed", seed, "--backbone", backbone, *given, *COMMON)
            assert excolor("train", network, photos, *options).exit_code == 0
            found.append((out / f"{network}.safetensors").read_bytes())
        assert found[0] == found[1] != found[2]


def test_a_model_is_trained_over_places_and_gone_on_with(
    excolor: Run, photos: Path, tmp_path: Path, backbone: Path, places: Path
) -> None:
    out, command = tmp_path / "out", ("train", "semantic", photos)
    first = excolor(*command, "-o", out, "--steps", 1, "--backbone", backbone, "--places", places, *COMMON)
    assert first.exit_code == 0, first.output
    checkpoint = out / "semantic.safetensors"
    assert first.stdout.strip() == str(checkpoint)
    assert (out / SIMILAR).is_file()
    colorizer = Colorizer.load(out, device="cpu")
    assert colorizer.colorize(photos / "0.png", photos / "1.png").pixels.shape == (100, 120, 3)

    again = excolor(*command, "-o", out, "--steps", 2, "--resume", *COMMON)
    assert again.exit_code == 0, again.output
    described = load_network(places, SemanticPlacesNet).state_dict()
    for number, start in enumerate((out / STATE, checkpoint)):
        more = tmp_path / f"more{number}"
        assert excolor(*command, "-o", more, "--steps", 1, "--start", start, *COMMON).exit_code == 0
        trained = load_network(more / "semantic.safetensors", SemanticColorizationNet)
        for name, tensor in trained.places.state_dict().items():
            assert torch.equal(tensor, described[name]), name
    assert excolor(*command, "-o", out, "--steps", 1, "--start", checkpoint, *COMMON).exit_code == 1  # holds a run

    both = excolor(
        *command, "-o", tmp_path / "both", "--steps", 1, "--start", checkpoint, "--backbone", backbone, *COMMON
    )
    assert both.exit_code == 2 and "leave out --backbone" in both.stderr

    other, replaced = tmp_path / "other.safetensors", tmp_path / "replaced"
    save_network(SemanticPlacesNet(PLACES["semantic-tiny"].config), other)
    options = ("-o", replaced, "--steps", 1, "--start", checkpoint, "--places", other, *COMMON)
    assert excolor(*command, *options).exit_code == 0
    trained = load_network(replaced / "semantic.safetensors", SemanticColorizationNet)
    assert torch.equal(trained.places.enter.weight, load_network(other, SemanticPlacesNet).enter.weight)


def test_places_over_another_backbone_are_refused(
    excolor: Run, photos: Path, tmp_path: Path, backbone: Path, places: Path
) -> None:
    other = tmp_path / "other.pth"  # of the same shape
    torch.save(efficientnet_lite_state(VARIANTS["tiny"], seed=1), other)
    made = tmp_path / "places"
    options = ("-o", made, "--steps", 1, "--backbone", backbone, *COMMON)
    assert excolor("train", "places", photos, *options).exit_code == 0
    trained = made / "places.safetensors"
    start = tmp_path / "semantic.safetensors"
    torch.manual_seed(1)
    save_network(SemanticColorizationNet(SemanticColorizationConfig(12, "tiny")), start)

    out = tmp_path / "out"
    for network, *begin in (
        ("semantic", "--places", trained, "--backbone", other),
        ("semantic", "--places", trained, "--start", start),
        ("places", "--start", trained, "--backbone", other),
    ):
        result = excolor("train", network, photos, "-o", out, "--steps", 1, *begin, *COMMON)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {trained}: was trained over another backbone")
        assert result.stderr.count("\n") == 1 and "`excolor train places`" in result.stderr
        assert not out.exists()

    loud = COMMON[:-1]
    run = ("train", "semantic", photos, "--steps", 1)
    first = excolor(*run, "-o", out, "--places", trained, "--backbone", backbone, *loud)
    assert first.exit_code == 0 and "does not say" not in first.stderr
    # The backbone of a checkpoint, in half precision, is still the one
    more = ("-o", tmp_path / "more", "--start", out / "semantic.safetensors", "--places", trained)
    assert excolor(*run, *more, *loud).exit_code == 0
    # Files from before say nothing of it
    old = excolor(*run, "-o", tmp_path / "old", "--places", places, "--backbone", other, *loud)
    assert old.exit_code == 0 and f"{places} does not say which backbone" in old.stderr
    quiet = excolor(*run, "-o", tmp_path / "quiet", "--places", places, "--backbone", other, *COMMON)
    assert quiet.exit_code == 0 and quiet.stderr == ""


@pytest.mark.parametrize(
    ("network", "given"),
    [
        ("semantic", ("--places",)),
        ("semantic", ("--start", "--backbone")),
        ("places", ("--start",)),
        ("places", ("--backbone",)),
        ("decoder", ("--encoder", "--start")),
        ("colorizer", ("--encoder", "--decoder", "--start")),
    ],
)
def test_what_a_run_begins_with_is_refused_where_it_is_continued(
    excolor: Run, photos: Path, tmp_path: Path, network: str, given: tuple[str, ...]
) -> None:
    options = [part for name in given for part in (name, tmp_path / "none.safetensors")]
    result = excolor("train", network, photos, "-o", tmp_path / "out", "--steps", 1, "--resume", *options, "-q")
    assert result.exit_code == 2
    begins = " and ".join(name for name in given if name not in ("--encoder", "--decoder"))
    assert f"continues the run in {tmp_path / 'out'}" in result.stderr and f"leave out {begins}, or" in result.stderr


def test_places_alone_are_no_model_and_it_is_said_how_to_get_one(
    excolor: Run, photos: Path, tmp_path: Path, places: Path
) -> None:
    for command in (("colorize", photos / "0.png", "--ref", photos / "1.png"), ("pre-colorize", photos / "0.png")):
        result = excolor(*command, "--model", places.parent, "-o", tmp_path / "color.png")
        assert result.exit_code == 1
        assert "only the net that describes places" in result.stderr
        assert f"`excolor train semantic --places {places}`" in result.stderr


def test_without_places_it_is_said_how_to_get_them(excolor: Run, photos: Path, tmp_path: Path, backbone: Path) -> None:
    result = excolor("train", "semantic", photos, "-o", tmp_path / "out", "--steps", 1, "--backbone", backbone, *COMMON)
    assert result.exit_code == 2
    assert "--places" in result.stderr and "excolor train places" in result.stderr
    assert not (tmp_path / "out").exists()
    result = excolor("train", "semantic", photos, "-o", tmp_path / "out", "--steps", 1, "--resume", *COMMON)
    assert result.exit_code == 1
    assert "no training state there" in result.stderr


def test_what_does_not_fit_is_refused_in_a_sentence(
    excolor: Run, photos: Path, tmp_path: Path, backbone: Path, places: Path
) -> None:
    def refused(network: str, *options: object) -> str:
        result = excolor("train", network, photos, "-o", tmp_path / "out", "--steps", 1, *options, *COMMON)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
        return result.stderr

    other = tmp_path / "other.pth"
    torch.save(efficientnet_lite_state(BackboneConfig(8, (4, 6, 8, 10, 12, 14, 18), (1,) * 7)), other)
    for network, begin in (("places", ()), ("semantic", ("--places", places))):
        assert "tiny" in refused(network, *begin, "--backbone", other)
        assert "none.pth" in refused(network, *begin, "--backbone", tmp_path / "none.pth")
        assert "plain tensor" in refused(network, *begin, "--backbone", _state(tmp_path))
        assert "training state" in refused(network, "--start", _state(tmp_path))

    large = tmp_path / "large.safetensors"
    save_network(SemanticPlacesNet(PLACES["semantic"].config), large)
    for options in (("semantic", "--places", large), ("places", "--start", large)):
        assert "choose its recipe" in refused(*options, "--backbone", backbone)
    semantic = tmp_path / "semantic.safetensors"
    save_network(SemanticColorizationNet(SemanticColorizationConfig(12, "tiny")), semantic)
    for options in (("semantic", "--places", semantic), ("places", "--start", semantic)):
        assert "holds the network 'semantic'" in refused(*options, "--backbone", backbone)


@pytest.mark.parametrize(("lacking", "remedy"), [("places.", "train places"), ("classes4.", "semantic --places")])
def test_a_run_from_before_is_refused(excolor: Run, photos: Path, tmp_path: Path, lacking: str, remedy: str) -> None:
    net = SemanticColorizationNet(SemanticColorizationConfig(12, "tiny"))
    weights = {name: tensor for name, tensor in net.state_dict().items() if not name.startswith(lacking)}
    path = tmp_path / "old" / STATE
    path.parent.mkdir()
    torch.save({"modules": {f"colorizer.{name}": tensor for name, tensor in weights.items()}}, path)
    for options in (("--start", path, "-o", tmp_path / "out"), ("--resume", "-o", path.parent)):
        result = excolor("train", "semantic", photos, "--steps", 1, *options, *COMMON)
        assert result.exit_code == 1
        assert "older version" in result.stderr and remedy in result.stderr


def _state(folder: Path) -> Path:
    """Something that torch can read, and that is neither a backbone nor a training state of a net."""
    path = folder / "state.pt"
    torch.save({"modules": {}}, path)
    return path


@pytest.mark.parametrize("network", ["places", "semantic"])
def test_a_single_photograph_is_refused_in_a_sentence(
    excolor: Run, photos: Path, tmp_path: Path, backbone: Path, places: Path, network: str
) -> None:
    single = tmp_path / "single"
    single.mkdir()
    (single / "a.png").write_bytes(next(iter(sorted(photos.glob("*.png")))).read_bytes())
    start = ("--backbone", backbone, *(("--places", places) if network == "semantic" else ()))
    result = excolor("train", network, single, "-o", tmp_path / "run", "--steps", 1, *start, *COMMON)
    assert result.exit_code == 1 and "give at least two" in result.output
