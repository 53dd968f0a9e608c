"""`excolor report merge`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.commands import OUTPUT, Group, option
from excolor.cli.parameter_types import PHOTO
from excolor.cli.progress import Display, duration

if TYPE_CHECKING:
    from excolor.batch.merged_report import MergedReport


@click.group(cls=Group)
def report() -> None:
    """Work with the reports of batches.

    \b
    Example:
        excolor report merge run-*.json
    """


@report.command()
@click.argument("reports", type=PHOTO, nargs=-1, required=True, metavar="REPORT...")
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    group=OUTPUT,
    help="Write the whole as one report to this file.",
)
@option(
    "--retry",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    default=Path("retry.txt"),
    show_default=True,
    group=OUTPUT,
    help="List what failed or was not begun in this file, if anything did.",
)
@option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace files that exist.")
def merge(reports: tuple[Path, ...], output: Path | None, retry: Path, force: bool) -> None:
    """Add up the reports of shards, and list what is left to do.

    A picture that is in several, since it was tried again, counts once. The exit code is 1 unless every shard has a
    report and every picture a result.

    \b
    Example:
        excolor report merge run-*.json -o run.json
        excolor colorize @retry.txt --root scans/ --ref references/ -o colored/ --report retried.json
        excolor report merge run-*.json retried.json
    """
    from excolor.batch.destinations import check_report
    from excolor.batch.merged_report import merge_reports
    from excolor.batch.report import write_json
    from excolor.cli.options import check_apart

    check_apart(output, retry, *reports)
    merged = merge_reports(reports)
    for path in [*([] if output is None else [output]), *([retry] if merged.to_retry else [])]:
        check_report(path, overwrite=force)
    if output is not None:
        write_json(merged.content, output, overwrite=force)
    _show(merged)
    if merged.to_retry:
        _write_list(merged, retry, force)
    if merged.to_retry or merged.missing:
        raise click.exceptions.Exit(1)


def _show(merged: "MergedReport") -> None:
    totals = ", ".join(f"{count} {status}" for status, count in merged.totals.items() if count or status == "written")
    count = len(merged.reports)
    click.echo(f"{count} {'report' if count == 1 else 'reports'}: {totals}, in {duration(merged.seconds)} together")
    if merged.missing:
        click.echo(f"no report of the shards {', '.join(map(str, merged.missing))}")
    for file in merged.failures:
        click.echo(f"failed: {file.get('error') or file['input']}")


def _write_list(merged: "MergedReport", path: Path, force: bool) -> None:
    from excolor.batch.merged_report import list_of
    from excolor.photo import write_bytes

    text, unfit = list_of(merged.to_retry)
    write_bytes(text.encode(), path, overwrite=force)
    display = Display(None, quiet=False)
    count = len(merged.to_retry) - len(unfit)
    listed = "1 picture to do is" if count == 1 else f"{count} pictures to do are"
    display.note(f"{listed} listed in {path}: give @{path} to try again")
    for name in unfit:
        display.error(f"{name!r} cannot be listed: it is not a line of text; rename it")
