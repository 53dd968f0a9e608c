"""Dense motion between gray pictures, how far to trust it, and pictures moved along with it.

A flow (h, w, 2) says for each pixel of a picture where it was in another one: x and y in pixels, to be added to its own
place. Gray pictures are (h, w) uint8.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from excolor.imaging.working_size import Floats

Gray = NDArray[np.uint8]

_MISSED = 1.0  # pixels: where a pixel comes back to, off from where it started
_CHANGED = 12.0  # gray levels of 255


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the pixels of a picture were in another one.

    Attributes:
        flow: (h, w, 2).
        confidence: (h, w) in [0, 1]: 0 where a pixel was hidden or outside in the other picture.
    """

    flow: Floats
    confidence: Floats

    @classmethod
    def none(cls, size: tuple[int, int]) -> "Motion":
        """That of a picture to itself."""
        return cls(np.zeros((*size, 2), np.float32), np.ones(size, np.float32))

    def after(self, earlier: "Motion") -> "Motion":
        """From the picture that `earlier` starts at to where `self`, which starts where it ends, ends."""
        flow = earlier.flow + moved(self.flow, earlier.flow)
        return Motion(flow, earlier.confidence * moved(self.confidence, earlier.flow))

    def or_surer(self, other: "Motion") -> "Motion":
        """At each pixel the one that is trusted more, of two between the same pictures."""
        is_surer = other.confidence > self.confidence
        flow = np.where(is_surer[..., None], other.flow, self.flow)
        return Motion(flow, np.maximum(self.confidence, other.confidence))


class Path(NamedTuple):
    """The motion from a picture to another one, and back."""

    there: Motion
    back: Motion

    def then(self, onward: "Path") -> "Path":
        """From where this path starts to where `onward` ends, which starts where this one ends."""
        return Path(onward.there.after(self.there), self.back.after(onward.back))


class MotionFinder:
    """Finds motion by dense inverse search (Kroeger et al. 2016); one object for any number of pairs of one size."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, first: Gray, second: Gray, guess: Path | None = None) -> Path:
        """The motion from `first` to `second`, and back.

        With a guess the search starts there, so that it finds motion that is too wide for it otherwise, and corrects
        what has gone astray on a long way; where it is less sure than the guess, this stays.
        """
        there = self._flow(first, second, None if guess is None else guess.there)
        back = self._flow(second, first, None if guess is None else guess.back)
        sure_there, sure_back = _confidence(there, back, first, second), _confidence(back, there, second, first)
        path = Path(Motion(there, sure_there), Motion(back, sure_back))
        if guess is None:
            return path
        return Path(guess.there.or_surer(path.there), guess.back.or_surer(path.back))

    def _flow(self, first: Gray, second: Gray, guess: Motion | None) -> Floats:
        # The search writes into what it is given
        flow = np.zeros((*first.shape, 2), np.float32) if guess is None else guess.flow.copy()
        if min(first.shape) < _SMALLEST:
            return flow
        return np.asarray(self._search.calc(first, second, flow), np.float32)


_SMALLEST = 16  # pixels: the search needs patches of 8 at half the size


def moved(picture: np.ndarray, flow: Floats) -> Floats:
    """A picture (h, w[, C]) as it would look if each pixel were where `flow` says; outside, its edge goes on."""
    return _at(picture, _places(flow.shape[:2]) + flow)


def _at(picture: np.ndarray, where: Floats) -> Floats:
    """The values of a picture at x and y, (h, w, 2)."""
    # x and y in one array need no second one, which the annotations do not know
    found = cv2.remap(picture, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(found)


@lru_cache(maxsize=4)
def _places(size: tuple[int, int]) -> Floats:
    """x and y of each pixel, (h, w, 2)."""
    rows, columns = np.indices(size, np.float32)
    return np.stack([columns, rows], axis=-1)


def _confidence(flow: Floats, back: Floats, start: Gray, end: Gray) -> Floats:
    """High where the flow and the way back agree, and the gray value stayed."""
    height, width = start.shape
    where = _places((height, width)) + flow
    missed = flow + _at(back, where)
    changed = cv2.subtract(start, _at(end, where), dtype=cv2.CV_32F)
    changed = np.asarray(cv2.blur(changed, (3, 3)))  # grain is no change
    doubt = np.einsum("hwc,hwc->hw", missed, missed) / _MISSED**2 + (changed / _CHANGED) ** 2
    confidence: Floats = np.exp(-doubt)
    is_inside = np.asarray(cv2.inRange(where, (0, 0), (width - 1, height - 1)))
    confidence[is_inside == 0] = 0
    return confidence
