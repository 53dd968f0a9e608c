"""The report of a batch: a JSON file that says how it was run and what became of each picture."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.batch.destinations import make_folder

if TYPE_CHECKING:
    from excolor.batch.events import Summary


def report_content(summary: "Summary", *, interrupted: bool) -> dict[str, Any]:
    """The content of the report; `interrupted` says whether somebody ended the run early."""
    made_by = summary.made_by
    return {
        "excolor": made_by.version,
        "model": made_by.model,
        "checkpoints": dict(made_by.checkpoints),
        "settings": dict(made_by.settings),
        "device": summary.device,
        "jobs": summary.jobs,
        "interrupted": interrupted,
        "seconds": round(summary.seconds, 3),
        "totals": summary.totals,
        "files": [asdict(outcome) for outcome in summary.outcomes],
    }


def write_report(summary: "Summary", path: Path, *, interrupted: bool, overwrite: bool) -> None:
    """Write the report, whole or not at all, and make its folder. Raises OutputError if it cannot be written."""
    from excolor.photo import write_bytes

    text = json.dumps(report_content(summary, interrupted=interrupted), indent=2, ensure_ascii=False)
    make_folder(path.parent)
    # File names that are not text have lone surrogates, which become JSON's own escapes in this way
    write_bytes(text.encode("utf-8", "backslashreplace"), path, overwrite=overwrite)


def is_report(path: Path) -> bool:
    """Whether a file is the report of an earlier run."""
    if not path.is_file():
        return False
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.keys() >= {"excolor", "settings", "totals", "files"}
