"""`excolor evaluate --task colorize`: how close colors come to the truth."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from excolor.cli.evaluations import Evaluation, end, measure_all
from excolor.cli.tables import print_table

if TYPE_CHECKING:
    from PIL.Image import Image

    from excolor.evaluation.film import Film
    from excolor.evaluation.measuring import Evaluator, Measurement


def evaluate_colorize(options: Evaluation, protocols: tuple[str, ...] | None, match: str, film: "Film") -> None:
    """Measure, print the table and the margins, and write the files that are asked for."""
    from excolor.cli.progress import reporter

    plan = options.plan(protocols, ("target", "reference"))
    found_model = options.model.find(quiet=options.quiet)
    with reporter(options.quiet) as report:
        report.expect(1, "Loading the model")
        from excolor import Colorizer, ColorizeSettings
        from excolor.evaluation.measuring import Evaluator, Measurement
        from excolor.evaluation.record import describe_run, to_csv, to_json
        from excolor.evaluation.relatives import with_relatives
        from excolor.evaluation.state import State
        from excolor.evaluation.summary import margins, summarize, table

        pictures, cases = options.cases(plan)
        cases = with_relatives(cases, pictures.names, pictures.read)
        colorizer = Colorizer.load(found_model, device=options.device)
        settings = ColorizeSettings(options.working_size, match=match)  # type: ignore[arg-type]
        run = describe_run(colorizer, found_model, pictures, plan, settings) | {"film": film}
        evaluator = Evaluator(pictures, colorizer, settings, film)
        measurements, failures = measure_all(
            options.photos,
            cases,
            evaluator.measure,
            State(options.resume, run, Measurement),
            report,
            lambda case: f"{case.target} has no color to hide: it is left out of {case.protocol}",
        )
        summaries = summarize(measurements)
    try:  # before anything that may fail: it took long
        print_table(table(summaries))
        click.echo(margins(summaries))
    finally:  # nor are files lost if nobody reads on
        if options.json_file:
            options.write(to_json(run, summaries, failures), options.json_file)
        if options.csv_file:
            options.write(to_csv(measurements), options.csv_file)
        options.write_sheet(lambda: _sheet(measurements, evaluator, options.sheet_count, options.seed))
    end(failures)


def _sheet(measurements: "Sequence[Measurement]", evaluator: "Evaluator", count: int, seed: int) -> "Image":
    from excolor.evaluation.sheet import choose, sheet

    chosen = choose(measurements, count, seed)
    return sheet([(measurement, evaluator.steps(measurement.case)) for measurement in chosen])
