"""Steady colors within a shot.

Every few frames there is an anchor. Where a reference shows the very scene, an anchor has its colors, moved along the
motion from it and from anchor to anchor. Elsewhere the networks estimate them, anew for each anchor, and the anchor has
the mean of these estimates along the motion. The frames between two anchors take their colors from both.

    anchor ──motion──► frame ──► frame ──► frame ──► anchor: colors of the reference, or the mean estimate
       └──────────────────► blended ◄──────────────────┘

For an estimate the anchor before is a further reference, which is trusted less than the given one: what has entered the
scene since that was taken looks most like itself a moment ago (docs/film.md has the numbers). No more frames are held
than there are from one anchor to the next, and the last few anchors.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
import torch
from torch import Tensor

from excolor.film.motion import Gray, Motion, MotionFinder, Path, moved
from excolor.film.references import FilmReference
from excolor.film.trail import Anchor, AnchorTrail, ReferenceTrack
from excolor.imaging.working_size import Floats, NetworkInput
from excolor.method.colorizer import Colorizer
from excolor.method.pictures import Reference, Target
from excolor.photo import Photo
from excolor.settings import ColorizeSettings


@dataclass(frozen=True)
class Steadiness:
    """How colors are kept steady.

    Attributes:
        every: frames from one anchor to the next; 1 makes each frame an anchor.
        average: estimates of the networks that the mean at a place goes back to at most; 1 keeps the last only.
        reference_weight: of colors that certainly are those of the reference, in estimates; 0 does not follow them.
        recall: how far likeness to the anchor before counts beside that to the reference, in [0, 1]; 0 makes estimates
            see nothing of it.
    """

    every: int = 4
    average: float = 6.0
    reference_weight: float = 30.0
    recall: float = 0.6


FRAME_BY_FRAME = Steadiness(every=1, average=1, reference_weight=0, recall=0)
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
class _Moved:
    """Colors of an anchor or a reference, moved to another frame: ab (h, w, 2), and the confidence in that (h, w)."""

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
        anchors = _Anchors(self._colorizer, self._settings, self._steadiness, self._motion, reference)
        ab = anchors.next(before, None)
        yield ColoredFrame(before.frame, before.seen, ab)
        while group := list(islice(coming, self._steadiness.every)):
            steps = [self._motion.between(now.gray, last.gray) for last, now in pairwise([before, *group])]
            to_before = list(_joined([step.there for step in steps]))
            to_next = list(_joined([step.back for step in reversed(steps)]))
            earlier = [_moved_by(ab, motion) for motion in to_before[:-1]]
            ab = anchors.next(group[-1], Path(to_before[-1], to_next[-1]))
            later = [_moved_by(ab, motion) for motion in reversed(to_next[:-1])]
            for i, (one, from_earlier, from_later) in enumerate(zip(group[:-1], earlier, later, strict=True), 1):
                yield ColoredFrame(one.frame, one.seen, _between(from_earlier, from_later, i / len(group)))
            before = group[-1]
            yield ColoredFrame(before.frame, before.seen, ab)

    def _prepared(self, frame: Frame) -> _Prepared:
        seen = self._colorizer.prepare(frame.photo, self._settings)
        return _Prepared(frame, seen, as_gray(seen.to_array(seen.tensor)[..., 0]))


class _Anchors:
    """The anchors of one shot, in their order."""

    def __init__(
        self,
        colorizer: Colorizer,
        settings: ColorizeSettings,
        steadiness: Steadiness,
        motion: MotionFinder,
        reference: FilmReference | None,
    ) -> None:
        self._colorizer = colorizer
        self._settings = settings
        self._steadiness = steadiness
        self._reference = reference
        # Below a strength of 1 colors are not to be the reference's own
        self._is_followed = settings.strength >= 1
        self._trail = AnchorTrail(motion)
        self._track = None if reference is None else ReferenceTrack(motion, reference.gray)
        self._recalled: Reference | None = None

    def next(self, one: _Prepared, guess: Path | None) -> Floats:
        """The ab (h, w, 2) of the next anchor.

        Args:
            one: it.
            guess: the path from there to the anchor before, found frame by frame; None for the first.
        """
        target = self._colorizer.look(one.frame.photo, self._settings)
        references = [] if self._reference is None else [self._reference.encoded]
        if self._recalled is not None:
            references.append(self._recalled)
        estimate = one.seen.to_array(self._colorizer.find_ab(target, references, self._settings))
        if guess is None:
            nothing = np.zeros(one.gray.shape, np.float32)
            mean, path = Anchor(estimate, nothing, nothing), None
        else:
            mean, path = self._trail.seen_from(one.gray, guess)
        anchor = self._mixed(estimate, mean, self._seen_before(one.gray, path))
        self._trail.add(one.gray, anchor, path)
        self._recalled = self._recall(target, anchor)
        return anchor.ab

    def _mixed(self, estimate: Floats, mean: Anchor, seen_before: _Moved | None) -> Anchor:
        """An anchor of an estimate, what anchors before say, and the colors of the reference where that shows it."""
        known, known_ab = mean.known, mean.ab
        if seen_before is not None:
            is_surer = seen_before.confidence >= known
            known_ab = np.where(is_surer[..., None], seen_before.ab, known_ab)
            known = np.maximum(known, seen_before.confidence)
        weight = np.float32(self._steadiness.reference_weight) * known
        # The mean has colors of the reference in it where these were known, and counts where they no longer are
        estimates = np.minimum(mean.estimates * (1 - known), np.float32(self._steadiness.average - 1))
        total = (weight + estimates + 1)[..., None]
        ab = (weight[..., None] * known_ab + estimates[..., None] * mean.ab + estimate) / total
        return Anchor(np.asarray(ab, np.float32), known, estimates + 1)

    def _seen_before(self, gray: Gray, to_before: Path | None) -> _Moved | None:
        """The colors of a reference that shows the very scene, along the motion from it; None if it does not."""
        reference = self._reference
        if reference is None or self._track is None or reference.gray.shape != gray.shape:
            return None
        if not self._steadiness.reference_weight or not self._is_followed:
            return None
        motion = self._track.follow(gray, to_before)
        if motion is None:
            return None
        return _Moved(moved(reference.ab, motion.flow) * np.float32(self._settings.vivid), motion.confidence)

    def _recall(self, target: Target, anchor: Anchor) -> Reference | None:
        """An anchor as a reference for the next one."""
        if self._reference is None or not self._steadiness.recall or not self._is_followed or not self._settings.vivid:
            return None
        ab = torch.from_numpy(anchor.ab / np.float32(self._settings.vivid)).permute(2, 0, 1)[None]
        return self._colorizer.recall(target, ab, trust=self._steadiness.recall)


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
