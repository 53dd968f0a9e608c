"""Options that several commands share, and the types of their values."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from excolor.photo import SaveSettings
    from excolor.weights import ModelFiles

F = TypeVar("F", bound=Callable[..., Any])

# Whether a file exists and can be read is said by the library, in the same words for the API and the command line
PHOTO = click.Path(path_type=Path)

# As typed: a file, a folder, a glob, @LIST or -; see `cli.sources`
PICTURES = click.Path(allow_dash=True)

SEED = click.IntRange(0, 2**32 - 1)

STYLE_SIZE = 512  # pixels: that of `excolor.method.stylizer`, whose import takes long


class FiniteRange(click.FloatRange):
    """A range of numbers that "nan", which compares with nothing, is not in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse and check."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class CommaList(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Some of a few words, separated by commas, each at most once."""

    name = "list"

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Parse "a,b" to ("a", "b"), in the order of the choices."""
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in value.split(",")]
        unknown = [word for word in words if word not in self.choices]
        if unknown:
            self.fail(f"{unknown[0]!r} is not one of {', '.join(self.choices)}.", param, ctx)
        return tuple(choice for choice in self.choices if choice in words)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Show the choices in the help."""
        return ",".join(self.choices)


@dataclass(frozen=True)
class FileOptions:
    """Which files are read and written, and how: the options of all commands that turn pictures into pictures."""

    recursive: bool
    output: str | None
    """As it was typed: a path object would lose the slash that says "folder"."""
    format: str | None
    force: bool
    skip_existing: bool
    jobs: int | None
    report: Path | None
    quality: int | None
    strip: bool
    provenance: bool
    page: int | None
    max_megapixels: float | None
    quiet: bool

    def __post_init__(self) -> None:
        if self.skip_existing and self.force:
            raise click.UsageError("--skip-existing and --force exclude each other.")

    @property
    def max_pixels(self) -> int:
        """The largest picture that is read."""
        from excolor.photo import MAX_PIXELS

        return MAX_PIXELS if self.max_megapixels is None else int(self.max_megapixels * 1e6)

    @property
    def save_settings(self) -> "SaveSettings":
        """How results are encoded."""
        from excolor.photo import SaveSettings

        return SaveSettings(quality=self.quality, metadata=not self.strip)


def packing(command: Callable[..., Any], **packs: type) -> Callable[..., Any]:
    """The command, with those of its options that are fields of a dataclass in one argument of that name."""

    @wraps(command)
    def packed(**values: Any) -> Any:
        for name, pack in packs.items():
            values[name] = pack(**{field.name: values.pop(field.name) for field in fields(pack)})
        return command(**values)

    return packed


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `FileOptions`, given to the command as `files`."""
    packed = packing(command, files=FileOptions)
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No notes, no progress bar, no summary."),
        click.option(
            "--max-megapixels",
            type=FiniteRange(0, 1e6, min_open=True),
            metavar="M",
            help="Refuse larger pictures.  [default: 500]",
        ),
        click.option(
            "--page", type=click.IntRange(1), metavar="N", help="Of a TIFF of several pages, only this.  [default: all]"
        ),
        click.option(
            "--provenance/--no-provenance", default=True, help="Say in the metadata how it was made.  [default: yes]"
        ),
        click.option("--strip", is_flag=True, help="Write no metadata: no EXIF, no XMP, nothing of how it was made."),
        click.option(
            "--quality",
            type=click.IntRange(1, 100),
            help="Of JPEG and WebP.  [default: 95, or the input's own if that is finer]",
        ),
        click.option(
            "--report",
            type=click.Path(path_type=Path),
            metavar="FILE.json",
            help="Write down what became of each picture.",
        ),
        click.option(
            "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Pictures at a time.  [default: by the cores]"
        ),
        click.option("--skip-existing", is_flag=True, help="Leave out pictures whose results are there already."),
        click.option("-f", "--force", is_flag=True, help="Replace files that exist."),
        click.option(
            "--format",
            type=click.Choice(["jpeg", "png", "tiff", "webp"]),
            help="Of the results.  [default: the input's own, or PNG for kinds that are only read]",
        ),
        click.option(
            "-o",
            "--output",
            type=click.Path(),
            metavar="FILE|FOLDER|-",
            help="Where to write; beside the input by default, - is standard output.",
        ),
        click.option("-r", "--recursive", is_flag=True, help="Look into subfolders, and mirror them below -o."),
    ):
        packed = option(packed)
    return packed


@dataclass(frozen=True)
class ModelChoice:
    """Which model is asked for, and what may be done to find it: the options of all commands that use one."""

    name: str | None
    weights: Path | None
    offline: bool

    def find(self, *, quiet: bool) -> "ModelFiles":
        """Its files, after downloading what is missing. Errors as in `find_model`."""
        from excolor.cli.downloads import downloads
        from excolor.weights import find_model

        with downloads(quiet) as report:
            return find_model(self.name, weights=self.weights, offline=self.offline, report=report)


weights_option = click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A weights.toml of your own, which adds models or replaces them.  [default: $EXCOLOR_WEIGHTS]",
)

offline_option = click.option(
    "--offline", is_flag=True, help="Never touch the network; EXCOLOR_OFFLINE=1 says so for all commands."
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `ModelChoice`, given to the command as `model`, and --device."""

    @wraps(command)
    def packed(model: str | None, weights: Path | None, offline: bool, **values: Any) -> Any:
        return command(model=ModelChoice(model, weights, offline), **values)

    for option in (
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
        offline_option,
        weights_option,
        click.option("--model", help="A model of weights.toml or a folder of checkpoints.  [default: the shipped one]"),
    ):
        packed = option(packed)
    return packed


method_option = click.option(
    "--method",
    type=click.Choice(["adain", "wct"]),
    default="adain",
    show_default=True,
    help="Match mean and deviation of each channel, or the whole covariance.",
)


def working_size_option(default: int) -> Callable[[F], F]:
    """--working-size."""
    return click.option(
        "--working-size",
        type=click.IntRange(16, 4096),
        default=default,
        show_default=True,
        help="Pixels of the shorter side that the networks see.",
    )


def ending_in(*suffixes: str) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """A callback for an option that names a file of one of these kinds."""

    def check(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() not in suffixes:
            raise click.BadParameter(f"{value} does not end in {' or '.join(suffixes)}.")
        return value

    return check


def check_apart(*paths: Path | None) -> None:
    """No file is asked to be two things: with --force one would replace the other."""
    given = [path for path in paths if path is not None]
    for i, path in enumerate(given):
        if path.resolve() in [other.resolve() for other in given[:i]]:
            raise click.UsageError(f"{path} is named twice, for different things; name another file.")
