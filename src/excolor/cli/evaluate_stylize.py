"""`excolor evaluate stylize`: how much of the content is kept, and how far the style is reached."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from excolor.cli.commands import MEASURING, OUTPUT, Command, option
from excolor.cli.evaluations import FILE, Evaluation, evaluation_options, measure_all
from excolor.cli.options import ending_in
from excolor.cli.tables import print_table
from excolor.settings import STYLIZE_SIZE

if TYPE_CHECKING:
    from PIL.Image import Image

    from excolor.evaluation.style_measuring import StyleEvaluator, StyleMeasurement
    from excolor.evaluation.style_summary import StyleSummary
    from excolor.reporting.timing import Timing

_SIZES = 256, 512, 1024  # sides of squares, as in the paper's table


@click.command("stylize", cls=Command)
@option(
    "--seconds/--no-seconds",
    "timed",
    default=True,
    show_default=True,
    group=MEASURING,
    help="Time the methods at 256, 512 and 1024 pixels as well, which takes some 20 s.",
)
@option(
    "--plot",
    "plot_file",
    type=FILE,
    callback=ending_in(".png"),
    metavar="FILE.png",
    group=OUTPUT,
    help="Plot content kept against style reached.",
)
@evaluation_options("content,style", side=STYLIZE_SIZE, working_size=f"--side, but {STYLIZE_SIZE} at most")
def evaluate_stylize(options: Evaluation, timed: bool) -> None:
    """Measure how much content is kept and how much style is reached.

    Each of PHOTOS, a folder or tar file of color photographs, is given the look of an unrelated one, or of what a table
    of pairs says. Compared are excolor's AdaIN and WCT, the content as it is, Reinhard et al. 2001, the linear
    Monge-Kantorovich map (Pitié and Kokaram 2007), and histogram matching.

    \b
    Example:
        excolor evaluate stylize photos/ --limit 40 --plot tradeoff.png
    """
    from excolor.cli.progress import open_display

    working_size = options.working_size or min(options.side, STYLIZE_SIZE)
    plan = options.plan(("pairs",) if options.pairs else ("random",), ("content", "style"))
    found_model = options.model.find("stylize", quiet=options.quiet)
    with open_display(options.quiet) as display:
        display.expect(1, "Loading the model")
        from excolor import Stylizer
        from excolor.evaluation.record import describe_style_run, style_to_csv, style_to_json
        from excolor.evaluation.state import State
        from excolor.evaluation.style_measuring import TIMED, StyleEvaluator, StyleMeasurement
        from excolor.evaluation.style_metrics import StyleStatistics
        from excolor.evaluation.style_summary import summarize
        from excolor.networks.checkpoint import load_encoder
        from excolor.reporting.plotting import check_plotting

        if options.plot_file:
            check_plotting()
        pictures, cases = options.cases(plan)
        stylizer = Stylizer.load(found_model, device=options.device, precision=options.model.precision)
        statistics = StyleStatistics(load_encoder(found_model.path("encoder")).to(stylizer.device))
        run = describe_style_run(stylizer, found_model, pictures, plan, cases, working_size)
        evaluator = StyleEvaluator(pictures, stylizer, statistics, working_size)
        measurements, failures = measure_all(
            options.photos,
            cases,
            evaluator.measure,
            State(options.resume, run, StyleMeasurement),
            display,
            lambda case: f"{case.target} looks like {case.reference} already: this pair is skipped",
        )
        summary = summarize(measurements)
        if timed:
            display.expect(len(TIMED) * len(_SIZES), "Timing", rated=False)
            seconds = evaluator.seconds(measurements[0].case, _SIZES, display.advance)
        else:
            seconds = {}

    def plotted() -> bytes:
        from excolor.evaluation.tradeoff import plot

        return plot(summary)

    options.finish(
        lambda: _print_summary(summary, seconds),
        json=lambda: style_to_json(run, summary, seconds, failures),
        csv=lambda: style_to_csv(measurements),
        sheet=lambda: _sheet(measurements, evaluator, options.sheet_count, options.seed),
        failures=failures,
        plot=plotted,
    )


def _print_summary(summary: "StyleSummary", seconds: "Mapping[str, Mapping[int, Timing]]") -> None:
    from excolor.evaluation.style_summary import margins_table, means_table, seconds_table, verdict

    for table in (means_table(summary), margins_table(summary), *([seconds_table(seconds)] if seconds else [])):
        print_table(table)
        click.echo()
    click.echo(verdict(summary))


def _sheet(measurements: "Sequence[StyleMeasurement]", evaluator: "StyleEvaluator", count: int, seed: int) -> "Image":
    from excolor.evaluation.sheet import choose_some, style_sheet

    chosen = choose_some(measurements, count, seed)
    return style_sheet([(measurement, evaluator.results(measurement.case)) for measurement in chosen])
