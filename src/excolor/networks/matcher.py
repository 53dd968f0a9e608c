"""The matcher: descriptors of places learned over an encoder's features, and a judge of the colors found by them.

Beyond the paper. Features of a VGG19-like encoder tell textures apart, not what a color depends on. This network over
them is trained by the colors that soft nearest neighbors bring from one photograph to another (compare Vondrick et al.
2018, *Tracking Emerges by Colorizing Videos*), and by how far these were off, which it learns to predict. It looks at
neighborhoods of 15 places, and knows how high a place is and how far from the middle. Shapes: N batch, h, w grid of 1/8
of the picture.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.networks.neighbors import Candidates, Landmarks, gather

_LEVELS = ("relu3_1", "pool3", "relu4_1")  # of the encoder
_DILATIONS = (1, 2, 4)
_DESCRIPTOR = 64  # channels
_JUDGE = 32  # hidden units
_AB_UNIT = 20.0  # ab units: scale of the judge's inputs, and about the error that it predicts


@dataclass(frozen=True)
class MatcherConfig:
    """The matcher's shape.

    Attributes:
        width: that of the encoder whose features it reads.
        hidden: channels between these features and the descriptors.
    """

    width: int = 64
    hidden: int = 96


@dataclass(frozen=True)
class Judged:
    """What a reference says about a target, (N, ·, h, w): ab, and the logarithm of its expected squared error.

    The error is that of the vector (a, b), in ab units squared.
    """

    ab: Tensor
    log_error: Tensor


class Matcher(nn.Module):
    """Descriptors from an encoder's features, and the error of the colors that are found by them."""

    def __init__(self, config: MatcherConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.enter = nn.Conv2d(config.width * (4 + 4 + 8) + 2, hidden, 1)
        self.blocks = nn.ModuleList(
            nn.Conv2d(hidden, hidden, 3, padding=d, dilation=d, padding_mode="replicate") for d in _DILATIONS
        )
        self.leave = nn.Conv2d(hidden, _DESCRIPTOR, 1)
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(10.0)))  # 1 / temperature of the softmax
        self.judge = nn.Sequential(nn.Conv2d(8, _JUDGE, 1), nn.ReLU(), nn.Conv2d(_JUDGE, 1, 1))

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Descriptors (N, 64, h, w) of unit length, float32, from an encoder's features by name."""
        read = (F.avg_pool2d(x, 2) if name == "relu3_1" else x for name, x in ((n, features[n]) for n in _LEVELS))
        standard = [_standardized(x.float()) for x in read]
        x = torch.cat((*standard, _positions(standard[0])), dim=1).to(self.enter.weight.dtype)
        x = F.relu(self.enter(x))
        for conv in self.blocks:
            x = x + F.relu(conv(x))
        return F.normalize(self.leave(x).float(), dim=1)

    def look_up(self, descriptors: Tensor, reference: Landmarks) -> Judged:
        """The colors of a reference, of the same batch size or 1, for a target's descriptors (N, 64, h, w)."""
        candidates = gather(descriptors, reference, (-self.log_sharpness.float()).exp())
        inputs = _judge_inputs(candidates, reference).to(self.log_sharpness.dtype)
        return Judged(candidates.ab, self.judge(inputs).float() + 2 * math.log(_AB_UNIT))


def _standardized(feature: Tensor) -> Tensor:
    """Mean 0 and deviation 1 of each channel over the picture; channels that hardly vary stay small."""
    mean = feature.mean((2, 3), keepdim=True)
    deviation = (feature - mean).square().mean((2, 3), keepdim=True).sqrt()
    return (feature - mean) / (deviation + 0.01 * feature.abs().mean((1, 2, 3), keepdim=True) + 1e-6)


def _positions(feature: Tensor) -> Tensor:
    """Where each place of a feature (N, C, h, w) is: its height, -1 to 1, and |distance from the vertical middle|."""
    n, _, h, w = feature.shape
    rows = (torch.arange(h, device=feature.device, dtype=feature.dtype) + 0.5) * 2 / h - 1
    columns = (torch.arange(w, device=feature.device, dtype=feature.dtype) + 0.5) * 2 / w - 1
    grid = torch.stack(torch.meshgrid(rows, columns.abs(), indexing="ij"))
    return grid.expand(n, -1, -1, -1)  # (N, 2, h, w)


def _judge_inputs(candidates: Candidates, reference: Landmarks) -> Tensor:
    """What the judge decides by, (N, 8, h, w): of the place, of the picture, and of the reference's colors."""
    own = torch.cat((candidates.cosine, candidates.spread / _AB_UNIT, candidates.best), dim=1)
    mean = own.mean((2, 3), keepdim=True)
    # Above zero, since the root has no slope there to learn by
    uneven = (own[:, :1] - mean[:, :1]).square().mean((2, 3), keepdim=True).clamp(min=1e-8).sqrt()
    centered = reference.ab - reference.ab.mean(2, keepdim=True)
    colorful = centered.square().sum(1).mean(1).sqrt().view(-1, 1, 1, 1) / _AB_UNIT
    of_whole = torch.cat((mean, uneven), dim=1)
    whole = torch.cat((of_whole, colorful.expand(len(own), -1, -1, -1)), dim=1)
    return torch.cat((own, whole.expand(-1, -1, *own.shape[2:])), dim=1)
