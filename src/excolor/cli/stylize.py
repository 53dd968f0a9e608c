"""`excolor stylize`."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from excolor.cli.options import (
    PHOTO,
    PICTURES,
    STYLE_SIZE,
    CommaList,
    FileOptions,
    FiniteRange,
    ModelChoice,
    file_options,
    method_option,
    model_options,
    working_size_option,
)
from excolor.cli.sources import Source, pictures_in
from excolor.errors import PhotoError

if TYPE_CHECKING:
    from excolor import Photo
    from excolor.cli.batch import Picture

MaskOf: TypeAlias = "Callable[[Source], Path | None]"


@dataclass(frozen=True)
class _Given:
    """A style as it was asked for."""

    path: Path
    weight: float = 1.0


class WeightedStyle(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A file, or FILE:WEIGHT; a file whose very name ends in a colon and a number is taken as that file."""

    name = "style"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> _Given:
        """Parse and check."""
        if isinstance(value, _Given):
            return value
        path, colon, tail = value.rpartition(":")
        if not path or not colon or os.path.lexists(value):
            return _Given(Path(value))
        try:
            weight = float(tail)
        except ValueError:
            return _Given(Path(value))
        if not (math.isfinite(weight) and weight > 0):
            self.fail(f"the weight in {value!r} must be a positive number.", param, ctx)
        return _Given(Path(path), weight)


@click.command()
@click.argument("pictures", type=PICTURES, nargs=-1, required=True, metavar="CONTENT... [STYLE]")
@click.option(
    "--style",
    "styles",
    type=WeightedStyle(),
    multiple=True,
    metavar="FILE[:WEIGHT]",
    help="Style instead of the last argument; of several the statistics are averaged by weight.",
)
@method_option
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
@click.option("--keep-luminance", is_flag=True, help="Change colors only: the content's luminance stays exactly.")
@click.option(
    "--only-luminance", is_flag=True, help="Change luminance only: the content's colors stay, gray stays gray."
)
@click.option(
    "--content-mask",
    type=PHOTO,
    metavar="FILE|FOLDER",
    help="Picture of labels: each of its colors is a region, which follows the same color of --style-mask. For several "
    "contents a folder with a mask of each one's name.",
)
@click.option(
    "--style-mask",
    "style_masks",
    type=PHOTO,
    multiple=True,
    metavar="FILE",
    help="Picture of labels of the style; one for each style, in their order.",
)
@working_size_option(STYLE_SIZE)
@click.option(
    "--exact", is_flag=True, help="Run the network at full size, as in the paper: much more memory, less sharp."
)
@model_options
@file_options
def stylize(
    pictures: tuple[str, ...],
    styles: tuple[_Given, ...],
    method: str,
    parts: tuple[str, ...],
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
    """Give each photograph CONTENT the tones and colors of STYLE.

    A CONTENT is a file, a folder (with -o), a glob, @LIST (a file with a path a line) or - (standard input). The result
    keeps the content's size and detail and is written beside it as NAME-styled.EXT. With --style, all arguments are
    contents.

    \b
    Example:
        excolor stylize house.jpg evening.jpg -o house-in-the-evening.jpg
        excolor stylize house.jpg --style evening.jpg:0.7 --style autumn.jpg:0.3 --method wct
        excolor stylize house.jpg evening.jpg --content-mask house-parts.png --style-mask evening-parts.png
    """
    from excolor.cli.batch import batch, provenance
    from excolor.cli.outputs import plan_outputs
    from excolor.cli.references import sha256_of
    from excolor.cli.sources import expand, lists_in

    if keep_luminance and only_luminance:
        raise click.UsageError("--keep-luminance and --only-luminance exclude each other.")
    contents, given = _contents_and_styles(pictures, styles)
    _check_masks(content_mask, style_masks, given)
    sources = expand(contents, recursive=files.recursive, output=files.output)
    mask_of, masks = _content_masks(content_mask, sources)
    style_files = [*(style.path for style in given), *style_masks]
    jobs = plan_outputs(sources, files, "styled", keep=[*lists_in(contents), *style_files, *masks])
    found_model = model.find(quiet=files.quiet)
    with batch(jobs, files, None if exact else working_size) as work:
        from excolor import Matching, Style, Stylizer, read_photo
        from excolor.method.regions import Regions, as_regions
        from excolor.method.stylizer import Keep

        keep: Keep = "luminance" if keep_luminance else "color" if only_luminance else "nothing"
        matching = Matching(method, parts, alpha)  # type: ignore[arg-type]
        stylizer = Stylizer.load(found_model, device=device)
        size = {"exact": True} if exact else {"working_size": working_size}
        settings = {"command": "stylize", **size, **asdict(matching), "keep": keep, **_told(given, style_masks)}
        made_by = provenance(found_model, ("encoder", "decoder"), settings)

        def read_mask(path: Path) -> Regions:
            return as_regions(read_photo(path, max_pixels=files.max_pixels))

        masks_read = [read_mask(path) for path in style_masks]
        looks = [
            Style(read_photo(style.path, max_pixels=files.max_pixels), style.weight, mask)
            for style, mask in zip_longest(given, masks_read)
        ]
        look = stylizer.measure(looks, matching, working_size=working_size, exact=exact)
        checksums = [sha256_of(path) for path in style_files]

        def paint(picture: "Picture") -> "Iterator[Photo]":
            path = mask_of(picture.job.source)
            if path is None:
                mask, used, sums = None, style_files, checksums
            else:
                mask, used, sums = read_mask(path), [*style_files, path], [*checksums, sha256_of(path)]
                if missing := look.missing(mask):
                    picture.note(f"no style has the labels {', '.join(missing)} of {path}: they follow the whole style")
            picture.follows_all(used, sums)
            for photo in picture.pages():
                yield stylizer.stylize(
                    photo, look, matching, working_size=working_size, exact=exact, keep=keep, mask=mask
                )

        work.run(paint, made_by, stylizer.device, "Stylizing")


def _contents_and_styles(pictures: Sequence[str], styles: Sequence[_Given]) -> tuple[Sequence[str], Sequence[_Given]]:
    if styles:
        return pictures, styles
    if len(pictures) < 2:
        raise click.UsageError("there is no style: name it last, or with --style.")
    return pictures[:-1], [_Given(Path(pictures[-1]))]


def _check_masks(content_mask: Path | None, style_masks: Sequence[Path], styles: Sequence[_Given]) -> None:
    if (content_mask is None) != (not style_masks):
        raise click.UsageError("--content-mask and --style-mask go together: give both, or neither.")
    if style_masks and len(style_masks) != len(styles):
        raise click.UsageError(
            f"each style needs a --style-mask of its own, in the same order: {len(styles)} wanted, "
            f"{len(style_masks)} given."
        )


def _content_masks(content_mask: Path | None, sources: Sequence[Source]) -> tuple[MaskOf, list[Path]]:
    """Which mask each content has, and all of them."""
    if content_mask is None:
        return lambda _source: None, []
    if not os.path.isdir(content_mask):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        if len(sources) > 1:
            raise click.UsageError(
                f"--content-mask {content_mask} is one picture and there are {len(sources)} contents; "
                "give a folder with a mask of each one's name."
            )
        return lambda _source: content_mask, [content_mask]
    masks = pictures_in(content_mask, recursive=True)

    def mask_of(source: Source) -> Path:
        of_its_name = [mask for mask in masks if mask.path.stem == source.path.stem]
        found = [mask for mask in of_its_name if mask.below == source.below] or of_its_name
        if len(found) != 1:
            number = "no mask is" if not found else f"{len(found)} masks are"
            raise PhotoError(f"{source.name}: {number} named {source.path.stem} in {content_mask}; name one like it")
        return found[0].path

    return mask_of, [mask.path for mask in masks]


def _told(styles: Sequence[_Given], style_masks: Sequence[Path]) -> dict[str, str]:
    """What is told of several styles and of masks in the results; the files themselves are told as references."""
    told = {}
    if len(styles) > 1:
        largest = max(style.weight for style in styles)
        weights = [style.weight / largest for style in styles]  # whose sum is finite, however large they were
        told["weights"] = ", ".join(f"{weight / sum(weights):.4g}" for weight in weights)
    if style_masks:
        told["style_masks"] = ", ".join(mask.name for mask in style_masks)
    return told
