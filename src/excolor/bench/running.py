"""Running tasks, one after the other, each in a separate process."""

from collections.abc import Callable

from excolor.bench.isolation import run_apart
from excolor.bench.measuring import matrix_product_rate, measure, pictures_per_second
from excolor.bench.results import Cell, Throughput
from excolor.bench.start_up import StartUp, start_up
from excolor.bench.tasks import TOTAL, BenchTask
from excolor.errors import DeviceError
from excolor.reporting.timing import Timing

_MOST = 256  # pictures at once
_GAIN = 1.05  # in pictures per second, from which doubling the batch pays


def run_task(task: BenchTask, repeat: int) -> Cell:
    """Measure a task, and for networks also the best batch size."""
    try:
        measurement = run_apart(measure, task, repeat)
    except DeviceError:
        return Cell(task, None)
    if task.method != "networks" or task.compiled:  # compiling for each batch would take minutes
        return Cell(task, measurement)

    def rate(batch: int) -> float | None:
        try:
            return run_apart(pictures_per_second, task, batch, repeat)
        except DeviceError:
            return None

    return Cell(task, measurement, best_batch(rate, 1 / measurement.steps[TOTAL].median))


def best_batch(rate: Callable[[int], float | None], alone: float) -> Throughput:
    """Double the batch as long as that pays.

    Args:
        rate: pictures per second for a batch of 2, 4, 8, …; None if it runs out of memory.
        alone: pictures per second, one by one.
    """
    best = Throughput(1, alone)
    while best.batch < _MOST:
        found = rate(2 * best.batch)
        if found is None or found < _GAIN * best.pictures_per_second:
            break
        best = Throughput(2 * best.batch, found)
    return best


def run_product_rate(device: str, dtype: str, threads: int, repeat: int) -> float | None:
    """`matrix_product_rate`; None if it runs out of memory."""
    try:
        return run_apart(matrix_product_rate, device, dtype, threads, repeat)
    except DeviceError:
        return None


def run_start_up(model: str, device: str, repeat: int) -> StartUp:
    """Medians over `repeat` processes. The files are in the system's cache when anything has been measured before."""
    runs = [run_apart(start_up, model, device, fresh=True) for _ in range(repeat)]
    return StartUp(Timing.of([run.imports for run in runs]).median, Timing.of([run.load for run in runs]).median)
