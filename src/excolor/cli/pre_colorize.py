"""`excolor pre-colorize`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from excolor.cli.gray import check_gray, treat_as_gray_option
from excolor.cli.options import PICTURES, FileOptions, ModelChoice, file_options, model_options, working_size_option

if TYPE_CHECKING:
    from excolor import Photo
    from excolor.cli.batch import Picture


@click.command("pre-colorize")
@click.argument("targets", type=PICTURES, nargs=-1, required=True, metavar="TARGET...")
@working_size_option(256)
@treat_as_gray_option
@model_options
@file_options
def pre_colorize(
    targets: tuple[str, ...],
    working_size: int,
    treat_as_gray: bool | None,
    model: ModelChoice,
    device: str,
    files: FileOptions,
) -> None:
    """Invent plausible colors for each TARGET, without a reference.

    A TARGET is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    is written beside it as NAME-precolor.EXT.

    \b
    Example:
        excolor pre-colorize 1912.jpg
    """
    from excolor.cli.batch import batch, provenance
    from excolor.cli.outputs import plan_outputs
    from excolor.cli.sources import expand, lists_in

    sources = expand(targets, recursive=files.recursive, output=files.output)
    jobs = plan_outputs(sources, files, "precolor", keep=lists_in(targets))
    found_model = model.find(quiet=files.quiet)
    with batch(jobs, files, working_size) as work:
        from excolor import Colorizer

        colorizer = Colorizer.load(found_model, device=device)
        made_by = provenance(found_model, ("colorizer",), {"command": "pre-colorize", "working_size": working_size})

        def paint(picture: "Picture") -> "Iterator[Photo]":
            for photo in picture.pages():
                check_gray(picture, photo, treat_as_gray)
                yield colorizer.precolor(photo, working_size=working_size)

        work.run(paint, made_by, colorizer.device, "Pre-colorizing")
