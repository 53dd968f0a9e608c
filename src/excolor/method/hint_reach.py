"""How hints of a person change the colors of a picture: they stand where they are, and serve places that are alike.

The networks' colors are taken as a prior, and what a hint says beyond them as an observation: the difference is
interpolated over the picture by a Gaussian process (kriging), whose covariance falls with dissimilarity. It is the sum
of two parts, and `reach` shifts weight from the first to the second:

- near the hint and of its lightness: the spot does not end abruptly;
- like the place of the hint: by the descriptors that correspondence compares, lightness and distance. This is how the
  other leaves of the same tree follow.

Where no place with a hint is similar, the colors stay those of the networks. For the paper's topology this is all that
hints do: giving them to its colorization net, which has an input for them, is much weaker (docs/hints.md). The semantic
model serves similar places by its own correspondence, and only the surroundings so. Shapes: H, W what the
networks see.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.imaging.color import ab_from_network
from excolor.method.hints import Hints

_BLOCK = 4  # pixels: side of the squares in which the cells of hints count as one observation
_MOST = 512  # observations: more of a painted layer add nothing
_AT_ONCE = 1 << 22  # covariances held at a time: 32 MiB in float64

# The part for similar places is narrower than what gives the best PSNR for true colors of random places (1.9, 0.65 and
# 33): with those, one strong hint on a flower tints the whole picture, and a person means the flower (docs/hints.md).
_NOISE = 0.04
_LOCAL_SHARE = 0.4  # what is left of the local part at full reach
_NEAR = 0.08  # deviation, of the longer side
_NEAR_LIGHTNESS = 7.0  # L units
_UNLIKE = 0.5  # 1 - cosine that leaves 1/e
_FAR = 0.5  # deviation, of the longer side
_FAR_LIGHTNESS = 20.0  # L units


class _Places(NamedTuple):
    """Places of a picture: position (n, 2) in longer sides, L (n,), unit descriptor (n, C); float64."""

    position: Tensor
    lightness: Tensor
    descriptor: Tensor

    def at(self, index: Tensor) -> "_Places":
        return _Places(self.position[index], self.lightness[index], self.descriptor[index])


@dataclass(frozen=True)
class _Covariance:
    reach: float

    def __call__(self, some: _Places, others: _Places) -> Tensor:
        """Of all pairs, (n, m); 1 of a place with itself."""
        distance = torch.cdist(some.position, others.position).square()
        contrast = (some.lightness[:, None] - others.lightness).square()
        local = (-distance / (2 * _NEAR**2) - contrast / (2 * _NEAR_LIGHTNESS**2)).exp()
        share = self.reach * (1 - _LOCAL_SHARE)
        if share == 0:
            return local
        unlike = 1 - some.descriptor @ others.descriptor.T
        alike = (-unlike / _UNLIKE - distance / (2 * _FAR**2) - contrast / (2 * _FAR_LIGHTNESS**2)).exp()
        return (1 - share) * local + share * alike


def follow_hints(ab: Tensor, lightness: Tensor, descriptors: Tensor, hints: Hints, reach: float) -> Tensor:
    """Colors that follow hints: exactly where these are, and elsewhere by similarity.

    Args:
        ab: (1, 2, H, W) in [-128, 127], without the hints.
        lightness: L (1, 1, H, W) in [0, 100].
        descriptors: (1, C, h, w) of unit length, of any grid over the same picture.
        hints: at least one cell.
        reach: in [0, 1], how far hints serve similar places; 0 is their surroundings alone.

    Returns:
        ab (1, 2, H, W).
    """
    given, wanted = hints.mask[0, 0] > 0, ab_from_network(hints.ab)
    cells = given.flatten().nonzero()[:, 0]
    difference = (wanted - ab)[0].flatten(1).T[cells].double()  # (cells, 2)
    anchors, observed = _observations(cells, difference, ab.shape[3])
    covariance = _Covariance(reach)
    places = _places(lightness, descriptors)
    known = places.at(anchors)
    noise = _NOISE * torch.eye(len(anchors), dtype=torch.float64, device=ab.device)
    weights = torch.linalg.solve(covariance(known, known) + noise, observed)  # (observations, 2)
    everywhere = torch.arange(ab.shape[2] * ab.shape[3], device=ab.device)
    rows = max(1, _AT_ONCE // len(anchors))
    parts = everywhere.split(rows)  # type: ignore[no-untyped-call]
    change = torch.cat([covariance(places.at(some), known) @ weights for some in parts])
    changed = ab + change.T.reshape(ab.shape).to(ab.dtype)
    return torch.where(given, wanted.to(ab.dtype), changed)


def _observations(cells: Tensor, difference: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The cells of hints, (n,) ascending, as fewer observations: a cell that stands for each block, and its mean."""
    block = cells // width // _BLOCK * width + cells % width // _BLOCK
    _, which, count = block.unique(return_inverse=True, return_counts=True)  # type: ignore[no-untyped-call]
    mean = torch.zeros((len(count), 2), dtype=difference.dtype, device=cells.device)
    mean.index_add_(0, which, difference)
    order = which.argsort(stable=True)
    middle = order[count.cumsum(0) - (count + 1) // 2]
    mean /= count[:, None]
    step = -(-len(count) // _MOST)
    return cells[middle][::step], mean[::step]


def _places(lightness: Tensor, descriptors: Tensor) -> _Places:
    height, width = lightness.shape[2:]
    dense = F.interpolate(descriptors.double(), (height, width), mode="bilinear", align_corners=False)
    rows, columns = (torch.arange(n, dtype=torch.float64, device=lightness.device) for n in (height, width))
    position = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).reshape(-1, 2) / max(height, width)
    descriptor = F.normalize(dense, dim=1)[0].flatten(1).T
    return _Places(position, lightness[0].flatten().double(), descriptor)
