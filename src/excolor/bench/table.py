"""Results as tables, and how to read them."""

import textwrap
from collections.abc import Callable, Iterator, Sequence

from excolor.bench.measuring import BenchMeasurement
from excolor.bench.published import PAPER, SIZES, PublishedTime
from excolor.bench.results import OUT_OF_MEMORY, Cell, Results
from excolor.bench.tasks import TOTAL, BenchTask
from excolor.reporting.table import Table
from excolor.reporting.timing import Timing

_MISSING = "–"
_WIDTH = 120  # of running text


def tables(results: Results) -> list[Table]:
    """What was measured, and after that, in a table of its own, what the paper published."""
    return [time_table(results), cost_table(results), network_table(results), published_table()]


def markdown(results: Results) -> str:
    """All tables, and how to read them."""
    paragraphs = [textwrap.fill(paragraph, _WIDTH) for paragraph in how_to_read(results)]
    return "\n\n".join([*(table.markdown() for table in tables(results)), *paragraphs]) + "\n"


def time_table(results: Results) -> Table:
    """Seconds by method and size."""
    sizes = sorted({cell.task.size for cell in results.cells})
    rows = [row for cells in by_method(results) for row in _time_rows(cells)]
    headings = ("method", "on", *map(size_label, sizes))
    return Table(f"Measured on {results.run['device_name']}: seconds (quartiles)", headings, rows, text_columns=2)


def _time_rows(cells: Sequence[Cell]) -> Iterator[tuple[str, ...]]:
    task = cells[0].task

    def row(label: str, show: Callable[[BenchMeasurement], str]) -> tuple[str, ...]:
        texts = (OUT_OF_MEMORY if cell.measurement is None else show(cell.measurement) for cell in cells)
        return label, runs_on(task), *texts

    if task.method == "networks":
        yield row(f"{_model(task)}: transfer + colorization × 2", _split)
        yield row(f"{_model(task)}: networks in all", _total)
    else:
        yield row(label_of(task), _total)


def cost_table(results: Results) -> Table:
    """What a method costs beyond time: its first call, memory, and the best batch size."""
    rows = []
    for cell in results.cells:
        if cell.measurement is None:
            rows.append((label_of(cell.task), size_label(cell.task.size), OUT_OF_MEMORY, _MISSING, _MISSING))
            continue
        peak, best = cell.measurement.peak_bytes, cell.throughput
        rows.append(
            (
                label_of(cell.task),
                size_label(cell.task.size),
                three_digits(cell.measurement.first_call),
                _MISSING if peak is None else f"{peak / 1e6:.0f}",
                _MISSING if best is None else f"{three_digits(best.pictures_per_second)} ({best.batch} at once)",
            )
        )
    headings = ("method", "size", "first call, s", "peak memory, MB", "pictures/s at the best batch size")
    return Table("Measured here: first call, memory, batches", headings, rows)


def network_table(results: Results) -> Table:
    """How well the arithmetic of each network uses the machine."""
    rows = []
    for cell in results.cells:
        if cell.measurement is None:
            continue
        for network, count in cell.measurement.multiply_adds.items():
            rate = count / cell.measurement.steps[network].median
            head = f"{_model(cell.task)}: {network}", size_label(cell.task.size)
            share = _MISSING if results.product_rate is None else f"{rate / results.product_rate:.0%}"
            rows.append((*head, three_digits(count / 1e9), three_digits(rate / 1e9), share))
    headings = ("network", "size", "multiply-adds, 10⁹", "10⁹/s", "of the matrix product's")
    return Table("Measured here: arithmetic of the networks", headings, rows)


def published_table() -> Table:
    """The paper's own seconds."""

    def sum_text(parts: Sequence[PublishedTime], total: float | None) -> str:
        terms = [
            (OUT_OF_MEMORY if part.seconds is None else f"{part.seconds:.2f}")
            + (f" × {part.times}" if part.times > 1 else "")
            for part in parts
        ]
        is_sum = len(parts) > 1 or parts[0].times > 1
        return " + ".join(terms) + (f" = {total:.2f}" if is_sum and total is not None else "")

    rows = [(paper.name, *(sum_text(paper.parts[size], paper.total(size)) for size in SIZES)) for paper in PAPER]
    headings = ("method", *(size_label(size) for size in SIZES))
    return Table("Published by the paper, not measured here: seconds on its authors' machine", headings, rows)


def how_to_read(results: Results) -> tuple[str, ...]:
    """What the numbers mean, in a few paragraphs."""
    run = results.run
    start_up = "; ".join(
        f"{name}: import {three_digits(s.imports)} s, load {three_digits(s.load)} s"
        for name, s in results.start_up.items()
    )
    rate = results.product_rate
    does = "runs out of memory" if rate is None else f"does {three_digits(rate / 1e9)}·10⁹ multiply-adds/s"
    return (
        f"Start-up, which none of the times above include: {start_up}. A large matrix product in {run['dtype']} {does} "
        "on this device.",
        "How to read it: times are medians of warm runs, each until the device is done, with the quartiles in "
        "parentheses. As in the paper, transfer and colorization run at the full size of the column. Transfer "
        "encodes both pictures; its WCT variant matches PhotoWCT's statistics. 'As used' is what colorize "
        f"does between reading and writing: its networks see {run['working_size']} pixels of the shorter side, the "
        "result has the full size, and the reference was encoded before.",
        "The published seconds are from another machine, the authors': compare how they grow with the size, and "
        "the methods within one table. Seconds of one table cannot be compared with seconds of the other.",
    )


def by_method(results: Results) -> list[list[Cell]]:
    """The cells of each method, by ascending size."""
    rows: dict[str, list[Cell]] = {}
    for cell in results.cells:
        rows.setdefault(label_of(cell.task), []).append(cell)
    return list(rows.values())


def label_of(task: BenchTask) -> str:
    """The name of a method in tables."""
    titles = {
        "networks": f"{_model(task)}: networks",
        "as used": f"{task.name}: as used",
        "wct": f"{task.name}: transfer by WCT",
        "welsh": "Welsh et al. 2002",
        "reinhard": "Reinhard et al. 2001",
    }
    return titles[task.method]


def runs_on(task: BenchTask) -> str:
    """Device, dtype and threads of a task."""
    if task.device != "cpu":
        return f"{task.device}, {task.dtype}"
    return f"{task.threads} {'thread' if task.threads == 1 else 'threads'}, {task.dtype}"


def size_label(size: int) -> str:
    """The size of a square picture in tables."""
    return f"{size}×{size}"


def three_digits(value: float) -> str:
    """A number with three significant digits."""
    return f"{value:#.3g}".rstrip(".") if value < 100 else f"{value:.0f}"


def timing_text(taken: Timing) -> str:
    """The median, and the quartiles in parentheses."""
    return f"{three_digits(taken.median)} ({three_digits(taken.lower)}–{three_digits(taken.upper)})"


def _model(task: BenchTask) -> str:
    return f"{task.name}, compiled" if task.compiled else task.name


def _total(measurement: BenchMeasurement) -> str:
    return timing_text(measurement.steps[TOTAL])


def _split(measurement: BenchMeasurement) -> str:
    transfer, colorization = (measurement.steps[step].median for step in ("transfer", "colorization"))
    return f"{three_digits(transfer)} + {three_digits(colorization)} × 2"
