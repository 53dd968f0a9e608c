"""Import of the published EfficientNet-Lite checkpoints (Apache-2.0) as a backbone."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor

from excolor.errors import CheckpointError
from excolor.networks.backbone import BackboneConfig, EfficientNetLite, SameConv

_EPSILON = 1e-3  # of the published batch norms
_STAGES = 7


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
