"""The colorization sub-net: a U-Net that spreads color hints and invents colors where none are given.

At width 64 its topology is that of the user-guided colorization net of Zhang et al. (SIGGRAPH 2017), from which the
paper starts too (Xu et al., CVPR 2020, section 3.2). Shapes: N batch, H, W multiples of 8. Inputs and output are scaled
as in `excolor.imaging.color` (`lightness_to_network`, `ab_to_network`).
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_GATE_WINDOW = 5  # pixels


@dataclass(frozen=True)
class ColorizationConfig:
    """The colorization net's shape.

    Attributes:
        width: channels of block 1; deeper blocks have up to 8 times as many.
        folded: batch norm is reduced to a scale and a shift per channel, for inference (`ColorizationNet.folded`).
        gated: beyond the paper, the net also says where the hints are to stand as they are (`HintGate`).
    """

    width: int = 64
    folded: bool = False
    gated: bool = False


class ChannelAffine(nn.Module):
    """Scale and shift per channel: what is left of a batch norm when its statistics are folded into its weights.

    It cannot go further into the convolutions: a ReLU stands before it and a zero padding, which must stay zero
    *after* the shift, behind it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> "ChannelAffine":
        """The affine map that `norm` is in evaluation mode."""
        assert norm.running_mean is not None and norm.running_var is not None
        folded = cls(norm.num_features)
        with torch.no_grad():
            scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            folded.scale.copy_(scale)
            folded.shift.copy_(norm.bias.double() - norm.running_mean.double() * scale)
        return folded

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.shift.view(-1, 1, 1), x, self.scale.view(-1, 1, 1))


def _norm(channels: int, config: ColorizationConfig) -> nn.Module:
    return ChannelAffine(channels) if config.folded else nn.BatchNorm2d(channels)


class Block(nn.Module):
    """3×3 convolutions, a ReLU after each, and a norm at the end."""

    def __init__(
        self, channels_in: int, channels_out: int, convs: int, config: ColorizationConfig, dilation: int = 1
    ) -> None:
        super().__init__()
        inputs = (channels_in,) + (channels_out,) * (convs - 1)
        self.convs = nn.ModuleList(nn.Conv2d(n, channels_out, 3, padding=dilation, dilation=dilation) for n in inputs)
        self.norm = _norm(channels_out, config)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.relu_(conv(x))
        out: Tensor = self.norm(x)
        return out


class Join(nn.Module):
    """Upsample by a 4×4 transposed convolution of stride 2, add a 3×3 convolution of the skip, then ReLU."""

    def __init__(self, channels_in: int, channels_skip: int, channels_out: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1)
        self.skip = nn.Conv2d(channels_skip, channels_out, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return F.relu_(self.up(x).add_(self.skip(skip)))


class HintGate(nn.Module):
    """Lets hints through to the result where the net finds that they fit.

    A U-Net of this size repaints even colors that were right, and loses a little each time; beside ab it then decides
    one share per pixel, from the features that ab is made of.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.share = nn.Conv2d(channels, 1, 1)
        # Half and half is where training is to begin
        for parameter in self.share.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor, ab: Tensor, hints: Tensor, mask: Tensor) -> Tensor:
        """ab (N, 2, H, W) with the hints blended in where there are some; other arguments as of `ColorizationNet`."""
        known = (mask > 0).to(ab.dtype)
        # Hints are flat squares of `hints.HINT_SIDE` pixels: a mean over a little more takes their edges away
        near = F.avg_pool2d(known, _GATE_WINDOW, stride=1, padding=_GATE_WINDOW // 2)
        smooth = F.avg_pool2d(hints.to(ab.dtype) * known, _GATE_WINDOW, stride=1, padding=_GATE_WINDOW // 2)
        share = torch.sigmoid(self.share(features)) * known
        return ab.lerp(smooth / near.clamp(min=_GATE_WINDOW**-2), share)


class ColorizationNet(nn.Module):
    """L, ab hints and their mask to ab; all in network scale."""

    def __init__(self, config: ColorizationConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.block1 = Block(4, w, 2, config)
        self.block2 = Block(w, 2 * w, 2, config)
        self.block3 = Block(2 * w, 4 * w, 3, config)
        self.block4 = Block(4 * w, 8 * w, 3, config)
        self.block5 = Block(8 * w, 8 * w, 3, config, dilation=2)
        self.block6 = Block(8 * w, 8 * w, 3, config, dilation=2)
        self.block7 = Block(8 * w, 8 * w, 3, config)
        self.join8 = Join(8 * w, 4 * w, 4 * w)
        self.block8 = Block(4 * w, 4 * w, 2, config)
        self.join9 = Join(4 * w, 2 * w, 2 * w)
        self.block9 = Block(2 * w, 2 * w, 1, config)
        self.join10 = Join(2 * w, w, 2 * w)
        self.conv10 = nn.Conv2d(2 * w, 2 * w, 3, padding=1)
        self.out = nn.Conv2d(2 * w, 2, 1)
        self.gate = HintGate(2 * w) if config.gated else None

    def forward(self, lightness: Tensor, hints: Tensor, mask: Tensor) -> Tensor:
        """Colors for a gray picture.

        Args:
            lightness: (N, 1, H, W) in [-0.5, 0.5].
            hints: ab (N, 2, H, W) in about [-1, 1], zero where nothing is known.
            mask: (N, 1, H, W) in [0, 1]: how far each hint is trusted, zero where nothing is known.

        Returns:
            ab (N, 2, H, W) in [-1, 1].
        """
        x = torch.cat((lightness, hints, mask), dim=1).to(self.out.weight.dtype)
        x1 = self.block1(x)  # (N, w, H, W)
        x2 = self.block2(x1[..., ::2, ::2])  # (N, 2w, H/2, W/2)
        x3 = self.block3(x2[..., ::2, ::2])  # (N, 4w, H/4, W/4)
        x = self.block4(x3[..., ::2, ::2])  # (N, 8w, H/8, W/8)
        x = self.block7(self.block6(self.block5(x)))
        x = self.block8(self.join8(x, x3))
        x = self.block9(self.join9(x, x2))
        x = F.leaky_relu_(self.conv10(self.join10(x, x1)), 0.2)
        ab = torch.tanh(self.out(x))
        return ab if self.gate is None else self.gate(x, ab, hints, mask)

    def folded(self) -> "ColorizationNet":
        """The same net for inference, with every batch norm folded to a scale and a shift (`ChannelAffine`)."""
        state = dict(self.state_dict())
        for name, module in self.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                for key in module.state_dict():
                    del state[f"{name}.{key}"]
                for key, tensor in ChannelAffine.of(module).state_dict().items():
                    state[f"{name}.{key}"] = tensor
        net = ColorizationNet(replace(self.config, folded=True))
        net.load_state_dict(state)
        return net.eval()
