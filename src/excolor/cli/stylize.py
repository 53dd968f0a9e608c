"""`excolor stylize`."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from excolor.batch.stylizing import StyleFile
from excolor.cli.commands import QUALITY, REFERENCES, Command, option
from excolor.cli.options import (
    FileOptions,
    ModelChoice,
    file_options,
    method_option,
    model_options,
    working_size_option,
)
from excolor.cli.parameter_types import LOCATION, PICTURES, CommaList, FiniteRange
from excolor.settings import NETWORK_PARTS, Keep, NetworkPart, StatisticsMethod, StylizeSettings


class WeightedStyle(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A file, or FILE:WEIGHT; a file whose very name ends in a colon and a number is taken as that file."""

    name = "style"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> StyleFile:
        """Parse and check."""
        if isinstance(value, StyleFile):
            return value
        from excolor.remote import as_path

        path, colon, tail = value.rpartition(":")
        if not path or not colon or os.path.lexists(value):
            return StyleFile(as_path(value))
        try:
            weight = float(tail)
        except ValueError:
            return StyleFile(as_path(value))
        if not (math.isfinite(weight) and weight > 0):
            self.fail(f"the weight in {value!r} must be a positive number.", param, ctx)
        return StyleFile(as_path(path), weight)


@click.command(cls=Command)
@click.argument("pictures", type=PICTURES, nargs=-1, required=True, metavar="CONTENT... [STYLE]")
@option(
    "--style",
    "styles",
    type=WeightedStyle(),
    multiple=True,
    metavar="FILE[:WEIGHT]",
    group=REFERENCES,
    help="Take this style instead of the last argument; of several the statistics are averaged by weight.",
)
@option(
    "--style-mask",
    "style_masks",
    type=LOCATION,
    multiple=True,
    metavar="FILE",
    group=REFERENCES,
    help="Read the regions of a style from this picture of labels; give one for each style, in their order.",
)
@option(
    "--content-mask",
    type=LOCATION,
    metavar="FILE|FOLDER",
    group=REFERENCES,
    help="Read the regions of the content from this picture of labels: each of its colors is a region, which follows "
    "the same color of --style-mask. For several contents give a folder with a mask of each one's name.",
)
@method_option
@option(
    "--at",
    "parts",
    type=CommaList(NETWORK_PARTS),
    default=",".join(StylizeSettings.parts),
    show_default=True,
    group=QUALITY,
    help="Match statistics in these parts of the network.",
)
@option(
    "--alpha",
    type=FiniteRange(0, 1),
    metavar="X",
    default=StylizeSettings.alpha,
    show_default=True,
    group=QUALITY,
    help="Follow the style this far; at 0 the content only passes through the network.",
)
@option(
    "--keep-luminance",
    is_flag=True,
    group=QUALITY,
    help="Change colors only: the content's luminance is kept exactly.",
)
@option(
    "--only-luminance",
    is_flag=True,
    group=QUALITY,
    help="Change luminance only: the content's colors are kept, gray stays gray.",
)
@working_size_option(StylizeSettings.working_size)
@option(
    "--exact",
    is_flag=True,
    group=QUALITY,
    help="Run the network at full size and no working size, as in the paper: it needs much more memory and is less "
    "sharp.",
)
@model_options
@file_options
def stylize(
    pictures: tuple[str, ...],
    styles: tuple[StyleFile, ...],
    method: StatisticsMethod,
    parts: tuple[NetworkPart, ...],
    alpha: float,
    keep_luminance: bool,
    only_luminance: bool,
    content_mask: Path | None,
    style_masks: tuple[Path, ...],
    working_size: int,
    exact: bool,
    model: ModelChoice,
    device: str,
    files: FileOptions,
) -> None:
    """Give photographs the tones and colors of another one.

    A CONTENT is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    keeps the content's size and detail and is written beside it as NAME-styled.EXT. With --style, all arguments are
    contents.

    \b
    Example:
        excolor stylize house.jpg evening.jpg -o house-in-the-evening.jpg
        excolor stylize house.jpg --style evening.jpg:0.7 --style autumn.jpg:0.3 --method wct
        excolor stylize house.jpg evening.jpg --content-mask house-parts.png --style-mask evening-parts.png
    """
    from excolor.batch.sources import expand, lists_in
    from excolor.batch.stylizing import StylizeWork, find_content_masks
    from excolor.cli.batches import plan_files, run_batch

    if keep_luminance and only_luminance:
        raise click.UsageError("--keep-luminance and --only-luminance exclude each other.")
    context = click.get_current_context()
    if exact and context.get_parameter_source("working_size") is not ParameterSource.DEFAULT:
        raise click.UsageError("--exact and --working-size exclude each other.")
    contents, chosen = _contents_and_styles(pictures, styles)
    _check_masks(content_mask, style_masks, chosen)
    passed_over: set[str] = set()
    sources = expand(contents, recursive=files.recursive, output=files.output, root=files.root, passed_over=passed_over)
    masks = None if content_mask is None else find_content_masks(content_mask, sources)
    style_files = [*(style.path for style in chosen), *style_masks]
    keep = [*lists_in(contents), *style_files, *(masks.paths if masks else [])]
    plan = plan_files(sources, files, "styled", keep=keep, passed_over=passed_over)
    model_files = model.find("stylize", quiet=files.quiet)

    kept: Keep = "luminance" if keep_luminance else "color" if only_luminance else "nothing"
    work = StylizeWork(
        model=model_files,
        device=device,
        settings=StylizeSettings(method, parts, alpha, working_size, exact, kept),
        styles=tuple(chosen),
        style_masks=style_masks,
        content_masks=masks,
        max_pixels=files.max_pixels,
        precision=model.precision,
    )
    run_batch(plan, work, files, "Stylizing")


def _contents_and_styles(
    pictures: Sequence[str], styles: Sequence[StyleFile]
) -> tuple[Sequence[str], Sequence[StyleFile]]:
    from excolor.remote import as_path

    if styles:
        return pictures, styles
    if len(pictures) < 2:
        raise click.UsageError("there is no style: name it last, or with --style.")
    return pictures[:-1], [StyleFile(as_path(pictures[-1]))]


def _check_masks(content_mask: Path | None, style_masks: Sequence[Path], styles: Sequence[StyleFile]) -> None:
    if (content_mask is None) != (not style_masks):
        raise click.UsageError("--content-mask and --style-mask go together: give both, or neither.")
    if style_masks and len(style_masks) != len(styles):
        raise click.UsageError(
            f"each style needs a --style-mask of its own, in the same order: {len(styles)} wanted, "
            f"{len(style_masks)} given."
        )
