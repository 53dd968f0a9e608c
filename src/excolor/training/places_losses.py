"""The losses of the net that describes places: matches of the right color, chances that are true, and whole things.

Shapes: N pairs of pictures, P places of each target, Q of each reference. ab is in [-128, 127], averaged over places.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAST_WEIGHT = 0.1  # of a gray place
_CHROMA = 20.0  # ab units: chroma that adds 1 to a place's weight
_REACH = 1 / 4  # of the longer side: deviation of how far apart places of one thing may be
_LEAST_CHANCE = 1e-9


class Matching(nn.Module):
    """What makes chances of cosines. It is learned beside the places, and of no use after training.

    A cosine is that of two places, or that of their descriptors averaged over similar places.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_scales = nn.Parameter(torch.tensor((8.0, 16.0)).log())  # of the two cosines
        self.calibration = nn.Parameter(torch.tensor((4.0, -2.0)))  # gain and offset

    def chances(self, single: Tensor, grouped: Tensor) -> Tensor:
        """Which place of the reference each one of the target is matched with, (N, P, Q), from both cosines."""
        scale = self.log_scales.exp()
        scores: Tensor = scale[0] * single + scale[1] * grouped
        return scores.softmax(-1)

    def rightness(self, single: Tensor, grouped: Tensor) -> Tensor:
        """How sure it is that two places have one color, (N, P, Q), as logits.

        Gain and offset are learned; the cosine of averages has four times the weight of that of the places, since it
        is about half as large and says more about colors.
        """
        logits: Tensor = self.calibration[0] * (single / 2 + 2 * grouped) + self.calibration[1]
        return logits


def same_color(ab: Tensor, other: Tensor, deviation: float) -> Tensor:
    """How far places have the color of others, (N, P, Q) in [0, 1]: exp(-d²/2σ²) of their distance d in ab units.

    Args:
        ab: (N, P, 2).
        other: (N, Q, 2).
        deviation: σ in ab units.
    """
    distance: Tensor = torch.cdist(ab, other)
    return (-distance.square() / (2 * deviation**2)).exp()


def match_loss(chances: Tensor, same: Tensor, ab: Tensor) -> Tensor:
    """The expected chance that a match has the wrong color, (N,); places count the more, the more chroma they have.

    Args:
        chances: of `Matching.chances`.
        same: of `same_color`.
        ab: of the targets, (N, P, 2).
    """
    weight: Tensor = _LEAST_WEIGHT + ab.norm(dim=-1) / _CHROMA
    return (weight / weight.mean() * (1 - (chances * same).sum(-1))).mean(-1)


def calibration_loss(rightness: Tensor, same: Tensor, chances: Tensor) -> Tensor:
    """The cross entropy of how sure it is that matches are right, (N,), each counted as its chance to be chosen.

    Args:
        rightness: of `Matching.rightness`.
        same: of `same_color`.
        chances: of `Matching.chances`; nothing is learned about them here.
    """
    entropy = F.binary_cross_entropy_with_logits(rightness, same, reduction="none")
    return (chances.detach() * entropy).sum(-1).mean(-1)


def affinity_loss(log_affinity: Tensor, ab: Tensor, deviation: float) -> Tensor:
    """How far the affinity of a picture's places is from being that of near places of one color, (N,).

    It is the Kullback-Leibler divergence of the two distributions that each place has over all.

    Args:
        log_affinity: (N, P, P), whose rows are logarithms of distributions.
        ab: (N, 2, h, w) with h·w = P places.
        deviation: of colors that are the same, in ab units.
    """
    h, w = ab.shape[2:]
    flat = ab.flatten(2).mT
    wanted = same_color(flat, flat, deviation) * _nearness(h, w, ab.device)
    wanted = wanted / wanted.sum(-1, keepdim=True)
    return (wanted * ((wanted + _LEAST_CHANCE).log() - log_affinity)).sum(-1).mean(-1)


def _nearness(h: int, w: int, device: torch.device) -> Tensor:
    """How near places are to each other, (P, P) in [0, 1]."""
    rows, columns = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
    where = torch.stack((rows, columns), dim=-1).flatten(0, 1) / (max(h, w) * _REACH)
    distance: Tensor = torch.cdist(where, where)
    return (-distance.square() / 2).exp()
