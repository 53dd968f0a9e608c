"""What a run was, and what it found, as data: the head of a state, and the JSON and CSV files."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from excolor.evaluation.drawn_hints import COUNTS
from excolor.evaluation.hint_measuring import ALONE, HintMeasurement
from excolor.evaluation.hint_summary import HintSummary
from excolor.evaluation.measuring import COMPARISONS, Measurement
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case, Plan
from excolor.evaluation.style_measuring import NUMBERS, StyleMeasurement
from excolor.evaluation.style_summary import StyleSummary
from excolor.evaluation.summary import ProtocolSummary
from excolor.method.colorizer import Colorizer
from excolor.method.stylizer import Stylizer
from excolor.networks.models import ModelFiles
from excolor.reporting.timing import Timing
from excolor.settings import ColorizeSettings


def describe_run(
    colorizer: Colorizer,
    model: ModelFiles,
    pictures: PhotoSet,
    plan: Plan,
    cases: Sequence[Case],
    settings: ColorizeSettings,
) -> dict[str, Any]:
    """All that the numbers depend on; `model` is what `colorizer` was loaded from, `cases` are those of the plan."""
    used = {"working_size": settings.working_size, "match": settings.match, "auto_levels": settings.auto_levels}
    return {**describe_model(colorizer, model), **_describe_pictures(pictures, cases), **used, **asdict(plan)}


def describe_style_run(
    stylizer: Stylizer,
    model: ModelFiles,
    pictures: PhotoSet,
    plan: Plan,
    cases: Sequence[Case],
    working_size: int,
) -> dict[str, Any]:
    """The same for stylization."""
    used = {"task": "stylize", "working_size": working_size}
    networks = describe_model(stylizer, model)
    return {**networks, **_describe_pictures(pictures, cases), **used, **asdict(plan)}


def to_json(run: Mapping[str, Any], summaries: Sequence[ProtocolSummary], failures: Sequence[str]) -> str:
    """The run, the date, and what it found."""
    return as_json(run, failures, {"results": {summary.protocol: asdict(summary) for summary in summaries}})


def style_to_json(
    run: Mapping[str, Any],
    summary: StyleSummary,
    seconds: Mapping[str, Mapping[int, Timing]],
    failures: Sequence[str],
) -> str:
    """The same for stylization."""
    times = {method: {size: asdict(t) for size, t in of_method.items()} for method, of_method in seconds.items()}
    return as_json(run, failures, {"results": asdict(summary), "seconds": times})


def hints_to_json(run: Mapping[str, Any], summaries: Sequence[HintSummary], failures: Sequence[str]) -> str:
    """The same for hints."""
    return as_json(run, failures, {"results": {summary.reference: asdict(summary) for summary in summaries}})


def to_csv(measurements: Iterable[Measurement]) -> str:
    """A line for each picture, protocol and method."""
    metrics = (*COMPARISONS, "colorfulness")
    rows = [
        (*_named(m.case), method, *(numbers[metric] for metric in metrics), m.truth_colorfulness)
        for m in measurements
        for method, numbers in m.methods.items()
    ]
    return _to_csv(("protocol", "target", "reference", "method", *metrics, "truth_colorfulness"), rows)


def hints_to_csv(measurements: Iterable[HintMeasurement]) -> str:
    """A line for each picture, with and without its reference, and number of hints.

    `at_hints` is the mean over the hints; `far_change` is that of a single wrong hint, whatever their number.
    """
    rows = [
        (
            *("hints", m.case.target, "" if way == ALONE else m.case.reference or "", hints),
            *(curve["psnr"][i], curve["ciede2000"][i]),
            sum(curve["at_hints"][i]) / hints if hints else "",
            curve["far_change"],
            m.truth_colorfulness,
        )
        for m in measurements
        for way, curve in m.curves.items()
        for i, hints in enumerate(COUNTS)
    ]
    numbers = ("psnr", "ciede2000", "at_hints", "far_change", "truth_colorfulness")
    return _to_csv(("protocol", "target", "reference", "hints", *numbers), rows)


def style_to_csv(measurements: Iterable[StyleMeasurement]) -> str:
    """A line for each pair and method."""
    rows = [
        (*_named(m.case), method, *(numbers[number] for number in NUMBERS))
        for m in measurements
        for method, numbers in m.methods.items()
    ]
    return _to_csv(("protocol", "content_picture", "style_picture", "method", *NUMBERS), rows)


def describe_model(loaded: Colorizer | Stylizer, model: ModelFiles) -> dict[str, Any]:
    """What numbers depend on whatever is measured; `model` is what `loaded` was loaded from."""
    return {
        "excolor": version("excolor"),
        "torch": version("torch"),
        "model": loaded.name,
        "checkpoints": model.checksums,
        "device": loaded.device.type,
        "precision": loaded.precision,
    }


def _describe_pictures(pictures: PhotoSet, cases: Sequence[Case]) -> dict[str, Any]:
    beyond = pictures.fingerprint_beyond(name for c in cases for name in (c.target, c.reference) if name is not None)
    return {
        "photos": pictures.title,
        "photos_sha256": pictures.fingerprint,
        "leave_out": pictures.leave_out,
        "side": pictures.side,
        **({} if beyond is None else {"photos_of_pairs_sha256": beyond}),
    }


def _named(case: Case) -> tuple[str, ...]:
    return case.protocol, case.target, case.reference or ""


def as_json(run: Mapping[str, Any], failures: Sequence[str], found: Mapping[str, Any]) -> str:
    """A run, the date, what could not be measured, and what was found."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return (
        json.dumps(_finite({**run, "date": date, "failures": list(failures), **found}), indent=2, allow_nan=False)
        + "\n"
    )


def _finite(data: Any) -> Any:
    """The same with null for numbers that JSON has not: infinite ones, as the PSNR of equal pictures, and NaN."""
    if isinstance(data, Mapping):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _to_csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return out.getvalue()
