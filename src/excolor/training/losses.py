"""The losses of the paper and those of our recipes: means over pictures and positions of (N, C, H, W) tensors."""

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor


def feature_loss(found: dict[str, Tensor], wanted: dict[str, Tensor], names: Iterable[str]) -> Tensor:
    """Perceptual loss: L2 between encoder features, averaged over the levels in `names` (Johnson et al. 2016)."""
    losses = [F.mse_loss(found[name].float(), wanted[name].float()) for name in names]
    return sum(losses[1:], losses[0]) / len(losses)


def normalized_feature_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """L2 between features, in units of the variance of those wanted: 1 is as bad as a constant answer."""
    scale = wanted.var(correction=0) + 1e-12
    return F.mse_loss(found, wanted) / scale


def masked_huber(
    found: Tensor, wanted: Tensor, mask: Tensor, *, emphasis: float, delta: float, rarity: float
) -> Tensor:
    """Huber((1 + λM)·F(x), (1 + λM)·y), the colorization loss of the paper (section 3.3).

    Args:
        found: ab (N, 2, H, W) in network scale.
        wanted: the ab asked for, likewise: the truth, perhaps with more chroma.
        mask: M, (N, 1, H, W), 1 where a true color was given as a hint.
        emphasis: λ, 10 in the paper.
        delta: where Huber's loss turns from quadratic to linear, in network scale. It is divided by itself, so that
            large errors weigh the same whatever it is.
        rarity: beyond the paper (0 turns it off): pixels weigh 1 + rarity · chroma, relative to the batch's mean.
            Most of a photograph is nearly gray, and an average over it learns to be; compare the class rebalancing
            of Zhang et al. 2016.
    """
    weight = 1 + emphasis * mask
    loss = F.huber_loss(weight * found, weight * wanted, delta=delta, reduction="none").sum(1) / delta  # (N, H, W)
    if rarity:
        importance = 1 + rarity * wanted.norm(dim=1)
        loss = loss * importance / importance.mean()
    return loss.mean()
