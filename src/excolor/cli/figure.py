"""`excolor figure ablation|parts|references|methods`: the paper's figures for your own pictures."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from excolor.cli.commands import OUTPUT, REFERENCES, Group, option
from excolor.cli.options import (
    ModelChoice,
    check_apart,
    ending_in,
    hint_share_option,
    match_option,
    method_option,
    model_options,
    packing,
    quiet_option,
    seed_option,
    working_size_option,
)
from excolor.cli.parameter_types import PHOTO
from excolor.settings import COLORIZE_SIZE, STYLIZE_SIZE

if TYPE_CHECKING:
    from excolor.networks.models import ModelFiles
    from excolor.networks.registry import Use
    from excolor.reporting.sheet import Row


@dataclass(frozen=True)
class Drawing:
    """Where a figure goes and how large it is: the options of all figures."""

    output: Path | None
    tile: int
    force: bool
    quiet: bool

    def place(self, picture: Path, name: str, *others: Path) -> Path:
        """The file to write, after a check that it can be written and is none of the pictures shown."""
        from excolor.photo import check_output, default_output

        path = self.output or default_output(picture, name, None, ".png")
        for shown in (picture, *others):
            check_apart(shown, path)
        check_output(path, overwrite=self.force)
        return path

    @contextmanager
    def model(self, choice: ModelChoice, use: "Use") -> "Iterator[ModelFiles]":
        """The model, with a bar on a terminal while it works."""
        from excolor.cli.progress import open_display

        found = choice.find(use, quiet=self.quiet)
        with open_display(self.quiet) as display:
            display.expect(1, "Making the figure", rated=False)
            yield found

    def write(self, rows: "Sequence[Row]", like: tuple[int, int], path: Path) -> None:
        """Draw tiles for pictures of the size `like`, write them, and print the path."""
        from excolor.photo import as_photo
        from excolor.reporting.sheet import contact_sheet, tile_size

        page = contact_sheet(rows, tile_size(like, self.tile), enlarge=True)
        click.echo(os.fsencode(as_photo(page).save(path, overwrite=self.force)))


def drawing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `Drawing`, given to the command as `drawing`."""
    packed = packing(command, drawing=Drawing)
    for add in reversed(
        (
            option(
                "-o",
                "--output",
                type=click.Path(path_type=Path),
                callback=ending_in(".png"),
                metavar="FILE.png",
                group=OUTPUT,
                help="Write the figure there.  [default: NAME-FIGURE.png beside the first picture]",
            ),
            option(
                "--tile",
                type=click.IntRange(64, 2048),
                default=384,
                show_default=True,
                metavar="N",
                group=OUTPUT,
                help="Draw each picture with as many pixels as a square of N by N.",
            ),
            option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace a file that exists."),
            quiet_option,
        )
    ):
        packed = add(packed)
    return packed


def colorizing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of figures that colorize, given to the command as `settings`, a dictionary."""

    @wraps(command)
    def packed(working_size: int, match: str, hint_share: float, seed: int, **values: Any) -> Any:
        settings = {"working_size": working_size, "match": match, "hint_share": hint_share, "seed": seed}
        return command(settings=settings, **values)

    for add in (
        seed_option("the places that --hint-share draws"),
        hint_share_option,
        match_option(),
        working_size_option(COLORIZE_SIZE),
    ):
        packed = add(packed)
    return packed


@click.group(cls=Group)
def figure() -> None:
    """Draw the paper's figures for your own pictures.

    They are labeled contact sheets in PNG.

    \b
    Example:
        excolor figure ablation gray.jpg --ref reference.jpg
    """


@figure.command()
@click.argument("target", type=PHOTO)
@option("--ref", "reference", type=PHOTO, required=True, group=REFERENCES, help="Take colors from this picture.")
@colorizing_options
@model_options
@drawing_options
def ablation(
    target: Path, reference: Path, settings: dict[str, Any], model: ModelChoice, device: str, drawing: Drawing
) -> None:
    """Show what each step to a result adds (Figure 4).

    TARGET is shown in gray, pre-colored, in the colors from the reference alone (with --model lite, those of the
    transfer net and of corresponding places), and as the result. If it is in color, its lightness is used.

    \b
    Example:
        excolor figure ablation gray.jpg --ref reference.jpg -o steps.png
    """
    path = drawing.place(target, "ablation", reference)
    with drawing.model(model, "colorize") as found:
        from excolor import Colorizer, ColorizeSettings, read_photo
        from excolor.evaluation import figures

        photo, colors = read_photo(target), read_photo(reference)
        colorizer = Colorizer.load(found, device=device, precision=model.precision)
        rows = figures.ablation(colorizer, photo, colors, ColorizeSettings(**settings), drawing.tile)
    drawing.write(rows, photo.size, path)


@figure.command()
@click.argument("content", type=PHOTO)
@click.argument("style", type=PHOTO)
@method_option
@working_size_option(STYLIZE_SIZE)
@model_options
@drawing_options
def parts(
    content: Path, style: Path, method: str, working_size: int, model: ModelChoice, device: str, drawing: Drawing
) -> None:
    """Show a style matched at different places (Figure 5).

    CONTENT is given the look of STYLE at every subset of encoder, skip connections and decoder.

    \b
    Example:
        excolor figure parts house.jpg evening.jpg
    """
    path = drawing.place(content, "parts", style)
    with drawing.model(model, "stylize") as found:
        from excolor import Stylizer, StylizeSettings, read_photo
        from excolor.evaluation import figures

        photo, look = read_photo(content), read_photo(style)
        stylizer = Stylizer.load(found, device=device, precision=model.precision)
        settings = StylizeSettings(method, working_size=working_size)  # type: ignore[arg-type]
        rows = figures.parts(stylizer, photo, look, settings, drawing.tile)
    drawing.write(rows, photo.size, path)


@figure.command()
@click.argument("target", type=PHOTO)
@option(
    "--ref",
    "named",
    type=PHOTO,
    required=True,
    multiple=True,
    group=REFERENCES,
    help="Take colors from this picture; give several times.",
)
@colorizing_options
@model_options
@drawing_options
def references(
    target: Path, named: tuple[Path, ...], settings: dict[str, Any], model: ModelChoice, device: str, drawing: Drawing
) -> None:
    """Show a target in the colors of several references (Figure 8).

    If TARGET is in color, its lightness is used.

    \b
    Example:
        excolor figure references gray.jpg --ref spring.jpg --ref autumn.jpg
    """
    path = drawing.place(target, "references", *named)
    with drawing.model(model, "colorize") as found:
        from excolor import Colorizer, ColorizeSettings, read_photo
        from excolor.evaluation import figures

        photo = read_photo(target)
        colors = [(reference.name, read_photo(reference)) for reference in named]
        colorizer = Colorizer.load(found, device=device, precision=model.precision)
        rows = figures.references(colorizer, photo, colors, ColorizeSettings(**settings), drawing.tile)
    drawing.write(rows, photo.size, path)


@figure.command()
@click.argument("content", type=PHOTO)
@click.argument("style", type=PHOTO)
@working_size_option(STYLIZE_SIZE)
@model_options
@drawing_options
def methods(content: Path, style: Path, working_size: int, model: ModelChoice, device: str, drawing: Drawing) -> None:
    """Show a style by AdaIN, WCT and classical methods (Figure 11).

    CONTENT is given the look of STYLE by each of five methods.

    \b
    Example:
        excolor figure methods house.jpg evening.jpg
    """
    path = drawing.place(content, "methods", style)
    with drawing.model(model, "stylize") as found:
        from excolor import Stylizer, StylizeSettings, read_photo
        from excolor.evaluation import figures

        photo, look = read_photo(content), read_photo(style)
        stylizer = Stylizer.load(found, device=device, precision=model.precision)
        settings = StylizeSettings(working_size=working_size)
        rows = figures.methods(stylizer, photo, look, settings, drawing.tile)
    drawing.write(rows, photo.size, path)
