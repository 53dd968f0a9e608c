"""What hints are worth, measured with shipped models."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from excolor import Colorizer, ColorizeSettings
from excolor.errors import PhotoError
from excolor.evaluation.baselines import gray
from excolor.evaluation.drawn_hints import COUNTS, draw_places, far_from, spot, true_hints, wrong_hint
from excolor.evaluation.hint_measuring import HintCurve, HintEvaluator, HintMeasurement
from excolor.evaluation.hint_summary import hint_table, reach, summarize_hints
from excolor.evaluation.metrics import ciede2000, lab, psnr
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case, Plan
from excolor.evaluation.relatives import with_relatives
from excolor.evaluation.state import State

NAME, RELATIVE = "garden/1.png", "garden/10.png"
SETTINGS = ColorizeSettings(40)
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def pictures(album: Path) -> PhotoSet:
    return PhotoSet(album, side=40)


def test_numbers_are_those_of_results_with_the_first_hints(pictures: PhotoSet, colorizer: Colorizer) -> None:
    found = HintEvaluator(pictures, colorizer, SETTINGS, seed=3).measure(Case("hints", NAME, RELATIVE))
    assert found is not None
    assert list(found.curves) == ["none", "related"]
    truth = pictures.read(NAME)
    places = draw_places(NAME, 3)
    size = truth.shape[:2]
    for curve, references in ((found.curves["none"], ()), (found.curves["related"], pictures.read(RELATIVE))):

        def result(hints: list, references: object = references) -> np.ndarray:
            return colorizer.colorize(gray(truth), references, SETTINGS, hints=hints).pixels  # type: ignore[arg-type]

        for i, count in enumerate(COUNTS):
            picture = result(true_hints(truth, places[:count]))
            apart = ciede2000(lab(picture), lab(truth))
            assert curve["psnr"][i] == psnr(picture, truth)
            assert curve["ciede2000"][i] == apart.mean()
            assert curve["at_hints"][i] == [apart[spot(place, size)].mean() for place in places[:count]]
        wrong = wrong_hint(truth, NAME, 3)
        change = ciede2000(lab(result([wrong])), lab(result([])))
        assert curve["far_change"] == np.median(change[far_from(wrong, size)])


def test_more_true_hints_give_better_colors() -> None:
    pictures = PhotoSet(EXAMPLES / "photos", side=96)
    model = Colorizer.load("semantic", device="cpu")
    found = HintEvaluator(pictures, model, ColorizeSettings(96)).measure(Case("hints", "coffee.jpg", None))
    assert found is not None
    curve = found.curves["none"]
    for fewer, more in ((0, 10), (10, 50)):
        i, j = COUNTS.index(fewer), COUNTS.index(more)
        assert curve["psnr"][j] > curve["psnr"][i] + 1
        assert curve["ciede2000"][j] < curve["ciede2000"][i] - 1
    assert np.median(curve["at_hints"][-1]) < 4


def test_measurements_come_back_from_a_state(pictures: PhotoSet, colorizer: Colorizer, tmp_path: Path) -> None:
    case = Case("hints", NAME, None)
    found = HintEvaluator(pictures, colorizer, SETTINGS).measure(case)
    assert found is not None
    State(tmp_path / "state", {"seed": 0}, HintMeasurement).add(found)
    assert State(tmp_path / "state", {"seed": 0}, HintMeasurement).measurements == {case: found}


def test_no_color_is_not_measured(album: Path, pictures: PhotoSet, colorizer: Colorizer) -> None:
    with Image.open(album / NAME) as image:
        image.convert("L").save(album / NAME)
    assert HintEvaluator(pictures, colorizer, SETTINGS).measure(Case("hints", NAME, None)) is None


def test_the_reference_is_another_picture_of_the_folder_if_there_is_one() -> None:
    names = ["a/1", "a/2", "b/1", "c/1", "c/2"]
    cases = Plan(("hints",)).cases(names)
    rng = np.random.default_rng(0)

    def read(name: str) -> np.ndarray:
        if name == "c/2":
            raise PhotoError("damaged")
        return rng.random((40, 50, 3)).astype(np.float32)

    found = {case.target: case.reference for case in with_relatives(cases, names, read)}
    assert found == {"a/1": "a/2", "a/2": "a/1", "b/1": None, "c/1": None, "c/2": None}
    assert "hints" not in {case.protocol for case in Plan().cases(names)}


def measurement(name: str, decibels: float, at_hint: float, far: float, ways: tuple[str, ...]) -> HintMeasurement:
    curve: HintCurve = {
        "psnr": [decibels + i for i in range(len(COUNTS))],
        "ciede2000": [10.0 - i for i in range(len(COUNTS))],
        "at_hints": [[at_hint] * n for n in COUNTS],
        "far_change": far,
    }
    return HintMeasurement(Case("hints", name, None), 30.0, dict.fromkeys(ways, curve))


def test_the_summary() -> None:
    found = summarize_hints(
        [
            measurement("a", 20.0, 1.0, 0.5, ("none", "related")),
            measurement("b", 24.0, 3.0, 1.5, ("none",)),
        ]
    )
    assert [(summary.reference, summary.pictures) for summary in found] == [("none", 2), ("related", 1)]
    ten = found[0].counts[COUNTS.index(10)]
    assert (ten.hints, ten.psnr, ten.gain, ten.gain_standard_error, ten.ciede2000) == (10, 26.0, 4.0, 0.0, 6.0)
    assert ten.at_hints is not None
    assert (ten.at_hints.median, ten.at_hints.percentile_95) == (2.0, 3.0)  # of 20 hints, ten of 1 and ten of 3
    assert found[0].counts[0].at_hints is None
    assert (found[0].far_change.median, found[0].far_change.percentile_95) == (1.0, pytest.approx(1.45))
    table = hint_table(found)
    assert len(table.rows) == 2 * len(COUNTS)
    assert table.rows[0] == ("none", "2", "0", "22.00", "–", "10.00", "–", "–")
    assert table.rows[4] == ("", "", "10", "26.00", "+4.00 ± 0.00", "6.00", "2.00", "3.00")
    assert table.rows[11] == ("", "", "10", "24.00", "+4.00", "6.00", "1.00", "1.00")
    assert reach(found).endswith("1.00 and 1.45 (none), 0.50 and 0.50 (related)")
