"""Whitening and coloring: matching of per-channel mean and full covariance (Li et al., NeurIPS 2017)."""

from dataclasses import dataclass

import torch
from torch import Tensor

# Directions whose variance is below this share of the largest carry noise: they are neither whitened nor colored.
_RANK_TOLERANCE = 1e-8
_NOISE = 1e-10  # and so do those below this variance: it is the rounding of float32 features of a flat picture


@dataclass(frozen=True)
class Covariance:
    """Mean (N, C, 1) and covariance in eigenvectors (N, C, C) and eigenvalues (N, C), ascending; float64."""

    mean: Tensor
    values: Tensor
    vectors: Tensor

    def power(self, exponent: float) -> Tensor:
        """The covariance to a power, (N, C, C), over the directions that carry variance (a pseudo-inverse below 0)."""
        floor = (self.values.amax(-1, keepdim=True) * _RANK_TOLERANCE).clamp(min=_NOISE)
        used = self.values > floor
        powers = torch.where(used, self.values.clamp(min=floor), torch.ones_like(self.values)) ** exponent * used
        return (self.vectors * powers.unsqueeze(-2)) @ self.vectors.mT


def measure(features: Tensor) -> Covariance:
    """Mean and covariance of `features` (N, C, H, W) over positions, divided by H·W.

    In float64: squaring loses half of the digits, and float32 eigenvectors of a nearly singular covariance are noise.
    """
    flat = features.flatten(2).double()  # (N, C, H*W)
    mean = flat.mean(-1, keepdim=True)
    centered = flat - mean
    values, vectors = torch.linalg.eigh(centered @ centered.mT / flat.shape[-1])
    return Covariance(mean, values.clamp(min=0), vectors)


def match(content: Tensor, style: Covariance) -> Tensor:
    """Give `content` (N, C, H, W) the mean and covariance of the style: whiten, then color (Li et al., eq. 1 and 2).

    The style has the same batch size, or 1. The covariance is reached exactly where the content's own has full rank;
    directions in which the content does not vary stay without variance. The dtype of `content` is kept.
    """
    own = measure(content)
    transform = style.power(0.5) @ own.power(-0.5)  # (N, C, C)
    flat = content.flatten(2).double() - own.mean
    return (transform @ flat + style.mean).reshape(content.shape).to(content.dtype)


def wct(content: Tensor, style: Tensor) -> Tensor:
    """WCT of two feature maps (N, C, *, *); their spatial sizes may differ."""
    return match(content, measure(style))
