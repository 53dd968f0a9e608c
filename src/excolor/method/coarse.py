"""The coarse chrominance map: what a reference says about a target's colors, and how far to trust it.

Two ways are blended. The transfer net matches statistics, the paper's way: the palette arrives, but not always where
it belongs (T_ab). Correspondence looks for each place of the target in the reference (`method.correspondence`).
Training shows the colorization net exactly these maps, so both use this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.imaging.color import grayed, rgb_to_lab
from excolor.method.correspondence import Correspondence
from excolor.networks.encoder import Encoder
from excolor.networks.neighbors import Landmarks, join_landmarks, landmarks, visible_landmarks
from excolor.networks.transfer import Statistics, TransferNet, mix
from excolor.settings import Match, Matching

_MATCHING = Matching("adain", ("encoder", "skip"), 1.0)
_STATISTICS_CONFIDENCE = 0.3  # of a color that statistics alone put somewhere
_LEAST_CONFIDENCE = 0.1  # of a blended color: a mask of zero would say that there is none


@dataclass(frozen=True)
class ReferenceFeatures:
    """What is kept of a reference: statistics by feature name, and landmarks; batch size 1 or that of the targets."""

    statistics: dict[str, Statistics]
    landmarks: Landmarks


@dataclass(frozen=True)
class CoarseMap:
    """ab (N, 2, H, W) in [-128, 127] and the confidence in it (N, 1, H, W) in [0, 1]."""

    ab: Tensor
    confidence: Tensor


def describe_lightness(encoder: Encoder, correspondence: Correspondence, lightness: Tensor) -> Tensor:
    """Descriptors of a picture by its luminance alone: L (N, 1, H, W) in [0, 100] -> (N, C, H/8, W/8)."""
    return correspondence.describe(encoder(grayed(lightness)))


def trusted_more(coarse: CoarseMap, share: float) -> CoarseMap:
    """The same colors with confidence nearer to certainty: all the way if `share` is 1, not at all up to 0."""
    if share <= 0:
        return coarse
    return CoarseMap(coarse.ab, coarse.confidence.lerp(torch.ones_like(coarse.confidence), min(share, 1.0)))


def encode_reference(
    net: TransferNet, correspondence: Correspondence, rgb: Tensor, visible: Tensor | None = None
) -> ReferenceFeatures:
    """What is needed of a reference for any number of targets.

    Args:
        net: in evaluation mode.
        correspondence: over the features of the net's encoder.
        rgb: sRGB (N, 3, H, W) in [0, 1].
        visible: of a single reference (N = 1) how visible each pixel is, (1, 1, H, W) in [0, 1]; None if all are.
    """
    lab = rgb_to_lab(rgb)
    found = landmarks(describe_lightness(net.encoder, correspondence, lab[:, :1]), lab[:, 1:])
    if visible is not None:
        found = visible_landmarks(found, visible)
    return ReferenceFeatures(net.measure(rgb, _MATCHING, visible), found)


def join_references(references: Sequence[ReferenceFeatures]) -> ReferenceFeatures:
    """Several references as one: each place looks for similar ones in all of them; their statistics count equally."""
    statistics = mix([one.statistics for one in references], [1 / len(references)] * len(references))
    return ReferenceFeatures(statistics, join_landmarks([one.landmarks for one in references]))


def coarse_map(
    net: TransferNet,
    correspondence: Correspondence,
    lightness: Tensor,
    precolored: Tensor,
    reference: ReferenceFeatures,
    match: Match = "both",
    descriptors: Tensor | None = None,
) -> CoarseMap:
    """Colors for a target from the reference, before refinement.

    Args:
        net: in evaluation mode.
        correspondence: over the features of the net's encoder.
        lightness: L of the target, (N, 1, H, W) in [0, 100].
        precolored: the target with invented colors, sRGB (N, 3, H, W), since the encoder expects color.
        reference: of `encode_reference`.
        match: `statistics` is the paper's way; `semantic` takes colors by correspondence alone; `both` blends them by
            the confidence of the correspondence.
        descriptors: of the target, of `describe_lightness`; None computes them.
    """
    size = lightness.shape[2:]
    if match != "semantic":
        transferred = rgb_to_lab(net(precolored, reference.statistics, _MATCHING).float())[:, 1:]
        if match == "statistics":
            return CoarseMap(transferred, torch.full_like(lightness, _STATISTICS_CONFIDENCE))
    if descriptors is None:
        descriptors = describe_lightness(net.encoder, correspondence, lightness)
    found = correspondence.find(descriptors, reference.landmarks)
    ab, confidence, preference = (
        F.interpolate(t, size, mode="bilinear", align_corners=False)
        for t in (found.ab, found.confidence.of_place, found.confidence.over_statistics)
    )
    if match == "semantic":
        return CoarseMap(ab, confidence)
    return CoarseMap(transferred.lerp(ab, preference), _LEAST_CONFIDENCE + (1 - _LEAST_CONFIDENCE) * confidence)
