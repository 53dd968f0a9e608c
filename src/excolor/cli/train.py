"""`excolor train encoder|decoder|matcher|colorizer`."""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from excolor.cli.options import SEED, FiniteRange

if TYPE_CHECKING:
    from excolor.training.loop import Precision, Report
    from excolor.training.photo_store import PhotoStore
    from excolor.training.recipes import Recipe
    from excolor.training.task import Task

_PATH = click.Path(path_type=Path)

_CLASS_SIDE = 64  # pixels: shorter side of photographs with classes

_ENCODER_HELP = "A checkpoint, or vgg19-imagenet, which is fetched on first use"


@click.group()
def train() -> None:
    """Train the networks on photographs of your own.

    Train the encoder first, then the decoder and the matcher over it, then the colorizer over all of them.

    \b
    Example:
        excolor train encoder photos/ -o runs/encoder --minutes 15
    """


def _run_options(recipes: tuple[str, ...], default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that all commands share; a `default` of None is the first recipe of the encoder's width."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def checked(**values: Any) -> Any:
            if (values["steps"] is None) == (values["minutes"] is None):
                raise click.UsageError("give either --steps or --minutes.")
            return command(**values)

        for option in (
            click.option("-q", "--quiet", is_flag=True, help="No progress lines."),
            click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
            click.option(
                "--precision",
                type=click.Choice(["auto", "float32", "bfloat16"]),
                default="auto",
                show_default=True,
                help="Of the arithmetic; auto is bfloat16 on a GPU. Some CPUs are faster with it, too.",
            ),
            click.option("--seed", type=SEED, default=0, show_default=True, help="Of all that is drawn."),
            click.option("--limit", type=click.IntRange(1), metavar="N", help="Read only the first N photographs."),
            click.option("--validate", type=_PATH, metavar="PATH", help="Photographs to measure on now and then."),
            click.option("--resume", is_flag=True, help="Go on from the training state in the output folder."),
            click.option("--minutes", type=FiniteRange(0, min_open=True), help="Train for so long."),
            click.option("--steps", type=click.IntRange(1), help="Train for so many steps."),
            click.option(
                "--recipe",
                type=click.Choice(recipes),
                default=default,
                show_default=default or "by the width of the encoder",
                help="Hyperparameters, by name.",
            ),
            click.option(
                "-o",
                "--output",
                type=_PATH,
                required=True,
                metavar="FOLDER",
                help="Gets the checkpoints, the training state and a log.",
            ),
        ):
            checked = option(checked)
        return click.argument("photos", type=_PATH, nargs=-1, required=True, metavar="PHOTOS...")(checked)

    return add


@train.command()
@click.option("--teacher", type=_PATH, metavar="FILE", help="Compressed VGG19 to learn features from.")
@click.option(
    "--classes",
    type=_PATH,
    multiple=True,
    metavar="PATH",
    help="Folder or tar file with a folder of photographs for each kind of thing, to learn to tell them apart as well. "
    "May be given several times; folders of one name are one class.",
)
@click.option(
    "--class-tiles",
    type=click.IntRange(1),
    metavar="PIXELS",
    help="The files of --classes are sheets of square tiles with such sides, a sheet named after what its tiles show.",
)
@_run_options(("lite", "base"), "lite")
def encoder(
    photos: tuple[Path, ...],
    teacher: Path | None,
    classes: tuple[Path, ...],
    class_tiles: int | None,
    recipe: str,
    **run: Any,
) -> None:
    """Train an encoder, and with it a decoder that keeps it honest.

    PHOTOS are folders or tar files of color photographs. The paper trains no encoder of its own, so that there is no
    recipe `paper` here. With --classes and --validate it is told how many of the pictures that were held out are taken
    for what they show (top1).

    \b
    Example:
        excolor train encoder photos.tar -o runs/encoder --minutes 15
    """
    if class_tiles and not classes:
        raise click.UsageError("--class-tiles tells what --classes holds; give both.")

    from excolor.training.recipes import ENCODER

    hyperparameters = ENCODER[recipe]

    def task(store: "PhotoStore") -> "Task":
        from excolor.training.encoder_task import EncoderTask
        from excolor.training.loading import load_photos, load_tiles
        from excolor.training.teacher import Teacher

        labeled = None
        if class_tiles:
            labeled = load_tiles(classes, store.device, side=class_tiles, shorter_side=_CLASS_SIDE)
        elif classes:
            labeled = load_photos(classes, store.device, shorter_side=_CLASS_SIDE)
        return EncoderTask(hyperparameters, store, Teacher(teacher) if teacher else None, labeled)

    _train(photos, hyperparameters.photo_side, task, **run)


@train.command()
@click.option("--encoder", "encoder_name", required=True, metavar="FILE", help=f"{_ENCODER_HELP}; stays frozen.")
@click.option("--start", type=_PATH, metavar="FILE", help="Decoder to go on from.")
@_run_options(("lite", "base", "paper"), None)
def decoder(photos: tuple[Path, ...], encoder_name: str, start: Path | None, recipe: str | None, **run: Any) -> None:
    """Train a decoder over a frozen encoder.

    PHOTOS are folders or tar files of color photographs. The encoder of the paper is torchvision's VGG19, called
    vgg19-imagenet here.

    \b
    Example:
        excolor train decoder photos.tar --encoder runs/encoder/encoder.safetensors -o runs/decoder --minutes 5
        excolor train decoder photos.tar --encoder vgg19-imagenet --recipe paper -o runs/vgg19 --minutes 600
    """
    from excolor.networks.checkpoint import load_decoder, load_encoder
    from excolor.training.recipes import DECODER

    frozen = load_encoder(_encoder_file(encoder_name, run["quiet"]))
    hyperparameters = DECODER[recipe or _of_width(frozen.config.width, DECODER)]

    def task(store: "PhotoStore") -> "Task":
        from excolor.training.decoder_task import DecoderTask

        return DecoderTask(hyperparameters, store, frozen, load_decoder(start) if start else None)

    _train(photos, hyperparameters.photo_side, task, **run)


@train.command()
@click.option("--encoder", "encoder_name", required=True, metavar="FILE", help=f"{_ENCODER_HELP}; stays frozen.")
@_run_options(("lite", "base"), None)
def matcher(photos: tuple[Path, ...], encoder_name: str, recipe: str | None, **run: Any) -> None:
    """Train what finds the places in a reference that a target's places resemble.

    PHOTOS are folders or tar files of color photographs. The paper has no such network.

    \b
    Example:
        excolor train matcher photos.tar --encoder runs/encoder/encoder.safetensors -o runs/matcher --minutes 15
    """
    from excolor.networks.checkpoint import load_encoder
    from excolor.training.recipes import MATCHER

    frozen = load_encoder(_encoder_file(encoder_name, run["quiet"]))
    hyperparameters = MATCHER[recipe or _of_width(frozen.config.width, MATCHER)]

    def task(store: "PhotoStore") -> "Task":
        from excolor.training.matcher_task import MatcherTask

        return MatcherTask(hyperparameters, store, frozen)

    _train(photos, hyperparameters.photo_side, task, **run)


@train.command()
@click.option("--encoder", "encoder_name", metavar="FILE", help=f"{_ENCODER_HELP}; for hints from references.")
@click.option("--decoder", "decoder_path", type=_PATH, metavar="FILE", help="Checkpoint, for hints from references.")
@click.option("--matcher", "matcher_path", type=_PATH, metavar="FILE", help="Checkpoint, for the same; may be missing.")
@click.option(
    "--start", type=_PATH, metavar="FILE", help="Training state of an earlier run, or a checkpoint, for its weights."
)
@_run_options(("lite", "lite-fine", "base", "paper"), "lite")
def colorizer(
    photos: tuple[Path, ...],
    encoder_name: str | None,
    decoder_path: Path | None,
    matcher_path: Path | None,
    start: Path | None,
    recipe: str,
    **run: Any,
) -> None:
    """Train the colorization net.

    PHOTOS are folders or tar files of color photographs. All recipes but `paper` need --encoder and --decoder: they
    show the net the coarse maps that it will be given in use. Give --matcher too if the model is to have one.

    \b
    Example:
        excolor train colorizer photos.tar --encoder encoder.safetensors --decoder decoder.safetensors \\
            --matcher matcher.safetensors -o runs/colorizer --minutes 60
    """
    if recipe != "paper" and not (encoder_name and decoder_path):
        raise click.UsageError(f"the recipe {recipe} needs --encoder and --decoder.")

    from excolor.networks.checkpoint import load_matcher, load_transfer
    from excolor.training.colorizer_task import ColorizerTask, read_start
    from excolor.training.recipes import COLORIZER
    from excolor.training.state import STATE

    hyperparameters = COLORIZER[recipe]
    encoder_path = _encoder_file(encoder_name, run["quiet"]) if encoder_name else None
    state = run["output"] / STATE
    begin = state if run["resume"] and state.exists() else start
    transfer = load_transfer(encoder_path, decoder_path) if encoder_path and decoder_path else None
    matcher = load_matcher(matcher_path, transfer.encoder) if transfer and matcher_path else None
    net = read_start(begin) if begin else None

    def task(store: "PhotoStore") -> "Task":
        return ColorizerTask(hyperparameters, store, transfer, net, matcher)

    _train(photos, hyperparameters.photo_side, task, **run)


def _of_width(width: int, recipes: "Mapping[str, Recipe]") -> str:
    """The name of the first recipe of a width; `lite` if there is none, whose error says what does not fit."""
    return next((name for name, recipe in recipes.items() if recipe.width == width), "lite")


def _encoder_file(name: str, quiet: bool) -> Path:
    """The checkpoint that --encoder asks for: a file, or a public one by its name, fetched if it is not here."""
    from excolor.weights import load_table

    public = load_table().foreign.get(name)
    if public is None or public.network != "encoder" or Path(name).exists():
        return Path(name)

    from excolor.cli.downloads import downloads
    from excolor.networks.public import obtain

    with downloads(quiet) as report:
        return obtain(name, report=report)


def _train(
    photos: tuple[Path, ...],
    photo_side: int,
    make_task: Callable[["PhotoStore"], "Task"],
    *,
    output: Path,
    steps: int | None,
    minutes: float | None,
    resume: bool,
    validate: Path | None,
    limit: int | None,
    seed: int,
    device: str,
    precision: "Precision",
    quiet: bool,
) -> None:
    """Load the photographs, train, and print the checkpoints that were written."""
    import torch

    from excolor.runtime.devices import choose_device
    from excolor.training.loading import load_photos
    from excolor.training.loop import Budget, fit, make_output_folder
    from excolor.training.state import STATE

    if not resume and (output / STATE).exists():
        raise click.ClickException(f"{output} holds a training run; go on with --resume, or choose another --output")

    def tell(report: "Report") -> None:
        if quiet:
            return
        numbers = {"loss": f"{report.loss:.5f}", "images/s": f"{report.images_per_second:.0f}"}
        numbers |= {name: f"{value:.3f}" for name, value in (report.validation or {}).items()}
        told = "  ".join(f"{name} {value}" for name, value in numbers.items())
        click.echo(f"step {report.step}  {report.used:4.0%}  {told}", err=True)

    place = choose_device(device)
    make_output_folder(output)
    store = load_photos(photos, place, shorter_side=photo_side, limit=limit)
    held_out = load_photos([validate], place, shorter_side=photo_side) if validate else None
    if not quiet:
        click.echo(f"{len(store)} photographs on {place}", err=True)
    torch.manual_seed(seed)  # of the networks' first weights
    budget = Budget(steps=steps, minutes=minutes)
    task = make_task(store)
    paths = fit(
        task,
        budget,
        output,
        seed=seed,
        resume=resume,
        validation=held_out,
        precision=precision,
        tell=tell,
    )
    for path in paths:
        click.echo(path)
