"""`excolor evaluate colorize --protocol hints`, whose numbers and tables are its own."""

from typing import TYPE_CHECKING

import click

from excolor.cli.evaluation_set_up import set_up
from excolor.cli.evaluations import Evaluation, measure_all
from excolor.cli.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from excolor.evaluation.film import Film
    from excolor.evaluation.hint_measuring import HintEvaluator, HintMeasurement
    from excolor.settings import Match


def evaluate_hints(options: Evaluation, film: "Film", match: "Match", *, auto_levels: bool) -> None:
    """Measure what hints are worth: print the table, and write the files that are asked for.

    Raises:
        click.exceptions.Exit: pictures could not be used (exit code 1). Other errors as of the command.
    """
    from excolor.cli.progress import open_display

    plan = options.plan(("hints",), ("target", "reference"))
    found_model = options.model.find("colorize", quiet=options.quiet)
    with open_display(options.quiet) as display:
        display.expect(1, "Loading the model")
        from excolor.evaluation.hint_measuring import HintEvaluator, HintMeasurement
        from excolor.evaluation.hint_summary import hint_table, reach, summarize_hints
        from excolor.evaluation.record import hints_to_csv, hints_to_json
        from excolor.evaluation.state import State

        pictures, cases, colorizer, settings, run = set_up(
            options, plan, found_model, film, match, auto_levels=auto_levels
        )
        run["hint_reach"] = settings.hint_reach
        evaluator = HintEvaluator(pictures, colorizer, settings, options.seed, film)
        measurements, failures = measure_all(
            options.photos,
            cases,
            evaluator.measure,
            State(options.resume, run, HintMeasurement),
            display,
            lambda case: f"{case.target} has no color to hide: it is not measured",
        )
        summaries = summarize_hints(measurements)

    def show() -> None:
        print_table(hint_table(summaries))
        click.echo(reach(summaries))

    options.finish(
        show,
        json=lambda: hints_to_json(run, summaries, failures),
        csv=lambda: hints_to_csv(measurements),
        sheet=lambda: _sheet(measurements, evaluator, options.sheet_count, options.seed),
        failures=failures,
    )


def _sheet(measurements: "Sequence[HintMeasurement]", evaluator: "HintEvaluator", count: int, seed: int) -> "Image":
    from excolor.evaluation.sheet import choose_some, hint_sheet

    chosen = choose_some(measurements, count, seed)
    return hint_sheet([(measurement, evaluator.steps(measurement.case)) for measurement in chosen])
