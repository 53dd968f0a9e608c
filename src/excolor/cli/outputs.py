"""Which file each input becomes, settled before any work begins."""

from collections.abc import Sequence
from pathlib import Path

import click

from excolor.errors import OutputError
from excolor.photo import check_output, default_output


def plan_outputs(sources: Sequence[Path], output: Path | None, tag: str, *, overwrite: bool) -> list[tuple[Path, Path]]:
    """Pair each input with its output: beside it, in the folder `output`, or the file `output`.

    `output` is a folder if it is one already, ends in a slash, or has no suffix; it is then made if it is missing.

    Raises:
        click.UsageError: several inputs and one output file.
        OutputError: an output cannot be written, exists without `overwrite`, or is that of two inputs.
    """
    if output is not None and not _is_folder(output):
        if len(sources) > 1:
            raise click.UsageError(f"-o {output} is one file and there are {len(sources)} inputs; give a folder.")
        jobs = [(sources[0], output)]
    else:
        if output is not None:
            try:
                output.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{output}: cannot be made a folder ({error.strerror}); choose another -o") from error
        jobs = [(source, default_output(source, tag, output)) for source in sources]
    seen: dict[Path, Path] = {}
    for source, destination in jobs:
        if destination in seen:
            raise OutputError(
                f"{seen[destination]} and {source} would both become {destination}; run them one after the other"
            )
        seen[destination] = source
        check_output(destination, overwrite=overwrite)
    return jobs


def _is_folder(path: Path) -> bool:
    return path.is_dir() or not path.suffix
