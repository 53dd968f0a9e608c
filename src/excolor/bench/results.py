"""What a run measured, and its files: JSON, from which everything else can be made, and CSV."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from excolor.bench.measuring import BenchMeasurement
from excolor.bench.published import PAPER, SIZES
from excolor.bench.start_up import StartUp
from excolor.bench.tasks import TOTAL, BenchTask
from excolor.errors import SettingError
from excolor.reporting.timing import Timing

OUT_OF_MEMORY = "out of memory"


@dataclass(frozen=True)
class Throughput:
    """Pictures per second with the batch size at which the networks are fastest."""

    batch: int
    pictures_per_second: float


@dataclass(frozen=True)
class Cell:
    """A task and what it took; `measurement` is None if it ran out of memory."""

    task: BenchTask
    measurement: BenchMeasurement | None
    throughput: Throughput | None = None


@dataclass(frozen=True)
class Results:
    """A whole run.

    Attributes:
        run: everything that the numbers depend on.
        start_up: by the name of the model.
        product_rate: multiply-adds per second of a large matrix product, with the dtype and the threads of the
            networks; None if it ran out of memory.
        cells: in the order of the tasks.
    """

    run: Mapping[str, Any]
    start_up: Mapping[str, StartUp]
    product_rate: float | None
    cells: tuple[Cell, ...]

    def to_json(self) -> str:
        """Everything, with the paper's seconds under a key of their own."""
        published = {
            paper.name: {size: [asdict(part) for part in paper.parts[size]] for size in SIZES} for paper in PAPER
        }
        return json.dumps({**asdict(self), "published": published}, indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read back a file of `to_json`. Raises SettingError if it is something else or cannot be read."""
        how_to_fix = "give a file that excolor bench --json wrote"
        try:
            content = json.loads(path.read_bytes())
            rate = content["product_rate"]
            return cls(
                run=dict(content["run"]),
                start_up={name: StartUp(**seconds) for name, seconds in content["start_up"].items()},
                product_rate=None if rate is None else float(rate),
                cells=tuple(_cell(cell) for cell in content["cells"]),
            )
        except OSError as error:
            raise SettingError(f"{path}: cannot be read ({error.strerror}); {how_to_fix}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingError(f"{path}: not the results of a run; {how_to_fix}") from error


def _cell(content: Mapping[str, Any]) -> Cell:
    measured, throughput = content["measurement"], content["throughput"]
    return Cell(
        BenchTask(**content["task"]),
        None if measured is None else BenchMeasurement(**{**measured, "steps": _timings(measured["steps"])}),
        None if throughput is None else Throughput(**throughput),
    )


def _timings(content: Mapping[str, Any]) -> dict[str, Timing]:
    return {step: Timing(**seconds) for step, seconds in content.items()}


_COLUMNS = (
    *("source", "method", "model", "compiled", "size", "device", "dtype", "threads", "step", "outcome"),
    *("seconds", "lower_quartile", "upper_quartile", "runs", "multiply_adds"),
    *("first_call", "peak_bytes", "best_batch", "pictures_per_second"),
)


def to_csv(results: Results) -> str:
    """A line for each step of each cell, with `measured` as its source, and each total of the paper, `published`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for cell in results.cells:
        writer.writerows(_lines(cell))
    for paper in PAPER:
        for size in SIZES:
            total = paper.total(size)
            line = {"source": "published", "method": paper.name, "size": size, "step": TOTAL}
            writer.writerow({**line, "outcome": _outcome(total), "seconds": "" if total is None else round(total, 2)})
    return out.getvalue()


def _lines(cell: Cell) -> list[dict[str, Any]]:
    task = cell.task
    head = {
        "source": "measured",
        "method": task.method,
        "model": task.name,
        "compiled": task.compiled,
        "size": task.size,
        "device": task.device,
        "dtype": task.dtype,
        "threads": task.threads,
        "outcome": _outcome(cell.measurement),
    }
    if cell.measurement is None:
        return [{**head, "step": TOTAL}]
    lines = []
    for step, timing in cell.measurement.steps.items():
        line = {
            **head,
            "step": step,
            "seconds": timing.median,
            "lower_quartile": timing.lower,
            "upper_quartile": timing.upper,
            "runs": timing.runs,
            "multiply_adds": cell.measurement.multiply_adds.get(step),
        }
        if step == TOTAL:
            line |= {"first_call": cell.measurement.first_call, "peak_bytes": cell.measurement.peak_bytes}
        if step == TOTAL and cell.throughput is not None:
            best = cell.throughput
            line |= {"best_batch": best.batch, "pictures_per_second": best.pictures_per_second}
        lines.append(line)
    return lines


def _outcome(value: object) -> str:
    return OUT_OF_MEMORY if value is None else "done"
