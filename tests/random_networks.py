"""Small networks with random weights that pass on what they see."""

import torch
from torch import nn

from excolor.networks.decoder import Decoder, DecoderConfig
from excolor.networks.encoder import Encoder, EncoderConfig


def randomize(net: nn.Module, seed: int = 0) -> None:
    """Weights under which signals keep their size through the layers, and no channel is dead."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in net.named_parameters():
            if name.endswith("weight"):
                fan_in = tensor[0].numel()
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / fan_in) ** 0.5)
            else:
                tensor.copy_(torch.rand(tensor.shape, generator=generator))


def random_encoder() -> Encoder:
    net = Encoder(EncoderConfig(width=8))
    randomize(net)
    return net.eval().requires_grad_(False)


def random_decoder() -> Decoder:
    net = Decoder(DecoderConfig(width=8))
    randomize(net, seed=1)
    with torch.no_grad():  # most of the output within [0, 1], so that clipping hides nothing
        net.conv1_1.weight.mul_(0.03)
        net.conv1_1.bias.fill_(0.5)
    return net.eval().requires_grad_(False)
