"""`excolor pre-colorize`."""

import click

from excolor.cli.color_options import vivid_option
from excolor.cli.commands import Command
from excolor.cli.options import (
    FileOptions,
    ModelChoice,
    auto_levels_option,
    file_options,
    model_options,
    treat_as_gray_option,
    working_size_option,
)
from excolor.cli.parameter_types import PICTURES
from excolor.settings import COLORIZE_SIZE


@click.command("pre-colorize", cls=Command)
@click.argument("targets", type=PICTURES, nargs=-1, required=True, metavar="TARGET...")
@treat_as_gray_option
@vivid_option
@auto_levels_option
@working_size_option(COLORIZE_SIZE)
@model_options
@file_options
def pre_colorize(
    targets: tuple[str, ...],
    treat_as_gray: bool | None,
    vivid: float,
    auto_levels: bool,
    working_size: int,
    model: ModelChoice,
    device: str,
    files: FileOptions,
) -> None:
    """Invent plausible colors, without a reference.

    A TARGET is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    is written beside it as NAME-precolor.EXT.

    \b
    Example:
        excolor pre-colorize 1912.jpg
        excolor pre-colorize scans/ --vivid 1.3 -o invented/
    """
    from excolor.batch.colorizing import PrecolorizeWork
    from excolor.batch.sources import expand, lists_in
    from excolor.cli.batches import plan_files, run_batch

    passed_over: set[str] = set()
    sources = expand(targets, recursive=files.recursive, output=files.output, root=files.root, passed_over=passed_over)
    plan = plan_files(sources, files, "precolor", keep=lists_in(targets), passed_over=passed_over)
    model_files = model.find("pre-colorize", quiet=files.quiet)
    work = PrecolorizeWork(model_files, device, working_size, treat_as_gray, vivid, auto_levels, model.precision)
    run_batch(plan, work, files, "Pre-colorizing")
