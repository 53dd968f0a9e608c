"""Learned correspondence: what the encoder's features say of a place, made comparable between two pictures.

Beyond the paper. Features of a VGG19-like encoder tell textures apart, not what a color depends on. This head over
them is trained by the colors that soft nearest neighbors bring from one photograph to another (compare Vondrick et al.
2018, *Tracking Emerges by Colorizing Videos*), and by how far these were off, which it learns to foresee. It looks at
neighborhoods of 15 places, and knows how high a place is and how far from the middle. Shapes: N batch, h, w grid of 1/8
of the picture.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.networks.correspondence import Found, Gathered, Landmarks, gather

_READ = ("relu3_1", "pool3", "relu4_1")
_DILATIONS = (1, 2, 4)
_DESCRIPTOR = 64  # channels
_JUDGE = 32  # hidden units
_UNIT = 20.0  # ab units: scale of what the judge is told, and about the error that it foresees
_INVENTED = 15.0  # ab units: about how far invented colors are off, root mean square per place
# What a reference that does not fit as a whole, or does, adds to the logarithm of the odds of a place, and how quickly
# one becomes the other: what brought the trained colorizer closest to the truth on 240 pairs of training photographs
# (mirrored, halves, of the same source, unrelated)
_OF_WHOLE = (-0.7, 3.0, 2.0)
_SHARE = 0.25  # exponent: statistics alone are seldom better than a doubtful place


@dataclass(frozen=True)
class Judged:
    """What a reference says about a target, (N, ·, h, w): ab, and the logarithm of its expected squared error.

    The error is that of the vector (a, b), in ab units squared.
    """

    ab: Tensor
    log_error: Tensor


class Matcher(nn.Module):
    """Descriptors from an encoder's features, and the error of the colors that are found by them."""

    def __init__(self, encoder_width: int, hidden: int) -> None:
        """`hidden` is the number of channels between an encoder of width `encoder_width` and the descriptors."""
        super().__init__()
        self.enter = nn.Conv2d(encoder_width * (4 + 4 + 8) + 2, hidden, 1)
        self.blocks = nn.ModuleList(
            nn.Conv2d(hidden, hidden, 3, padding=d, dilation=d, padding_mode="replicate") for d in _DILATIONS
        )
        self.leave = nn.Conv2d(hidden, _DESCRIPTOR, 1)
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(10.0)))  # 1 / temperature of the softmax
        self.judge = nn.Sequential(nn.Conv2d(8, _JUDGE, 1), nn.ReLU(), nn.Conv2d(_JUDGE, 1, 1))

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Descriptors (N, 64, h, w) of unit length, float32, from an encoder's features by name."""
        read = (F.avg_pool2d(x, 2) if name == "relu3_1" else x for name, x in ((n, features[n]) for n in _READ))
        standard = [_standardized(x.float()) for x in read]
        x = torch.cat((*standard, _places(standard[0])), dim=1).to(self.enter.weight.dtype)
        x = F.relu(self.enter(x))
        for conv in self.blocks:
            x = x + F.relu(conv(x))
        return F.normalize(self.leave(x).float(), dim=1)

    def look_up(self, descriptors: Tensor, reference: Landmarks) -> Judged:
        """The colors of a reference, of the same batch size or 1, for a target's descriptors (N, 64, h, w)."""
        gathered = gather(descriptors, reference, (-self.log_sharpness.float()).exp())
        signs = _signs(gathered, reference).to(self.log_sharpness.dtype)
        return Judged(gathered.ab, self.judge(signs).float() + 2 * math.log(_UNIT))

    def find(self, descriptors: Tensor, reference: Landmarks) -> Found:
        """Likewise, with the confidence that is best put into them.

        That is the share of the found colors in a blend with invented ones, whose error is taken to be independent and
        of the usual size (Wiener's filter); more of it the better the reference fits as a whole.
        """
        judged = self.look_up(descriptors, reference)
        evidence = 2 * math.log(_INVENTED) - judged.log_error  # logarithm of the odds
        least, most, steepness = _OF_WHOLE
        fit = torch.sigmoid(steepness * evidence.mean((1, 2, 3), keepdim=True))
        confidence = torch.sigmoid(evidence + least + (most - least) * fit)
        return Found(judged.ab, confidence, confidence**_SHARE)


def _standardized(feature: Tensor) -> Tensor:
    """Mean 0 and deviation 1 of each channel over the picture; channels that hardly vary stay small."""
    mean = feature.mean((2, 3), keepdim=True)
    deviation = (feature - mean).square().mean((2, 3), keepdim=True).sqrt()
    return (feature - mean) / (deviation + 0.01 * feature.abs().mean((1, 2, 3), keepdim=True) + 1e-6)


def _places(like: Tensor) -> Tensor:
    """Height of each place, from -1 to 1, and its distance from the vertical middle, from 0 to 1: (N, 2, h, w)."""
    n, _, h, w = like.shape
    rows = (torch.arange(h, device=like.device, dtype=like.dtype) + 0.5) * 2 / h - 1
    columns = (torch.arange(w, device=like.device, dtype=like.dtype) + 0.5) * 2 / w - 1
    grid = torch.stack(torch.meshgrid(rows, columns.abs(), indexing="ij"))
    return grid.expand(n, -1, -1, -1)


def _signs(gathered: Gathered, reference: Landmarks) -> Tensor:
    """What the judge is told, (N, 8, h, w): of the place, of the picture, and of the reference's colors."""
    own = torch.cat((gathered.cosine, gathered.spread / _UNIT, gathered.best), dim=1)
    mean = own.mean((2, 3), keepdim=True)
    # Above zero, since the root has no slope there to learn by
    uneven = (own[:, :1] - mean[:, :1]).square().mean((2, 3), keepdim=True).clamp(min=1e-8).sqrt()
    centered = reference.ab - reference.ab.mean(2, keepdim=True)
    colorful = centered.square().sum(1).mean(1).sqrt().view(-1, 1, 1, 1) / _UNIT
    of_whole = torch.cat((mean, uneven), dim=1)
    whole = torch.cat((of_whole, colorful.expand(len(own), -1, -1, -1)), dim=1)
    return torch.cat((own, whole.expand(-1, -1, *own.shape[2:])), dim=1)
