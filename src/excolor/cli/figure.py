"""`excolor figure ablation|parts|references|methods`: the paper's figures for pictures of one's own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from excolor.cli.options import (
    PHOTO,
    SEED,
    FiniteRange,
    ModelChoice,
    check_apart,
    ending_in,
    method_option,
    model_options,
    packing,
    working_size_option,
)
from excolor.settings import COLORIZE_SIZE, MATCHES, STYLIZE_SIZE, ColorizeSettings

if TYPE_CHECKING:
    from excolor.reporting.sheet import Row
    from excolor.weights import ModelFiles


@dataclass(frozen=True)
class Drawing:
    """Where a figure goes and how large it is: the options of all figures."""

    output: Path | None
    tile: int
    force: bool
    quiet: bool

    def place(self, picture: Path, name: str, *others: Path) -> Path:
        """The file to write, after making sure that it can be written and is none of the pictures shown."""
        from excolor.photo import check_output, default_output

        path = self.output or default_output(picture, name, None, ".png")
        for shown in (picture, *others):
            check_apart(shown, path)
        check_output(path, overwrite=self.force)
        return path

    @contextmanager
    def model(self, choice: ModelChoice) -> "Iterator[ModelFiles]":
        """The model, with a bar on a terminal while it works."""
        from excolor.cli.progress import reporter

        found = choice.find(quiet=self.quiet)
        with reporter(self.quiet) as report:
            report.expect(1, "Making the figure", rated=False)
            yield found

    def write(self, rows: "Sequence[Row]", like: tuple[int, int], path: Path) -> None:
        """Draw tiles for pictures of the size `like`, write them, and print where."""
        from excolor.photo import as_photo
        from excolor.reporting.sheet import contact_sheet, tile_size

        page = contact_sheet(rows, tile_size(like, self.tile), enlarge=True)
        click.echo(as_photo(page).save(path, overwrite=self.force))


def drawing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `Drawing`, given to the command as `drawing`."""
    packed = packing(command, drawing=Drawing)
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No notes and no progress bar."),
        click.option("-f", "--force", is_flag=True, help="Replace a file that exists."),
        click.option(
            "--tile",
            type=click.IntRange(64, 2048),
            default=384,
            show_default=True,
            metavar="N",
            help="Size of a picture in the figure: as many pixels as a square of this side.",
        ),
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            callback=ending_in(".png"),
            metavar="FILE.png",
            help="Where to write.  [default: NAME-FIGURE.png beside the first picture]",
        ),
    ):
        packed = option(packed)
    return packed


def colorizing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of figures that colorize, given to the command as `settings`, a dictionary."""

    @wraps(command)
    def packed(working_size: int, match: str, hint_share: float, seed: int, **values: Any) -> Any:
        settings = {"working_size": working_size, "match": match, "hint_share": hint_share, "seed": seed}
        return command(settings=settings, **values)

    for option in (
        click.option("--seed", type=SEED, default=0, show_default=True, help="Of the places of hints."),
        click.option(
            "--hint-share",
            type=FiniteRange(0, 1, min_open=True),
            default=ColorizeSettings.hint_share,
            show_default=True,
            help="How much of the transfer net's colors the second network is shown.",
        ),
        click.option(
            "--match",
            type=click.Choice(MATCHES),
            default=ColorizeSettings.match,
            show_default=True,
            help="How colors are taken from the reference; the paper's way is statistics.",
        ),
        working_size_option(COLORIZE_SIZE),
    ):
        packed = option(packed)
    return packed


@click.group()
def figure() -> None:
    """Draw the paper's figures for pictures of your own: labelled contact sheets in PNG.

    \b
    Example:
        excolor figure ablation gray.jpg --ref reference.jpg
    """


@figure.command()
@click.argument("target", type=PHOTO)
@click.option("--ref", "reference", type=PHOTO, required=True, help="The picture in color.")
@colorizing_options
@model_options
@drawing_options
def ablation(
    target: Path, reference: Path, settings: dict[str, Any], model: ModelChoice, device: str, drawing: Drawing
) -> None:
    """Show what each step adds: TARGET in gray, pre-colored, by the transfer net alone, and by both (Figure 4).

    Of a TARGET in color the lightness is used.

    \b
    Example:
        excolor figure ablation gray.jpg --ref reference.jpg -o steps.png
    """
    path = drawing.place(target, "ablation", reference)
    with drawing.model(model) as found:
        from excolor import Colorizer, ColorizeSettings, read_photo
        from excolor.evaluation import figures

        photo, colors = read_photo(target), read_photo(reference)
        colorizer = Colorizer.load(found, device=device)
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
    """Show CONTENT in STYLE, matched at every subset of encoder, skip connections and decoder (Figure 5).

    \b
    Example:
        excolor figure parts house.jpg evening.jpg
    """
    path = drawing.place(content, "parts", style)
    with drawing.model(model) as found:
        from excolor import Matching, Stylizer, read_photo
        from excolor.evaluation import figures

        photo, look = read_photo(content), read_photo(style)
        stylizer = Stylizer.load(found, device=device)
        matching = Matching(method)  # type: ignore[arg-type]
        rows = figures.parts(stylizer, photo, look, matching, working_size, drawing.tile)
    drawing.write(rows, photo.size, path)


@figure.command()
@click.argument("target", type=PHOTO)
@click.option("--ref", "named", type=PHOTO, required=True, multiple=True, help="A picture in color; give several.")
@colorizing_options
@model_options
@drawing_options
def references(
    target: Path, named: tuple[Path, ...], settings: dict[str, Any], model: ModelChoice, device: str, drawing: Drawing
) -> None:
    """Show TARGET in the colors of several references (Figure 8).

    Of a TARGET in color the lightness is used.

    \b
    Example:
        excolor figure references gray.jpg --ref spring.jpg --ref autumn.jpg
    """
    path = drawing.place(target, "references", *named)
    with drawing.model(model) as found:
        from excolor import Colorizer, ColorizeSettings, read_photo
        from excolor.evaluation import figures

        photo = read_photo(target)
        colors = [(reference.name, read_photo(reference)) for reference in named]
        colorizer = Colorizer.load(found, device=device)
        rows = figures.references(colorizer, photo, colors, ColorizeSettings(**settings), drawing.tile)
    drawing.write(rows, photo.size, path)


@figure.command()
@click.argument("content", type=PHOTO)
@click.argument("style", type=PHOTO)
@working_size_option(STYLIZE_SIZE)
@model_options
@drawing_options
def methods(content: Path, style: Path, working_size: int, model: ModelChoice, device: str, drawing: Drawing) -> None:
    """Show CONTENT in STYLE by AdaIN and by WCT, and by three classical methods (Figure 11).

    \b
    Example:
        excolor figure methods house.jpg evening.jpg
    """
    path = drawing.place(content, "methods", style)
    with drawing.model(model) as found:
        from excolor import Stylizer, read_photo
        from excolor.evaluation import figures

        photo, look = read_photo(content), read_photo(style)
        stylizer = Stylizer.load(found, device=device)
        rows = figures.methods(stylizer, photo, look, working_size, drawing.tile)
    drawing.write(rows, photo.size, path)
