"""A state dict of others -> one of our networks."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from excolor.errors import CheckpointError
from excolor.networks.checkpoint import MAX_WIDTH, build, expected_tensors, is_within_reason
from excolor.networks.colorization import ColorizationNet
from excolor.networks.header import shown
from excolor.networks.public.layouts import Layout, recognize
from excolor.weights import Network

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_MATCHER = "matcher."  # how the names of its tensors began in an encoder's file
_COUNT = "num_batches_tracked"  # of training: some checkpoints are older than it, and inference has no use for it


def convert(tensors: Mapping[str, Tensor], network: Network, source: str) -> nn.Module:
    """Build the network that a state dict belongs to.

    Args:
        tensors: in a layout that `layouts.recognize` knows.
        network: what it is to be.
        source: where it comes from, for messages.

    Returns:
        The network in evaluation mode, float32, on the CPU; a colorizer has its batch norms folded.

    Raises:
        CheckpointError: it is of no known layout or another network, or lacks tensors, or has some that do not belong.
    """
    if network == "matcher" and "conv1_1.weight" in tensors:  # encoders used to hold it
        tensors = {name.removeprefix(_MATCHER): tensors[name] for name in tensors if name.startswith(_MATCHER)}
    layout = recognize(tensors)
    if layout is None:
        some = ", ".join(map(shown, sorted(tensors)[:3])) or "nothing"
        raise CheckpointError(
            f"{source}: of no known kind (it holds {some}, …); torchvision's VGG19, the colorization net of SIGGRAPH "
            "2017 and excolor's own networks can be imported"
        )
    if layout.network != network:
        raise CheckpointError(f"{source}: holds {layout.title}; import it --as {layout.network}")
    if not is_within_reason(layout.config):
        raise CheckpointError(f"{source}: holds {layout.title}; widths from 1 to {MAX_WIDTH} are possible")
    state = _renamed(tensors, layout, source)
    net = build(layout.config)
    net.load_state_dict(state)
    net = net.folded() if isinstance(net, ColorizationNet) and not net.config.folded else net
    for name, tensor in net.state_dict().items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"{source}: {layout.theirs(name)} has values that are no numbers; get it again")
    return net.eval()


def _renamed(tensors: Mapping[str, Tensor], layout: Layout, source: str) -> dict[str, Tensor]:
    """The tensors by the names that they have here, all of them and no others."""
    expected = expected_tensors(layout.config)
    names = {name: layout.theirs(name) for name in expected}
    for name in sorted(tensors.keys() - names.values()):
        if not layout.unused.fullmatch(name):
            raise CheckpointError(
                f"{source}: {layout.title} has no tensor {shown(name)}; the file belongs to another network"
            )
    return {
        name: torch.zeros(()) if name.endswith(_COUNT) else _checked(tensors, theirs, expected[name], layout, source)
        for name, theirs in names.items()
    }


def _checked(tensors: Mapping[str, Tensor], name: str, expected: Tensor, layout: Layout, source: str) -> Tensor:
    """Their tensor `name`, if it is as it should be."""
    if name not in tensors:
        raise CheckpointError(f"{source}: lacks {name}, which {layout.title} has; the file belongs to another network")
    tensor = tensors[name]
    if tensor.shape != expected.shape:
        raise CheckpointError(
            f"{source}: {name} is {shown(tuple(tensor.shape))} and in {layout.title} {tuple(expected.shape)}; "
            "the file belongs to another network"
        )
    if tensor.dtype not in _DTYPES:
        raise CheckpointError(f"{source}: {name} is of type {tensor.dtype}; floating-point numbers are needed")
    return tensor
