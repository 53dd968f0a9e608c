"""`excolor film`."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from excolor.cli.color_options import strength_option, vivid_option
from excolor.cli.commands import HINTS, INPUT, OUTPUT, QUALITY, REFERENCES, Command, option
from excolor.cli.options import ModelChoice, match_option, model_options, quiet_option, working_size_option
from excolor.cli.parameter_types import PHOTO
from excolor.settings import COLORIZE_SIZE, ColorizeSettings, Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from excolor.batch.stop import Stop
    from excolor.cli.progress import Display
    from excolor.film.coloring import Event, FilmColorizer, FilmReferences, Part
    from excolor.film.jobs import Job
    from excolor.film.key_frames import HintedFrame
    from excolor.method.colorizer import Colorizer
    from excolor.networks.models import ModelFiles

_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")


class Time(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time in a clip: seconds, M:SS or H:MM:SS, with decimals if wanted."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse to seconds."""
        if isinstance(value, float):
            return value
        match = _TIME.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is not a time; write seconds, or H:MM:SS such as 00:01:30.5.", param, ctx)
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


class TimedPhoto(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A picture for a time: TIME=FILE."""

    name = "time=file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, Path]:
        """Parse to seconds and a path."""
        if isinstance(value, tuple):
            return value
        time, equals, path = value.partition("=")
        if not equals or not path:
            self.fail(f"{value!r} is not TIME=FILE, such as 00:00:12=garden.jpg.", param, ctx)
        return Time().convert(time, param, ctx), Path(path)


@click.command(cls=Command)
@click.argument("clip", type=PHOTO, metavar="CLIP")
@option(
    "--ref",
    "references",
    type=PHOTO,
    multiple=True,
    metavar="FILE|FOLDER",
    group=REFERENCES,
    help="Take colors from this picture, or from those in this folder; each shot follows the one that fits best.",
)
@option(
    "--ref-at",
    "timed",
    type=TimedPhoto(),
    multiple=True,
    metavar="TIME=FILE",
    group=REFERENCES,
    help="Let the shot that is shown at this time follow this picture; times count from the first frame.",
)
@option(
    "--hints",
    "hinted",
    type=TimedPhoto(),
    multiple=True,
    metavar="TIME=FILE",
    group=HINTS,
    help="Color the frame that is shown at this time with hints (JSON, or a painted layer); its shot follows it.",
)
@option("--start", type=Time(), default="0", metavar="TIME", group=INPUT, help="Begin here.  [default: 0]")
@option("--end", type=Time(), metavar="TIME", group=INPUT, help="End here.  [default: the end of the clip]")
@strength_option
@vivid_option
@match_option()
@option(
    "--every",
    type=click.IntRange(1, 100),
    metavar="N",
    default=4,
    show_default=True,
    group=QUALITY,
    help="Run the networks on every Nth frame; those between take their colors along the motion.",
)
@working_size_option(COLORIZE_SIZE)
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE|FOLDER",
    group=OUTPUT,
    help="Write this clip (.mkv, .mov, .mp4, .webm, .nut or .avi), or frames to this folder.",
)
@option(
    "--codec",
    type=click.Choice(["ffv1", "h264", "hevc", "vp9", "prores"]),
    group=OUTPUT,
    help="Encode like this; ffv1 loses nothing.  [default: ffv1]",
)
@option(
    "--crf",
    type=click.IntRange(0, 63),
    metavar="N",
    group=OUTPUT,
    help="Quality of h264, hevc and vp9; lower is better.  [default: 16, 18 and 20]",
)
@option(
    "--chroma",
    type=click.Choice(["420", "422", "444"]),
    group=OUTPUT,
    help="Store colors with this resolution.  [default: the clip's own]",
)
@option(
    "--preview",
    type=click.IntRange(1, 100),
    metavar="N",
    group=OUTPUT,
    help="Only write N frames, spread over the clip, to the contact sheet OUTPUT-preview.png.",
)
@option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace files that exist.")
@model_options
@quiet_option
def film(
    clip: Path,
    references: tuple[Path, ...],
    timed: tuple[tuple[float, Path], ...],
    hinted: tuple[tuple[float, Path], ...],
    start: float,
    end: float | None,
    strength: float,
    vivid: float,
    match: Match,
    every: int,
    working_size: int,
    output: Path,
    codec: Any,
    crf: int | None,
    chroma: Any,
    preview: int | None,
    force: bool,
    model: ModelChoice,
    device: str,
    quiet: bool,
) -> None:
    """Give a gray clip steady colors, those of references.

    CLIP is a video, a folder of frames, or a name of frames such as frames/%05d.png. Luma, timestamps, sound, subtitles
    and chapters stay as they are. After an interruption the same command continues at the last shot that was finished.

    \b
    Example:
        excolor film 1931.mp4 --ref still.jpg -o 1931-color.mkv
        excolor film frames/%05d.png --ref first.png -o colored/
    """
    from dataclasses import replace

    from excolor.batch.references import find_references
    from excolor.batch.stop import Stop, StoppedError
    from excolor.batch.work import recorded_precision
    from excolor.cli.interruption import INTERRUPTED, Interruption
    from excolor.cli.progress import open_display
    from excolor.errors import PlanError
    from excolor.film.coloring import FilmColorizer, Part
    from excolor.film.encoding import Encoding
    from excolor.film.jobs import open_job
    from excolor.film.steady import Steadiness

    if not references and not timed and not hinted:
        raise PlanError("there is no reference: give at least one with --ref or --ref-at, or --hints")
    part = Part(start, end)
    is_default = codec is None and crf is None and chroma is None
    encoding = None if is_default else Encoding(codec or "ffv1", crf, chroma)
    job = open_job(clip, output, encoding, overwrite=force or preview is not None)
    pictures = tuple(source.path for source in find_references(references))
    _check_results(job, None if preview else part, [*pictures, *(path for _, path in (*timed, *hinted))], force)
    model_files = model.find("colorize", quiet=quiet)
    settings = ColorizeSettings(working_size, strength, match, vivid=vivid)
    stop = Stop()
    with Interruption(stop), open_display(quiet) as display:
        display.expect(1, "Loading the model")
        from excolor.method.colorizer import Colorizer

        colorizer = Colorizer.load(model_files, device=device, precision=model.precision)
        begun: FilmColorizer | None = None
        try:
            chosen, checksums = _encoded(pictures, timed, colorizer, settings, display, stop)
            hints, hint_checksums = _read_hints(job, timed, hinted, stop)
            _note_unused(timed, hints, part, display)
            film_colorizer = FilmColorizer(colorizer, replace(chosen, hinted=hints), settings, Steadiness(every), stop)
            if preview is not None:
                events = job.preview(film_colorizer, part, preview, stop, overwrite=force)
            else:
                made_of = {**_networks(model_files), **recorded_precision(colorizer), **checksums, **hint_checksums}
                begun = film_colorizer
                events = job.color(film_colorizer, part, made_of)
            _show(events, display)
        except StoppedError as error:
            display.end()
            click.echo(_interrupted(begun), err=True)
            raise click.exceptions.Exit(INTERRUPTED) from error
    click.echo(os.fsencode(output if preview is None else job.preview_file))


def _check_results(job: "Job", part: "Part | None", given: "Iterable[Path]", force: bool) -> None:
    """Find out before the work whether a preview can be written, if `part` is None, and whether inputs would be lost.

    `given` are the inputs beside the clip. Raises OutputError.
    """
    from excolor.photo import check_output

    if part is None:
        check_output(job.preview_file, overwrite=force)
    job.check_inputs_stay(given, [job.preview_file] if part is None else job.results(part))


def _networks(model: "ModelFiles") -> "dict[str, Any]":
    """What identifies all that colors depend on but pictures and settings: every network, and excolor itself."""
    from importlib.metadata import version

    return {"excolor": version("excolor"), "architecture": model.architecture, "checkpoints": model.checksums}


def _encoded(
    pictures: "Sequence[Path]",
    timed: "Sequence[tuple[float, Path]]",
    colorizer: "Colorizer",
    settings: ColorizeSettings,
    display: "Display",
    stop: "Stop",
) -> "tuple[FilmReferences, dict[str, Any]]":
    """All references, encoded, and what identifies them; gray ones are noted. Raises StoppedError."""
    from excolor.batch.used import read_used
    from excolor.film.coloring import FilmReferences
    from excolor.film.references import encode
    from excolor.photo import MAX_PIXELS

    timed = tuple(dict.fromkeys(timed))
    known, checksums = {}, {}
    for path in dict.fromkeys([*pictures, *(path for _, path in timed)]):
        photo, file = read_used(path, stop, max_pixels=MAX_PIXELS)
        known[path], checksums[path] = encode(photo, colorizer, settings), file.sha256
        if known[path].encoded.is_gray:
            display.note(f"{path} is gray: it has no colors to give")
    chosen = FilmReferences([known[path] for path in pictures], [(time, known[path]) for time, path in timed])
    return chosen, {
        "references": [checksums[path] for path in pictures],
        # In their order at one time, as the first is followed along the motion
        "references at": [(time, checksums[path]) for time, path in sorted(timed, key=lambda pair: pair[0])],
    }


def _read_hints(
    job: "Job", timed: "Sequence[tuple[float, Path]]", hinted: "Sequence[tuple[float, Path]]", stop: "Stop"
) -> "tuple[Sequence[HintedFrame], dict[str, Any]]":
    """The frames that hints are for, and what identifies the hints. Errors as of `hinted_frames` and `frames_at`.

    Frames of references only have to be there: they are large, and not kept.
    """
    from excolor.film.key_frames import hinted_frames

    shown = job.frames_at([time for time, _ in (*timed, *hinted)], stop)
    found = hinted_frames(hinted, {time: shown[time] for time, _ in hinted})
    return found, {"hints at": [(time, one.sha256) for (time, _), one in zip(hinted, found, strict=True)]}


def _note_unused(
    timed: "Iterable[tuple[float, Path]]", hints: "Iterable[HintedFrame]", part: "Part", display: "Display"
) -> None:
    """Note references and hints for times that are not in the part."""
    for seconds, path in timed:
        if seconds not in part:
            display.note(f"{path}: {seconds:g} s is not in the part that is colored")
    for one in hints:
        if one.frame.seconds not in part:
            display.note(f"{one.path}: the frame at {one.frame.seconds:g} s is not in the part that is colored")


def _interrupted(begun: "FilmColorizer | None") -> str:
    """What to say after an interruption of a run, or before one has begun."""
    if begun is None:
        return "Interrupted."
    if not begun.finished:
        return "Interrupted before this run finished a shot."
    return "Interrupted: the same command continues at the last shot that was finished."


def _show(events: "Iterable[Event]", display: "Display") -> None:
    """Show how it goes."""
    from excolor.film.coloring import Advanced, Note, Step

    for event in events:
        match event:
            case Note():
                display.note(event.message)
            case Step():
                display.expect(event.total or 0, event.doing, rated=event.total is not None, units="frames")
            case Advanced():
                display.advance(event.frames)
