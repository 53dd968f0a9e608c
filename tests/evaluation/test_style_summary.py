import csv
import io
import json
import math
import statistics
from typing import Any

import numpy as np
import pytest
from PIL import Image

from excolor.evaluation.protocols import Case
from excolor.evaluation.record import style_to_csv, style_to_json
from excolor.evaluation.style_measuring import NUMBERS, OWN, StyleMeasurement
from excolor.evaluation.style_summary import (
    StyleSummary,
    margins_table,
    means_table,
    seconds_table,
    summarize,
    verdict,
)
from excolor.evaluation.tradeoff import plot
from excolor.reporting.timing import Timing

ADAIN, WCT = OWN


def measurement(name: str, **points: tuple[float, float]) -> StyleMeasurement:
    """A pair, whose methods have these points of content and style."""
    methods = {
        method.replace("_", " "): {
            "lightness": content + 0.05,
            "edges": content - 0.05,
            "statistics": 1 - style,
            "colors": 20 * (1 - style),
            "content": content,
            "style": style,
        }
        for method, (content, style) in points.items()
    }
    return StyleMeasurement(Case("random", name, "style.jpg"), methods)


FIRST = measurement("a", identity=(1, 0), linear=(0.8, 0.5), excolor_adain=(0.9, 0.4), excolor_wct=(0.7, 0.4))
SECOND = measurement("b", identity=(1, 0), linear=(0.7, 0.6), excolor_adain=(0.8, 0.4), excolor_wct=(0.7, 0.4))


@pytest.fixture
def summary() -> StyleSummary:
    return summarize([FIRST, SECOND])


def test_means(summary: StyleSummary) -> None:
    assert summary.pairs == 2
    assert summary.methods["linear"]["content"].mean == pytest.approx(0.75)
    assert summary.methods["linear"]["colors"].mean == pytest.approx(9)
    assert summary.methods["linear"]["content"].standard_error == pytest.approx(
        statistics.stdev([0.8, 0.7]) / math.sqrt(2)
    )


def test_the_frontier(summary: StyleSummary) -> None:
    assert summary.frontier == ["identity", "linear", ADAIN]
    assert summary.better_on_both == {ADAIN: [], WCT: ["linear"]}
    assert f"{ADAIN}: no other is better on both" in verdict(summary)
    assert f"{WCT}: linear is better on both, within chance" in verdict(summary)


def test_a_tie_on_one_axis_is_not_better_on_both() -> None:
    tied = summarize([measurement("a", linear=(0.8, 0.9), excolor_adain=(0.8, 0.5), excolor_wct=(0.7, 0.9))])
    assert tied.better_on_both == {ADAIN: [], WCT: []}
    assert len(tied.frontier) == 3


def test_what_is_sure() -> None:
    rng = np.random.default_rng(0)
    noisy = [
        measurement(str(i), linear=(0.8, 0.5), excolor_adain=(0.7 + x, 0.4 + y), excolor_wct=(0.9, 0.4))
        for i, (x, y) in enumerate(rng.normal(0, 0.02, (30, 2)))
    ]
    assert f"{ADAIN}: linear is better on both;" in verdict(summarize(noisy))


def test_margins_are_better_upwards(summary: StyleSummary) -> None:
    margins = summary.margins[ADAIN]["linear"]
    assert margins["content"].mean == pytest.approx(0.1)
    assert margins["style"].mean == pytest.approx(-0.15)
    assert margins["colors"].mean == pytest.approx(-3)  # further off by 3
    assert margins["colors"].standard_error == pytest.approx(statistics.stdev([2, 4]) / math.sqrt(2))
    assert set(summary.margins[ADAIN]) == {"identity", "linear"}


def test_tables(summary: StyleSummary) -> None:
    means = means_table(summary).markdown().splitlines()
    assert means[0] == "**Means over 2 pairs**"
    assert [cell.strip() for cell in means[5].strip("|").split("|")][:2] == ["linear", "0.800"]
    margins = margins_table(summary)
    assert [row[:2] for row in margins.rows] == [(own, other) for own in OWN for other in ("identity", "linear")]
    assert margins.rows[1][-2:] == ("+0.100 ± 0.000", "-0.150 ± 0.098")
    assert "±" not in margins_table(summarize([FIRST])).markdown()  # one pair tells nothing about spread
    seconds = seconds_table({"linear": {512: Timing(0.2, 0.1, 0.3, 3), 256: Timing(0.02, 0.01, 0.03, 3)}})
    assert seconds.headings == ("method", "256×256", "512×512")
    assert seconds.rows == [("linear", "0.020 (0.010–0.030)", "0.200 (0.100–0.300)")]


def test_files(summary: StyleSummary) -> None:
    rows = list(csv.DictReader(io.StringIO(style_to_csv([FIRST, SECOND]))))
    assert len(rows) == 8
    assert (rows[1]["content_picture"], rows[1]["style_picture"], rows[1]["method"]) == ("a", "style.jpg", "linear")
    assert {name: float(rows[1][name]) for name in NUMBERS} == pytest.approx(FIRST.methods["linear"])
    seconds = {"linear": {256: Timing(0.02, 0.01, 0.03, 3)}}
    found: dict[str, Any] = json.loads(style_to_json({"model": "lite"}, summary, seconds, ["b.jpg: damaged"]))
    assert found["failures"] == ["b.jpg: damaged"]
    assert found["results"]["better_on_both"] == {ADAIN: [], WCT: ["linear"]}
    assert found["seconds"]["linear"]["256"]["median"] == 0.02


@pytest.mark.parametrize("measurements", [[FIRST, SECOND], [FIRST]])
def test_the_plot_shows_every_method(measurements: list[StyleMeasurement]) -> None:
    with Image.open(io.BytesIO(plot(summarize(measurements)))) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) >= 800
    colors = {tuple(color) for color in pixels.reshape(-1, 3)}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0, 0x9E, 0x73), (0xCC, 0x79, 0xA7)} <= colors
