"""Anchors: frames of a shot that others take their colors from, and what the last of them know of a new one."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from excolor.film.motion import Gray, Motion, MotionFinder, Path, moved
from excolor.imaging.working_size import Floats

_KEPT = 3  # anchors
_CLEARLY = 1.5  # times as sure as newer anchors are, where an older one knows better
_LEAST = 0.05  # confidence of newer ones that this is measured by at least
_FOUND = 0.5  # mean confidence from which on a reference is taken to show the very scene of a frame
_LOST = 0.02  # below which nothing of it is left in view


@dataclass(frozen=True, eq=False)
class Anchor:
    """Colors of an anchor, and what they rest on.

    Attributes:
        ab: (h, w, 2).
        known: how certain it is that they are those of the reference, (h, w) in [0, 1].
        estimates: how many they are the mean of elsewhere, (h, w).
    """

    ab: Floats
    known: Floats
    estimates: Floats

    def along(self, motion: Motion) -> "Anchor":
        """As it is seen from the frame at which a motion starts, which ends here."""
        known, estimates = (moved(one, motion.flow) * motion.confidence for one in (self.known, self.estimates))
        return Anchor(moved(self.ab, motion.flow), known, estimates)

    def where(self, is_better: np.ndarray, other: "Anchor") -> "Anchor":
        """Another one where that is better, (h, w) bool."""
        return Anchor(
            np.where(is_better[..., None], other.ab, self.ab),
            np.where(is_better, other.known, self.known),
            np.where(is_better, other.estimates, self.estimates),
        )


@dataclass(frozen=True, eq=False)
class _Past:
    """An anchor, its gray picture, and the path from there to the anchor before it, if there is one."""

    gray: Gray
    anchor: Anchor
    to_before: Path | None


class AnchorTrail:
    """The last anchors of a shot: what a thing hides in the newest one may be seen in one before."""

    def __init__(self, motion: MotionFinder) -> None:
        self._motion = motion
        self._past: deque[_Past] = deque(maxlen=_KEPT)  # the newest first

    def add(self, gray: Gray, anchor: Anchor, to_before: Path | None) -> None:
        """Take a new anchor, with the path from there to the one before, as far as there is one."""
        self._past.appendleft(_Past(gray, anchor, to_before))

    def seen_from(self, gray: Gray, guess: Path) -> tuple[Anchor, Path]:
        """What is known of a frame, and the path from there to the newest anchor, which is guessed roughly."""
        newest, *older = self._past
        to_newest = path = self._motion.between(gray, newest.gray, guess)
        seen, best, to_before = newest.anchor.along(path.there), path.there.confidence, newest.to_before
        for past in older:
            assert to_before is not None  # only the first anchor has none before it
            path = self._motion.between(gray, past.gray, path.then(to_before))
            confidence = path.there.confidence
            is_surer = confidence > _CLEARLY * np.maximum(best, _LEAST)
            seen = seen.where(is_surer, past.anchor.along(path.there))
            best, to_before = np.where(is_surer, confidence, best), past.to_before
        return seen, to_newest


class ReferenceTrack:
    """Where the places of a shot are in a reference that shows the very scene."""

    def __init__(self, motion: MotionFinder, reference: Gray) -> None:
        self._motion = motion
        self._reference = reference
        self._path: Path | None = None

    def follow(self, gray: Gray, to_before: Path | None) -> Motion | None:
        """The motion from the next anchor to the reference; None if that does not show the scene.

        Args:
            gray: the anchor.
            to_before: the path from there to the one that was given before; None if it is the first.
        """
        if self._path is not None and to_before is not None:
            self._path = self._motion.between(gray, self._reference, to_before.then(self._path))
            if self._path.there.confidence.mean() < _LOST:
                self._path = None
        if self._path is None:
            path = self._motion.between(gray, self._reference)
            self._path = path if path.there.confidence.mean() >= _FOUND else None
        return None if self._path is None else self._path.there
