"""What became of the pictures of a batch: for the summary and for the report."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from excolor.cli.progress import duration, rate

if TYPE_CHECKING:
    from excolor.photo import Provenance

Status = Literal["written", "skipped", "failed", "not begun"]


@dataclass
class Outcome:
    """What became of a picture; the fields are those of the report."""

    input: str
    output: str
    status: Status = "not begun"
    error: str | None = None
    notes: list[str] = field(default_factory=list)
    reference: str | None = None
    score: float | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None


def totals(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many pictures became what."""
    return {status: sum(outcome.status == status for outcome in outcomes) for status in get_args(Status)}


def summary(outcomes: Sequence[Outcome], seconds: float) -> Iterator[str]:
    """Lines that tell how it went: the numbers, then what failed and why."""
    counts = totals(outcomes)
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count or status == "written")
    speed = rate(counts["written"], seconds)
    yield f"{told} in {duration(seconds)}" + (f": {speed}" if speed else "")
    for outcome in outcomes:
        if outcome.status == "failed":
            yield f"  failed: {outcome.error}"


def report_content(
    outcomes: Sequence[Outcome], seconds: float, made_by: "Provenance", run: dict[str, Any]
) -> dict[str, Any]:
    """The content of the report; `run` is what else is to be told of the run as a whole."""
    return {
        "excolor": made_by.version,
        "model": made_by.model,
        "checkpoints": dict(made_by.checkpoints),
        "settings": dict(made_by.settings),
        **run,
        "seconds": round(seconds, 3),
        "totals": totals(outcomes),
        "files": [asdict(outcome) for outcome in outcomes],
    }


def is_report(path: Path) -> bool:
    """Whether a file is the report of an earlier run."""
    if not path.is_file():
        return False
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.keys() >= {"excolor", "settings", "totals", "files"}
