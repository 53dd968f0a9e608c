"""The report of a batch: a JSON file that says how it was run and what became of each picture."""

import json
from collections.abc import Iterable, Mapping
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
    """Write the report, whole or not at all, and make its folder; arguments as in `report_content`.

    Raises:
        OutputError: it cannot be written.
    """
    from excolor.photo import write_bytes

    text = json.dumps(report_content(summary, interrupted=interrupted, shard=shard), indent=2, ensure_ascii=False)
    make_folder(path.parent)
    write_bytes(_encoded(text), path, overwrite=overwrite)


def write_long_report(
    content: Mapping[str, Any], files: Iterable[Mapping[str, Any]], path: Path, *, overwrite: bool
) -> None:
    """Write a report whose `files`, each on a line, come one by one and need not fit into memory.

    Args:
        content: the report without its files.
        files: what became of each picture.
        path: of the file, which is written whole or not at all.
        overwrite: replace a file that exists.

    Raises:
        OutputError: it cannot be written.
    """
    from excolor.photo.files import new_file

    make_folder(path.parent)
    with new_file(path, overwrite=overwrite) as file:
        beginning = _encoded(json.dumps({**content, "files": []}, indent=2, ensure_ascii=False))
        file.write(beginning.removesuffix(b"]\n}"))
        before = b"\n    "
        for each in files:
            file.write(before + _encoded(json.dumps(each, ensure_ascii=False)))
            before = b",\n    "
        file.write(b"\n  ]\n}")


def _encoded(text: str) -> bytes:
    """As UTF-8. File names that are not text have lone surrogates, which become JSON's own escapes in this way."""
    return text.encode("utf-8", "backslashreplace")
