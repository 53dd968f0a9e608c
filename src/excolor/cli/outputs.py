"""Which file each input becomes, settled before any work begins."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from excolor.errors import OutputError
from excolor.photo import Photo, check_fits, check_output, default_output, read_photo


def plan_outputs(
    sources: Sequence[Path], output: str | None, tag: str, *, keep: Iterable[Path] = ()
) -> list[tuple[Path, Path]]:
    """Pair each input with its output: beside it, in the folder `output`, or the file `output`.

    `output` is a folder if it is one already, ends in a slash, or has no suffix; it is then made if it is missing.
    Whether an output exists already is looked at when its turn comes, so that one that does stops no other.

    Args:
        sources: the inputs that become outputs.
        output: as the user typed it; None is beside each input.
        tag: what is added to the names.
        keep: further inputs (references, styles), which no output may replace.

    Raises:
        click.UsageError: several inputs and one output file.
        OutputError: the folder cannot be made, two inputs would become one file, or an output is an input.
    """
    if output is None or _is_folder(output):
        folder = None if output is None else Path(output)
        if folder is not None:
            make_folder(folder)
        jobs = [(source, default_output(source, tag, folder)) for source in sources]
    elif len(sources) > 1:
        raise click.UsageError(f"-o {output} is one file and there are {len(sources)} inputs; give a folder.")
    else:
        jobs = [(sources[0], Path(output))]

    inputs = {os.path.realpath(path) for path in (*sources, *keep)}
    seen: dict[str, Path] = {}
    for source, destination in jobs:
        place = os.path.realpath(destination)
        if place in inputs:
            raise OutputError(f"{destination} is an input and would be replaced; write elsewhere with -o")
        if place in seen:
            raise OutputError(
                f"{seen[place]} and {source} would both become {destination}; run them one after the other"
            )
        seen[place] = source
    return jobs


def make_folder(folder: Path) -> None:
    """Make a folder for results. Raises OutputError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another one") from error


def read_for(source: Path, destination: Path, *, overwrite: bool) -> Photo:
    """Read an input after making sure, as far as can be, that its result can be written when the work is done.

    Raises:
        PhotoError: the input cannot be read.
        OutputError: the result could not be written.
    """
    photo = read_photo(source)
    check_output(destination, overwrite=overwrite)
    check_fits(photo, destination)
    return photo


def _is_folder(output: str) -> bool:
    return os.path.isdir(output) or output.endswith(("/", os.sep)) or not Path(output).suffix  # noqa: PTH112
