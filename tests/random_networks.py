"""Small networks with random weights that pass on what they see."""

import torch
from torch import nn

from excolor.networks.decoder import Decoder, DecoderConfig
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.semantic_colorization import SemanticColorizationConfig, SemanticColorizationNet
from excolor.networks.semantic_places import SemanticPlacesNet


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


def random_semantic(seed: int = 0) -> SemanticColorizationNet:
    """A semantic net over a tiny backbone, which describes places by the backbone's levels as they are.

    New weights would describe all places nearly alike.
    """
    torch.manual_seed(seed)
    net = SemanticColorizationNet(SemanticColorizationConfig(width=12, backbone="tiny"))
    pass_on(net.places)
    return net.eval().requires_grad_(False)


def pass_on(net: SemanticPlacesNet) -> None:
    """Both descriptors become the levels (of no more channels than these have), as relu(x) - relu(-x)."""
    half = net.config.width // 2
    assert net.config.channels <= min(net.config.kin, net.config.kind, half)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        one = torch.eye(half, net.config.channels)
        net.enter.weight.copy_(torch.cat((one, -one))[..., None, None])
        for out in (net.kind, net.kin):
            one = torch.eye(out.out_channels, half)
            out.weight.copy_(torch.cat((one, -one), dim=1)[..., None, None])
