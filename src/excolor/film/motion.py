"""Dense motion between gray pictures, how far to trust it, and pictures moved along with it.

A flow (h, w, 2) says for each pixel of a picture where it was in another one: x and y in pixels, to be added to its own
place. Gray pictures are (h, w) uint8.
"""

from dataclasses import dataclass

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


class MotionFinder:
    """Finds motion by dense inverse search (Kroeger et al. 2016); one object for any number of pairs of one size."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, first: Gray, second: Gray) -> tuple[Motion, Motion]:
        """The motion from `first` to `second`, and that from `second` to `first`."""
        there, back = self._flow(first, second), self._flow(second, first)
        return (
            Motion(there, _confidence(there, back, first, second)),
            Motion(back, _confidence(back, there, second, first)),
        )

    def _flow(self, first: Gray, second: Gray) -> Floats:
        if min(first.shape) < _SMALLEST:
            return np.zeros((*first.shape, 2), np.float32)
        flow = np.zeros((*first.shape, 2), np.float32)
        return np.asarray(self._search.calc(first, second, flow), np.float32)


_SMALLEST = 16  # pixels: the search needs patches of 8 at half the size


def moved(picture: np.ndarray, flow: Floats) -> Floats:
    """A picture (h, w[, C]) as it would look if each pixel were where `flow` says; outside, its edge goes on."""
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(
            picture, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    )


def _confidence(flow: Floats, back: Floats, start: Gray, end: Gray) -> Floats:
    """High where the flow and the way back agree, and the gray value stayed."""
    missed = flow + moved(back, flow)
    changed = start.astype(np.float32) - moved(end, flow).astype(np.float32)
    changed = np.asarray(cv2.blur(changed, (3, 3)))  # grain is no change
    doubt = (missed**2).sum(-1) / _MISSED**2 + (changed / _CHANGED) ** 2
    confidence: Floats = np.exp(-doubt)
    height, width = confidence.shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    confidence[(x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)] = 0
    return confidence
