"""`excolor pre-colorize`."""

from pathlib import Path

import click

from excolor.cli.options import PHOTO, model_options, output_options, working_size_option


@click.command("pre-colorize")
@click.argument("targets", type=PHOTO, nargs=-1, required=True, metavar="TARGET...")
@working_size_option(256)
@model_options
@output_options
def pre_colorize(
    targets: tuple[Path, ...],
    working_size: int,
    model: str | None,
    device: str,
    output: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Invent plausible colors for each TARGET, without a reference.

    The result is written beside the target as NAME-precolor.EXT.

    \b
    Example:
        excolor pre-colorize 1912.jpg
    """
    from excolor.cli.colorize import note_color
    from excolor.cli.outputs import plan_outputs, read_for
    from excolor.cli.progress import for_each, reporter

    jobs = plan_outputs(targets, output, "precolor")
    with reporter(quiet) as report:
        report.expect(len(jobs), "Loading the model")
        from excolor import Colorizer

        colorizer = Colorizer.load(model, device=device)

        def work(source: Path, destination: Path) -> None:
            photo = read_for(source, destination, overwrite=force)
            note_color(photo, report)
            colorizer.precolor(photo, working_size=working_size).save(destination, overwrite=force)

        for_each(jobs, work, report, "Pre-colorizing")
