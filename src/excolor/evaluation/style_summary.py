"""From measurements of stylization to what is reported: means, margins, the frontier, and the tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from excolor.evaluation.intervals import half_width, standard_error
from excolor.evaluation.style_measuring import NUMBERS, OWN, StyleMeasurement
from excolor.reporting.table import Table
from excolor.reporting.timing import Timing
from excolor.settings import STYLIZE_SIZE

AXES = ("content", "style")
"""The two numbers of the frontier; higher is better for both."""

_LOWER_IS_BETTER = ("statistics", "colors")
_HEADINGS = {
    "lightness": "SSIM of L",
    "edges": "SSIM of edges",
    "statistics": "statistics off",
    "colors": "colors off, Lab",
    "content": "content kept",
    "style": "style reached",
}


@dataclass(frozen=True)
class Estimate:
    """A mean over pairs, or of differences pair by pair, and its standard error; None for a single pair."""

    mean: float
    standard_error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Estimate":
        """Summarize at least one value."""
        return cls(float(np.mean(values)), standard_error(values))

    @property
    def half_width(self) -> float | None:
        """Half the width of the 95 % interval of the mean, under the normal distribution."""
        return half_width(self.standard_error)


@dataclass(frozen=True)
class StyleSummary:
    """The results of a run.

    Attributes:
        pairs: how many pairs were measured.
        methods: method -> number -> its mean.
        margins: method of excolor -> other method -> number -> by how much it is better, whichever way better is.
        frontier: methods for which no other is better on both axes.
        better_on_both: method of excolor -> the other methods whose means are better on both axes.
    """

    pairs: int
    methods: dict[str, dict[str, Estimate]]
    margins: dict[str, dict[str, dict[str, Estimate]]]
    frontier: list[str]
    better_on_both: dict[str, list[str]]


def summarize(measurements: Iterable[StyleMeasurement]) -> StyleSummary:
    """Summarize at least one measurement."""
    pairs = [measurement.methods for measurement in measurements]
    names = list(pairs[0])

    def values(method: str, number: str) -> list[float]:
        return [methods[method][number] for methods in pairs]

    def margin(method: str, other: str, number: str) -> Estimate:
        sign = -1 if number in _LOWER_IS_BETTER else 1
        paired = zip(values(method, number), values(other, number), strict=True)
        return Estimate.of([sign * (x - y) for x, y in paired])

    means = {method: {number: Estimate.of(values(method, number)) for number in NUMBERS} for method in names}
    others = [method for method in names if method not in OWN]
    margins = {
        method: {other: {number: margin(method, other, number) for number in NUMBERS} for other in others}
        for method in OWN
    }
    ahead = {method: [other for other in names if _is_better_on_both(means[other], means[method])] for method in names}
    frontier = [method for method in names if not ahead[method]]
    better = {method: [other for other in ahead[method] if other in others] for method in OWN}
    return StyleSummary(len(pairs), means, margins, frontier, better)


def _is_better_on_both(one: Mapping[str, Estimate], other: Mapping[str, Estimate]) -> bool:
    return all(one[axis].mean > other[axis].mean for axis in AXES)


def means_table(summary: StyleSummary) -> Table:
    """A row for each method."""
    rows = [
        (method, *(f"{numbers[number].mean:.{_digits(number)}f}" for number in NUMBERS))
        for method, numbers in summary.methods.items()
    ]
    return Table(f"Means over {count_pairs(summary)}", ("method", *_HEADINGS.values()), rows)


def margins_table(summary: StyleSummary) -> Table:
    """By how much excolor is better than each other method, number by number, with 95 % intervals."""
    rows = [
        (method, other, *(_signed(margins[number], _digits(number)) for number in NUMBERS))
        for method, others in summary.margins.items()
        for other, margins in others.items()
    ]
    title = "By how much excolor is better: + is better, whichever way the number goes; with 95 % intervals"
    return Table(title, ("method", "than", *_HEADINGS.values()), rows, text_columns=2)


def seconds_table(times: Mapping[str, Mapping[int, Timing]]) -> Table:
    """Medians and quartiles by method and size."""
    sizes = sorted({size for of_method in times.values() for size in of_method})
    rows = [
        (method, *(f"{t.median:.3f} ({t.lower:.3f}–{t.upper:.3f})" for t in (of_method[size] for size in sizes)))
        for method, of_method in times.items()
    ]
    title = f"Seconds from pixels to pixels (quartiles), networks at {STYLIZE_SIZE} pixels or less"
    return Table(title, ("method", *(f"{s}×{s}" for s in sizes)), rows)


def verdict(summary: StyleSummary) -> str:
    """The most important result, in one line."""
    standings = [_standing(summary, method) for method in OWN]
    return f"The frontier of content kept and style reached: {', '.join(summary.frontier)}. {'; '.join(standings)}."


def _standing(summary: StyleSummary, method: str) -> str:
    """Which other methods are better on both axes than one of excolor's, and whether that is certain."""
    better = [
        f"{other} is better on both{'' if _is_sure(summary, method, other) else ', within chance'}"
        for other in summary.better_on_both[method]
    ]
    return f"{method}: {', '.join(better) or 'no other is better on both'}"


def _is_sure(summary: StyleSummary, method: str, other: str) -> bool:
    """Whether the 95 % intervals of both margins are below 0."""
    margins = [summary.margins[method][other][axis] for axis in AXES]
    return all(margin.half_width is not None and margin.mean + margin.half_width < 0 for margin in margins)


def count_pairs(summary: StyleSummary) -> str:
    """The number of pairs that were measured, in words."""
    return "1 pair" if summary.pairs == 1 else f"{summary.pairs} pairs"


def _digits(number: str) -> int:
    return 2 if number == "colors" else 3


def _signed(estimate: Estimate, digits: int) -> str:
    spread = "" if estimate.half_width is None else f" ± {estimate.half_width:.{digits}f}"
    return f"{estimate.mean:+.{digits}f}{spread}"
