"""What a run was, and what it found, as data: the head of a state, and the JSON and CSV files."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from excolor.evaluation.measuring import COMPARISONS, Measurement
from excolor.evaluation.pictures import Pictures
from excolor.evaluation.protocols import Plan
from excolor.evaluation.summary import ProtocolSummary
from excolor.pipeline import Colorizer, Settings
from excolor.weights import NETWORKS, ModelFiles


def describe_run(
    colorizer: Colorizer, model: ModelFiles, pictures: Pictures, plan: Plan, settings: Settings
) -> dict[str, Any]:
    """All that the numbers depend on; `model` is what `colorizer` was loaded from."""
    return {
        "excolor": version("excolor"),
        "torch": version("torch"),
        "model": colorizer.name,
        "checkpoints": {network: model.sha256(network) for network in NETWORKS},
        "device": colorizer.device.type,
        "photos": pictures.title,
        "photos_sha256": pictures.fingerprint,
        "leave_out": pictures.leave_out,
        "side": pictures.side,
        "working_size": settings.working_size,
        "match": settings.match,
        **asdict(plan),
    }


def to_json(run: Mapping[str, Any], summaries: Sequence[ProtocolSummary], failures: Sequence[str]) -> str:
    """The run, the date, and what it found."""
    results = {summary.protocol: asdict(summary) for summary in summaries}
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({**run, "date": date, "failures": list(failures), "results": results}, indent=2) + "\n"


def to_csv(measurements: Iterable[Measurement]) -> str:
    """A line for each picture, protocol and method."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    metrics = (*COMPARISONS, "colorfulness")
    writer.writerow(("protocol", "target", "reference", "method", *metrics, "truth_colorfulness"))
    for m in measurements:
        for method, numbers in m.methods.items():
            row = (m.case.protocol, m.case.target, m.case.reference or "", method)
            writer.writerow((*row, *(numbers[metric] for metric in metrics), m.truth_colorfulness))
    return out.getvalue()
