"""A critic of invented colors: a small net that learns to tell them from true ones, patch by patch.

Beyond the paper. What the colorization net invents is compared with the truth pixel by pixel, which does not tell
likely colors from unlikely ones that are as far off. The critic does: a patch discriminator (Isola et al. 2017,
*Image-to-Image Translation with Conditional Adversarial Networks*) with the hinge loss and spectral normalization of
Miyato et al. 2018. It is thrown away after training.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_WIDTHS = (32, 64, 128)  # channels at 1/2, 1/4 and 1/8 of the size
_WARM_UP = 100  # steps over which belief in it rises from zero


class Critic(nn.Module):
    """L and ab to one number for each place of the grid of 1/8, which is high where colors look true."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((3, *_WIDTHS), _WIDTHS, strict=False):
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        # A bias would learn nothing as long as both sides of the hinge are at work: their slopes cancel
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(_WIDTHS[-1], 1, 3, padding=1, bias=False)))
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """(N, 1, H/8, W/8) of L (N, 1, H, W) and ab (N, 2, H, W), both in network scale."""
        judged: Tensor = self.layers(torch.cat((lightness, ab), dim=1))
        return judged

    def loss(self, lightness: Tensor, invented: Tensor, true: Tensor, weight: float) -> Tensor:
        """What is to be added to the loss of the net that invented ab: `weight` times how untrue it looks.

        The critic learns by the same loss: its own part, and only that, reaches its parameters. That part has a slope
        but no value, since how well the critic does is not how well the net does.

        Args:
            lightness: (N, 1, H, W) in network scale.
            invented: ab (N, 2, H, W) in network scale, with the graph that it came from.
            true: likewise, the truth.
            weight: of the critic's opinion, to which it rises from zero over the first steps.
        """
        of_true, of_invented = self(lightness.repeat(2, 1, 1, 1), torch.cat((true, invented.detach()))).chunk(2)
        learning = F.relu(1 - of_true).mean() + F.relu(1 + of_invented).mean()
        self.requires_grad_(False)
        opinion = self(lightness, invented).mean()
        self.requires_grad_(True)
        believed = weight * (self.steps / _WARM_UP).clamp(max=1)
        if self.training:
            self.steps += 1
        loss: Tensor = learning - learning.detach() - believed * opinion
        return loss
