"""The report of a batch: a JSON file that says how it was run and what became of each picture."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.batch.destinations import make_folder

if TYPE_CHECKING:
    from excolor.batch.events import Summary
    from excolor.batch.shards import Shard


def report_content(summary: "Summary", *, interrupted: bool, shard: "Shard | None" = None) -> dict[str, Any]:
    """The content of the report; `interrupted` says whether somebody ended the run early, `shard` whose share it is."""
    made_by = summary.made_by
    return {
        "excolor": made_by.version,
        "model": made_by.model,
        "checkpoints": dict(made_by.checkpoints),
        "settings": dict(made_by.settings),
        "device": summary.device,
        "jobs": summary.jobs,
        "shard": None if shard is None else asdict(shard),
        "interrupted": interrupted,
        "seconds": round(summary.seconds, 3),
        "totals": summary.totals,
        "files": [asdict(outcome) for outcome in summary.outcomes],
    }


def write_report(
    summary: "Summary", path: Path, *, interrupted: bool, overwrite: bool, shard: "Shard | None" = None
) -> None:
    """Write the report; arguments as in `report_content`, errors as in `write_json`."""
    write_json(report_content(summary, interrupted=interrupted, shard=shard), path, overwrite=overwrite)


def write_json(content: dict[str, Any], path: Path, *, overwrite: bool) -> None:
    """Write a file, whole or not at all, and make its folder. Raises OutputError if it cannot be written."""
    from excolor.photo import write_bytes

    text = json.dumps(content, indent=2, ensure_ascii=False)
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
