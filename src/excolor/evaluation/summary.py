"""From measurements to what is reported: means, margins, and the table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from excolor.evaluation.intervals import half_width, standard_error
from excolor.evaluation.measuring import COMPARISONS, EXCOLOR, Measurement
from excolor.evaluation.protocols import PROTOCOLS
from excolor.reporting.table import Table


@dataclass(frozen=True)
class MethodSummary:
    """Means over pictures; `colorfulness_ratio` is the mean colorfulness over the mean of the truth's.

    `edge_error` is over those that have strong edges of color; None if none has.
    """

    psnr: float
    ssim: float
    ciede2000: float
    edge_error: float | None
    colorfulness: float
    colorfulness_ratio: float


@dataclass(frozen=True)
class Margin:
    """How many dB excolor's mean PSNR is above that of the best other method, and how certain that is.

    `standard_error` is that of the mean of the differences picture by picture, as if pictures were independent, which
    frames of one sequence are not; None for a single picture.
    """

    over: str
    psnr: float
    standard_error: float | None

    @property
    def half_width(self) -> float | None:
        """Half the width of the 95 % interval of the mean, under the normal distribution."""
        return half_width(self.standard_error)


@dataclass(frozen=True)
class Following:
    """How far references were followed for which there is no true answer.

    Attributes:
        chroma_ratio: mean chroma of the results over that of the colors found.
        color_distance: mean distance of the results' colors from the references'.
        gray_distance: the same of the gray targets.
    """

    chroma_ratio: float
    color_distance: float
    gray_distance: float


@dataclass(frozen=True)
class ProtocolSummary:
    """One protocol: the number of pictures, each method, the margin, and for `related` how far it was followed."""

    protocol: str
    pictures: int
    truth_colorfulness: float
    methods: dict[str, MethodSummary]
    margin: Margin
    following: Following | None = None


def summarize(measurements: Iterable[Measurement]) -> list[ProtocolSummary]:
    """One summary for each protocol, in the order of `PROTOCOLS`."""
    by_protocol: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        by_protocol.setdefault(measurement.case.protocol, []).append(measurement)
    return [_summarize(protocol, by_protocol[protocol]) for protocol in PROTOCOLS if protocol in by_protocol]


def _summarize(protocol: str, measurements: Sequence[Measurement]) -> ProtocolSummary:
    truth = float(np.mean([m.truth_colorfulness for m in measurements]))

    def mean(method: str, metric: str) -> float:
        return float(np.mean([m.methods[method][metric] for m in measurements]))

    methods = {}
    for method in measurements[0].methods:
        colorful = mean(method, "colorfulness")
        methods[method] = MethodSummary(
            **{metric: mean(method, metric) for metric in COMPARISONS if metric != "edge_error"},
            edge_error=_mean_of_numbers([m.methods[method]["edge_error"] for m in measurements]),
            colorfulness=colorful,
            colorfulness_ratio=colorful / truth,
        )
    others = {method: summary.psnr for method, summary in methods.items() if method != EXCOLOR}
    best = max(others, key=lambda method: others[method])
    differences = [m.methods[EXCOLOR]["psnr"] - m.methods[best]["psnr"] for m in measurements]
    margin = Margin(best, float(np.mean(differences)), standard_error(differences))
    return ProtocolSummary(protocol, len(measurements), truth, methods, margin, _following(measurements))


def _mean_of_numbers(values: Sequence[float]) -> float | None:
    """The mean of the values that are numbers."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else None


def _following(measurements: Sequence[Measurement]) -> Following | None:
    known = [m.following for m in measurements if m.following]
    if not known:
        return None

    def mean(number: str) -> float:
        return float(np.mean([one[number] for one in known]))

    found = mean("found_chroma")
    ratio = mean("result_chroma") / found if found else 0.0
    return Following(ratio, mean("color_distance"), mean("gray_distance"))


def table(summaries: Sequence[ProtocolSummary]) -> Table:
    """A row for each method of each protocol, which is named in the first of its rows."""
    rows: list[tuple[str, ...]] = []
    for summary in summaries:
        head = summary.protocol, str(summary.pictures)
        for method, numbers in summary.methods.items():
            rows.append(
                (
                    *head,
                    method,
                    f"{numbers.psnr:.2f}",
                    f"{numbers.ssim:.3f}",
                    f"{numbers.ciede2000:.2f}",
                    "–" if numbers.edge_error is None else f"{numbers.edge_error:.1f}",
                    f"{numbers.colorfulness:.1f}",
                    f"{numbers.colorfulness_ratio:.0%}",
                )
            )
            head = "", ""
    headings = (
        "protocol",
        "pictures",
        "method",
        "PSNR dB",
        "SSIM",
        "CIEDE2000",
        "ab at edges",
        "colorfulness",
        "of the truth's",
    )
    return Table(None, headings, rows, text_columns=3)


def margins(summaries: Sequence[ProtocolSummary]) -> str:
    """The most important numbers: the lead over the best other method, and how far references are followed."""
    leads = []
    for summary in summaries:
        margin = summary.margin
        spread = "" if margin.half_width is None else f" ± {margin.half_width:.2f}"
        leads.append(f"{summary.protocol} {margin.psnr:+.2f}{spread} ({margin.over})")
    lines = [f"excolor's PSNR above the best other method, dB with 95 % interval: {', '.join(leads)}"]
    lines += [
        f"{summary.protocol}: excolor's chroma is {following.chroma_ratio:.0%} of that of the colors found; its colors "
        f"are {following.color_distance:.1f} from the reference's, those of gray {following.gray_distance:.1f}"
        for summary in summaries
        if (following := summary.following)
    ]
    return "\n".join(lines)
