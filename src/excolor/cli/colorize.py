"""`excolor colorize`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.options import PHOTO, SEED, FiniteRange, model_options, output_options, working_size_option

if TYPE_CHECKING:
    from excolor import Photo
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
    type=FiniteRange(0, 1),
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
    type=FiniteRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of the coarse map that is given as hints.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the hints' places, if not all are given.")
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
    output: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Give each TARGET, a gray photograph, the colors of a reference.

    The result keeps the target's size and lightness and is written beside it as NAME-color.EXT.

    \b
    Example:
        excolor colorize 1912.jpg --ref garden.jpg -o 1912-in-color.jpg
    """
    from excolor.cli.outputs import make_folder, plan_outputs, read_for
    from excolor.cli.progress import for_each, reporter

    jobs = plan_outputs(targets, output, "color", keep=references)
    if save_stages is not None and len({target.stem for target in targets}) < len(targets):
        raise click.UsageError("targets of equal names would overwrite each other's stages; run them one by one.")
    with reporter(quiet) as report:
        report.expect(len(jobs), "Loading the model")
        from excolor import Colorizer, Settings
        from excolor.photo import check_output

        settings = Settings(working_size, strength, match, hint_share, seed)  # type: ignore[arg-type]
        colorizer = Colorizer.load(model, device=device)
        encoded = [colorizer.encode_reference(path, working_size=working_size) for path in references]
        for reference in encoded:
            if reference.is_gray:
                report.note(f"{reference.name} is gray: it has no colors to give")
        if save_stages is not None:
            make_folder(save_stages)

        def work(source: Path, destination: Path) -> None:
            photo = read_for(source, destination, overwrite=force)
            steps = stage_paths(save_stages, source) if save_stages else {}
            for path in steps.values():
                check_output(path, overwrite=force)
            note_color(photo, report)
            best = encoded[0]
            if len(encoded) > 1:
                scores = colorizer.score(photo, encoded, working_size=working_size)
                score, best = max(zip(scores, encoded, strict=True), key=lambda pair: pair[0])
                report.note(f"{photo.name}: {best.name} fits best (score {score:.2f})")
            stages = colorizer.colorize_stages(photo, best, settings)
            stages.result.save(destination, overwrite=force)
            for name, path in steps.items():
                getattr(stages, name).save(path, overwrite=force)

        for_each(jobs, work, report, "Colorizing")


def note_color(photo: "Photo", report: "Reporter") -> None:
    """Say that a target in color is taken for a gray one."""
    if not photo.is_gray:
        report.note(f"{photo.name} is in color: only its lightness is used")


def stage_paths(folder: Path, source: Path) -> dict[str, Path]:
    """Where the steps to a result go, by their names in `Stages` (the paper's Figure 4)."""
    return {name: folder / f"{source.stem}-{name}.png" for name in ("precolor", "coarse", "hints", "result")}
