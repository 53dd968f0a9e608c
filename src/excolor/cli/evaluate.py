"""`excolor evaluate`."""

from pathlib import Path

import click
from click.core import ParameterSource

from excolor.cli.options import SEED, CommaList, ModelChoice, ending_in, model_options
from excolor.evaluation.protocols import PROTOCOLS
from excolor.settings import MATCHES, SMALLEST_SIZE, STYLIZE_SIZE, ColorizeSettings

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_SIDES = {"colorize": 176, "stylize": STYLIZE_SIZE}
_OTHER = {"colorize": "stylize", "stylize": "colorize"}
_OF_OTHER_TASK = {"colorize": ("--plot", "--seconds"), "stylize": ("--protocol", "--match", "--film")}


@click.command()
@click.argument("photos", type=_PATH)
@click.option(
    "--task",
    type=click.Choice(["colorize", "stylize"]),
    default="colorize",
    show_default=True,
    help="What is measured.",
)
@click.option(
    "--protocol",
    "protocols",
    type=CommaList(PROTOCOLS),
    help="Colorize: what is colorized by what.  [default: the first six, as far as they apply]",
)
@click.option(
    "--pairs",
    type=_FILE,
    metavar="FILE.csv",
    help="Rows of target,reference (or content,style): names in PHOTOS, or paths from the table's folder.",
)
@click.option(
    "--frames",
    multiple=True,
    metavar="PREFIX",
    help="Folders in PHOTOS that hold frames in order, besides those called frames or *_frames.",
)
@click.option(
    "--leave-out", multiple=True, metavar="PREFIX", help="Pictures in PHOTOS whose names begin so are not used."
)
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Use only N targets of each protocol, chosen by the seed."
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of all that is chosen.")
@click.option(
    "--side",
    type=click.IntRange(32, 4096),
    help="Pixels of the shorter side to which pictures are shrunk first.  [default: 176; stylize: 512]",
)
@click.option(
    "--working-size",
    type=click.IntRange(SMALLEST_SIZE, 4096),
    help="Pixels of the shorter side that the networks see.  [default: --side; stylize: 512 at most]",
)
@click.option(
    "--match",
    type=click.Choice(MATCHES),
    default=ColorizeSettings.match,
    show_default=True,
    help="Colorize: how colors are taken from the reference.",
)
@click.option(
    "--film",
    type=click.Choice(["modern", "ortho", "faded", "grainy"]),
    default="modern",
    show_default=True,
    help="Colorize: on what film the targets are seen; then colors are compared at the true lightness.",
)
@click.option("--json", "json_file", type=_FILE, metavar="FILE", help="Write settings and means there.")
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write the numbers of each picture there.")
@click.option(
    "--sheet", "sheet_file", type=_FILE, metavar="FILE.png", help="Write a contact sheet of some pictures there."
)
@click.option(
    "--sheet-count", type=click.IntRange(1, 200), default=12, show_default=True, help="Pictures on the sheet."
)
@click.option(
    "--plot",
    "plot_file",
    type=_FILE,
    callback=ending_in(".png"),
    metavar="FILE.png",
    help="Stylize: draw content kept against style reached there.",
)
@click.option(
    "--seconds/--no-seconds",
    "timed",
    default=True,
    show_default=True,
    help="Stylize: time the methods at 256, 512 and 1024 pixels as well, which takes some 20 s.",
)
@click.option(
    "--resume",
    type=_FILE,
    metavar="STATE",
    help="Keep measurements in this file as they are made, and go on with those in it.",
)
@model_options
@click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
@click.option("-q", "--quiet", is_flag=True, help="No notes and no progress bar.")
def evaluate(
    photos: Path,
    task: str,
    protocols: tuple[str, ...] | None,
    pairs: Path | None,
    frames: tuple[str, ...],
    leave_out: tuple[str, ...],
    limit: int | None,
    seed: int,
    side: int | None,
    working_size: int | None,
    match: str,
    film: str,
    json_file: Path | None,
    csv_file: Path | None,
    sheet_file: Path | None,
    sheet_count: int,
    plot_file: Path | None,
    timed: bool,
    resume: Path | None,
    model: ModelChoice,
    device: str,
    force: bool,
    quiet: bool,
) -> None:
    """Measure on PHOTOS, a folder or tar file of color photographs, how good results are, beside classical methods.

    Colorize hides the colors of PHOTOS, brings them back, and tells how close they come. Protocols: none has no
    reference; mirror is given the picture itself, mirrored; halves the left half for the right; frames the first frame
    of a sequence for the later ones; random an unrelated picture; pairs what a table says. If they are named: recolored
    turns a picture and another crop of it to another hue, zoomed repeats it a little larger and in slightly other
    colors, related takes the picture of the same folder that fits best. Beside excolor stand gray, a tint, and two
    classical methods (Reinhard et al. 2001, Welsh et al. 2002).

    Stylize gives each of PHOTOS the look of an unrelated one, or of what a table of pairs says, and tells how much of
    the content is kept and how far the style is reached. Beside excolor's AdaIN and WCT stand the content as it is,
    Reinhard et al. 2001, the linear Monge-Kantorovich map (Pitié and Kokaram 2007), and histogram matching.

    \b
    Examples:
        excolor evaluate photos/ --limit 100 --sheet sheet.png
        excolor evaluate photos/ --task stylize --limit 40 --plot tradeoff.png
    """
    from excolor.cli.evaluations import Evaluation

    foreign = [option for option in _OF_OTHER_TASK[task] if _is_given(option)]
    if foreign:
        raise click.UsageError(f"{foreign[0]} goes with --task {_OTHER[task]} only.")
    if pairs and protocols and "pairs" not in protocols:
        raise click.UsageError("--pairs is for the protocol pairs, which --protocol leaves out.")
    side = side or _SIDES[task]
    options = Evaluation(
        photos=photos,
        pairs=pairs,
        frames=frames,
        leave_out=leave_out,
        limit=limit,
        seed=seed,
        side=side,
        working_size=working_size or (side if task == "colorize" else min(side, STYLIZE_SIZE)),
        json_file=json_file,
        csv_file=csv_file,
        sheet_file=sheet_file,
        sheet_count=sheet_count,
        plot_file=plot_file,
        resume=resume,
        model=model,
        device=device,
        force=force,
        quiet=quiet,
    )
    if task == "colorize":
        from excolor.cli.evaluate_colorize import evaluate_colorize

        evaluate_colorize(options, protocols, match, film)  # type: ignore[arg-type]
    else:
        from excolor.cli.evaluate_stylize import evaluate_stylize

        evaluate_stylize(options, timed=timed)


def _is_given(option: str) -> bool:
    """Whether an option of the command that runs stands on its command line."""
    context = click.get_current_context()
    (name,) = (parameter.name for parameter in context.command.params if option in parameter.opts)
    return context.get_parameter_source(str(name)) is not ParameterSource.DEFAULT
