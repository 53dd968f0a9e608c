"""Adaptive instance normalization: matching of per-channel mean and deviation (Huang & Belongie, ICCV 2017).

Weights (N, 1, H, W), where they are given, say how far each position belongs to the region that is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_EPS = 1e-5  # added to the variance, so that flat channels do not divide by zero
_LEAST_WEIGHT = 1e-6  # positions; a region that is not in the picture has none


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel over all positions; both (N, C, 1, 1), float32 or wider."""

    mean: Tensor
    std: Tensor


def measure(features: Tensor, weights: Tensor | None = None) -> Moments:
    """The moments of `features` (N, C, H, W).

    The deviation is the biased one (divided by H·W), as in the paper; torch's default is not. Half-precision features
    are summed in float32.
    """
    return _center(features, weights)[0]


def mix(styles: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """The moments between several styles: means and deviations averaged by `shares`, which sum to 1."""
    mean = sum(style.mean * share for style, share in zip(styles, shares, strict=True))
    std = sum(style.std * share for style, share in zip(styles, shares, strict=True))
    assert isinstance(mean, Tensor) and isinstance(std, Tensor)
    return Moments(mean, std)


def match(content: Tensor, style: Moments, alpha: float = 1, weights: Tensor | None = None) -> Tensor:
    """Give `content` (N, C, H, W) the moments of the style: σ(y)·(x − μ(x))/σ(x) + μ(y) (eq. 8).

    With `alpha` below 1 the moments that are given lie between the content's own (at 0) and the style's. Weights only
    say what the content's own are measured on: all positions are changed. The style has the same batch size, or 1.
    The dtype of `content` is kept.
    """
    own, centered = _center(content, weights)
    goal = style if alpha == 1 else mix((own, style), (1 - alpha, alpha))
    return torch.addcmul(goal.mean, centered, goal.std / own.std).to(content.dtype)


def adain(content: Tensor, style: Tensor) -> Tensor:
    """AdaIN of two feature maps (N, C, *, *); their spatial sizes may differ."""
    return match(content, measure(style))


def _center(features: Tensor, weights: Tensor | None) -> tuple[Moments, Tensor]:
    """The moments of features, and the features less their mean, in float32 or wider."""
    wide = features.float() if features.dtype in (torch.float16, torch.bfloat16) else features
    mean = _mean(wide, weights)
    centered = wide - mean
    variance = _mean(centered.square(), weights)  # torch.var_mean takes two to eight times as long
    return Moments(mean, (variance + _EPS).sqrt()), centered


def _mean(features: Tensor, weights: Tensor | None) -> Tensor:
    """Over positions, (N, C, 1, 1)."""
    if weights is None:
        return _rows_first(features) / features.shape[2:].numel()
    weights = weights.to(features.dtype)
    total = weights.sum(dim=(2, 3), keepdim=True).clamp(min=_LEAST_WEIGHT)
    return _rows_first(features * weights) / total


def _rows_first(features: Tensor) -> Tensor:
    """The sum over positions, (N, C, 1, 1), row after row: torch has only one thread for both at once."""
    n, channels, height, width = features.shape
    rows = features.permute(0, 2, 3, 1).reshape(n, height, width * channels)  # a view, channels beside each other
    return rows.sum(1).view(n, width, channels).sum(1)[..., None, None]
