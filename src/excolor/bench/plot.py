"""A plot of time against megapixels: what was measured here in color, what the paper published gray and dashed."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from excolor.bench.published import PAPER, SIZES
from excolor.bench.results import Cell, Results
from excolor.bench.table import by_method, label_of, runs_on, size_label
from excolor.bench.tasks import TOTAL
from excolor.reporting.plotting import COLORS, GRAY, MARKERS, encoded, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_Place = Literal["outside right upper", "outside right lower"]

_APART = 0.13  # of the length of the axis


def plot(results: Results, file_format: str) -> bytes:
    """A figure as `png` or `svg`.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    figure, axes = new_axes(11, 6)
    rows = [known for cells in by_method(results) if (known := [cell for cell in cells if cell.measurement])]
    measured = [_draw_measured(axes, cells, number) for number, cells in enumerate(rows)]
    published = _draw_published(axes)
    _describe(axes, results)
    _legend(figure, measured, "Measured here", "outside right upper")
    _legend(figure, published, "Published by the paper,\nmeasured on its authors' machine", "outside right lower")
    return encoded(figure, file_format)


def _draw_measured(axes: "Axes", cells: Sequence[Cell], number: int) -> "Line2D":
    """Medians with their quartiles, joined by a line."""
    timings = [cell.measurement.steps[TOTAL] for cell in cells if cell.measurement]
    x, medians = [_megapixels(cell.task.size) for cell in cells], [timing.median for timing in timings]
    color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
    spread = [[t.median - t.lower for t in timings], [t.upper - t.median for t in timings]]
    axes.errorbar(x, medians, spread, fmt="none", ecolor=color, capsize=3)
    label = f"{label_of(cells[0].task)} ({runs_on(cells[0].task)})"
    (line,) = axes.plot(x, medians, color=color, marker=marker, label=label)
    return line


def _draw_published(axes: "Axes") -> "list[Line2D]":
    lines: list[Line2D] = []
    for paper, marker in zip(PAPER, MARKERS, strict=False):
        known = [(size, total) for size in SIZES if (total := paper.total(size)) is not None]
        lines += axes.plot(
            [_megapixels(size) for size, _ in known],
            [total for _, total in known],
            color=GRAY,
            linestyle="--",
            linewidth=1,
            marker=marker,
            markerfacecolor="white",
            label=paper.name.split(":")[0],
            zorder=1,  # behind what was measured
        )
    return lines


def _describe(axes: "Axes", results: Results) -> None:
    sizes = _apart(sorted({cell.task.size for cell in results.cells} | set(SIZES)))
    axes.set(xscale="log", yscale="log", xlabel="megapixels", ylabel="seconds")
    axes.set_title(f"Time for a picture: {results.run['device_name']}", loc="left")
    axes.set_xticks(
        [_megapixels(size) for size in sizes], [f"{_megapixels(size):#.2g}\n{size_label(size)}" for size in sizes]
    )
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_axisbelow(True)
    axes.grid(which="major", color="#E0E0E0")


def _apart(sizes: Sequence[int]) -> list[int]:
    """Those of ascending sizes whose labels below a logarithmic axis do not run into each other."""
    shown = [sizes[0]]
    for size in sizes[1:]:
        if math.log(size / shown[-1]) > _APART * math.log(sizes[-1] / sizes[0]):
            shown.append(size)
    return shown


def _legend(figure: "Figure", lines: "Sequence[Line2D]", title: str, place: _Place) -> None:
    labels = [str(line.get_label()) for line in lines]
    figure.legend(lines, labels, loc=place, title=title, alignment="left", frameon=False, fontsize=9)


def _megapixels(size: int) -> float:
    return size * size / 1e6
