"""Steady colors within a shot.

Every few frames there is an anchor: the networks color it from the reference, and are given as hints what earlier
colors became along the motion since. The frames between two anchors take their colors from both, along the motion.

    anchor ──motion──► frame ──► frame ──► frame ──► anchor: reference + moved colors ──► networks ──► ab
       └──────────────────► blended ◄──────────────────┘

No more frames are held than there are from one anchor to the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from excolor.film.motion import Gray, Motion, MotionFinder, moved
from excolor.film.references import FilmReference
from excolor.imaging.color import ab_to_network
from excolor.imaging.working_size import Floats, NetworkInput
from excolor.method.colorizer import Colorizer
from excolor.method.hints import Hints
from excolor.photo import Photo
from excolor.settings import ColorizeSettings

_LEAST_HINT = 0.1  # confidence below which moved colors are no hint
_SEEN_BEFORE = 0.5  # mean confidence from which on a reference shows the very scene of a frame


@dataclass(frozen=True)
class Steadiness:
    """How colors are kept steady.

    Attributes:
        every: frames from one anchor to the next; 1 makes each frame an anchor.
        keep: share of moved colors in those of an anchor where the motion is certain, in [0, 1]; the rest comes from
            the networks anew, so that errors fade.
        hints: give moved colors to the networks as hints.
        align: where a reference shows the very scene of a frame, take its colors along the motion from it.
    """

    every: int = 4
    keep: float = 0.85
    hints: bool = True
    align: bool = True


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
class _Known:
    """Colors that a frame has without the networks: ab (h, w, 2) and the confidence in them (h, w)."""

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
        first = next(coming, None)
        if first is None:
            return
        anchor = ColoredFrame(first.frame, first.seen, self._anchor(first, None, reference))
        yield anchor
        before = first
        while group := list(islice(coming, self._steadiness.every)):
            pairs = [self._motion.between(a.gray, b.gray) for a, b in zip([before, *group], group, strict=False)]
            moved_on = list(_from_anchor(anchor.ab, [back for _, back in pairs]))
            ab = self._anchor(group[-1], moved_on[-1], reference)
            moved_back = list(_from_anchor(ab, [there for there, _ in reversed(pairs)]))[:-1][::-1]
            for i, (one, earlier, later) in enumerate(zip(group[:-1], moved_on, moved_back, strict=False), 1):
                yield ColoredFrame(one.frame, one.seen, _between(earlier, later, i / len(group)))
            before = group[-1]
            anchor = ColoredFrame(before.frame, before.seen, ab)
            yield anchor

    def _prepared(self, frame: Frame) -> _Prepared:
        seen = self._colorizer.prepare(frame.photo, self._settings)
        return _Prepared(frame, seen, as_gray(seen.to_array(seen.tensor)[..., 0]))

    def _anchor(self, one: _Prepared, moved_on: _Known | None, reference: FilmReference | None) -> Floats:
        """ab of an anchor, given what earlier colors became."""
        known = moved_on
        if reference is not None and self._steadiness.align and self._settings.strength >= 1:
            aligned = self._aligned(one, reference)
            if aligned is not None:
                known = aligned if known is None else _surer(aligned, known)
        hints = _as_hints(known, one.seen) if known is not None and self._steadiness.hints else None
        encoded = () if reference is None else reference.encoded
        found = one.seen.to_array(self._colorizer.find_ab(one.seen, encoded, self._settings, hints))
        if known is None:
            return found
        share = (np.float32(self._steadiness.keep) * known.confidence)[..., None]
        return np.asarray(found + share * (known.ab - found), np.float32)

    def _aligned(self, one: _Prepared, reference: FilmReference) -> _Known | None:
        """The colors of a reference that shows the very scene, along the motion from it; None if it does not."""
        if reference.gray.shape != one.gray.shape:
            return None
        motion, _ = self._motion.between(one.gray, reference.gray)
        if motion.confidence.mean() < _SEEN_BEFORE:
            return None
        ab = moved(reference.ab, motion.flow) * np.float32(self._settings.vivid)
        return _Known(ab, motion.confidence)


def as_gray(lightness: Floats) -> Gray:
    """L (h, w) in [0, 100] as the gray picture in which motion is looked for."""
    gray: Gray = (lightness * np.float32(2.55)).round().clip(0, 255).astype(np.uint8)
    return gray


def _from_anchor(ab: Floats, steps: Sequence[Motion]) -> Iterator[_Known]:
    """What the colors of an anchor become along the steps away from it; each step leads back toward the anchor."""
    total: Motion | None = None
    for step in steps:
        # The flows are joined, not the colors moved again and again, which would blur them
        total = step if total is None else total.after(step)
        yield _Known(moved(ab, total.flow), total.confidence)


def _between(earlier: _Known, later: _Known, position: float) -> Floats:
    """Colors of a frame from those of the anchors before and after it, at `position` in (0, 1) between them."""
    least = np.float32(1e-3)
    from_later = (np.float32(position) * (later.confidence + least))[..., None]
    from_earlier = (np.float32(1 - position) * (earlier.confidence + least))[..., None]
    total = from_earlier + from_later
    return np.asarray((from_earlier * earlier.ab + from_later * later.ab) / total, np.float32)


def _surer(one: _Known, other: _Known) -> _Known:
    """At each pixel the colors that are surer."""
    is_first = one.confidence >= other.confidence
    return _Known(np.where(is_first[..., None], one.ab, other.ab), np.maximum(one.confidence, other.confidence))


def _as_hints(known: _Known, seen: NetworkInput) -> Hints:
    """Hints at the padded size."""
    mask = np.where(known.confidence >= _LEAST_HINT, known.confidence, 0)
    height, width = seen.size
    ab = seen.tensor.new_zeros((1, 2, *seen.tensor.shape[2:]))
    full_mask = torch.zeros_like(seen.tensor)
    ab[..., :height, :width] = ab_to_network(torch.from_numpy(known.ab).permute(2, 0, 1).to(ab))
    full_mask[..., :height, :width] = torch.from_numpy(mask).to(ab)
    return Hints(ab * (full_mask > 0), full_mask)
