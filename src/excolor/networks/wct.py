"""Whitening and coloring: matching of per-channel mean and full covariance (Li et al., NeurIPS 2017).

Of all linear maps that give the content the style's covariance, the one that moves it least is taken, instead of
whitening and coloring along eigenvectors: the optimal transport between two Gaussians (Olkin & Pukelsheim 1982;
Peyré & Cuturi 2019, remark 2.31). What the two have in common stays where it is, which leaves fewer colored fringes.

Shapes: P positions; weights (N, 1, H, W), where they are given, say how far each position belongs to the region that is
measured. Statistics and decompositions are in float64 on every device: squaring loses half of the digits, and float32
eigenvectors of a nearly singular covariance are noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# What is added to the variances of both: directions that vary less carry noise, and are left about as they are.
_NOISE = 1e-6  # some 1e-5 of the mean variance of photographs' features; reaches their covariance to about 1e-4
_ROUNDING = 0.1  # of the relative precision of the content's dtype, in its largest variance
_POSITIONS = 1 << 15  # that are in float64 at a time
_LEAST_WEIGHT = 1e-6  # positions; a region that is not in the picture has none


@dataclass(frozen=True)
class Covariance:
    """Mean (N, 1, C) and covariance (N, C, C) of the channels; float64."""

    mean: Tensor
    matrix: Tensor


def measure(features: Tensor, weights: Tensor | None = None) -> Covariance:
    """Mean and covariance of `features` (N, C, H, W) over positions, divided by H·W."""
    flat = _positions(features)
    n, positions, channels = flat.shape
    share = None if weights is None else _positions(weights).double()
    total = positions if share is None else share.sum(1, keepdim=True).clamp(min=_LEAST_WEIGHT)
    mean = torch.zeros((n, 1, channels), dtype=torch.float64, device=flat.device)
    matrix = torch.zeros((n, channels, channels), dtype=torch.float64, device=flat.device)
    parts = [slice(start, start + _POSITIONS) for start in range(0, positions, _POSITIONS)]
    for part in parts:
        some = flat[:, part].double()
        mean += (some if share is None else some * share[:, part]).sum(1, keepdim=True) / total
    for part in parts:
        some = flat[:, part].double() - mean
        matrix += (some if share is None else some * share[:, part]).mT @ some / total
    return Covariance(mean, matrix)


def mix(styles: Sequence[Covariance], shares: Sequence[float]) -> Covariance:
    """The statistics between several styles: means and covariances averaged by `shares`, which sum to 1."""
    mean = sum(style.mean * share for style, share in zip(styles, shares, strict=True))
    matrix = sum(style.matrix * share for style, share in zip(styles, shares, strict=True))
    assert isinstance(mean, Tensor) and isinstance(matrix, Tensor)
    return Covariance(mean, matrix)


def match(content: Tensor, style: Covariance, alpha: float = 1, weights: Tensor | None = None) -> Tensor:
    """Give `content` (N, C, H, W) the mean and covariance of the style.

    The covariance is reached exactly where the content varies by more than noise; other directions stay about as they
    are. With `alpha` below 1 the statistics that are given lie between the content's own (at 0) and the style's, on the
    shortest way (McCann 1997): along common eigenvectors deviations grow in proportion, as in AdaIN. Weights only say
    what the content's own are measured on: all positions are changed. The style has the same batch size, or 1. The
    dtype of `content` is kept.
    """
    own = measure(content, weights)
    transform = _least_motion(own.matrix, style.matrix, torch.finfo(content.dtype).eps)
    transform = alpha * transform + (1 - alpha) * torch.eye(transform.shape[-1], dtype=torch.float64).to(transform)
    half = content.dtype in (torch.float16, torch.bfloat16)
    flat = _positions(content.float() if half else content)
    center = own.mean.to(flat.dtype)
    # What rounding of the center does to the mean is made good, as a weak direction may grow a thousandfold
    shift = own.mean.lerp(style.mean.expand_as(own.mean), alpha) + (center.double() - own.mean) @ transform
    matched = (flat - center) @ transform.to(flat.dtype) + shift.to(flat.dtype)  # (N, P, C); the map is symmetric
    return matched.mT.reshape(content.shape).to(content.dtype)


def wct(content: Tensor, style: Tensor) -> Tensor:
    """WCT of two feature maps (N, C, *, *); their spatial sizes may differ."""
    return match(content, measure(style))


def _positions(features: Tensor) -> Tensor:
    """(N, C, H, W) to (N, P, C), without a copy whichever way the channels lie in memory."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def _least_motion(own: Tensor, goal: Tensor, precision: float) -> Tensor:
    """The symmetric T (N, C, C) with T·own·T = goal: own^-1/2 · (own^1/2 · goal · own^1/2)^1/2 · own^-1/2."""
    values, vectors = torch.linalg.eigh(own)
    noise = _NOISE + _ROUNDING * precision * values.amax(-1, keepdim=True)  # (N, 1)
    root = (values.clamp(min=0) + noise).sqrt().unsqueeze(-2)  # (N, 1, C)
    widened = (vectors * root) @ vectors.mT
    narrowed = (vectors / root) @ vectors.mT
    noisy_goal = goal + torch.diag_embed(noise.expand_as(values))
    values, vectors = torch.linalg.eigh(widened @ noisy_goal @ widened)
    between = (vectors * values.clamp(min=0).sqrt().unsqueeze(-2)) @ vectors.mT
    transform: Tensor = narrowed @ between @ narrowed
    return transform
