"""The files of a model -> its networks, put together as its architecture wants it."""

from collections.abc import Callable, Mapping
from typing import Any

from excolor.method.architecture import ExemplarModel
from excolor.method.correspondence import correspondence_by
from excolor.method.exemplar import ExemplarNet
from excolor.method.semantic_exemplar import SemanticExemplarNet
from excolor.networks.checkpoint import load_colorizer, load_matcher, load_network, load_transfer
from excolor.networks.models import ModelFiles
from excolor.networks.semantic_colorization import SemanticColorizationNet


def assemble(files: ModelFiles) -> ExemplarModel[Any]:
    """The networks of a model, in evaluation mode, float32, on the CPU.

    With the files that pre-coloring needs, they can do that alone.

    Raises:
        CheckpointError: a checkpoint is missing or damaged, or does not go with another.
    """
    return _ASSEMBLE[files.architecture](files).eval()


def _exemplar(files: ModelFiles) -> ExemplarNet:
    colorization = load_colorizer(files.path("colorizer"))
    if "encoder" not in files.files:
        return ExemplarNet(colorization)
    transfer = load_transfer(files.path("encoder"), files.path("decoder"))
    matcher = load_matcher(files.path("matcher"), transfer.encoder) if "matcher" in files.files else None
    return ExemplarNet(colorization, transfer, correspondence_by(matcher))


def _semantic(files: ModelFiles) -> SemanticExemplarNet:
    return SemanticExemplarNet(load_network(files.path("semantic"), SemanticColorizationNet))


# By the keys of `networks.registry.ARCHITECTURES`
_ASSEMBLE: Mapping[str, Callable[[ModelFiles], ExemplarModel[Any]]] = {
    "exemplar": _exemplar,
    "semantic": _semantic,
}
