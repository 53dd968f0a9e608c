"""Damage of a clip: what of it could not be decoded, and whether it ends before the time that it says."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer

_SAYS_LENGTH = ("matroska", "mp4", "avi")
"""Containers whose header holds the length of what follows; that of others is estimated by FFmpeg."""

_LEAST_MISSING = 0.25  # seconds: lengths are rounded, and a last frame may be shown for longer than its packet says
_NEAR = 4  # frames: a damaged one is often found by those that are shown a little before or after it
_MICROSECOND = Fraction(1, 1_000_000)


class Damage:
    """Filled while a clip is read from its beginning; all times are in seconds from its first frame."""

    def __init__(self, begin: Fraction) -> None:
        """Of a clip whose first frame has the timestamp `begin`, in seconds."""
        self._begin = begin
        self._places: list[tuple[Fraction, Fraction]] = []  # first and last time of each
        self._until: Fraction | None = None
        self._said: Fraction | None = None
        self._is_cut = False
        self._last: dict[int, int] = {}  # decoding times of the last packets, by streams
        self._unordered: dict[int, str] = {}  # types of streams, by their numbers

    def saw(self, packet: "Packet[Any]") -> None:
        """A packet was read."""
        if packet.pts is not None and packet.time_base is not None:
            until = (packet.pts + (packet.duration or 0)) * packet.time_base
            self._until = until if self._until is None else max(self._until, until)
        if packet.dts is not None and packet.stream.type != "video":
            number = packet.stream.index
            if packet.dts < self._last.get(number, packet.dts):
                self._unordered[number] = packet.stream.type
            self._last[number] = packet.dts

    def cannot_decode(self, at: Fraction | None, frame: Fraction) -> None:
        """A packet is damaged, or a frame that came of it.

        What is less than `_NEAR` frames from other damage is the same place.

        Args:
            at: about when it is shown: a timestamp in seconds; None for the beginning.
            frame: for how long one is shown, in seconds.
        """
        seconds = Fraction(0) if at is None else at - self._begin
        if self._places:
            first, last = self._places[-1]
            if first - _NEAR * frame < seconds < last + _NEAR * frame:
                self._places[-1] = min(first, seconds), max(last, seconds)
                return
        self._places.append((seconds, seconds))

    def ended(self, container: "InputContainer", *, is_cut: bool) -> None:
        """There are no more packets, or they cannot be read any more (`is_cut`)."""
        self._is_cut = is_cut
        if container.duration is not None and any(name in container.format.name for name in _SAYS_LENGTH):
            self._said = container.duration * _MICROSECOND
            if "mp4" in container.format.name:  # in which the length counts from the first of all times, not from 0
                self._said += (container.start_time or 0) * _MICROSECOND

    def notes(self) -> Iterator[str]:
        """What the user should know."""
        if self._places:
            count = len(self._places)
            yield (
                f"{'1 place' if count == 1 else f'{count} places'} in it could not be decoded, "
                f"{'' if count == 1 else 'the first '}near {float(self._places[0][0]):.2f} s: "
                "frames are missing or damaged there; "
                "copy it again from its source if it is whole there"
            )
        for number, kind in self._unordered.items():
            yield (
                f"its stream {number} ({kind}) is not in the order of time: what comes too late is moved to what it "
                "comes after"
            )
        until = self._until if self._until is not None else self._begin
        if self._said is not None and until < self._said - Fraction(_LEAST_MISSING):
            yield (
                f"it ends early: its header says that it is {float(self._said - self._begin):.2f} s long, and what "
                f"can be read ends at {float(until - self._begin):.2f} s; copy it again from its source if it is whole "
                "there"
            )
        elif self._is_cut:
            yield "it cannot be read to its end, and may be cut short; copy it again from its source"
