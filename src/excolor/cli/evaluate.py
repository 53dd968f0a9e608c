"""`excolor evaluate`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.options import SEED, CommaList, ModelChoice, check_apart, model_options
from excolor.errors import PhotoError
from excolor.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from PIL.Image import Image

    from excolor.cli.progress import Reporter
    from excolor.evaluation.measuring import Evaluator, Measurement
    from excolor.evaluation.protocols import Case
    from excolor.evaluation.state import State
    from excolor.evaluation.summary import ProtocolSummary

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("photos", type=_PATH)
@click.option(
    "--protocol", "protocols", type=CommaList(PROTOCOLS), help="What is colorized by what.  [default: all that apply]"
)
@click.option(
    "--pairs",
    type=_FILE,
    metavar="FILE.csv",
    help="Rows of target,reference: names in PHOTOS, or paths from the table's folder.",
)
@click.option(
    "--frames",
    multiple=True,
    metavar="PREFIX",
    help="Folders in PHOTOS that hold frames in order, besides those called frames or *_frames.",
)
@click.option(
    "--leave-out", multiple=True, metavar="PREFIX", help="Pictures in PHOTOS whose names begin so are not used."
)
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Use only N targets of each protocol, chosen by the seed."
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of all that is chosen.")
@click.option(
    "--side",
    type=click.IntRange(32, 4096),
    default=176,
    show_default=True,
    help="Pixels of the shorter side to which pictures are shrunk first.",
)
@click.option(
    "--working-size",
    type=click.IntRange(16, 4096),
    help="Pixels of the shorter side that the networks see.  [default: --side]",
)
@click.option(
    "--match",
    type=click.Choice(["statistics", "semantic", "both"]),
    default="both",
    show_default=True,
    help="How colors are taken from the reference.",
)
@click.option("--json", "json_file", type=_FILE, metavar="FILE", help="Write settings and means there.")
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write the numbers of each picture there.")
@click.option(
    "--sheet", "sheet_file", type=_FILE, metavar="FILE.png", help="Write a contact sheet of some pictures there."
)
@click.option(
    "--sheet-count", type=click.IntRange(1, 200), default=12, show_default=True, help="Pictures on the sheet."
)
@click.option(
    "--resume",
    type=_FILE,
    metavar="STATE",
    help="Keep measurements in this file as they are made, and go on with those in it.",
)
@model_options
@click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
@click.option("-q", "--quiet", is_flag=True, help="No notes and no progress bar.")
def evaluate(
    photos: Path,
    protocols: tuple[str, ...] | None,
    pairs: Path | None,
    frames: tuple[str, ...],
    leave_out: tuple[str, ...],
    limit: int | None,
    seed: int,
    side: int,
    working_size: int | None,
    match: str,
    json_file: Path | None,
    csv_file: Path | None,
    sheet_file: Path | None,
    sheet_count: int,
    resume: Path | None,
    model: ModelChoice,
    device: str,
    force: bool,
    quiet: bool,
) -> None:
    """Measure how close colors come to the truth: hide those of PHOTOS, bring them back, and compare.

    PHOTOS is a folder or tar file of color photographs. Protocols: none has no reference; mirror is given the picture
    itself, mirrored; halves the left half for the right; frames the first frame of a sequence for the later ones;
    random an unrelated picture; pairs what a table says. Beside excolor stand gray, a tint, and two classical methods
    (Reinhard et al. 2001, Welsh et al. 2002).

    \b
    Example:
        excolor evaluate photos/ --limit 100 --sheet sheet.png
    """
    if pairs and protocols and "pairs" not in protocols:
        raise click.UsageError("--pairs is for the protocol pairs, which --protocol leaves out.")

    from excolor.cli.progress import reporter
    from excolor.evaluation.protocols import Plan, read_pairs

    check_apart(photos, pairs, resume, json_file, csv_file, sheet_file)

    plan = Plan(protocols, limit, seed, frames, read_pairs(pairs) if pairs else ())
    found_model = model.find(quiet=quiet)
    with reporter(quiet) as report:
        report.expect(1, "Loading the model")
        from excolor import Colorizer, Settings
        from excolor.evaluation.measuring import Evaluator
        from excolor.evaluation.pictures import Pictures
        from excolor.evaluation.record import describe_run, to_csv, to_json
        from excolor.evaluation.state import State
        from excolor.evaluation.summary import summarize
        from excolor.photo import as_photo, check_output, write_bytes
        from excolor.photo.files import check_place

        for path in filter(None, (json_file, csv_file)):
            check_place(path, overwrite=force)
        if sheet_file:
            check_output(sheet_file, overwrite=force)

        pictures = Pictures(photos, side=side, leave_out=leave_out, beside=pairs.parent if pairs else None)
        cases = plan.cases(pictures.names, pictures.title)
        colorizer = Colorizer.load(found_model, device=device)
        settings = Settings(working_size or side, match=match)  # type: ignore[arg-type]
        run = describe_run(colorizer, found_model, pictures, plan, settings)
        state = State(resume, run)
        evaluator = Evaluator(pictures, colorizer, settings)
        failures = _measure(cases, evaluator, state, report)
        measurements = [state.measurements[case] for case in cases if case in state.measurements]
        if not measurements:
            raise click.ClickException(f"{photos}: none of its pictures could be measured")
        summaries = summarize(measurements)
    _print(summaries)  # before anything that may fail: it took long
    if json_file:
        write_bytes(to_json(run, summaries, failures).encode(), json_file, overwrite=force)
    if csv_file:
        write_bytes(to_csv(measurements).encode(), csv_file, overwrite=force)
    if sheet_file:
        with reporter(quiet) as report:
            report.expect(1, "Making the sheet")
            as_photo(_sheet(measurements, evaluator, sheet_count, seed)).save(sheet_file, overwrite=force)
    if failures:
        click.echo(f"Error: pictures that could not be used: {len(failures)}", err=True)
        raise click.exceptions.Exit(1)


def _measure(cases: "Sequence[Case]", evaluator: "Evaluator", state: "State", report: "Reporter") -> list[str]:
    """Measure what `state` does not hold yet; what went wrong is told and given back, each picture once."""
    failures: dict[str, None] = {}
    report.expect(len(cases), "Evaluating")
    for case in cases:
        if case not in state.measurements:
            try:
                measurement = evaluator.measure(case)
            except PhotoError as error:
                if str(error) not in failures:
                    report.error(f"{error}; it is left out")
                    failures[str(error)] = None
            else:
                if measurement is None:
                    report.note(f"{case.target} has no color to hide: it is left out of {case.protocol}")
                else:
                    state.add(measurement)
        report.advance()
    return list(failures)


def _sheet(measurements: "Sequence[Measurement]", evaluator: "Evaluator", count: int, seed: int) -> "Image":
    from excolor.evaluation.sheet import choose, sheet

    chosen = choose(measurements, count, seed)
    return sheet([(measurement, evaluator.steps(measurement.case)) for measurement in chosen])


def _print(summaries: "Sequence[ProtocolSummary]") -> None:
    """The table and the margins, to stdout: drawn on a terminal, in Markdown otherwise."""
    from excolor.evaluation.summary import HEADINGS, TEXT_COLUMNS, margins, markdown, table

    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        drawn = Table()
        for i, heading in enumerate(HEADINGS):
            drawn.add_column(heading, justify="left" if i < TEXT_COLUMNS else "right")
        for row in table(summaries):
            drawn.add_row(*row)
        Console().print(drawn)
    else:
        click.echo(markdown(table(summaries)))
    click.echo(margins(summaries))
