"""How hints of a person change the colors of a picture: they stand where they are, and serve places that are alike.

The networks' colors are taken as a prior, and what a hint says beyond them as an observation: the difference is
interpolated over the picture by a Gaussian process (kriging), whose covariance falls with dissimilarity. It is the sum
of two parts, and `reach` shifts weight from the first to the second:

- near the hint and of its lightness: the spot does not end abruptly;
- like the place of the hint: by the descriptors that correspondence compares, lightness and distance. This is how the
  other leaves of the same tree follow.

Where no place with a hint is similar, the colors stay those of the networks. For the paper's topology this is all that
hints do. Its colorization net has an input for them, but that is worth less from about ten hints on
(docs/lab-notes.md, "Hints of a person"). The semantic model also serves similar places by its own correspondence, and
mixes both. Shapes: H, W what the networks see.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.imaging.color import ab_from_network
from excolor.method.hints import Hints

_BLOCK = 4  # pixels: side of the squares in which the cells of hints count as one observation
_MOST = 512  # observations: more of a painted layer add nothing
_AT_ONCE = 1 << 21  # covariances held at a time: 8 MiB in float32, and as much for each temporary


@dataclass(frozen=True)
class HintCovariance:
    """How what hints say beyond the networks' colors varies together over a picture.

    The values are for descriptors of correspondence. The part for similar places is narrower than what gives the best
    PSNR for true colors of random places (1.9, 0.65 and 33): with those, one strong hint on a flower tints the whole
    picture, and a person means the flower (the same notes).

    Attributes:
        noise: variance of a hint itself, relative to that of colors.
        local_share: what is left of the local part at full reach.
        near: deviation of the distance in the local part, of the longer side.
        near_lightness: that of the difference of L.
        unlike: 1 - cosine of two descriptors that leaves 1/e of the part for similar places.
        far: deviation of the distance in that part, of the longer side.
        far_lightness: that of the difference of L.
    """

    noise: float = 0.04
    local_share: float = 0.4
    near: float = 0.08
    near_lightness: float = 7.0
    unlike: float = 0.5
    far: float = 0.5
    far_lightness: float = 20.0


@dataclass(frozen=True)
class _Places:
    """What the places of a picture are compared by.

    Attributes:
        lightness: L (1, 1, H, W) in [0, 100].
        descriptors: (C, h, w), of a coarser grid.
        length: (H, W), that of the descriptors interpolated to each pixel.
        down: (H, h), weights of that interpolation along the columns of the grid.
        across: (W, w), those along its rows.
    """

    lightness: Tensor
    descriptors: Tensor
    length: Tensor
    down: Tensor
    across: Tensor


def _describe(lightness: Tensor, descriptors: Tensor) -> _Places:
    """Arguments as of `follow_hints`."""
    grid = descriptors[0].float()
    down, across = (
        F.interpolate(torch.eye(few, device=grid.device)[None], many, mode="linear", align_corners=False)[0].mT
        for few, many in zip(grid.shape[1:], lightness.shape[2:], strict=True)
    )
    length = []
    for rows in down.split(max(1, _AT_ONCE // (len(grid) * len(across)))):  # type: ignore[no-untyped-call]
        length.append((rows @ grid @ across.mT).square().sum(0).sqrt())
    return _Places(lightness, grid, torch.cat(length).clamp(min=1e-12), down, across)


@dataclass(frozen=True)
class _Covariance:
    """Of two places, 1 of a place with itself."""

    form: HintCovariance
    reach: float

    def __call__(self, distance: Tensor, contrast: Tensor, cosine: Tensor) -> Tensor:
        """From squares of their distance, in longer sides, and difference of L, and the cosine of their descriptors."""
        form = self.form
        local = (-distance / (2 * form.near**2) - contrast / (2 * form.near_lightness**2)).exp()
        share = self.reach * (1 - form.local_share)
        if share == 0:
            return local
        by_place = distance / (2 * form.far**2) + contrast / (2 * form.far_lightness**2)
        alike = ((cosine - 1) / form.unlike - by_place).exp()
        return local.mul_(1 - share).add_(alike, alpha=share)


@dataclass(frozen=True)
class _Anchors:
    """The places of m observations: rows and columns in longer sides, L, unit descriptors (m, C)."""

    y: Tensor
    x: Tensor
    lightness: Tensor
    descriptor: Tensor

    @classmethod
    def at(cls, cells: Tensor, places: _Places) -> "_Anchors":
        """At flat indices, in float64."""
        height, width = places.length.shape
        row, column = cells // width, cells % width
        grid = places.descriptors.double()
        mixed = torch.einsum("mh,chw->mcw", places.down[row].double(), grid)
        descriptor = F.normalize(torch.einsum("mcw,mw->mc", mixed, places.across[column].double()), dim=1)
        longer = max(height, width)
        lightness = places.lightness.flatten()[cells].double()
        return cls(row.double() / longer, column.double() / longer, lightness, descriptor)

    def among_themselves(self, covariance: _Covariance) -> Tensor:
        """Their covariances (m, m), float64."""
        distance, contrast = (
            sum((of[:, None] - of).square() for of in each) for each in ((self.y, self.x), (self.lightness,))
        )
        return covariance(distance, contrast, self.descriptor @ self.descriptor.mT)  # type: ignore[arg-type]

    def with_rows(self, rows: Tensor, places: _Places, likeness: Tensor, covariance: _Covariance) -> Tensor:
        """Covariances (m, rows, W) with all pixels of some rows; `likeness` (m, h, w) with the coarse grid."""
        height, width = places.length.shape
        longer = max(height, width)
        columns = torch.arange(width, device=rows.device) / longer
        down = (rows / longer - self.y.float()[:, None]).square()
        distance = down[..., None] + (columns - self.x.float()[:, None]).square()[:, None]
        contrast = (places.lightness[0, 0, rows] - self.lightness.float()[:, None, None]).square()
        cosine = places.down[rows] @ likeness @ places.across.mT
        return covariance(distance, contrast, cosine.div_(places.length[rows]))


def follow_hints(
    ab: Tensor,
    lightness: Tensor,
    descriptors: Tensor,
    hints: Hints,
    reach: float,
    form: HintCovariance = HintCovariance(),
) -> Tensor:
    """Colors that follow hints: exactly where these are, and elsewhere by similarity.

    Args:
        ab: (1, 2, H, W) in [-128, 127], without the hints.
        lightness: L (1, 1, H, W) in [0, 100].
        descriptors: (1, C, h, w) of unit length, of any grid over the same picture.
        hints: at least one cell.
        reach: in [0, 1], how far hints serve similar places; 0 is their surroundings alone.
        form: of the covariance; it depends on what the descriptors tell apart.

    Returns:
        ab (1, 2, H, W).
    """
    given, wanted = hints.mask[0, 0] > 0, ab_from_network(hints.ab)
    cells = given.flatten().nonzero()[:, 0]
    difference = (wanted - ab)[0].flatten(1).T[cells].double()  # (cells, 2)
    at, observed = _observations(cells, difference, ab.shape[3])
    covariance = _Covariance(form, reach)
    places = _describe(lightness, descriptors if reach else descriptors[:, :1])  # without reach they do not matter
    anchors = _Anchors.at(at, places)
    noise = form.noise * torch.eye(len(at), dtype=torch.float64, device=ab.device)
    # The system needs all the digits, and what it predicts does not
    weights = torch.linalg.solve(anchors.among_themselves(covariance) + noise, observed).float().mT  # (2, observations)
    likeness = torch.einsum("mc,chw->mhw", anchors.descriptor.float(), places.descriptors)
    height, width = ab.shape[2:]
    parts = torch.arange(height, device=ab.device).split(max(1, _AT_ONCE // (len(at) * width)))  # type: ignore[no-untyped-call]
    change = [weights @ anchors.with_rows(rows, places, likeness, covariance).flatten(1) for rows in parts]
    changed = ab + torch.cat(change, dim=1).reshape(ab.shape).to(ab.dtype)
    return torch.where(given, wanted.to(ab.dtype), changed)


def independent_hints(lightness: Tensor, descriptors: Tensor, hints: Hints, form: HintCovariance) -> float:
    """As how many hints that have nothing to do with each other these count, at least 1 / (1 + noise).

    All that are near and alike count as one, and each of those that are neither as one more. It is 1ᵀK⁻¹1 with the
    covariance K of the hints at full reach: the effective sample size for their mean (Vallejos & Osorio 2014).
    Arguments as of `follow_hints`. What is painted counts by its extent, not by its strokes.
    """
    cells = (hints.mask[0, 0] > 0).flatten().nonzero()[:, 0]
    at, ones = _observations(cells, torch.ones_like(cells, dtype=torch.float64)[:, None], lightness.shape[3])
    among = _Anchors.at(at, _describe(lightness, descriptors)).among_themselves(_Covariance(form, 1.0))
    noise = form.noise * torch.eye(len(at), dtype=torch.float64, device=lightness.device)
    return float(torch.linalg.solve(among + noise, ones).sum())


def _observations(cells: Tensor, difference: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The cells of hints, (n,) ascending, as fewer observations: a cell that stands for each block, and its mean."""
    assert len(cells), "there are no hints to follow"
    block = cells // width // _BLOCK * width + cells % width // _BLOCK
    _, which, count = block.unique(return_inverse=True, return_counts=True)  # type: ignore[no-untyped-call]
    mean = torch.zeros((len(count), difference.shape[1]), dtype=difference.dtype, device=cells.device)
    mean.index_add_(0, which, difference)
    order = which.argsort(stable=True)
    middle = order[count.cumsum(0) - (count + 1) // 2]
    mean /= count[:, None]
    step = -(-len(count) // _MOST)
    return cells[middle][::step], mean[::step]
