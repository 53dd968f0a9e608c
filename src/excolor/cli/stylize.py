"""`excolor stylize`."""

from pathlib import Path

import click

from excolor.cli.options import PHOTO, CommaList, FiniteRange, model_options, output_options, working_size_option


@click.command()
@click.argument("content", type=PHOTO)
@click.argument("style", type=PHOTO)
@click.option(
    "--method",
    type=click.Choice(["adain", "wct"]),
    default="adain",
    show_default=True,
    help="Match mean and deviation of each channel, or the whole covariance.",
)
@click.option(
    "--at",
    "parts",
    type=CommaList(("encoder", "skip", "decoder")),
    default="encoder,skip",
    show_default=True,
    help="Where statistics are matched.",
)
@click.option(
    "--alpha",
    type=FiniteRange(0, 1),
    default=1.0,
    show_default=True,
    help="How far the style is followed; at 0 the content only passes through the network.",
)
@working_size_option(512)
@click.option(
    "--exact", is_flag=True, help="Run the network at full size, as in the paper: much more memory, less sharp."
)
@model_options
@output_options
def stylize(
    content: Path,
    style: Path,
    method: str,
    parts: tuple[str, ...],
    alpha: float,
    working_size: int,
    exact: bool,
    model: str | None,
    device: str,
    output: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Give the photograph CONTENT the tones and colors of STYLE.

    The result keeps the content's size and detail and is written beside it as NAME-styled.EXT.

    \b
    Example:
        excolor stylize house.jpg evening.jpg -o house-in-the-evening.jpg
    """
    from excolor.cli.outputs import plan_outputs, read_for
    from excolor.cli.progress import for_each, reporter

    jobs = plan_outputs([content], output, "styled", keep=[style])
    with reporter(quiet) as report:
        report.expect(len(jobs), "Loading the model")
        from excolor import Matching, Stylizer

        stylizer = Stylizer.load(model, device=device)
        matching = Matching(method, parts, alpha)  # type: ignore[arg-type]

        def work(source: Path, destination: Path) -> None:
            photo = read_for(source, destination, overwrite=force)
            result = stylizer.stylize(photo, style, matching, working_size=working_size, exact=exact)
            result.save(destination, overwrite=force)

        for_each(jobs, work, report, "Stylizing")
