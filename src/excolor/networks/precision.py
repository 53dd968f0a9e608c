"""What networks compute in, by kinds of layers.

Where a processor computes in bfloat16, dense convolutions take half the time in it or less. All else stays float32:
depthwise convolutions are slower in bfloat16; 1×1 convolutions gain no more than the conversions cost, and lead to
descriptors, which are compared, and to colors; features are pooled, joined and compared in float32.
"""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from excolor.networks.decoder import WideningConv

Network = TypeVar("Network", bound=nn.Module)

_LEAST_CHANNELS = 8  # of the input, below which a convolution is not what takes the time


def put_on(device: torch.device, network: Network, dtype: torch.dtype) -> Network:
    """The network where it is to run, its channels beside each other in memory.

    Of a dtype other than float32 it is as a whole, but on CPUs bfloat16 is for the layers that gain by it.
    """
    if device.type != "cpu" or dtype != torch.bfloat16:
        return network.to(device, dtype).to(memory_format=torch.channels_last)
    network = network.to(device).to(memory_format=torch.channels_last)
    for module in network.modules():
        if _gains(module):
            module.to(dtype)
            module.register_forward_pre_hook(_to_bfloat16)
            module.register_forward_hook(_to_float32)
    return network


def precision_of(network: nn.Module) -> str:
    """The dtype of the layers that take most of the time: float32, bfloat16 or float16."""
    others = {parameter.dtype for parameter in network.parameters()} - {torch.float32}
    return str(others.pop() if others else torch.float32).removeprefix("torch.")


def _gains(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and not isinstance(module, WideningConv)  # which computes with its weights before it convolves
        and module.kernel_size[0] > 1
        and module.groups == 1
        and module.in_channels >= _LEAST_CHANNELS
    )


def _to_bfloat16(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.bfloat16() for x in inputs)


def _to_float32(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    return output.float()
