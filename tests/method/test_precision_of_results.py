"""What bfloat16 does to results: less than is seen, on the example photographs. `auto` relies on it."""

from pathlib import Path

import numpy as np
import pytest

from excolor import Colorizer, Stylizer
from excolor.evaluation.metrics import ciede2000, lab
from excolor.settings import COLORIZE_SIZE, ColorizeSettings, Precision

MEAN, NINETY_NINE = 0.3, 1.5  # CIEDE2000; about 1 is a difference just seen
EXAMPLES = sorted((Path(__file__).parents[2] / "examples/photos").glob("*.jpg"))


def assert_as_good_as_equal(one: np.ndarray, other: np.ndarray) -> None:
    difference = ciede2000(*(lab(pixels.astype(np.float64) / 255) for pixels in (one, other)))
    assert difference.max() > 0, "it is computed in another precision"
    assert difference.mean() < MEAN
    assert np.quantile(difference, 0.99) < NINETY_NINE


@pytest.mark.parametrize("model", ["semantic", "lite"])
def test_colors_in_bfloat16_are_those_in_float32(model: str, target: Path, reference: Path) -> None:
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    fine, coarse = (Colorizer.load(model, device="cpu", precision=precision) for precision in precisions)
    assert (fine.precision, coarse.precision) == precisions
    references = [colorizer.encode_reference(reference) for colorizer in (fine, coarse)]
    for picture in (target, *EXAMPLES):
        results = [
            colorizer.colorize(picture, encoded).pixels
            for colorizer, encoded in zip((fine, coarse), references, strict=True)
        ]
        assert_as_good_as_equal(*results)
    assert_as_good_as_equal(fine.colorize(target).pixels, coarse.colorize(target).pixels)


def test_looks_in_bfloat16_are_those_in_float32(target: Path, reference: Path) -> None:
    fine, coarse = (Stylizer.load(device="cpu", precision=precision) for precision in ("float32", "bfloat16"))
    assert (fine.precision, coarse.precision) == ("float32", "bfloat16")
    for picture in (target, EXAMPLES[0]):
        assert_as_good_as_equal(*(one.stylize(picture, one.measure(reference)).pixels for one in (fine, coarse)))


def test_a_reference_serves_both_precisions(target: Path, reference: Path) -> None:
    """It is the model that must be the same: places are described in float32 whatever the precision."""
    fine, coarse = (Colorizer.load("semantic", device="cpu", precision=name) for name in ("float32", "bfloat16"))
    settings = ColorizeSettings(COLORIZE_SIZE // 2)
    own, other = (one.encode_reference(reference, settings) for one in (coarse, fine))
    assert np.array_equal(*(coarse.colorize(target, one, settings).pixels for one in (own, other)))
