"""Color hints for the colorization net: an ab map seen through a mask.

Hints are in network scale (`imaging.color.ab_to_network`) and zero where the mask is; the mask is in [0, 1], 0 where
nothing is known and otherwise how far the hint is trusted. All functions draw from the generator that they are given
and from nothing else. Shapes: N batch, H, W image size.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

HINT_SIDE = 4  # pixels: side of the square that one hint of `scatter` covers

_PATCHES = 48  # slots per picture of `geometric_patches`: more are drawn once in 600 pictures


@dataclass(frozen=True)
class Hints:
    """ab (N, 2, H, W) in network scale and mask (N, 1, H, W) in [0, 1]."""

    ab: Tensor
    mask: Tensor


def no_hints(lightness: Tensor) -> Hints:
    """Empty hints for L (N, 1, H, W): the net invents the colors."""
    return Hints(lightness.new_zeros((lightness.shape[0], 2, *lightness.shape[2:])), torch.zeros_like(lightness))


def overlaid(hints: Hints, above: Hints) -> Hints:
    """Hints with others above them, which count alone wherever there are any."""
    given = above.mask > 0
    return Hints(torch.where(given, above.ab, hints.ab), torch.where(given, above.mask, hints.mask))


def scatter(ab: Tensor, confidence: Tensor, share: Tensor | float, generator: Generator) -> Hints:
    """Give a random `share` of the cells of an ab map as hints, each its mean color and mean confidence.

    Args:
        ab: (N, 2, H, W) in network scale; H and W are multiples of HINT_SIDE.
        confidence: (N, 1, H, W) in [0, 1].
        share: of the cells, in [0, 1]; a number or one per picture, (N,). 1 gives every cell: a dense map.
        generator: of any device; one on the CPU places the same hints wherever the networks run.
    """
    cells = F.avg_pool2d(torch.cat((ab, confidence), dim=1), HINT_SIDE)  # (N, 3, H/HINT_SIDE, W/HINT_SIDE)
    draw = torch.rand((cells.shape[0], 1, *cells.shape[2:]), generator=generator, device=generator.device)
    shares = torch.as_tensor(share, dtype=draw.dtype, device=draw.device).reshape(-1, 1, 1, 1)
    given = cells * ((draw < shares).to(cells.device) & (cells[:, 2:] > 0))
    full = given.repeat_interleave(HINT_SIDE, 2).repeat_interleave(HINT_SIDE, 3)
    return Hints(full[:, :2], full[:, 2:])


def geometric_patches(ab: Tensor, generator: Generator) -> Hints:
    """Hints as a user would click them, for training (Zhang et al. 2017, whose sampling the paper follows).

    The number of patches is geometric (p = 1/8, from 0), their sides uniform in 1..9 pixels, their positions normal
    around the center with a quarter of the free range as deviation; each gives its own mean color with mask 1.
    `ab` is the true map (N, 2, H, W) in network scale, `generator` on the same device.
    """
    n, _, height, width = ab.shape
    device = ab.device
    go_on = torch.rand((n, _PATCHES), generator=generator, device=device) < 1 - 0.125
    present = go_on.cumprod(1).bool()  # (N, K)
    side = torch.randint(1, 10, (n, _PATCHES), generator=generator, device=device).clamp(max=min(height, width))

    def place(extent: int) -> Tensor:
        free = (extent - side).float()
        drawn = torch.randn((n, _PATCHES), generator=generator, device=device) * free / 4 + free / 2
        return drawn.round().long().clamp(min=0).minimum(extent - side)

    top, left = place(height), place(width)

    # Means from a summed-area table, whose first row and column are zero
    table = F.pad(ab.double().cumsum(2).cumsum(3), (1, 0, 1, 0)).flatten(2)  # (N, 2, (H+1)*(W+1))

    def corner(row: Tensor, column: Tensor) -> Tensor:
        index = (row * (width + 1) + column).unsqueeze(1).expand(-1, 2, -1)
        return table.gather(2, index)  # (N, 2, K)

    total = corner(top + side, left + side) - corner(top, left + side) - corner(top + side, left) + corner(top, left)
    mean = (total / (side * side).unsqueeze(1)).to(ab.dtype)

    rows = torch.arange(height, device=device)
    columns = torch.arange(width, device=device)
    in_rows = (rows >= top[..., None]) & (rows < (top + side)[..., None])  # (N, K, H)
    in_columns = (columns >= left[..., None]) & (columns < (left + side)[..., None])  # (N, K, W)
    inside = in_rows[..., :, None] & in_columns[..., None, :] & present[..., None, None]  # (N, K, H, W)

    # Where patches overlap the last one counts
    order = torch.arange(1, _PATCHES + 1, device=device).view(1, -1, 1, 1)
    last = (inside * order).amax(1).flatten(1)  # (N, H*W), 0 where there is none
    colors = F.pad(mean, (1, 0)).gather(2, last.unsqueeze(1).expand(-1, 2, -1))
    return Hints(colors.view_as(ab), (last > 0).to(ab.dtype).view(n, 1, height, width))
