"""`excolor report merge`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.commands import OUTPUT, Group, option, with_options
from excolor.cli.parameter_types import PHOTO
from excolor.cli.progress import Display, duration, open_display
from excolor.errors import ExcolorError, OutputError

if TYPE_CHECKING:
    from excolor.batch.merged_report import MergedReport


@click.group(cls=Group)
def report() -> None:
    """Work with the reports of batches.

    \b
    Example:
        excolor report merge reports/run-*.json
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
@option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace files that exist, whatever they are.")
def merge(reports: tuple[Path, ...], output: Path | None, retry: Path, force: bool) -> None:
    """Add up the reports of shards, and list what is left to do.

    A picture that is in several, since it was tried again, counts once. The exit code is 1 unless every shard has a
    report and every picture a result. When it is run again, it replaces what it wrote before.

    \b
    Example:
        excolor report merge reports/run-*.json -o run.json
        excolor colorize @retry.txt --root scans/ --ref references/ -o colored/ --report reports/run-retried.json
        excolor report merge reports/run-*.json -o run.json
    """
    from excolor.batch.destinations import check_report
    from excolor.batch.merged_report import merge_reports
    from excolor.batch.report_reading import is_report
    from excolor.cli.options import check_apart

    check_apart(output, retry, *{path.resolve(): path for path in reports}.values())
    if output is not None:  # before the work: reading many reports takes long
        check_report(output, overwrite=force or is_report(output), setting="output")
    with open_display(quiet=False) as display:
        display.expect(len(reports), "Reading reports", rated=False)
        merged = merge_reports(reports, display.advance)
        for note in merged.notes:
            display.note(note)
    todo = merged.to_retry
    try:
        _show(merged)
    finally:  # also if who reads it has read enough, such as `head`
        went_well = _settle(lambda: _settle_list(merged, todo, retry, force))
        if output is not None:
            went_well &= _settle(lambda: _write_whole(merged, output, force))
    if todo or merged.missing or not went_well:
        raise click.exceptions.Exit(1)


def _show(merged: "MergedReport") -> None:
    totals = ", ".join(f"{count} {status}" for status, count in merged.totals.items() if count or status == "written")
    count = len(merged.reports)
    click.echo(f"{count} {'report' if count == 1 else 'reports'}: {totals}, in {duration(merged.seconds)} together")
    if merged.missing:
        click.echo(f"no report of the shards {', '.join(merged.missing)}")
    for failure in merged.failures:
        click.echo(f"failed: {failure}")


def _settle(write: Callable[[], None]) -> bool:
    """Write one of the files, so that one that cannot be written does not stop the other; whether it went well."""
    try:
        write()
    except ExcolorError as error:
        Display(None, quiet=False).error(with_options(str(error), error.settings))
        return False
    return True


def _settle_list(merged: "MergedReport", todo: list[str], path: Path, force: bool) -> None:
    """Write the list of what is left to do, in place of the one of an earlier merge, or remove that one."""
    from excolor.batch.destinations import check_report, named_by
    from excolor.batch.merged_report import is_list_of, list_of
    from excolor.photo import write_bytes

    display = Display(None, quiet=False)
    is_there = os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for names that are too long
    is_earlier = is_there and is_list_of(path, merged.unfinished.__contains__, is_ours=True)
    if not todo:
        if is_earlier:
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(f"cannot remove {path}: {error.strerror}", settings=("retry",)) from error
            display.note(f"all that {path} lists is done: it is removed")
        elif is_there and is_list_of(path, merged.has, is_ours=False):
            display.note(f"all that {path} lists is done: it is not needed for another try")
        return
    text, unfit = list_of(todo)
    for name in unfit:
        display.error(f"{name!r} cannot be listed, since it is not a line of text, or not all of an address; see to it")
    if not text:
        return
    check_report(path, overwrite=force or is_earlier, setting="retry")
    with named_by("retry"):
        write_bytes(text.encode(), path, overwrite=force or is_earlier)
    count = len(todo) - len(unfit)
    listed = "1 picture to do is" if count == 1 else f"{count} pictures to do are"
    display.note(f"{listed} listed in {path}: give @{path} to try again")


def _write_whole(merged: "MergedReport", path: Path, force: bool) -> None:
    """Write one report of all, in place of that of an earlier merge of pictures among these."""
    from excolor.batch.destinations import named_by
    from excolor.batch.report import write_long_report
    from excolor.batch.report_reading import makes_way

    with named_by("output"):
        overwrite = force or makes_way(path, merged.has)
        write_long_report(merged.content, merged.files(), path, overwrite=overwrite)
