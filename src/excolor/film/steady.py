"""Steady colors within a shot.

Every few frames there is an anchor. Where a reference shows the very scene, an anchor has its colors, moved along the
motion from it and from anchor to anchor. Elsewhere the networks estimate them, anew for each anchor, and the anchor has
the mean of these estimates along the motion. The frames between two anchors take their colors from both.

    anchor ──motion──► frame ──► frame ──► frame ──► anchor: colors of the reference, or the mean estimate
       └──────────────────► blended ◄──────────────────┘

Estimates see nothing of earlier colors: given them as hints, the networks repeat their errors in all that enters the
scene (docs/film.md has the numbers). No more frames are held than there are from one anchor to the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from excolor.film.motion import Gray, Motion, MotionFinder, moved
from excolor.film.references import FilmReference
from excolor.imaging.working_size import Floats, NetworkInput
from excolor.method.colorizer import Colorizer
from excolor.photo import Photo
from excolor.settings import ColorizeSettings

_SEEN_BEFORE = 0.5  # mean confidence from which on a reference shows the very scene of a frame


@dataclass(frozen=True)
class Steadiness:
    """How colors are kept steady.

    Attributes:
        every: frames from one anchor to the next; 1 makes each frame an anchor.
        average: estimates of the networks that the mean at a place goes back to at most; 1 keeps the last only.
        reference_weight: of colors that certainly are those of the reference, in estimates; 0 does not follow them.
    """

    every: int = 4
    average: float = 6.0
    reference_weight: float = 30.0


FRAME_BY_FRAME = Steadiness(every=1, average=1, reference_weight=0)
"""Each frame is colored as it is alone."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a clip.

    Attributes:
        index: from 0.
        seconds: when it is shown.
        photo: upright; only its lightness is used.
    """

    index: int
    seconds: float
    photo: Photo


@dataclass(frozen=True, eq=False)
class ColoredFrame:
    """A frame, what the networks saw of it, and its ab (h, w, 2) at that size."""

    frame: Frame
    seen: NetworkInput
    ab: Floats

    @property
    def tensor(self) -> Tensor:
        """ab (1, 2, h, w)."""
        return torch.from_numpy(self.ab).permute(2, 0, 1)[None]


@dataclass(frozen=True, eq=False)
class _Prepared:
    frame: Frame
    seen: NetworkInput
    gray: Gray


@dataclass(frozen=True, eq=False)
class _Anchor:
    """Colors of an anchor, and what they rest on.

    Attributes:
        ab: (h, w, 2).
        known: how certain it is that they are those of the reference, (h, w) in [0, 1].
        estimates: how many they are the mean of elsewhere, (h, w).
    """

    ab: Floats
    known: Floats
    estimates: Floats

    def along(self, motion: Motion) -> "_Anchor":
        """As it is seen from the frame at which a motion starts, which ends here."""
        known, estimates = (moved(one, motion.flow) * motion.confidence for one in (self.known, self.estimates))
        return _Anchor(moved(self.ab, motion.flow), known, estimates)


@dataclass(frozen=True, eq=False)
class _Moved:
    """Colors of an anchor, moved to another frame: ab (h, w, 2), and the confidence in the motion (h, w)."""

    ab: Floats
    confidence: Floats


class ShotColorizer:
    """Gives the frames of a shot the colors of one reference."""

    def __init__(self, colorizer: Colorizer, settings: ColorizeSettings, steadiness: Steadiness = Steadiness()) -> None:
        self._colorizer = colorizer
        self._settings = settings
        self._steadiness = steadiness
        self._motion = MotionFinder()

    def colorize(self, frames: Iterable[Frame], reference: FilmReference | None) -> Iterator[ColoredFrame]:
        """The frames of one shot in color, in their order; memory does not grow with their number.

        Args:
            frames: all of one size.
            reference: None invents colors.

        Raises:
            DeviceError: the device has too little memory.
        """
        coming = map(self._prepared, frames)
        before = next(coming, None)
        if before is None:
            return
        anchor = self._anchor(before, None, reference)
        yield ColoredFrame(before.frame, before.seen, anchor.ab)
        while group := list(islice(coming, self._steadiness.every)):
            pairs = [self._motion.between(a.gray, b.gray) for a, b in zip([before, *group], group, strict=False)]
            on = list(_joined([back for _, back in pairs]))
            earlier = [_moved_by(anchor.ab, motion) for motion in on[:-1]]
            anchor = self._anchor(group[-1], anchor.along(on[-1]), reference)
            back = list(_joined([there for there, _ in reversed(pairs)]))[:-1]
            later = [_moved_by(anchor.ab, motion) for motion in reversed(back)]
            for i, (one, from_earlier, from_later) in enumerate(zip(group[:-1], earlier, later, strict=True), 1):
                yield ColoredFrame(one.frame, one.seen, _between(from_earlier, from_later, i / len(group)))
            before = group[-1]
            yield ColoredFrame(before.frame, before.seen, anchor.ab)

    def _prepared(self, frame: Frame) -> _Prepared:
        seen = self._colorizer.prepare(frame.photo, self._settings)
        return _Prepared(frame, seen, as_gray(seen.to_array(seen.tensor)[..., 0]))

    def _anchor(self, one: _Prepared, earlier: _Anchor | None, reference: FilmReference | None) -> _Anchor:
        """An anchor, given what the one before became."""
        encoded = () if reference is None else reference.encoded
        estimate = one.seen.to_array(self._colorizer.find_ab(one.seen, encoded, self._settings))
        nothing = np.zeros(one.gray.shape, np.float32)
        mean = earlier or _Anchor(estimate, nothing, nothing)
        known, known_ab = mean.known, mean.ab
        seen_before = None if reference is None else self._seen_before(one, reference)
        if seen_before is not None:
            is_surer = seen_before.confidence >= known
            known_ab = np.where(is_surer[..., None], seen_before.ab, known_ab)
            known = np.maximum(known, seen_before.confidence)
        weight = np.float32(self._steadiness.reference_weight) * known
        # The mean has colors of the reference in it where these were known, and counts where they no longer are
        estimates = np.minimum(mean.estimates * (1 - known), np.float32(self._steadiness.average - 1))
        total = (weight + estimates + 1)[..., None]
        ab = (weight[..., None] * known_ab + estimates[..., None] * mean.ab + estimate) / total
        return _Anchor(np.asarray(ab, np.float32), known, estimates + 1)

    def _seen_before(self, one: _Prepared, reference: FilmReference) -> _Moved | None:
        """The colors of a reference that shows the very scene, along the motion from it; None if it does not."""
        if not self._steadiness.reference_weight or self._settings.strength < 1:
            return None
        if reference.gray.shape != one.gray.shape:
            return None
        motion, _ = self._motion.between(one.gray, reference.gray)
        if motion.confidence.mean() < _SEEN_BEFORE:
            return None
        return _Moved(moved(reference.ab, motion.flow) * np.float32(self._settings.vivid), motion.confidence)


def as_gray(lightness: Floats) -> Gray:
    """L (h, w) in [0, 100] as the gray picture in which motion is looked for."""
    gray: Gray = (lightness * np.float32(2.55)).round().clip(0, 255).astype(np.uint8)
    return gray


def _joined(steps: Sequence[Motion]) -> Iterator[Motion]:
    """The motion back to an anchor from each frame along the steps away from it; each step leads back toward it."""
    total: Motion | None = None
    for step in steps:
        # The flows are joined, not the colors moved again and again, which would blur them
        total = step if total is None else total.after(step)
        yield total


def _moved_by(ab: Floats, motion: Motion) -> _Moved:
    return _Moved(moved(ab, motion.flow), motion.confidence)


def _between(earlier: _Moved, later: _Moved, position: float) -> Floats:
    """Colors of a frame from those of the anchors before and after it, at `position` in (0, 1) between them."""
    least = np.float32(1e-3)
    from_later = (np.float32(position) * (later.confidence + least))[..., None]
    from_earlier = (np.float32(1 - position) * (earlier.confidence + least))[..., None]
    total = from_earlier + from_later
    return np.asarray((from_earlier * earlier.ab + from_later * later.ab) / total, np.float32)
