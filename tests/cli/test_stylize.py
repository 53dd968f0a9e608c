"""`excolor stylize`: several styles, masks, and what stays of the content."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from lab_of_scikit_image import lightness
from PIL import Image

from excolor import read_photo
from excolor.photo import read_provenance

Run = Callable[..., Result]


@pytest.fixture
def content(tmp_path: Path, reference: Path) -> Path:
    """A small photograph in color."""
    path = tmp_path / "content.png"
    with Image.open(reference) as image:
        image.resize((120, 96)).save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Callable[..., Path]:
    """Writes a mask: left and right, of these labels."""

    def write(path: str, left: int = 1, right: int = 2, size: tuple[int, int] = (96, 120)) -> Path:
        labels = np.full(size, left, np.uint8)
        labels[:, size[1] // 2 :] = right
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(tmp_path / path)
        return tmp_path / path

    return write


def assert_usage(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    for word in words:
        assert word in result.stderr


def redness(path: Path) -> float:
    pixels = read_photo(path).pixels.astype(float)
    return float((pixels[..., 0] - pixels[..., 2]).mean())


def test_styles_are_weighted(excolor: Run, content: Path, warm: Path, cold: Path, tmp_path: Path) -> None:
    reds = []
    for number, (first, second) in enumerate(((":3", ""), ("", ""), ("", ":3"))):
        output = tmp_path / f"{number}.png"
        result = excolor("stylize", content, "--style", f"{warm}{first}", "--style", f"{cold}{second}", "-o", output)
        assert result.exit_code == 0, result.output
        reds.append(redness(output))
    assert reds[0] > reds[1] + 5 and reds[1] > reds[2] + 5
    told = read_provenance(read_photo(tmp_path / "0.png").metadata)
    assert told is not None and told.settings["weights"] == "0.75, 0.25"
    assert told.references == tuple((path.name, sha256(path.read_bytes()).hexdigest()) for path in (warm, cold))


def test_one_style_by_option_is_that_of_the_last_argument(
    excolor: Run, content: Path, warm: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "1.png", tmp_path / "2.png"
    assert excolor("stylize", content, warm, "-o", one).exit_code == 0
    assert excolor("stylize", content, "--style", f"{warm}:0.2", "-o", two).exit_code == 0
    np.testing.assert_array_equal(read_photo(one).pixels, read_photo(two).pixels)


def test_with_the_option_all_arguments_are_contents(excolor: Run, content: Path, warm: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.png"
    second.write_bytes(content.read_bytes())
    report = tmp_path / "report.json"
    result = excolor("stylize", content, second, "--style", warm, "--working-size", 32, "--report", report)
    assert result.exit_code == 0, result.output
    written = [tmp_path / "content-styled.png", tmp_path / "second-styled.png"]
    assert sorted(result.stdout.split()) == sorted(map(str, written))
    assert {file["reference"] for file in json.loads(report.read_text())["files"]} == {str(warm)}


def test_a_name_that_ends_like_a_weight(excolor: Run, content: Path, warm: Path, tmp_path: Path) -> None:
    odd = tmp_path / "look:0.7"
    odd.write_bytes(warm.read_bytes())
    result = excolor("stylize", content, "--style", odd, "--working-size", 32)
    assert result.exit_code == 0, result.output
    told = read_provenance(read_photo(tmp_path / "content-styled.png").metadata)
    assert told is not None and told.references[0][0] == "look:0.7"


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf"])
def test_weights_are_positive_numbers(weight: str, excolor: Run) -> None:
    assert_usage(excolor("stylize", "a.jpg", "--style", f"b.jpg:{weight}"), "positive")


def test_usage(excolor: Run, content: Path, warm: Path, mask: Callable[..., Path]) -> None:
    one = mask("mask.png")
    assert_usage(excolor("stylize", content, warm, "--exact", "--working-size", 256), "--exact and --working-size")
    assert_usage(excolor("stylize", content), "no style")
    assert_usage(excolor("stylize", content, warm, "--keep-luminance", "--only-luminance"), "exclude each other")
    assert_usage(excolor("stylize", content, warm, "--content-mask", one), "go together")
    assert_usage(excolor("stylize", content, warm, "--style-mask", one), "go together")
    masks = ("--content-mask", one, "--style-mask", one)
    assert_usage(excolor("stylize", content, "--style", warm, "--style", warm, *masks), "2 wanted, 1 given")
    assert_usage(excolor("stylize", content, warm, "--style", warm, *masks), "one picture and there are 2 contents")


@pytest.mark.parametrize("size", [64, 512])
def test_luminance_or_color_stays(size: int, excolor: Run, content: Path, cold: Path, tmp_path: Path) -> None:
    common = ("stylize", content, cold, "--working-size", size, "-o")
    light, colors = tmp_path / "light.png", tmp_path / "colors.png"
    assert excolor(*common, light, "--keep-luminance").exit_code == 0
    assert excolor(*common, colors, "--only-luminance").exit_code == 0
    own = read_photo(content)
    assert np.abs(lightness(read_photo(light).pixels) - lightness(own.pixels)).mean() < 0.3
    assert redness(light) < redness(content) - 5
    assert np.abs(lightness(read_photo(colors).pixels) - lightness(own.pixels)).mean() > 2
    told = read_provenance(read_photo(colors).metadata)
    assert told is not None and told.settings["keep"] == "color"


def test_masks_match_region_by_region(
    excolor: Run, content: Path, warm: Path, cold: Path, tmp_path: Path, mask: Callable[..., Path]
) -> None:
    """Two styles of one label each: the left half becomes warm and the right half cold, and the other way round."""
    size = read_photo(warm).size
    style_masks = [mask("1.png", 1, 1, size), mask("2.png", 2, 2, size)]
    reds = []
    for left, right in ((1, 2), (2, 1)):
        output, own = tmp_path / f"{left}-styled.png", mask("own.png", left, right, (48, 60))
        styles = [part for path in (warm, cold) for part in ("--style", path)]
        masks = [part for path in style_masks for part in ("--style-mask", path)]
        result = excolor("stylize", content, *styles, *masks, "--content-mask", own, "-o", output)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        pixels = read_photo(output).pixels.astype(float)
        red = pixels[..., 0] - pixels[..., 2]
        reds.append((red[:, :50].mean(), red[:, -50:].mean()))
        told = read_provenance(read_photo(output).metadata)
        assert told is not None and told.settings["style_masks"] == "1.png, 2.png"
        assert told.references[2:] == tuple(
            (path.name, sha256(path.read_bytes()).hexdigest()) for path in (*style_masks, own)
        )
    assert reds[0][0] > reds[1][0] + 20 and reds[0][1] < reds[1][1] - 20


def test_a_folder_of_masks_for_a_batch(
    excolor: Run, content: Path, warm: Path, tmp_path: Path, mask: Callable[..., Path]
) -> None:
    for name in ("b", "c"):
        (tmp_path / f"{name}.png").write_bytes(content.read_bytes())
    mask("masks/content.png")
    mask("masks/b.png", 1, 9)
    style_mask = mask("style.png", size=read_photo(warm).size)
    contents = (content, tmp_path / "b.png", tmp_path / "c.png")
    masks = ("--content-mask", tmp_path / "masks", "--style-mask", style_mask)
    result = excolor("stylize", *contents, "--style", warm, *masks, "--working-size", 32)
    assert result.exit_code == 1
    assert "c.png: no mask is named c in" in result.stderr
    assert "no style has the labels 9 of" in result.stderr
    assert set(result.stdout.split()) == {str(tmp_path / "content-styled.png"), str(tmp_path / "b-styled.png")}


def test_no_mask_is_taken_from_another_subfolder(
    excolor: Run, content: Path, warm: Path, tmp_path: Path, mask: Callable[..., Path]
) -> None:
    contents = tmp_path / "contents"
    for name in ("monday/1.png", "tuesday/1.png", "tuesday/2.png", "3.png"):
        (contents / name).parent.mkdir(parents=True, exist_ok=True)
        (contents / name).write_bytes(content.read_bytes())
    for name in ("monday/1.png", "2.png", "monday/3.png"):
        mask(f"masks/{name}")
    masks = ("--content-mask", tmp_path / "masks", "--style-mask", mask("style.png", size=read_photo(warm).size))
    output = tmp_path / "styled"
    result = excolor("stylize", contents, warm, *masks, "--recursive", "--working-size", 32, "-o", f"{output}/")
    assert result.exit_code == 1
    where = f"{tmp_path / 'masks' / 'tuesday'} or {tmp_path / 'masks'}"
    assert f"{contents / 'tuesday' / '1.png'}: no mask is named 1 in {where}" in result.stderr
    styled = {path.relative_to(output).as_posix().replace("-styled", "") for path in output.rglob("*.png")}
    assert styled == {"monday/1.png", "tuesday/2.png", "3.png"}


def test_a_mask_of_another_picture_is_refused(
    excolor: Run, content: Path, warm: Path, tmp_path: Path, mask: Callable[..., Path]
) -> None:
    good, bad = mask("good.png"), mask("bad.png", size=(120, 96))
    style_mask = mask("style.png", size=read_photo(warm).size)
    result = excolor("stylize", content, warm, "--content-mask", bad, "--style-mask", style_mask)
    assert result.exit_code == 1
    assert "aspect ratios differ" in result.stderr and "bad.png" in result.stderr
    result = excolor("stylize", content, warm, "--content-mask", good, "--style-mask", bad)
    assert result.exit_code == 1 and "aspect ratios differ" in result.stderr
    assert not (tmp_path / "content-styled.png").exists()


def test_no_style_or_mask_is_replaced(
    excolor: Run, content: Path, warm: Path, tmp_path: Path, mask: Callable[..., Path]
) -> None:
    own, style_mask = mask("own.png"), mask("style.png", size=read_photo(warm).size)
    second = tmp_path / "second.png"
    second.write_bytes(warm.read_bytes())
    masks = ("--content-mask", own, "--style-mask", style_mask, "--style-mask", style_mask)
    for path in (warm, second, own, style_mask):
        before = path.read_bytes()
        result = excolor("stylize", content, "--style", warm, "--style", second, *masks, "-o", path, "--force")
        assert result.exit_code == 1 and "is an input" in result.stderr, path
        assert path.read_bytes() == before
