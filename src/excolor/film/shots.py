"""Shots: where a clip cuts to another scene, found in luma alone."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from excolor.imaging.working_size import Floats

_THUMBNAIL = (64, 36)  # width and height
_BINS = 32
_LEAST_CHANGE = 0.05  # of white, in the mean over the thumbnail
_LEAST_SHIFT = 0.2  # share of pixels that change their bin
_CLEAR_SHIFT = 0.4  # likewise: more than fast motion brings
_AGAINST_MOTION = 3.0  # times the usual change from frame to frame
_USUAL = 12  # frames over which that is measured


@dataclass(frozen=True)
class Shot:
    """Frames `first` to `end` (not included), shown from `seconds` on and before `until`, in seconds."""

    first: int
    end: int
    seconds: float
    until: float = math.inf

    def __len__(self) -> int:
        return self.end - self.first

    def __contains__(self, seconds: float) -> bool:
        """Whether it is shown at this time."""
        return self.seconds <= seconds < self.until


class CutFinder:
    """Says of each frame in turn whether a new shot begins with it."""

    def __init__(self) -> None:
        self._before: tuple[Floats, Floats] | None = None
        self._changes: deque[float] = deque(maxlen=_USUAL)

    def is_cut(self, luma: Floats) -> bool:
        """Whether Y' (H, W) in [0, 1] shows another scene than the frame before; never for the first."""
        thumbnail = np.asarray(cv2.resize(luma, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.float32)
        counts = np.histogram(thumbnail, _BINS, (0, 1))[0].astype(np.float32)
        histogram = np.asarray(cv2.blur(counts[None], (3, 1)))[0] / np.float32(thumbnail.size)
        before, self._before = self._before, (thumbnail, histogram)
        if before is None:
            return False
        change = float(np.abs(thumbnail - before[0]).mean())
        shift = float(np.abs(histogram - before[1]).sum()) / 2
        usual = float(np.median(self._changes)) if self._changes else 0.0
        stands_out = change > _AGAINST_MOTION * usual or shift > _CLEAR_SHIFT
        if change > _LEAST_CHANGE and shift > _LEAST_SHIFT and stands_out:
            self._changes.clear()
            return True
        self._changes.append(change)
        return False


def find_shots(
    frames: Iterable[tuple[float, Floats]], start: float = math.inf, end: float | None = None
) -> Iterator[Shot]:
    """The shots of frames, given by their times in seconds and Y'.

    `start` and `end` are where their part of a clip begins and ends, which may be between two frames: the first shot
    counts from there, and the last one until then, if there is an end.
    """
    finder = CutFinder()
    first, began, count = 0, 0.0, 0
    for seconds, luma in frames:
        if count == 0:
            began = min(seconds, start)
        if finder.is_cut(luma):
            yield Shot(first, count, began, seconds)
            first, began = count, seconds
        count += 1
    if count > first:
        yield Shot(first, count, began, math.inf if end is None else end)
