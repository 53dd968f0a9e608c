"""`excolor figure` as a user meets it: sheets that hold what they say, beside the picture or where -o says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from excolor import Colorizer, ColorizeSettings, Stylizer, StylizeSettings, read_photo
from excolor.cli.main import main
from excolor.evaluation import figures
from excolor.reporting.sheet import Tile

SMALL = ("--tile", 64)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["figure", *map(str, arguments)])


@pytest.fixture
def pictures(tmp_path: Path, target: Path, reference: Path) -> Path:
    """A folder of a gray photograph and two in color."""
    shutil.copy(target, tmp_path / "gray.jpg")
    with Image.open(reference) as image:
        image.resize((150, 120)).save(tmp_path / "house.png")
        image.crop((0, 0, 200, 300)).rotate(90, expand=True).save(tmp_path / "evening.png")
    return tmp_path


COMMANDS: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "ablation": lambda p: (p / "gray.jpg", "--ref", p / "house.png", "--working-size", 48),
    "parts": lambda p: (p / "house.png", p / "evening.png", "--working-size", 48),
    "references": lambda p: (
        p / "gray.jpg",
        "--ref",
        p / "house.png",
        "--ref",
        p / "evening.png",
        "--working-size",
        48,
    ),
    "methods": lambda p: (p / "house.png", p / "evening.png", "--working-size", 48),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_figures_are_written_beside_the_first_picture(name: str, pictures: Path) -> None:
    arguments = COMMANDS[name](pictures)
    first = Path(str(arguments[0]))
    expected = first.with_name(f"{first.stem}-{name}.png")
    result = run(name, *arguments, *SMALL)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert result.stdout == f"{expected}\n"
    with Image.open(expected) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        assert image.width >= 4 * 50

    again = run(name, *arguments, *SMALL)
    assert again.exit_code == 1
    assert "--force" in again.stderr
    before = expected.read_bytes()
    assert run(name, *arguments, *SMALL, "--force").exit_code == 0
    assert expected.read_bytes() == before  # same input, same output

    larger = pictures / "larger.png"
    assert run(name, *arguments, "--tile", 128, "-o", larger).exit_code == 0
    with Image.open(expected) as small, Image.open(larger) as large:
        assert large.width > 1.7 * small.width


def labels(rows: list[figures.Row]) -> list[list[str]]:
    return [[tile.label for tile in row.tiles if tile is not None] for row in rows]


def tile_of(rows: list[figures.Row], label: str) -> np.ndarray:
    (found,) = [t.picture for row in rows for t in row.tiles if isinstance(t, Tile) and t.label == label]
    return found


def test_the_ablation_shows_every_step(colorizer: Colorizer, pictures: Path) -> None:
    target, reference = read_photo(pictures / "gray.jpg"), read_photo(pictures / "house.png")
    rows = figures.ablation(colorizer, target, reference, ColorizeSettings(working_size=48), 400)
    assert labels(rows) == [["gray", "reference", "pre-colored", "from the reference", "result"]]
    assert np.ptp(tile_of(rows, "gray"), axis=-1).max() < 0.01
    result = colorizer.colorize(target, reference, ColorizeSettings(working_size=48)).pixels / 255
    assert np.abs(tile_of(rows, "result") - result).max() < 1e-6
    invented = colorizer.colorize(target, settings=ColorizeSettings(working_size=48)).pixels / 255
    difference = np.abs(tile_of(rows, "pre-colored").mean((0, 1)) - invented.mean((0, 1)))
    assert difference.max() < 0.01
    assert not np.array_equal(tile_of(rows, "pre-colored"), tile_of(rows, "from the reference"))


def test_parts_shows_every_subset_once(stylizer: Stylizer, pictures: Path) -> None:
    content, style = read_photo(pictures / "house.png"), read_photo(pictures / "evening.png")
    rows = figures.parts(stylizer, content, style, StylizeSettings("wct", working_size=48), 200)
    assert [len(row) for row in labels(rows)] == [5, 5]
    flat = [label for row in labels(rows) for label in row]
    assert flat[:3] == ["content", "style", "none"]
    assert flat[-1] == "encoder + skip + decoder"
    assert len(set(flat)) == 2 + 2**3
    expected = (
        stylizer.stylize(content, style, StylizeSettings("wct", ("skip", "decoder"), working_size=48)).pixels / 255
    )
    assert np.abs(tile_of(rows, "skip + decoder") - expected).max() < 1e-6
    assert np.abs(tile_of(rows, "none") - content.pixels / 255).mean() < 0.05


@pytest.mark.parametrize(("count", "columns"), [(1, [2, 2]), (5, [6, 6]), (6, [4, 4, 4, 4])])
def test_references_stand_above_their_results(
    count: int, columns: list[int], colorizer: Colorizer, pictures: Path
) -> None:
    target = read_photo(pictures / "gray.jpg")
    references = [read_photo(pictures / name) for name in ("house.png", "evening.png")] * 3
    named = [(f"reference {i}", reference) for i, reference in enumerate(references[:count])]
    rows = figures.references(colorizer, target, named, ColorizeSettings(working_size=16), 64)
    assert [len(row) for row in labels(rows)] == columns
    above = [label for row in labels(rows)[::2] for label in row if label != "target"]
    assert above == [f"reference {i}" for i in range(count)]
    assert set(labels(rows)[1]) == {"pre-colored", "result"}
    first = colorizer.colorize(target, references[0], ColorizeSettings(working_size=16))
    assert np.abs(rows[1].tiles[1].picture.mean((0, 1)) - first.pixels.mean((0, 1)) / 255).max() < 0.01


def test_methods_shows_ours_and_the_classical_ones(stylizer: Stylizer, pictures: Path) -> None:
    content, style = read_photo(pictures / "house.png"), read_photo(pictures / "evening.png")
    rows = figures.methods(stylizer, content, style, StylizeSettings(working_size=48), 200)
    assert [len(row) for row in labels(rows)] == [4, 3]
    for label, method in (("excolor: AdaIN", "adain"), ("excolor: WCT", "wct")):
        expected = stylizer.stylize(content, style, StylizeSettings(method, working_size=48)).pixels / 255
        assert np.abs(tile_of(rows, label) - expected).max() < 1e-6


@pytest.mark.parametrize("size", [(1, 1), (900, 9)])
def test_pictures_of_any_size(size: tuple[int, int], pictures: Path) -> None:
    Image.new("RGB", size, (200, 120, 60)).save(pictures / "odd.png")
    for arguments in (
        ("ablation", pictures / "odd.png", "--ref", pictures / "odd.png"),
        ("methods", pictures / "odd.png", pictures / "odd.png"),
    ):
        result = run(*arguments, *SMALL, "--working-size", 32)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ablation", "gray.jpg"), 2, "--ref"),
        (("parts", "house.png", "nosuch.png"), 1, "nosuch.png"),
        (("methods", "house.png", "evening.png", "-o", "out.jpg"), 2, "does not end in .png"),
        (("methods", "house.png", "evening.png", "-o", "house.png", "--force"), 2, "named twice"),
        (("references", "gray.jpg", "--ref", "house.png", "-o", "nosuch/out.png"), 1, "nosuch"),
        (("parts", "house.png", "evening.png", "--tile", "8"), 2, "--tile"),
    ],
)
def test_what_cannot_be_is_said(
    arguments: tuple[str, ...], code: int, words: str, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pictures)
    before = sorted(pictures.iterdir())
    result = run(*arguments)
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    assert words in " ".join(result.stderr.split())
    assert sorted(pictures.iterdir()) == before
