"""Where in the reference a place of the target finds its colors.

Statistics (AdaIN, WCT) carry the reference's palette, not where it belongs. Beyond the paper, each place of the target
takes the color of the places in the reference that resemble it, and says how far that is to be trusted. Both pictures
are described by their luminance alone, so that gray and color meet on equal terms. Descriptors are either an encoder's
features as they are, or learned from them by a matcher. Shapes: N batch, h, w grid of 1/8 of the picture.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.method.confidence import Confidence, confidence_of_candidates, confidence_of_judged
from excolor.networks.matcher import Matcher
from excolor.networks.neighbors import Landmarks, gather

_TEMPERATURE = 0.03  # of the softmax over cosine similarities; smaller is closer to the single nearest neighbor


@dataclass(frozen=True)
class Found:
    """The colors of a reference for a target: ab (N, 2, h, w), at each place the mean over what resembles it."""

    ab: Tensor
    confidence: Confidence


class Correspondence(nn.Module, ABC):
    """A way to describe places, and to find the colors of a reference by their descriptors."""

    @abstractmethod
    def describe(self, features: Mapping[str, Tensor]) -> Tensor:
        """Descriptors (N, C, h, w) of unit length, float32, from the encoder's features of a gray picture."""

    @abstractmethod
    def find(self, descriptors: Tensor, reference: Landmarks) -> Found:
        """The colors of a reference, of the same batch size or 1, for each place of the target (N, C, h, w)."""


class FeatureCorrespondence(Correspondence):
    """By the encoder's features as they are: relu3_1 and relu4_1."""

    def describe(self, features: Mapping[str, Tensor]) -> Tensor:
        """Each level is centered on the picture's own mean, which takes away what all places share.

        Both have the same weight, however many channels they have.
        """
        levels = (F.avg_pool2d(features["relu3_1"].float(), 2), features["relu4_1"].float())
        centered = (level - level.mean((2, 3), keepdim=True) for level in levels)
        joined = torch.cat([F.normalize(level, dim=1) for level in centered], dim=1)
        return joined / math.sqrt(len(levels))

    def find(self, descriptors: Tensor, reference: Landmarks) -> Found:
        candidates = gather(descriptors, reference, _TEMPERATURE)
        return Found(candidates.ab, confidence_of_candidates(candidates))


class LearnedCorrespondence(Correspondence):
    """By descriptors and errors that a matcher has learned (`networks.matcher`)."""

    def __init__(self, matcher: Matcher) -> None:
        super().__init__()
        self.matcher = matcher

    def describe(self, features: Mapping[str, Tensor]) -> Tensor:
        descriptors: Tensor = self.matcher(features)
        return descriptors

    def find(self, descriptors: Tensor, reference: Landmarks) -> Found:
        judged = self.matcher.look_up(descriptors, reference)
        return Found(judged.ab, confidence_of_judged(judged))


def correspondence_by(matcher: Matcher | None) -> Correspondence:
    """Correspondence by a matcher, or by the features as they are where a model has none."""
    return FeatureCorrespondence() if matcher is None else LearnedCorrespondence(matcher)
