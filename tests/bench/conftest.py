from collections.abc import Callable
from dataclasses import replace

import pytest

from excolor.bench.measuring import BenchMeasurement
from excolor.bench.results import Cell, Results, Throughput
from excolor.bench.start_up import StartUp
from excolor.bench.tasks import TOTAL, BenchTask
from excolor.reporting.timing import Timing

RUN = {
    "excolor": "0.1.0",
    "device": "cpu",
    "device_name": "Some processor, 2 cores",
    "dtype": "float32",
    "working_size": 256,
    "checkpoints": {"lite": {"encoder": "a1", "decoder": "b2", "colorizer": "c3"}},
}


def timing(median: float) -> Timing:
    return Timing(median, 0.9 * median, 1.2 * median, 5)


@pytest.fixture
def results() -> Results:
    """A run over three sizes, the largest of which was too large for all but the pipeline as it is used."""
    cells = []
    for size in (256, 512, 1024):
        seconds = size * size * 1e-6
        task = BenchTask("networks", "lite", "lite", size, "cpu", "float32", 2)
        steps = {"transfer": timing(seconds), "colorization": timing(2 * seconds), TOTAL: timing(5 * seconds)}
        counts = {"transfer": size * size * 60_000, "colorization": size * size * 72_000}
        measurement = BenchMeasurement(steps, 7 * seconds, size * size * 1000, counts)
        used = BenchMeasurement({TOTAL: timing(0.2 + seconds)}, 1.0, None, {})
        fits = size < 1024
        cells.append(Cell(task, measurement if fits else None, Throughput(4, 0.3 / seconds) if fits else None))
        cells.append(Cell(replace(task, method="as used", threads=1), used))
        classical = BenchMeasurement({TOTAL: timing(4 * seconds)}, 1.0, 10_000_000, {})
        cells.append(Cell(BenchTask("welsh", "", "", size, "cpu", "float32", 2), classical if fits else None))
    return Results(RUN, {"lite": StartUp(1.5, 0.1)}, 9e10, tuple(cells))


@pytest.fixture
def slower() -> Callable[[Results, float], Results]:
    """The same results, with all times multiplied by a factor."""

    def scale(results: Results, factor: float) -> Results:
        def scaled(cell: Cell) -> Cell:
            if cell.measurement is None:
                return cell
            steps = {
                step: Timing(t.median * factor, t.lower * factor, t.upper * factor, t.runs)
                for step, t in cell.measurement.steps.items()
            }
            return replace(cell, measurement=replace(cell.measurement, steps=steps))

        return replace(results, cells=tuple(map(scaled, results.cells)))

    return scale
