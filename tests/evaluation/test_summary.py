import csv
import io
import math
import statistics

import numpy as np
import pytest

from excolor.evaluation.measuring import Measurement
from excolor.evaluation.protocols import Case
from excolor.evaluation.record import to_csv
from excolor.evaluation.summary import margins, summarize, table


def measurement(protocol: str, target: str, truth: float, **psnr: float) -> Measurement:
    numbers = {
        method: {"psnr": value, "ssim": 0.9, "ciede2000": 8.0, "edge_error": 9.0, "colorfulness": value / 2}
        for method, value in psnr.items()
    }
    return Measurement(Case(protocol, target, None if protocol == "none" else "r"), truth, numbers)


MEASUREMENTS = [
    measurement("mirror", "a", 20, gray=20, tint=24, excolor=25),
    measurement("none", "a", 20, gray=20, excolor=21),
    measurement("mirror", "b", 40, gray=22, tint=21, excolor=27),
    measurement("mirror", "c", 30, gray=24, tint=24, excolor=23),
]


def test_means() -> None:
    none, mirror = summarize(MEASUREMENTS)
    assert (none.protocol, none.pictures, mirror.protocol, mirror.pictures) == ("none", 1, "mirror", 3)
    assert mirror.methods["excolor"].psnr == 25
    assert mirror.methods["gray"].colorfulness == 11
    assert mirror.methods["gray"].colorfulness_ratio == pytest.approx(11 / 30)
    assert mirror.truth_colorfulness == 30


def test_margin_over_the_best_of_the_others() -> None:
    _, mirror = summarize(MEASUREMENTS)
    assert mirror.margin.over == "tint"  # 23 on the mean, gray 22
    differences = [1, 6, -1]
    assert mirror.margin.psnr == pytest.approx(2)
    assert mirror.margin.standard_error == pytest.approx(statistics.stdev(differences) / math.sqrt(3))
    assert mirror.margin.half_width == pytest.approx(
        statistics.NormalDist().inv_cdf(0.975) * mirror.margin.standard_error, rel=1e-4
    )


def test_one_picture_tells_nothing_about_spread() -> None:
    none, _ = summarize(MEASUREMENTS)
    assert none.margin.standard_error is None
    assert none.margin.half_width is None
    assert "none +1.00 (gray)" in margins([none])


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        gains = rng.normal(0.5, 2, 60)
        (summary,) = summarize([measurement("none", str(i), 30, gray=20, excolor=20 + g) for i, g in enumerate(gains)])
        assert summary.margin.half_width is not None
        held += abs(summary.margin.psnr - 0.5) <= summary.margin.half_width
    assert 0.92 < held / 400 < 0.98


def test_the_table_reads_as_markdown() -> None:
    lines = table(summarize(MEASUREMENTS)).markdown().splitlines()
    assert len(lines) == 2 + 2 + 3
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0][:4] == ["protocol", "pictures", "method", "PSNR dB"]
    assert cells[4] == ["mirror", "3", "gray", "22.00", "0.900", "8.00", "9.0", "11.0", "37%"]
    assert cells[5][:3] == ["", "", "tint"]


def test_csv_has_a_line_for_each_method() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(MEASUREMENTS))))
    assert len(rows) == 3 * 3 + 2
    assert rows[2]["method"] == "excolor"
    assert float(rows[2]["psnr"]) == 25
    assert rows[3] == {
        "protocol": "none",
        "target": "a",
        "reference": "",
        "method": "gray",
        "psnr": "20",
        "ssim": "0.9",
        "ciede2000": "8.0",
        "edge_error": "9.0",
        "colorfulness": "10.0",
        "truth_colorfulness": "20",
    }
