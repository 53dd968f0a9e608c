"""`excolor evaluate colorize`: how close colors come to the truth."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from excolor.cli.commands import INPUT, MEASURING, Command, option
from excolor.cli.evaluate_hints import evaluate_hints
from excolor.cli.evaluation_set_up import set_up
from excolor.cli.evaluations import Evaluation, evaluation_options, measure_all
from excolor.cli.options import match_option
from excolor.cli.parameter_types import CommaList
from excolor.cli.tables import print_table
from excolor.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from PIL.Image import Image

    from excolor.evaluation.film import Film
    from excolor.evaluation.measuring import Evaluator, Measurement
    from excolor.settings import Match


@click.command("colorize", cls=Command)
@option(
    "--film",
    type=click.Choice(["modern", "ortho", "faded", "grainy", "low-contrast"]),
    default="modern",
    show_default=True,
    group=INPUT,
    help="Show the targets as on this film; unless it is modern, colors are compared at the true lightness.",
)
@option(
    "--protocol",
    "protocols",
    type=CommaList(PROTOCOLS),
    group=MEASURING,
    help="Measure by these protocols.  [default: the first six, as far as they apply]",
)
@match_option(MEASURING)
@option("--auto-levels", is_flag=True, group=MEASURING, help="Stretch the contrast of what the networks see.")
@evaluation_options("target,reference", side=176, working_size="--side")
def evaluate_colorize(
    options: Evaluation, film: "Film", protocols: tuple[str, ...] | None, match: "Match", auto_levels: bool
) -> None:
    """Measure how close colors come to those that were hidden.

    The colors of PHOTOS, a folder or tar file of color photographs, are hidden and found again. Protocols: none has no
    reference; mirror is given the picture itself, mirrored; halves the left half for the right; frames the first frame
    of a sequence for the later ones; random an unrelated picture; pairs what a table says. If they are named: recolored
    turns a picture and another crop of it to another hue, zoomed repeats it a little larger and in slightly other
    colors, related takes the picture of the same folder that fits best. Gray, a tint, and two classical methods
    (Reinhard et al. 2001, Welsh et al. 2002) are measured as well.

    The protocol hints is measured alone: true colors are given at 0 to 50 places that the seed draws, without a
    reference and beside that of related, and then one wrong color, which should change nothing far from it.

    \b
    Example:
        excolor evaluate colorize photos/ --limit 100 --sheet sheet.png
        excolor evaluate colorize photos/ --protocol hints --limit 20
    """
    from excolor.cli.progress import open_display

    if options.pairs and protocols and "pairs" not in protocols:
        raise click.UsageError("--pairs is for the protocol pairs, which --protocol leaves out.")
    if protocols and "hints" in protocols:
        if len(protocols) > 1:
            raise click.UsageError("hints has numbers of its own: name no other protocol beside it.")
        evaluate_hints(options, film, match, auto_levels=auto_levels)
        return
    plan = options.plan(protocols, ("target", "reference"))
    found_model = options.model.find("colorize", quiet=options.quiet)
    with open_display(options.quiet) as display:
        display.expect(1, "Loading the model")
        from excolor.evaluation.measuring import Evaluator, Measurement
        from excolor.evaluation.record import to_csv, to_json
        from excolor.evaluation.state import State
        from excolor.evaluation.summary import margins, summarize, table

        pictures, cases, colorizer, settings, run = set_up(
            options, plan, found_model, film, match, auto_levels=auto_levels
        )
        evaluator = Evaluator(pictures, colorizer, settings, film)
        measurements, failures = measure_all(
            options.photos,
            cases,
            evaluator.measure,
            State(options.resume, run, Measurement),
            display,
            lambda case: f"{case.target} has no color to hide: it is not measured in {case.protocol}",
        )
        summaries = summarize(measurements)

    def show() -> None:
        print_table(table(summaries))
        click.echo(margins(summaries))

    options.finish(
        show,
        json=lambda: to_json(run, summaries, failures),
        csv=lambda: to_csv(measurements),
        sheet=lambda: _sheet(measurements, evaluator, options.sheet_count, options.seed),
        failures=failures,
    )


def _sheet(measurements: "Sequence[Measurement]", evaluator: "Evaluator", count: int, seed: int) -> "Image":
    from excolor.evaluation.sheet import choose, sheet

    chosen = choose(measurements, count, seed)
    return sheet([(measurement, evaluator.steps(measurement.case)) for measurement in chosen])
