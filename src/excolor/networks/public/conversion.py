"""A state dict -> one of our networks."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from excolor.errors import CheckpointError
from excolor.networks.checkpoint import expected_tensors
from excolor.networks.colorization import ColorizationNet
from excolor.networks.header import printable
from excolor.networks.public.formats import StateDictFormat, recognize
from excolor.networks.registry import NETWORKS
from excolor.weights import MAX_WIDTH

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_MATCHER = "matcher."  # how the names of its tensors began in an encoder's file
_COUNT = "num_batches_tracked"  # of training: some checkpoints are older than it, and inference has no use for it


def convert(tensors: Mapping[str, Tensor], network: str, source: str) -> nn.Module:
    """Build the network that a state dict belongs to.

    Args:
        tensors: in a format that `formats.recognize` knows.
        network: the type of network that it is to be, by its name in the registry.
        source: where it comes from, for messages.

    Returns:
        The network in evaluation mode, float32, on the CPU; a colorizer has its batch norms folded.

    Raises:
        CheckpointError: it is of no known format or another network, or lacks tensors, or has some that do not belong.
    """
    if network == "matcher" and "conv1_1.weight" in tensors:  # encoders used to hold it
        tensors = {name.removeprefix(_MATCHER): tensors[name] for name in tensors if name.startswith(_MATCHER)}
    given = recognize(tensors)
    if given is None:
        some = ", ".join(map(printable, sorted(tensors)[:3])) or "nothing"
        raise CheckpointError(
            f"{source}: of no known kind (it holds {some}, …); torchvision's VGG19, the colorization net of SIGGRAPH "
            "2017 and excolor's own networks can be imported"
        )
    if given.network != network:
        raise CheckpointError(f"{source}: holds {given.title}; import it --as {given.network}")
    network_type = NETWORKS[network]
    if not network_type.is_within_reason(given.config):
        raise CheckpointError(f"{source}: holds {given.title}; widths from 1 to {MAX_WIDTH} are possible")
    state = _renamed(tensors, given, source)
    net: nn.Module = network_type.network_class(given.config)
    net.load_state_dict(state)
    net = net.folded() if isinstance(net, ColorizationNet) and not net.config.folded else net
    for name, tensor in net.state_dict().items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"{source}: {given.theirs(name)} has values that are no numbers; get it again")
    return net.eval()


def _renamed(tensors: Mapping[str, Tensor], given: StateDictFormat, source: str) -> dict[str, Tensor]:
    """The tensors by the names that they have here, all of them and no others, each as it should be."""
    expected = expected_tensors(given.config)
    elsewhere = "the file belongs to another network"
    for name in sorted(tensors.keys() - {given.theirs(name) for name in expected}):
        if not given.unused.fullmatch(name):
            raise CheckpointError(f"{source}: {given.title} has no tensor {printable(name)}; {elsewhere}")
    state = {}
    for ours, wanted in expected.items():
        name = given.theirs(ours)
        if ours.endswith(_COUNT):
            state[ours] = torch.zeros(())
            continue
        if name not in tensors:
            raise CheckpointError(f"{source}: lacks {name}, which {given.title} has; {elsewhere}")
        tensor = state[ours] = tensors[name]
        if tensor.shape != wanted.shape:
            shape = printable(tuple(tensor.shape))
            raise CheckpointError(
                f"{source}: {name} is {shape} and in {given.title} {tuple(wanted.shape)}; {elsewhere}"
            )
        if tensor.dtype not in _DTYPES:
            raise CheckpointError(f"{source}: {name} is of type {tensor.dtype}; floating-point numbers are needed")
    return state
