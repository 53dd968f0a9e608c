from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from excolor import Colorizer, ColorizeSettings
from excolor.evaluation.baselines import COLORIZERS, gray
from excolor.evaluation.measuring import Evaluator, compare
from excolor.evaluation.metrics import colorfulness, psnr
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case
from excolor.imaging.color import rgb_to_lab

NAME = "sea/1.png"
SETTINGS = ColorizeSettings(32)


@pytest.fixture
def evaluator(album: Path, colorizer: Colorizer) -> Evaluator:
    return Evaluator(PhotoSet(album, side=40), colorizer, SETTINGS)


def truth_of(album: Path) -> np.ndarray:
    return PhotoSet(album, side=40).read(NAME)


def test_without_a_reference(evaluator: Evaluator, album: Path, colorizer: Colorizer) -> None:
    found = evaluator.measure(Case("none", NAME, None))
    assert found is not None
    truth = truth_of(album)
    assert found.truth_colorfulness == colorfulness(truth)
    assert found.methods == {
        "gray": compare(gray(truth), truth),
        "excolor": compare(colorizer.colorize(gray(truth), settings=SETTINGS).pixels, truth),
    }


@pytest.mark.parametrize(
    ("case", "truth_columns", "reference_columns"),
    [
        (Case("mirror", NAME, NAME), slice(None), slice(None, None, -1)),
        (Case("halves", NAME, NAME), slice(26, None), slice(None, 26)),
    ],
)
def test_with_the_picture_itself(
    case: Case, truth_columns: slice, reference_columns: slice, evaluator: Evaluator, album: Path, colorizer: Colorizer
) -> None:
    picture = truth_of(album)
    assert picture.shape == (40, 53, 3)
    truth = np.ascontiguousarray(picture[:, truth_columns])
    reference = np.ascontiguousarray(picture[:, reference_columns])
    found = evaluator.measure(case)
    assert found is not None
    expected = {name: transfer(gray(truth), reference) for name, transfer in COLORIZERS.items()}
    expected["excolor"] = colorizer.colorize(gray(truth), reference, SETTINGS).pixels
    assert found.methods == {name: compare(result, truth) for name, result in expected.items()}


@pytest.mark.parametrize("protocol", ["frames", "random", "pairs"])
def test_with_another_picture(protocol: str, evaluator: Evaluator, album: Path, colorizer: Colorizer) -> None:
    truth, reference = truth_of(album), PhotoSet(album, side=40).read("garden/1.png")
    found = evaluator.measure(Case(protocol, NAME, "garden/1.png"))
    assert found is not None
    expected = colorizer.colorize(gray(truth), reference, SETTINGS).pixels
    assert found.methods["excolor"] == compare(expected, truth)


def test_only_the_lightness_of_the_truth_is_seen(evaluator: Evaluator, album: Path) -> None:
    """Methods are given no color of the target: one of the same lightness and other colors gets the same result."""
    case = Case("pairs", NAME, "garden/1.png")
    result, target = (evaluator.steps(case)[name] for name in ("result", "target"))
    Image.fromarray((target * 255).round().astype(np.uint8)).save(album / NAME)
    again = evaluator.steps(case)["result"]
    assert psnr(result, again) > 45  # rounded to 8 bits in between
    lightness = rgb_to_lab(torch.from_numpy(target).permute(2, 0, 1))
    assert lightness[1:].abs().max() < 0.02


def test_what_has_no_color_is_not_measured(album: Path, colorizer: Colorizer) -> None:
    with Image.open(album / NAME) as image:
        grays = image.convert("L").convert("RGB")
    grays.paste((200, 40, 40), (0, 0, 32, 48))  # the left half
    grays.save(album / NAME)
    evaluator = Evaluator(PhotoSet(album, side=48), colorizer, SETTINGS)
    assert evaluator.measure(Case("halves", NAME, NAME)) is None
    assert evaluator.measure(Case("mirror", NAME, NAME)) is not None


def test_steps(evaluator: Evaluator, album: Path) -> None:
    steps = evaluator.steps(Case("mirror", NAME, NAME))
    assert list(steps) == ["target", "reference", "pre-color", "coarse", "result", "truth"]
    assert {step.shape[2] for step in steps.values()} == {3}
    assert all(0 <= step.min() <= step.max() <= 1 for step in steps.values())
    assert np.array_equal(steps["reference"], truth_of(album)[:, ::-1])
    assert list(evaluator.steps(Case("none", NAME, None))) == ["target", "result", "truth"]
