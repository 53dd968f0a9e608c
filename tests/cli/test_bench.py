"""`excolor bench` as a user meets it: the shipped model at sizes that take no time."""

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from excolor import __version__
from excolor.bench.results import Results
from excolor.cli.main import main
from excolor.networks.models import find_model

QUICK = ("--sizes", "32", "--precision", "float32", "--repeat", 1, "--threads", 1, "--device", "cpu", "--quiet")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def rows_of(markdown: str) -> dict[str, list[str]]:
    """The lines of all tables by their first cells; of equal ones the last."""
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {name: rest for name, *rest in cells}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What one run writes: by suffix, and its standard output as `txt`."""
    folder = tmp_path_factory.mktemp("bench")
    paths = {suffix: folder / f"run.{suffix}" for suffix in ("json", "csv", "md", "svg", "txt")}
    options = ("--json", paths["json"], "--csv", paths["csv"], "--markdown", paths["md"], "--plot", paths["svg"])
    result = run(*QUICK, "--sizes", "64,32", *options)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    paths["txt"].write_text(result.stdout)
    return paths


@pytest.fixture(scope="module")
def found(files: dict[str, Path]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files["json"].read_text())
    return content


def test_the_table(files: dict[str, Path]) -> None:
    rows = rows_of(files["txt"].read_text())
    number = r"\d+(\.\d+)?"
    assert rows["method"] == ["256×256", "512×512", "1024×1024"]  # the last table is the paper's
    assert re.fullmatch(rf"{number} \+ {number} × 2", rows["lite: transfer + colorization × 2"][2])
    measured = ("lite: networks in all", "lite: as used", "lite: transfer by WCT", "Welsh et al. 2002")
    for name in (*measured, "Reinhard et al. 2001"):
        assert name in rows
    assert rows["lite: colorization"][-1].endswith("%")
    assert rows["Xu et al. (the paper): transfer + colorization × 2"][2] == "0.59 + 0.28 × 2 = 1.15"
    assert files["md"].read_text() == files["txt"].read_text()
    assert "How to read it" in files["txt"].read_text()


def test_what_a_run_records(found: dict[str, Any]) -> None:
    recorded = found["run"]
    assert recorded["excolor"] == __version__
    assert (recorded["device"], recorded["threads"], recorded["dtype"]) == ("cpu", 1, "float32")
    assert recorded["checkpoints"]["lite"]["colorizer"] == find_model("lite").sha256("colorizer")
    assert recorded["sizes"] == [32, 64]
    assert re.search(r", [1-9]\d* cores?, ", recorded["device_name"])
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", recorded["commit"] or "0" * 12)


def test_the_times_fit_together(found: dict[str, Any]) -> None:
    cells = {(cell["task"]["method"], cell["task"]["size"]): cell for cell in found["cells"]}
    assert set(cells) == {(m, s) for m in ("networks", "as used", "wct", "welsh", "reinhard") for s in (32, 64)}
    for cell in cells.values():
        for timing in cell["measurement"]["steps"].values():
            assert 0 < timing["lower"] <= timing["median"] <= timing["upper"] < 60
        assert cell["measurement"]["first_call"] > 0
        assert 0 <= cell["measurement"]["peak_bytes"] < 2e9
    # Measured one after the other, maybe with other programs beside them: of one order, not equal
    for size in (32, 64):
        steps = cells["networks", size]["measurement"]["steps"]
        assert 5 * steps["total"]["upper"] > steps["transfer"]["lower"] + steps["colorization"]["lower"]
        best = cells["networks", size]["throughput"]
        assert 5 * best["pictures_per_second"] > 1 / steps["total"]["median"]
    assert found["start_up"]["lite"]["imports"] > 0.05  # torch alone takes longer
    assert found["start_up"]["lite"]["load"] > 0
    assert found["product_rate"] > 1e7


def test_csv_and_plot(files: dict[str, Path]) -> None:
    lines = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert {line["source"] for line in lines} == {"measured", "published"}
    assert {line["size"] for line in lines if line["source"] == "measured"} == {"32", "64"}
    assert files["svg"].read_text().startswith("<?xml")


def test_the_files_come_though_nobody_reads_the_tables(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_results: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    measured = Results.read(files["json"])
    monkeypatch.setattr("excolor.cli.bench._measure", lambda *_: measured)
    monkeypatch.setattr("excolor.cli.bench._print_results", closed)
    result = run(*QUICK, "--json", tmp_path / "out.json", "--csv", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert Results.read(tmp_path / "out.json") == measured
    assert (tmp_path / "out.csv").stat().st_size > 0


def altered(files: dict[str, Path], path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = json.loads(files["json"].read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def times_of(content: dict[str, Any], factor: float) -> None:
    for cell in content["cells"]:
        for timing in cell["measurement"]["steps"].values():
            for name in ("median", "lower", "upper"):
                timing[name] *= factor


def test_slower_than_before(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured is measured already: the smaller size."""
    whole = Results.read(files["json"])
    small = replace(whole, cells=tuple(cell for cell in whole.cells if cell.task.size == 32))
    monkeypatch.setattr("excolor.cli.bench._measure", lambda *_: small)
    monkeypatch.setattr("excolor.bench.machine.load", lambda: 1.7)
    old = altered(files, tmp_path / "old.json", lambda content: times_of(content, 0.001))
    result = run(*QUICK[:-1], "--compare", old, "--plot", tmp_path / "time.png")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "slower" in rows_of(result.stdout)["lite: networks: total"][-1]
    busy, error = result.stderr.splitlines()
    assert "load 1.7" in busy
    assert error == "Error: 8 of 8 times are slower by more than 10 %"
    with Image.open(tmp_path / "time.png") as image:
        assert image.format == "PNG"


def another_device(content: dict[str, Any]) -> None:
    content["run"]["device_name"] = "Abacus"


def other_threads(content: dict[str, Any]) -> None:
    for cell in content["cells"]:
        cell["task"]["threads"] = 3


def other_sizes(content: dict[str, Any]) -> None:
    for cell in content["cells"]:
        cell["task"]["size"] += 8


@pytest.mark.parametrize(
    ("change", "words"), [(another_device, "Abacus"), (other_threads, "3 threads"), (other_sizes, "--sizes")]
)
def test_what_cannot_be_compared_is_refused_at_once(
    change: Callable[[dict[str, Any]], None], words: str, files: dict[str, Path], tmp_path: Path
) -> None:
    result = run(*QUICK, "--compare", altered(files, tmp_path / "old.json", change))
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--models", "nosuch"), "lite"),
        (("--models", "lite,lite"), "same name"),
        (("--device", "cuda:99"), "use the device cpu (--device)"),
        (("--json", "nosuch/out.json"), "nosuch"),
        (("--compare", "nosuch.json"), "nosuch.json"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(options: tuple[str, ...], words: str) -> None:
    result = run(*QUICK, *options)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "options",
    [
        ("--sizes", "250"),
        ("--sizes", "8"),
        ("--sizes", "256,"),
        ("--sizes", "many"),
        ("--plot", "time.pdf"),
        ("--precision", "int8"),
        ("--threshold", "-1"),
        ("--json", "same", "--csv", "same"),
        ("--json", "same", "--compare", "same"),
    ],
)
def test_wrong_usage(options: tuple[str, ...]) -> None:
    assert run(*options).exit_code == 2


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    precious = tmp_path / "out.json"
    precious.write_text("precious")
    result = run(*QUICK, "--json", precious)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert precious.read_text() == "precious"


def much_slower_with_other_weights(content: dict[str, Any]) -> None:
    times_of(content, 1000)
    content["run"]["checkpoints"]["lite"]["encoder"] = "other"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are the system's own")
def test_out_of_memory_is_a_cell_and_no_regression_where_nothing_was(files: dict[str, Path], tmp_path: Path) -> None:
    """A process may hold 1.8 GB of its own, by its shell's ulimit; 268 megapixels need more, whatever the method."""
    old, new = altered(files, tmp_path / "old.json", much_slower_with_other_weights), tmp_path / "new.json"
    options = ("--sizes", "32,16384", *QUICK[2:-1], "--json", new, "--compare", old)
    command = [sys.executable, "-m", "excolor", "bench", *map(str, options)]
    limited = ["bash", "-c", 'ulimit -d 1800000; exec "$@"', "bash", *command]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each would hold some of it
    done = subprocess.run(limited, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    rows = rows_of(done.stdout)
    assert rows["lite: networks in all"][-1] == "out of memory"
    cells = json.loads(new.read_text())["cells"]
    assert {(cell["task"]["size"], cell["measurement"] is None) for cell in cells} == {(32, False), (16384, True)}
    assert float(rows["Welsh et al. 2002: total"][-1]) < 0.1
    assert f"lite had other weights in {old}" in done.stderr


def test_ctrl_c_ends_it_and_all_its_processes(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = start("bench", *QUICK, "--repeat", 1000)
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)  # which waits for whoever holds the pipes
    assert process.returncode == 130
    assert errors.decode().strip() == "Interrupted."
