"""`excolor colorize`."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.gray import check_gray, treat_as_gray_option
from excolor.cli.options import (
    PHOTO,
    PICTURES,
    SEED,
    FileOptions,
    FiniteRange,
    ModelChoice,
    file_options,
    model_options,
    working_size_option,
)

if TYPE_CHECKING:
    from excolor import Photo
    from excolor.cli.batch import Picture


@click.command()
@click.argument("targets", type=PICTURES, nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--ref",
    "references",
    type=PHOTO,
    multiple=True,
    required=True,
    metavar="FILE|FOLDER",
    help="Picture in color, or a folder of them. Of several the one that fits a target best is used (see --pair).",
)
@click.option(
    "--pair",
    type=click.Choice(["fit", "name", "all"]),
    default="fit",
    show_default=True,
    help="Follow the reference that fits best, the one of the target's name, or all: each place the likest in any.",
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
@treat_as_gray_option
@model_options
@file_options
def colorize(
    targets: tuple[str, ...],
    references: tuple[Path, ...],
    pair: str,
    strength: float,
    match: str,
    hint_share: float,
    seed: int,
    working_size: int,
    save_stages: Path | None,
    treat_as_gray: bool | None,
    model: ModelChoice,
    device: str,
    files: FileOptions,
) -> None:
    """Give each TARGET, a gray photograph, the colors of a reference.

    A TARGET is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    keeps the target's size and lightness and is written beside it as NAME-color.EXT.

    \b
    Example:
        excolor colorize 1912.jpg --ref garden.jpg -o 1912-in-color.jpg
        excolor colorize scans/ -r --ref references/ -o colored/ --skip-existing
    """
    from excolor.cli.batch import batch, provenance
    from excolor.cli.outputs import plan_outputs
    from excolor.cli.references import (
        all_together,
        best_fit,
        check_number,
        encode_references,
        find_references,
        of_its_name,
    )
    from excolor.cli.sources import expand, lists_in

    sources = expand(targets, recursive=files.recursive, output=files.output)
    found = find_references(references)
    if pair == "all":
        check_number(found, working_size)
    keep = [*lists_in(targets), *(reference.path for reference in found)]
    jobs = plan_outputs(sources, files, "color", keep=keep, stages=save_stages)
    found_model = model.find(quiet=files.quiet)
    with batch(jobs, files, working_size) as work:
        from excolor import Colorizer, Settings

        settings = Settings(working_size, strength, match, hint_share, seed)  # type: ignore[arg-type]
        colorizer = Colorizer.load(found_model, device=device)
        made_by = provenance(found_model, found_model.present(), {"command": "colorize", **asdict(settings)})
        if pair == "name":
            choose = of_its_name(found, colorizer, working_size, files.max_pixels)
        else:
            encoded = encode_references(found, references, colorizer, working_size, files.max_pixels, work)
            together = pair == "all"
            choose = all_together(encoded, colorizer.device) if together else best_fit(encoded, colorizer, working_size)
            del encoded  # what is joined is not wanted singly

        def paint(picture: "Picture") -> "Iterator[Photo]":
            reference = None
            for photo in picture.pages():
                check_gray(picture, photo, treat_as_gray)
                reference = reference or choose(picture, photo)  # for all pages the one of the first
                if save_stages is None:
                    yield colorizer.colorize(photo, reference, settings)
                else:
                    stages = colorizer.colorize_stages(photo, reference, settings)
                    picture.stages = (stages.precolor, stages.coarse, stages.hints, stages.result)
                    yield stages.result

        work.run(paint, made_by, colorizer.device, "Colorizing")
