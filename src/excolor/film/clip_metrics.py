"""How steady the colors of a clip are. Gray is steady too: these numbers mean little without a clip's colorfulness.

Frames are (H, W, 3) float arrays of sRGB in [0, 1]; flows are as in `excolor.film.motion`.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from excolor.film.motion import moved
from excolor.imaging.working_size import Floats

DISTANCES = (1, 2, 4)
"""Frames between those that the color distribution consistency compares."""

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]


class ColorConsistency:
    """Color distribution consistency, CDC (Liu et al. 2021): how much histograms change over a clip.

    It is the mean over channels, over all pairs of frames 1, 2 or 4 apart, and then over these distances, of the
    Jensen-Shannon divergence (in nats) of histograms of 256 levels. 0 is a clip whose histograms do not change.
    """

    def __init__(self) -> None:
        self._last: deque[Doubles] = deque(maxlen=max(DISTANCES))
        self._found: dict[int, list[float]] = {distance: [] for distance in DISTANCES}

    def cut(self) -> None:
        """A new shot begins: its frames are not compared with those before."""
        self._last.clear()

    def add(self, frame: Floats) -> None:
        """Take the next frame."""
        histograms = _histograms(frame)
        for distance in DISTANCES:
            if distance <= len(self._last):
                self._found[distance].append(float(jensen_shannon(histograms, self._last[-distance]).mean()))
        self._last.append(histograms)

    @property
    def value(self) -> float | None:
        """The mean so far, over those distances that the shots are long enough for; None if there is none."""
        means = [np.mean(found) for found in self._found.values() if found]
        return float(np.mean(means)) if means else None


class WarpError:
    """Warp error (Lai et al. 2018): how much pixels change in color along the motion.

    It is the mean over visible pixels and channels of the squared difference between a frame and the one before, moved
    to it; then the mean over frames.
    """

    def __init__(self) -> None:
        self._found: list[float] = []

    def add(self, frame: Floats, before: Floats, flow: Floats, visible: Mask) -> None:
        """Take a frame and the one before.

        Args:
            frame: it.
            before: the earlier one.
            flow: from `frame` to `before`, (H, W, 2).
            visible: (H, W), what of `frame` was visible before; nothing is counted if that is nowhere.
        """
        if visible.any():
            difference = (frame - moved(before, flow))[visible]
            self._found.append(float(np.mean(difference.astype(np.float64) ** 2)))

    @property
    def value(self) -> float | None:
        """The mean so far; None if there is none."""
        return float(np.mean(self._found)) if self._found else None


def visible_before(flow: Floats, back: Floats) -> Mask:
    """What of a frame was visible in another one (Ruder et al. 2016): (H, W).

    Left out are places where the flow and the way back disagree, places where the motion changes abruptly, and those
    that were outside.

    Args:
        flow: to the other frame, (H, W, 2).
        back: from there.
    """
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    is_inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    returned = moved(back, flow)
    length = _squared(flow)
    agrees = _squared(flow + returned) <= 0.01 * (length + _squared(returned)) + 0.5
    # np.gradient needs two pixels a side
    slopes = [_squared(np.gradient(flow, axis=axis)) if flow.shape[axis] > 1 else 0 for axis in (0, 1)]
    is_smooth = slopes[0] + slopes[1] <= 0.01 * length + 0.002
    visible: Mask = is_inside & agrees & is_smooth
    return visible


def jensen_shannon(first: Doubles, second: Doubles) -> Doubles:
    """The Jensen-Shannon divergence in nats of distributions along the last axis; at most ln 2."""
    middle = (first + second) / 2
    divergence: Doubles = (_relative_entropy(first, middle) + _relative_entropy(second, middle)) / 2
    return divergence


def _relative_entropy(first: Doubles, second: Doubles) -> Doubles:
    ratio = np.divide(first, second, out=np.ones_like(first), where=first > 0)
    total: Doubles = (first * np.log(ratio)).sum(-1)
    return total


def _histograms(frame: Floats) -> Doubles:
    """Shares of the 256 levels in each channel, (3, 256)."""
    levels = (frame * 255).round().clip(0, 255).astype(np.uint8)
    counts = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(levels, -1, 0)])
    shares: Doubles = counts / (frame.shape[0] * frame.shape[1])
    return shares


def _squared(flow: Floats) -> Floats:
    """Squared length, (H, W)."""
    squared: Floats = (flow * flow).sum(-1)
    return squared
