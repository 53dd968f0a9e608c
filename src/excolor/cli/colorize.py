"""`excolor colorize`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.commands import OUTPUT, QUALITY, REFERENCES, Command, option
from excolor.cli.options import (
    PHOTO,
    PICTURES,
    FileOptions,
    FiniteRange,
    ModelChoice,
    file_options,
    hint_share_option,
    match_option,
    model_options,
    seed_option,
    treat_as_gray_option,
    working_size_option,
)
from excolor.settings import COLORIZE_SIZE, MOST_VIVID, STRONGEST, ColorizeSettings, Match

if TYPE_CHECKING:
    from excolor.batch.references import Pairing


@click.command(cls=Command)
@click.argument("targets", type=PICTURES, nargs=-1, required=True, metavar="TARGET...")
@option(
    "--ref",
    "references",
    type=PHOTO,
    multiple=True,
    required=True,
    metavar="FILE|FOLDER",
    group=REFERENCES,
    help="Take colors from this picture, or from those in this folder; give several times for more (see --pair).",
)
@option(
    "--pair",
    type=click.Choice(["fit", "name", "all"]),
    default="fit",
    show_default=True,
    group=REFERENCES,
    help="Follow the reference that fits a target best, the one with the target's name, or all: each region takes its "
    "colors from the most similar region in any of them.",
)
@option(
    "--strength",
    type=FiniteRange(0, STRONGEST),
    metavar="X",
    default=ColorizeSettings.strength,
    show_default=True,
    group=QUALITY,
    help="Follow the reference this far; 0 invents the colors, and above 1 doubtful matches are followed too.",
)
@option(
    "--vivid",
    type=FiniteRange(0, MOST_VIVID),
    metavar="X",
    default=ColorizeSettings.vivid,
    show_default=True,
    group=QUALITY,
    help="Multiply the result's chroma by this.",
)
@match_option()
@hint_share_option
@seed_option("the places of the hints, if not all are given")
@working_size_option(COLORIZE_SIZE)
@option(
    "--save-stages",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    group=OUTPUT,
    help="Write pre-color, coarse map, hints and result to this folder as well.",
)
@treat_as_gray_option
@model_options
@file_options
def colorize(
    targets: tuple[str, ...],
    references: tuple[Path, ...],
    pair: "Pairing",
    strength: float,
    vivid: float,
    match: Match,
    hint_share: float,
    seed: int,
    working_size: int,
    save_stages: Path | None,
    treat_as_gray: bool | None,
    model: ModelChoice,
    device: str,
    files: FileOptions,
) -> None:
    """Give gray photographs the colors of a reference.

    A TARGET is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    keeps the target's size and lightness and is written beside it as NAME-color.EXT.

    \b
    Example:
        excolor colorize 1912.jpg --ref garden.jpg -o 1912-in-color.jpg
        excolor colorize scans/ -r --ref references/ -o colored/ --skip-existing
    """
    from excolor.batch.colorizing import ColorizeWork
    from excolor.batch.references import ReferenceFiles, check_number, find_references
    from excolor.batch.sources import expand, lists_in
    from excolor.cli.batches import plan_files, run_batch

    sources = expand(targets, recursive=files.recursive, output=files.output)
    found = find_references(references)
    if pair == "all":
        check_number(found, working_size)
    keep = [*lists_in(targets), *(reference.path for reference in found)]
    plan = plan_files(sources, files, "color", keep=keep, stages=save_stages)
    model_files = model.find("colorize", quiet=files.quiet)

    settings = ColorizeSettings(working_size, strength, match, hint_share, seed, vivid)
    chosen = ReferenceFiles(found, references, pair, files.max_pixels)
    work = ColorizeWork(model_files, device, settings, chosen, treat_as_gray, with_stages=save_stages is not None)
    run_batch(plan, work, files, "Colorizing")
