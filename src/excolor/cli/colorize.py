"""`excolor colorize`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.options import PHOTO, model_options, output_options, working_size_option

if TYPE_CHECKING:
    from excolor import Photo, Stages
    from excolor.cli.progress import Reporter


@click.command()
@click.argument("targets", type=PHOTO, nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--ref",
    "references",
    type=PHOTO,
    multiple=True,
    required=True,
    metavar="REF",
    help="Picture in color. If given several times, the one that fits a target best is used.",
)
@click.option(
    "--strength",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="How far the reference is followed; 0 invents the colors.",
)
@click.option(
    "--match",
    type=click.Choice(["statistics", "semantic", "both"]),
    default="both",
    show_default=True,
    help="Take colors by statistics (the paper's way), by correspondence of places, or by both.",
)
@click.option(
    "--hint-share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of the coarse map that is given as hints.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the hints' places, if not all are given.")
@working_size_option(256)
@click.option(
    "--save-stages",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write pre-color, coarse map, hints and result there too.",
)
@model_options
@output_options
def colorize(
    targets: tuple[Path, ...],
    references: tuple[Path, ...],
    strength: float,
    match: str,
    hint_share: float,
    seed: int,
    working_size: int,
    save_stages: Path | None,
    model: str | None,
    device: str,
    output: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """Give each TARGET, a gray photograph, the colors of a reference.

    The result keeps the target's size and lightness and is written beside it as NAME-color.EXT.

    \b
    Example:
        excolor colorize 1912.jpg --ref garden.jpg -o 1912-in-color.jpg
    """
    from excolor.cli.outputs import plan_outputs
    from excolor.cli.progress import for_each, reporter

    jobs = plan_outputs(targets, output, "color", overwrite=force)
    with reporter(quiet) as report:
        report.expect(len(jobs), "Loading the model")
        from excolor import Colorizer, Settings, read_photo
        from excolor.photo import check_fits

        settings = Settings(working_size, strength, match, hint_share, seed)  # type: ignore[arg-type]
        colorizer = Colorizer.load(model, device=device)
        encoded = [colorizer.encode_reference(path, working_size=working_size) for path in references]
        for reference in encoded:
            if reference.is_gray:
                report.note(f"{reference.name} is gray: it has no colors to give")

        def work(source: Path, destination: Path) -> None:
            photo = read_photo(source)
            check_fits(photo, destination)
            note_color(photo, report)
            best = encoded[0]
            if len(encoded) > 1:
                scores = colorizer.score(photo, encoded, working_size=working_size)
                score, best = max(zip(scores, encoded, strict=True), key=lambda pair: pair[0])
                report.note(f"{photo.name}: {best.name} fits best (score {score:.2f})")
            stages = colorizer.colorize_stages(photo, best, settings)
            if save_stages is not None:
                write_stages(stages, save_stages, source.stem, overwrite=force)
            stages.result.save(destination, overwrite=force)

        for_each(jobs, work, report, "Colorizing")


def note_color(photo: "Photo", report: "Reporter") -> None:
    """Say that a target in color is taken for a gray one."""
    if not photo.is_gray:
        report.note(f"{photo.name} is in color: only its lightness is used")


def write_stages(stages: "Stages", folder: Path, stem: str, *, overwrite: bool) -> None:
    """Write all steps of a result as pictures (the paper's Figure 4)."""
    from dataclasses import fields

    from excolor.errors import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another one") from error
    for field in fields(stages):
        getattr(stages, field.name).save(folder / f"{stem}-{field.name}.png", overwrite=overwrite)
