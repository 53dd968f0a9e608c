"""`excolor colorize`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from excolor.cli.color_options import strength_option, vivid_option
from excolor.cli.commands import HINTS, OUTPUT, REFERENCES, Command, option
from excolor.cli.options import (
    FileOptions,
    ModelChoice,
    auto_levels_option,
    file_options,
    hint_share_option,
    match_option,
    model_options,
    seed_option,
    treat_as_gray_option,
    working_size_option,
)
from excolor.cli.parameter_types import LOCATION, PHOTO, PICTURES, FiniteRange
from excolor.settings import COLORIZE_SIZE, ColorizeSettings, Match

if TYPE_CHECKING:
    from excolor.batch.references import Pairing
    from excolor.hints import Hint


class HintType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """X,Y=COLOR[,r=RADIUS]."""

    name = "hint"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Hint":
        """Parse, or fail as a usage error."""
        from excolor.errors import HintError
        from excolor.hints import parse_hint

        try:
            return parse_hint(value)
        except HintError as error:
            self.fail(f"{error}.", param, ctx)


@click.command(cls=Command)
@click.argument("targets", type=PICTURES, nargs=-1, required=True, metavar="TARGET...")
@option(
    "--ref",
    "references",
    type=LOCATION,
    multiple=True,
    metavar="FILE|FOLDER",
    group=REFERENCES,
    help="Take colors from this picture, or from those in this folder; give several times for more (see --pair). "
    "Needed unless there are hints.",
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
    "--hint",
    "points",
    type=HintType(),
    multiple=True,
    metavar="X,Y=COLOR",
    group=HINTS,
    help="Give the place X,Y this color: fractions of the picture or pixels (1200px); a CSS name, #rrggbb, or gray for "
    "no color; add ,r=2% for a larger spot. Give several times for more.",
)
@option(
    "--hints",
    "hints_path",
    type=PHOTO,
    metavar="FILE|FOLDER",
    group=HINTS,
    help="Read hints from JSON, CSV, a PNG or TIFF layer with transparency, or a folder of NAME.hints.json or .png.",
)
@option("--force-hints", is_flag=True, group=HINTS, help="Use hints that were made for another picture.")
@option(
    "--hint-reach",
    type=FiniteRange(0, 1),
    metavar="X",
    default=ColorizeSettings.hint_reach,
    show_default=True,
    group=HINTS,
    help="Let hints serve similar places this far; 0 is their surroundings alone.",
)
@strength_option
@vivid_option
@auto_levels_option
@match_option()
@hint_share_option
@seed_option("the places that --hint-share draws")
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
    points: "tuple[Hint, ...]",
    hints_path: Path | None,
    force_hints: bool,
    hint_reach: float,
    strength: float,
    vivid: float,
    auto_levels: bool,
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
    """Give gray photographs the colors of a reference or your own.

    A TARGET is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    keeps the target's size and lightness and is written beside it as NAME-color.EXT.

    \b
    Example:
        excolor colorize 1912.jpg --ref garden.jpg -o 1912-in-color.jpg
        excolor colorize scans/ -r --ref references/ -o colored/ --skip-existing
        excolor colorize 1912.jpg --hint 0.42,0.31=olive --hint 1200px,860px=gray,r=1%
    """
    from excolor.batch.colorizing import ColorizeWork
    from excolor.batch.hints import find_hints, without_hint_layers
    from excolor.batch.references import ReferenceFiles, check_number, find_references
    from excolor.batch.sources import expand, lists_in
    from excolor.cli.batches import plan_files, run_batch
    from excolor.cli.progress import Display

    if not references and not points and hints_path is None:
        raise click.UsageError("Missing option '--ref', '--hint' or '--hints': say where colors come from.")
    if save_stages and not references:
        raise click.UsageError(
            "--save-stages shows how a reference is followed, and there is none; give one with --ref."
        )
    passed_over: set[str] = set()
    expanded = expand(targets, recursive=files.recursive, output=files.output, root=files.root, passed_over=passed_over)
    sources = without_hint_layers(expanded, hints_path)
    hints = find_hints(
        points,
        hints_path,
        sources,
        force=force_hints,
        max_pixels=files.max_pixels,
        recursive=files.recursive or files.root is not None,
    )
    found = find_references(references, passed_over)
    if pair == "all":
        check_number(found, working_size)
    keep = [*lists_in(targets), *(reference.path for reference in found), *(hints.inputs if hints else ())]
    plan = plan_files(sources, files, "color", keep=keep, stages=save_stages, passed_over=passed_over)
    if hints and hints.unused_note:
        Display(None, files.quiet).note(hints.unused_note)
    model_files = model.find("colorize", quiet=files.quiet)

    settings = ColorizeSettings(working_size, strength, match, hint_share, seed, vivid, hint_reach, auto_levels)
    chosen = ReferenceFiles(found, references, pair, files.max_pixels) if references else None
    work = ColorizeWork(
        model_files, device, settings, chosen, treat_as_gray, save_stages is not None, hints, model.precision
    )
    run_batch(plan, work, files, "Colorizing")
