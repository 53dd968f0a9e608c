"""`excolor weights import`."""

import os
from pathlib import Path

import click

from excolor.cli.commands import Command
from excolor.networks.registry import NETWORKS


@click.command("import", cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "network",
    type=click.Choice([name for name, network in NETWORKS.items() if network.importable]),
    required=True,
    help="Make it this network of excolor.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the checkpoint there.  [default: beside FILE, as .safetensors]",
)
@click.option("-f", "--force", is_flag=True, help="Replace a file that exists.")
def import_checkpoint(file: Path, network: str, output: Path | None, force: bool) -> None:
    """Make a checkpoint of a published state dict of PyTorch.

    FILE is a .pth, .pt or .safetensors of torchvision's VGG19, which becomes an encoder; of the colorization net of
    SIGGRAPH 2017 (Zhang et al.), which becomes a colorizer; or of a network of excolor. Tensors are read, and nothing
    else in the file.

    A folder of networks, named encoder.safetensors, decoder.safetensors and colorizer.safetensors, is a model, which
    --model FOLDER uses; matcher.safetensors may be beside them. A decoder or a matcher belongs to the encoder that it
    was trained over; the colorizer goes with any. Import an old encoder that holds a matcher twice, --as each.

    \b
    Example:
        excolor weights import siggraph17.pth --as colorizer -o mine/colorizer.safetensors
    """
    from excolor.errors import CheckpointError, OutputError

    # Of os.path, since those of Path raise for names that are too long
    if os.path.isdir(file):  # noqa: PTH112
        raise CheckpointError(f"{file}: it is a folder; name the file in it")
    if not os.path.isfile(file):  # noqa: PTH113
        raise CheckpointError(f"{file}: no such file; check the path")
    output = output or file.with_suffix(".safetensors")
    if os.path.realpath(output) == os.path.realpath(file):
        raise click.UsageError("the result would take the place of FILE; give another --output.")

    import torch

    from excolor.networks.checkpoint import save_network
    from excolor.networks.public import convert, read_state_dict

    if os.path.lexists(output) and not force:
        raise OutputError(f"{output} exists; use --force to replace it, or choose another --output")
    net = convert(read_state_dict(file), network, str(file))
    try:
        save_network(net, output, dtype=torch.float32)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror}); choose another --output") from error
    click.echo(os.fsencode(output))
