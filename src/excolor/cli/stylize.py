"""`excolor stylize`."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.options import (
    PHOTO,
    PICTURES,
    CommaList,
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
@click.argument("contents", type=PICTURES, nargs=-1, required=True, metavar="CONTENT...")
@click.argument("style", type=PHOTO)
@click.option(
    "--method",
    type=click.Choice(["adain", "wct"]),
    default="adain",
    show_default=True,
    help="Match mean and deviation of each channel, or the whole covariance.",
)
@click.option(
    "--at",
    "parts",
    type=CommaList(("encoder", "skip", "decoder")),
    default="encoder,skip",
    show_default=True,
    help="Where statistics are matched.",
)
@click.option(
    "--alpha",
    type=FiniteRange(0, 1),
    default=1.0,
    show_default=True,
    help="How far the style is followed; at 0 the content only passes through the network.",
)
@working_size_option(512)
@click.option(
    "--exact", is_flag=True, help="Run the network at full size, as in the paper: much more memory, less sharp."
)
@model_options
@file_options
def stylize(
    contents: tuple[str, ...],
    style: Path,
    method: str,
    parts: tuple[str, ...],
    alpha: float,
    working_size: int,
    exact: bool,
    model: ModelChoice,
    device: str,
    files: FileOptions,
) -> None:
    """Give each photograph CONTENT the tones and colors of STYLE.

    A CONTENT is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    keeps the content's size and detail and is written beside it as NAME-styled.EXT.

    \b
    Example:
        excolor stylize house.jpg evening.jpg -o house-in-the-evening.jpg
    """
    from excolor.cli.batch import batch, provenance
    from excolor.cli.outputs import plan_outputs
    from excolor.cli.references import sha256_of
    from excolor.cli.sources import expand, lists_in

    sources = expand(contents, recursive=files.recursive, output=files.output)
    jobs = plan_outputs(sources, files, "styled", keep=[*lists_in(contents), style])
    found_model = model.find(quiet=files.quiet)
    with batch(jobs, files, None if exact else working_size) as work:
        from excolor import Matching, Stylizer, read_photo

        matching = Matching(method, parts, alpha)  # type: ignore[arg-type]
        stylizer = Stylizer.load(found_model, device=device)
        size = {"exact": True} if exact else {"working_size": working_size}
        settings = {"command": "stylize", **size, **asdict(matching)}
        made_by = provenance(found_model, ("encoder", "decoder"), settings)
        look = read_photo(style, max_pixels=files.max_pixels)
        measured = stylizer.measure(look, matching, working_size=working_size, exact=exact)
        sha256 = sha256_of(style)

        def paint(picture: "Picture") -> "Iterator[Photo]":
            picture.follows(style, sha256)
            for photo in picture.pages():
                yield stylizer.stylize(photo, measured, matching, working_size=working_size, exact=exact)

        work.run(paint, made_by, stylizer.device, "Stylizing")
