"""From measurements of hints to what is reported: means for each number of hints, and the table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from excolor.evaluation.drawn_hints import COUNTS
from excolor.evaluation.hint_measuring import ALONE, RELATED, HintCurve, HintMeasurement
from excolor.evaluation.intervals import half_width, standard_error
from excolor.reporting.table import Table


@dataclass(frozen=True)
class Spread:
    """The middle of some numbers, and what 95 % of them do not exceed."""

    median: float
    percentile_95: float


@dataclass(frozen=True)
class CountSummary:
    """Means over pictures for one number of hints.

    Attributes:
        hints: how many.
        psnr: in dB.
        gain: of PSNR over no hints, in dB.
        gain_standard_error: of that mean; None for a single picture.
        ciede2000: from the truth.
        at_hints: the CIEDE2000 at all hints of all pictures; None without hints.
    """

    hints: int
    psnr: float
    gain: float
    gain_standard_error: float | None
    ciede2000: float
    at_hints: Spread | None


@dataclass(frozen=True)
class HintSummary:
    """Hints beside one reference (`ALONE` or `RELATED`): pictures, each of `COUNTS`, and what a wrong one changes.

    `far_change` is the spread over pictures of the medians of pixels.
    """

    reference: str
    pictures: int
    counts: tuple[CountSummary, ...]
    far_change: Spread


def summarize_hints(measurements: Sequence[HintMeasurement]) -> list[HintSummary]:
    """One summary for each reference that there is."""
    curves = {way: [m.curves[way] for m in measurements if way in m.curves] for way in (ALONE, RELATED)}
    return [_summarize(way, of_way) for way, of_way in curves.items() if of_way]


def _summarize(reference: str, curves: Sequence[HintCurve]) -> HintSummary:
    counts = []
    for i, hints in enumerate(COUNTS):
        gains = [curve["psnr"][i] - curve["psnr"][0] for curve in curves]
        counts.append(
            CountSummary(
                hints,
                psnr=float(np.mean([curve["psnr"][i] for curve in curves])),
                gain=float(np.mean(gains)),
                gain_standard_error=standard_error(gains),
                ciede2000=float(np.mean([curve["ciede2000"][i] for curve in curves])),
                at_hints=_spread([one for curve in curves for one in curve["at_hints"][i]]) if hints else None,
            )
        )
    return HintSummary(reference, len(curves), tuple(counts), _spread([curve["far_change"] for curve in curves]))


def _spread(values: Sequence[float]) -> Spread:
    return Spread(*np.percentile(values, (50, 95)).tolist())


def hint_table(summaries: Sequence[HintSummary]) -> Table:
    """A row for each number of hints, the reference being named in the first of its rows."""
    rows: list[tuple[str, ...]] = []
    for summary in summaries:
        head = summary.reference, str(summary.pictures)
        for numbers in summary.counts:
            spread = half_width(numbers.gain_standard_error)
            gain = f"{numbers.gain:+.2f}" + ("" if spread is None else f" ± {spread:.2f}")
            at = numbers.at_hints
            rows.append(
                (
                    *head,
                    str(numbers.hints),
                    f"{numbers.psnr:.2f}",
                    gain if numbers.hints else "–",
                    f"{numbers.ciede2000:.2f}",
                    "–" if at is None else f"{at.median:.2f}",
                    "–" if at is None else f"{at.percentile_95:.2f}",
                )
            )
            head = "", ""
    headings = (
        "reference",
        "pictures",
        "hints",
        "PSNR dB",
        "above none",
        "CIEDE2000",
        "at hints, median",
        "at hints, 95 %",
    )
    return Table(None, headings, rows)


def reach(summaries: Sequence[HintSummary]) -> str:
    """How much a wrong hint changes what it does not mean, in a sentence."""
    told = ", ".join(
        f"{summary.far_change.median:.2f} and {summary.far_change.percentile_95:.2f} ({summary.reference})"
        for summary in summaries
    )
    return (
        "One wrong hint: median CIEDE2000 by which pixels farther from it than a quarter of the diagonal change, "
        f"median and 95 % of pictures: {told}"
    )
