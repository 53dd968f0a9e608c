"""What is kept of a run, and the tables made of it."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from excolor.bench.machine import describe_run
from excolor.bench.measuring import BenchMeasurement
from excolor.bench.published import PAPER, SIZES
from excolor.bench.results import Cell, Results, Throughput, to_csv
from excolor.bench.start_up import StartUp
from excolor.bench.table import how_to_read, markdown, network_table, published_table, tables
from excolor.bench.tasks import BenchTask, Conditions
from excolor.errors import SettingError
from excolor.networks.models import find_model
from excolor.reporting.timing import Timing

SECONDS = st.floats(1e-9, 1e6)
NAMES = st.text(max_size=8)
TIMINGS = st.builds(Timing, SECONDS, SECONDS, SECONDS, st.integers(1))
TASKS = st.builds(BenchTask, st.sampled_from(["networks", "as used", "wct", "welsh"]), size=st.integers(16))
MEASUREMENTS = st.builds(
    BenchMeasurement,
    steps=st.dictionaries(NAMES, TIMINGS, max_size=3),
    first_call=SECONDS,
    multiply_adds=st.dictionaries(NAMES, st.integers(0), max_size=3),
)
CELLS = st.builds(
    Cell, TASKS, st.none() | MEASUREMENTS, st.none() | st.builds(Throughput, st.integers(1), st.floats(0, 1e9))
)
RESULTS = st.builds(
    Results,
    run=st.dictionaries(NAMES, st.text() | st.integers() | st.none(), max_size=3),
    start_up=st.dictionaries(NAMES, st.builds(StartUp, SECONDS, SECONDS), max_size=2),
    product_rate=st.none() | SECONDS,
    cells=st.lists(CELLS, max_size=2).map(tuple),
)


@given(kept=RESULTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_json_brings_everything_back(kept: Results, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(kept.to_json())
    assert Results.read(path) == kept


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run": 3}', '{"cells": [{}], "run": {}}', "\xff\x00"])
def test_other_files_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingError, match=r"other\.json.*--json"):
        Results.read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="No such file"):
        Results.read(tmp_path / "nosuch.json")


def test_the_paper_in_json_stands_apart(results: Results) -> None:
    content = json.loads(results.to_json())
    assert {cell["task"]["method"] for cell in content["cells"]} == {"networks", "as used", "welsh"}
    assert content["published"]["He et al."]["1024"] == [
        {"seconds": 49.96, "times": 1},
        {"seconds": None, "times": 1},
    ]


def test_csv_tells_measured_from_published(results: Results) -> None:
    lines = list(csv.DictReader(to_csv(results).splitlines()))
    measured = [line for line in lines if line["source"] == "measured"]
    published = [line for line in lines if line["source"] == "published"]
    assert len(measured) + len(published) == len(lines)
    assert len(measured) == 2 * 3 + 1 + 3 + 3  # steps where it fitted, one line where not
    assert len(published) == len(PAPER) * len(SIZES)
    assert not any(line["runs"] or line["threads"] for line in published)
    (total,) = [x for x in measured if (x["method"], x["size"], x["step"]) == ("networks", "512", "total")]
    assert float(total["seconds"]) == 5 * 512 * 512 * 1e-6
    assert (total["best_batch"], total["threads"], total["outcome"]) == ("4", "2", "done")
    (failed,) = [x for x in measured if (x["method"], x["size"]) == ("networks", "1024")]
    assert (failed["outcome"], failed["seconds"]) == ("out of memory", "")


def test_the_totals_of_the_paper() -> None:
    ours = PAPER[-1]
    assert [ours.total(size) for size in SIZES] == pytest.approx([0.20, 0.38, 1.15])
    (he,) = [paper for paper in PAPER if paper.name.startswith("He")]
    assert [he.total(size) for size in SIZES] == [pytest.approx(8.39), pytest.approx(34.99), None]


def test_tables_never_mix_measured_and_published(results: Results) -> None:
    *measured, published = tables(results)
    assert published == published_table()
    assert "not measured here" in published.title
    assert all(table.title.startswith("Measured") for table in measured)
    names = {row[0] for table in measured for row in table.rows}
    assert names.isdisjoint(row[0] for row in published.rows)


def test_the_cells_of_the_tables(results: Results) -> None:
    times, costs, networks, published = tables(results)
    rows = {row[0]: row[1:] for row in times.rows}
    assert rows["lite: transfer + colorization × 2"] == (
        *("2 threads, float32", "0.0655 + 0.131 × 2", "0.262 + 0.524 × 2"),
        "out of memory",
    )
    assert rows["lite: networks in all"][1] == "0.328 (0.295–0.393)"
    assert rows["lite: as used"] == (
        "1 thread, float32",
        "0.266 (0.239–0.319)",
        "0.462 (0.416–0.555)",
        "1.25 (1.12–1.50)",
    )
    assert ("lite: networks", "512×512", "1.84", "262", "1.14 (4 at once)") in costs.rows
    assert ("lite: networks", "1024×1024", "out of memory", "–", "–") in costs.rows
    assert ("lite: transfer", "256×256", "3.93", "60.0", "67%") in networks.rows
    assert published.rows[3][3] == "49.96 + out of memory"
    assert published.rows[-1][1] == "0.04 + 0.08 × 2 = 0.20"


def test_markdown_is_a_table(results: Results) -> None:
    for table in tables(results):
        title, empty, *lines = table.markdown().splitlines()
        assert title == f"**{table.title}**"
        assert empty == ""
        assert {len(line) for line in lines} == {len(lines[0])}
        assert {line.count("|") for line in lines} == {len(table.headings) + 1}
        assert set(lines[1]) == set("|-: ")


def test_without_the_rate_of_a_product_all_else_is_told(results: Results) -> None:
    unknown = replace(results, product_rate=None)
    assert ("lite: transfer", "256×256", "3.93", "60.0", "–") in network_table(unknown).rows
    assert "A large matrix product in float32 runs out of memory on this device." in " ".join(how_to_read(unknown))


def test_it_says_how_to_read_it(results: Results) -> None:
    text = " ".join(how_to_read(results))
    assert "lite: import 1.50 s, load 0.100 s" in text
    assert "90.0·10⁹" in text
    assert "256 pixels" in text
    assert "another machine" in text
    assert " ".join(markdown(results).split()).endswith(text)


def test_a_run_records_what_its_numbers_depend_on() -> None:
    run = describe_run(["lite"], (32,), 5, Conditions("cpu", "float32", "float32", 2, 1, compiled=False))
    assert run["checkpoints"]["lite"]["decoder"] == find_model("lite").sha256("decoder")
    assert {"excolor", "commit", "date", "python", "torch", "numpy", "platform", "processor"} <= run.keys()
    assert (run["device_name"], run["threads"], run["threads_as_used"]) == (run["processor"], 2, 1)
    json.dumps(run)
