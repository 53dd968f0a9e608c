"""`excolor evaluate film`: how close colors come to the truth on clips, and how steady they are."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.commands import INPUT, MEASURING, OUTPUT, REFERENCES, Command, option
from excolor.cli.evaluations import FILE, end
from excolor.cli.options import ModelChoice, check_apart, match_option, model_options, quiet_option, working_size_option
from excolor.cli.parameter_types import PHOTO
from excolor.cli.tables import print_table
from excolor.settings import COLORIZE_SIZE, ColorizeSettings, Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from excolor.cli.progress import Display
    from excolor.film.color_clips import ColorClip
    from excolor.film.measuring import ClipMeasurement, FilmEvaluator


@click.command("film", cls=Command)
@click.argument("clips", type=PHOTO, nargs=-1, required=True, metavar="CLIP...")
@option(
    "--limit",
    type=click.IntRange(2),
    metavar="N",
    group=INPUT,
    help="Use only the first N frames of each clip.",
)
@option(
    "--ref",
    "references",
    type=PHOTO,
    multiple=True,
    metavar="FILE|FOLDER",
    group=REFERENCES,
    help="Take colors from this picture, or from those in this folder.  [default: the first frame of each clip]",
)
@option(
    "--every",
    type=click.IntRange(1, 100),
    metavar="N",
    default=4,
    show_default=True,
    group=MEASURING,
    help="Run the networks on every Nth frame, as `excolor film` does.",
)
@option(
    "--alone/--no-alone",
    default=True,
    show_default=True,
    group=MEASURING,
    help="Measure frames that are colored one by one as well, which takes most of the time.",
)
@match_option(MEASURING)
@working_size_option(COLORIZE_SIZE)
@option("--json", "json_file", type=FILE, metavar="FILE", group=OUTPUT, help="Write settings and numbers.")
@option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace files that exist.")
@model_options
@quiet_option
def evaluate_film(
    clips: tuple[Path, ...],
    limit: int | None,
    references: tuple[Path, ...],
    every: int,
    alone: bool,
    match: Match,
    working_size: int,
    json_file: Path | None,
    force: bool,
    model: ModelChoice,
    device: str,
    quiet: bool,
) -> None:
    """Measure on clips how true and how steady colors are.

    The colors of each CLIP, a video or folder of frames in color, are hidden and found again, by default from its first
    frame, which then does not count. CDC (changes of the colors' distribution) and warp error (changes along the
    motion), both in thousandths, are low for steady colors, and for none: read them beside the colorfulness.

    \b
    Example:
        excolor evaluate film clips/garden/ clips/1931.mp4 --json numbers.json
    """
    from excolor.batch.references import find_references
    from excolor.cli.progress import open_display
    from excolor.film.measured import results, table
    from excolor.photo import write_bytes
    from excolor.photo.files import check_place

    for path in (*clips, *references):
        check_apart(path, json_file)
    if json_file:
        check_place(json_file, overwrite=force)
    pictures = tuple(source.path for source in find_references(references)) if references else ()
    found_model = model.find("colorize", quiet=quiet)
    settings = ColorizeSettings(working_size, match=match)
    with open_display(quiet) as display:
        display.expect(0, "Looking at the clips", rated=False)
        opened, failures = _open_all(clips, limit, display)  # before the work, which would be lost if PyAV is missing
        display.expect(1, "Loading the model")
        from excolor.evaluation.record import as_json, describe_model
        from excolor.film.measuring import FilmEvaluator
        from excolor.film.references import encode
        from excolor.film.steady import Steadiness
        from excolor.method.colorizer import Colorizer
        from excolor.photo import read_photo

        colorizer = Colorizer.load(found_model, device=device, precision=model.precision)
        stills = [encode(read_photo(path), colorizer, settings) for path in pictures]
        evaluator = FilmEvaluator(colorizer, settings, Steadiness(every), stills, alone=alone)
        measurements = _measure_all(opened, failures, evaluator, display)
    try:
        print_table(table(measurements))
    finally:  # nor is the file lost if nobody reads the table
        if json_file:
            used = {"task": "film", "limit": limit, "references": [str(path) for path in references], "every": every}
            run = {**describe_model(colorizer, found_model), **used, "working_size": working_size, "match": match}
            data = as_json(run, failures, {"results": results(measurements)})
            write_bytes(data.encode(), json_file, overwrite=force)
    end(failures, "clips")


def _measure_all(
    clips: "Sequence[ColorClip]", failures: list[str], evaluator: "FilmEvaluator", display: "Display"
) -> "Sequence[ClipMeasurement]":
    """Measure clip after clip; what goes wrong is shown as it happens, and added to `failures`.

    Raises:
        click.ClickException: nothing could be measured.
    """
    from excolor.errors import DeviceError, FilmError, PhotoError

    measurements = []
    for number, clip in enumerate(clips, 1):
        display.expect(0, f"Evaluating clip {number} of {len(clips)}", units="frames")
        for note in clip.notes:
            display.note(note)
        try:
            found = evaluator.measure(clip, display.advance)
        except (FilmError, PhotoError) as error:
            failures.append(_skipped(str(error), display))
            continue
        except DeviceError as error:  # another clip may have smaller frames, and those before are measured
            failures.append(_skipped(f"{clip.path}: {error}", display))
            continue
        measurements.append(found)
        if found.colorless:
            frames = "1 frame has" if found.colorless == 1 else f"{found.colorless} frames have"
            display.note(f"{clip.path}: {frames} no colors to hide, and no part in PSNR, CIEDE2000 and colorfulness")
    if not measurements:
        raise click.ClickException("none of the clips could be measured")
    return measurements


def _open_all(
    paths: "Iterable[Path]", limit: int | None, display: "Display"
) -> "tuple[Sequence[ColorClip], list[str]]":
    """The clips that can be measured, and what is wrong with the others, which is shown.

    Raises:
        MissingPackageError: PyAV is not installed and needed.
    """
    from excolor.errors import FilmError
    from excolor.film.color_clips import ColorClip

    clips, failures = [], []
    for path in dict.fromkeys(paths):
        try:
            clips.append(ColorClip.open(path, limit))
        except FilmError as error:
            failures.append(_skipped(str(error), display))
    return clips, failures


def _skipped(error: str, display: "Display") -> str:
    """Show why a clip is skipped, and return it."""
    display.error(f"{error}; it is skipped")
    return error
