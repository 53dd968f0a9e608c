"""State dicts as others publish them: their names and shapes, and random values."""

from functools import cache
from itertools import pairwise

import torch
import torchvision
from torch import Tensor, nn

from excolor.networks.backbone import BackboneConfig


@cache
def vgg19() -> dict[str, Tensor]:
    """Torchvision's VGG19. What lies behind conv4_1 has no memory of its own."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in torchvision.models.vgg19().state_dict().items()}
    used = tuple(f"features.{i}." for i in range(20))
    generator = torch.Generator().manual_seed(0)
    return {
        name: _random(shape, generator) if name.startswith(used) else torch.zeros(()).expand(shape)
        for name, shape in shapes.items()
    }


def _random(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Weights under which signals keep their size through the layers, and biases."""
    drawn = torch.randn(shape, generator=generator)
    return 0.1 * drawn if len(shape) == 1 else drawn * (2 / drawn[0].numel()) ** 0.5


def _convolutions(*channels: int, dilation: int = 1, joined: bool = False) -> nn.Sequential:
    """A ReLU after each convolution, and a norm; after a join a ReLU first."""
    layers: list[nn.Module] = [nn.ReLU()] if joined else []
    for inner, outer in pairwise(channels):
        layers += [nn.Conv2d(inner, outer, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels[-1]))


class Siggraph17(nn.Module):
    """The net of Zhang et al. 2017 as they publish it: Lab in, ab out."""

    def __init__(self) -> None:
        super().__init__()
        self.model1 = _convolutions(4, 64, 64)
        self.model2 = _convolutions(64, 128, 128)
        self.model3 = _convolutions(128, 256, 256, 256)
        self.model4 = _convolutions(256, 512, 512, 512)
        self.model5 = _convolutions(512, 512, 512, 512, dilation=2)
        self.model6 = _convolutions(512, 512, 512, 512, dilation=2)
        self.model7 = _convolutions(512, 512, 512, 512)
        self.model8up = nn.Sequential(nn.ConvTranspose2d(512, 256, 4, stride=2, padding=1))
        self.model3short8 = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1))
        self.model8 = _convolutions(256, 256, 256, joined=True)
        self.model9up = nn.Sequential(nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1))
        self.model2short9 = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1))
        self.model9 = _convolutions(128, 128, joined=True)
        self.model10up = nn.Sequential(nn.ConvTranspose2d(128, 128, 4, stride=2, padding=1))
        self.model1short10 = nn.Sequential(nn.Conv2d(64, 128, 3, padding=1))
        self.model10 = nn.Sequential(nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1), nn.LeakyReLU(0.2))
        self.model_class = nn.Sequential(nn.Conv2d(256, 529, 1))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())

    def forward(self, lightness: Tensor, ab: Tensor, mask: Tensor) -> Tensor:
        x1 = self.model1(torch.cat(((lightness - 50) / 100, ab / 110, mask), 1))
        x2 = self.model2(x1[:, :, ::2, ::2])
        x3 = self.model3(x2[:, :, ::2, ::2])
        x = self.model7(self.model6(self.model5(self.model4(x3[:, :, ::2, ::2]))))
        x = self.model8(self.model8up(x) + self.model3short8(x3))
        x = self.model9(self.model9up(x) + self.model2short9(x2))
        x = self.model10(self.model10up(x) + self.model1short10(x1))
        return self.model_out(x) * 110


@cache
def siggraph17() -> Siggraph17:
    """In evaluation mode, with batch norms that do something."""
    generator = torch.Generator().manual_seed(1)
    net = Siggraph17().eval()
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif name.endswith("num_batches_tracked"):
                tensor.fill_(1000)
            else:
                tensor.copy_(_random(tensor.shape, generator))
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.add_(1)
        net.model_out[0].weight.mul_(0.3)  # within the range where tanh tells values apart
    return net


def efficientnet_lite_state(config: BackboneConfig, seed: int = 3) -> dict[str, Tensor]:
    """An EfficientNet-Lite, batch norm and classifier included."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def conv(name: str, norm: str, *shape: int) -> None:
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / (shape[1] * shape[2] ** 2)) ** 0.5
        for key in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{key}"] = torch.rand(shape[0], generator=generator) + (0.5 if key != "bias" else 0)

    conv("_conv_stem", "_bn0", config.stem, 3, 3, 3)
    block, inputs = 0, config.stem
    for channels, repeats, kernel, expansion in zip(
        config.channels, config.repeats, (3, 3, 5, 3, 5, 5, 3), (1, 6, 6, 6, 6, 6, 6), strict=True
    ):
        for _ in range(repeats):
            prefix, hidden = f"_blocks.{block}.", inputs * expansion
            if expansion > 1:
                conv(prefix + "_expand_conv", prefix + "_bn0", hidden, inputs, 1, 1)
            conv(prefix + "_depthwise_conv", prefix + "_bn1", hidden, 1, kernel, kernel)
            conv(prefix + "_project_conv", prefix + "_bn2", channels, hidden, 1, 1)
            block, inputs = block + 1, channels
    state["_fc.weight"] = torch.zeros(10, 8)
    return state
