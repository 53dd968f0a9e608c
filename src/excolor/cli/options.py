"""Options that several commands share."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from excolor.batch.plan import Outputs
from excolor.batch.shards import Shard
from excolor.cli.commands import INPUT, OUTPUT, QUALITY, RUN, option
from excolor.cli.parameter_types import LOCATION, SEED, FiniteRange, ShardType
from excolor.settings import MATCHES, PRECISIONS, SMALLEST_SIZE, STATISTICS_METHODS, ColorizeSettings, Matching

if TYPE_CHECKING:
    from excolor.batch.processing import FileSettings
    from excolor.networks.models import ModelFiles
    from excolor.networks.registry import Use
    from excolor.settings import Precision

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class FileOptions:
    """Which files are read and written, and how: the options of all commands that turn pictures into pictures."""

    recursive: bool
    root: Path | None
    shard: Shard | None
    page: int | None
    max_megapixels: float | None
    output: str | None
    """As it was typed: a path object would lose the slash that says "folder"."""
    format: str | None
    quality: int | None
    force: bool
    skip_existing: bool
    strip: bool
    provenance: bool
    report: Path | None
    jobs: int | None
    on: str | None
    quiet: bool

    @property
    def max_pixels(self) -> int:
        """The largest picture that is read."""
        from excolor.photo import MAX_PIXELS

        return MAX_PIXELS if self.max_megapixels is None else int(self.max_megapixels * 1e6)

    @property
    def outputs(self) -> Outputs:
        """Where results go. Raises PlanError if options exclude each other."""
        report = self.report if self.shard is None or self.report is None else self.shard.own_name(self.report)
        return Outputs(self.output, self.format, self.force, self.skip_existing, report)

    @property
    def file_settings(self) -> "FileSettings":
        """How pictures are read and written."""
        from excolor.batch.processing import FileSettings
        from excolor.photo import SaveSettings

        save = SaveSettings(quality=self.quality, metadata=not self.strip)
        return FileSettings(self.page, self.max_pixels, save, self.provenance)


def packing(command: Callable[..., Any], **packs: type) -> Callable[..., Any]:
    """The command, with its options that are fields of a dataclass combined in one argument of that name."""

    @wraps(command)
    def packed(**values: Any) -> Any:
        for name, pack in packs.items():
            names = [field.name for field in fields(pack) if field.name in values]
            values[name] = pack(**{field: values.pop(field) for field in names})
        return command(**values)

    return packed


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `FileOptions`, given to the command as `files`."""
    packed = packing(command, files=FileOptions)
    for add in reversed(_FILE_OPTIONS):
        packed = add(packed)
    return packed


_FILE_OPTIONS = (
    option("-r", "--recursive", is_flag=True, group=INPUT, help="Look into subfolders, and mirror them below -o."),
    option(
        "--root",
        type=LOCATION,
        metavar="FOLDER",
        group=INPUT,
        help="Mirror the subfolders of this folder also for pictures from lists and globs, which are all in it.",
    ),
    option(
        "--shard",
        type=ShardType(),
        metavar="K/N",
        group=INPUT,
        help="Do the K-th of N shares of the pictures; slurm, k8s or batch takes both from the scheduler.",
    ),
    option(
        "--page",
        type=click.IntRange(1),
        metavar="N",
        group=INPUT,
        help="Use only this page of a TIFF of several pages.  [default: all]",
    ),
    option(
        "--max-megapixels",
        type=FiniteRange(0, 1e6, min_open=True),
        metavar="M",
        group=INPUT,
        help="Refuse larger pictures.  [default: 500]",
    ),
    option(
        "-o",
        "--output",
        type=click.Path(),
        metavar="FILE|FOLDER|-",
        group=OUTPUT,
        help="Write there instead of beside the input; - is standard output.",
    ),
    option(
        "--format",
        type=click.Choice(["jpeg", "png", "tiff", "webp"]),
        group=OUTPUT,
        help="Output format.  [default: the input's own, or PNG if that can only be read]",
    ),
    option(
        "--quality",
        type=click.IntRange(1, 100),
        metavar="N",
        group=OUTPUT,
        help="Quality of JPEG and WebP.  [default: 95, or the input's own if that is higher]",
    ),
    option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace files that exist."),
    option("--skip-existing", is_flag=True, group=OUTPUT, help="Skip pictures whose results exist already."),
    option("--strip", is_flag=True, group=OUTPUT, help="Write no metadata at all: no EXIF, no XMP, no provenance."),
    option(
        "--provenance/--no-provenance",
        default=True,
        group=OUTPUT,
        help="Record in the metadata how results were made.  [default: yes]",
    ),
    option(
        "--report",
        type=click.Path(path_type=Path),
        metavar="FILE.json",
        group=OUTPUT,
        help="Write what became of each picture to this file.",
    ),
    option(
        "-j",
        "--jobs",
        type=click.IntRange(1),
        metavar="N",
        group=RUN,
        help="Work on N pictures at a time.  [default: as many as the cores can]",
    ),
    option(
        "--on",
        metavar="ray|ray://HOST:PORT",
        group=RUN,
        help="Work on the machines of a Ray cluster; ray alone is this one, or the one of $RAY_ADDRESS.",
    ),
    option("-q", "--quiet", is_flag=True, group=RUN, help="Show no notes, no progress bar and no summary."),
)


@dataclass(frozen=True)
class ModelChoice:
    """Which model is asked for, what may be done to find it, and its precision: options of all that use one."""

    name: str | None
    weights: Path | None
    offline: bool
    precision: "Precision"

    def find(self, use: "Use", *, quiet: bool) -> "ModelFiles":
        """The files that a use needs, after downloading what is missing. Errors as in `find_model`."""
        from excolor.cli.downloads import downloads
        from excolor.networks.models import find_model

        with downloads(quiet) as progress:
            return find_model(self.name, use, weights=self.weights, offline=self.offline, progress=progress)


weights_option = option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    group=RUN,
    help="Use a weights.toml of your own, which adds models or replaces them.  [default: $EXCOLOR_WEIGHTS]",
)

offline_option = option(
    "--offline", is_flag=True, group=RUN, help="Never use the network; EXCOLOR_OFFLINE=1 does so for all commands."
)

device_option = option(
    "--device",
    default="auto",
    show_default=True,
    metavar="NAME",
    group=RUN,
    help="Run on this device: auto, cpu, cuda or cuda:N.",
)


precision_option = option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    group=RUN,
    help="Run networks in this precision; auto takes bfloat16 on CPUs that compute in it, and float16 on GPUs.",
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `ModelChoice`, given to the command as `model`, and --device."""

    @wraps(command)
    def packed(model: str | None, weights: Path | None, offline: bool, precision: "Precision", **values: Any) -> Any:
        return command(model=ModelChoice(model, weights, offline, precision), **values)

    for add in (
        precision_option,
        device_option,
        offline_option,
        weights_option,
        option(
            "--model",
            metavar="NAME|FOLDER",
            group=RUN,
            help="Use this model of weights.toml, or a folder of checkpoints.  [default: semantic; lite to stylize]",
        ),
    ):
        packed = add(packed)
    return packed


method_option = option(
    "--method",
    type=click.Choice(STATISTICS_METHODS),
    default=Matching.method,
    show_default=True,
    group=QUALITY,
    help="Match mean and deviation of each channel (adain), or the whole covariance (wct).",
)


def match_option(group: str = QUALITY) -> Callable[[F], F]:
    """--match."""
    return option(
        "--match",
        type=click.Choice(MATCHES),
        default=ColorizeSettings.match,
        show_default=True,
        group=group,
        help="Take colors by statistics (as in the paper; only with --model lite), from similar regions, or by both.",
    )


hint_share_option = option(
    "--hint-share",
    type=FiniteRange(0, 1, min_open=True),
    metavar="X",
    default=ColorizeSettings.hint_share,
    show_default=True,
    group=QUALITY,
    help="Give this share of the coarse color map to the colorization network as hints; only with --model lite.",
)


def seed_option(purpose: str, group: str = QUALITY) -> Callable[[F], F]:
    """--seed; `purpose` completes the sentence "Use this seed for ..."."""
    return option(
        "--seed",
        type=SEED,
        metavar="N",
        default=ColorizeSettings.seed,
        show_default=True,
        group=group,
        help=f"Use this seed for {purpose}.",
    )


quiet_option = option("-q", "--quiet", is_flag=True, group=RUN, help="Show no notes and no progress bar.")


def working_size_option(default: int) -> Callable[[F], F]:
    """--working-size."""
    return option(
        "--working-size",
        type=click.IntRange(SMALLEST_SIZE, 4096),
        metavar="N",
        default=default,
        show_default=True,
        group=QUALITY,
        help="Run the networks at this many pixels on the shorter side.",
    )


auto_levels_option = option(
    "--auto-levels",
    is_flag=True,
    default=ColorizeSettings.auto_levels,
    group=QUALITY,
    help="Let the networks see targets with their contrast stretched, for faded prints; the result's lightness stays.",
)

treat_as_gray_option = option(
    "--treat-as-gray/--no-treat-as-gray",
    default=None,
    group=INPUT,
    help="Use the lightness of targets in color, or refuse even tinted ones.  [default: tinted yes, color no]",
)


def ending_in(*suffixes: str) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """A callback for an option that names a file of one of these kinds."""

    def check(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() not in suffixes:
            raise click.BadParameter(f"{value} does not end in {' or '.join(suffixes)}.")
        return value

    return check


def check_apart(*paths: Path | None) -> None:
    """No file is named for two purposes: with --force one would replace the other."""
    given = [path for path in paths if path is not None]
    for i, path in enumerate(given):
        if path.resolve() in [other.resolve() for other in given[:i]]:
            raise click.UsageError(f"{path} is named twice, for different purposes; name another file.")
