"""Adaptive instance normalization: matching of per-channel mean and deviation (Huang & Belongie, ICCV 2017)."""

from dataclasses import dataclass

import torch
from torch import Tensor

_EPS = 1e-5  # added to the variance, so that flat channels do not divide by zero


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel over all positions; both (N, C, 1, 1), float32 or wider."""

    mean: Tensor
    std: Tensor


def measure(features: Tensor) -> Moments:
    """The moments of `features` (N, C, H, W).

    The deviation is the biased one (divided by H·W), as in the paper; torch's default is not. Half-precision features
    are summed in float32.
    """
    wide = features.float() if features.dtype in (torch.float16, torch.bfloat16) else features
    mean = wide.mean(dim=(2, 3), keepdim=True)
    variance = (wide - mean).square().mean(dim=(2, 3), keepdim=True)  # torch.var_mean takes two to eight times as long
    return Moments(mean, (variance + _EPS).sqrt())


def match(content: Tensor, style: Moments) -> Tensor:
    """Give `content` (N, C, H, W) the moments of the style: σ(y)·(x − μ(x))/σ(x) + μ(y) (eq. 8).

    The style has the same batch size, or 1. The dtype of `content` is kept.
    """
    own = measure(content)
    scale = style.std / own.std
    return (content * scale + (style.mean - own.mean * scale)).to(content.dtype)


def adain(content: Tensor, style: Tensor) -> Tensor:
    """AdaIN of two feature maps (N, C, *, *); their spatial sizes may differ."""
    return match(content, measure(style))
