"""What measuring clips found, as a table and as data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from excolor.film.measuring import TRUTH, ClipMeasurement, mean
from excolor.reporting.table import Table

_HEADINGS = ("clip", "frames", "method", "PSNR dB", "CIEDE2000", "colorfulness", "of the truth's", "CDC", "warp error")


def table(measurements: Sequence[ClipMeasurement]) -> Table:
    """A row for each method of each clip, and for their means; CDC and warp error in thousandths."""
    rows: list[tuple[str, ...]] = []
    for one in _with_mean(measurements):
        head = one.clip, str(one.frames)
        for method, numbers in one.methods.items():
            rows.append(
                (
                    *head,
                    method,
                    "–" if numbers.psnr is None else f"{numbers.psnr:.2f}",
                    "–" if method == TRUTH else f"{numbers.ciede2000:.2f}",
                    f"{numbers.colorfulness:.1f}",
                    f"{numbers.colorfulness / one.methods[TRUTH].colorfulness:.0%}",
                    _thousandths(numbers.cdc),
                    _thousandths(numbers.warp_error),
                )
            )
            head = "", ""
    return Table(None, _HEADINGS, rows, text_columns=3)


def results(measurements: Sequence[ClipMeasurement]) -> Mapping[str, Any]:
    """All numbers, clip by clip, and their means."""
    return {one.clip: asdict(one) for one in _with_mean(measurements)}


def _with_mean(measurements: Sequence[ClipMeasurement]) -> Sequence[ClipMeasurement]:
    return measurements if len(measurements) == 1 else [*measurements, mean(measurements)]


def _thousandths(value: float | None) -> str:
    return "–" if value is None else f"{1000 * value:.2f}"
