"""Streams that were joined end to end, as by `cat`: their times go back, or jump ahead, where the next part begins.

The parts are put one after the other: where one ends, of all streams the one that ends last, the next begins, of all
streams the one that begins first. So picture and sound of a part stay together.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.film.flv import find_parts
from excolor.film.rest import Rest, RestFinder

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

_BACK = Fraction(1, 4)  # seconds: less than any part lasts, and more than times jitter
_AHEAD = Fraction(60)
"""Seconds: neither picture nor sound pauses for longer.

The times of transport and program streams are counters of 33 bits, which begin anew after 26.5 hours. FFmpeg adds these
to what comes more than a minute before the beginning, so that such a part seems to come much later.
"""
_CONTAINERS = ("mpegts", "mpeg")  # FFmpeg's names of those that can be joined so, beside FLV
_TIMED = ("video", "audio")  # types of streams without long pauses


@dataclass(frozen=True)
class Join:
    """The beginning of a part that follows another.

    Attributes:
        position: in the file, in bytes, of its first packet.
        seam: position of the video packets at the end of the part before that FFmpeg may call damaged only because
            packets are not counted on over the join.
        at: timestamp in seconds at which the part begins once it is moved.
        shift: seconds that are to be added to its times.
    """

    position: int
    seam: int
    at: Fraction
    shift: Fraction


class Timeline:
    """Moves the packets of a file while it is read from its beginning."""

    def __init__(self, joins: Sequence[Join]) -> None:
        """Of a file with these joins, in order."""
        self._joins = joins
        self._positions = [one.position for one in joins]
        self._parts: dict[int, int] = {}

    def move(self, packet: "Packet[Any]") -> bool:
        """Give a packet the times of the part that it is in; whether its stream begins that part with it."""
        if not self._joins:
            return False
        number = packet.stream.index
        before = part = self._parts.get(number, 0)
        if packet.pos is not None:  # one without a position is in one block with the one before
            part = self._parts[number] = bisect_right(self._positions, packet.pos)
        if part and packet.time_base is not None:
            shift = round(self._joins[part - 1].shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        return part != before

    def is_seam(self, packet: "Packet[Any]") -> bool:
        """Whether a video packet is at the end of a part that another follows."""
        return packet.pos is not None and any(one.seam <= packet.pos < one.position for one in self._joins)


def find_joins(container: "InputContainer", video: "VideoStream", path: Path) -> tuple[tuple[Join, ...], Rest | None]:
    """Where times do not go on, in order, and what follows that cannot be read as one with the clip.

    There is neither in containers that cannot be joined so, which are not read.

    Args:
        container: at its beginning; it is read to its end.
        video: its stream of video.
        path: of the file.

    Raises:
        OSError: the file cannot be read.
    """
    import av

    flv = find_parts(path)
    if container.format.name not in _CONTAINERS and flv is None:
        return (), None
    parts = _Parts(video)
    rest = None if flv is not None else RestFinder(container, video, path)
    with suppress(av.FFmpegError, OSError, IndexError):  # as in `decoded`: what was read before counts
        for packet in container.demux():
            parts.add(packet)
            if rest is not None:
                rest.add(packet)
    if rest is not None:
        return parts.joins(), rest.find()
    return parts.joins(), None if flv is None or flv.rest is None else Rest(flv.rest)


@dataclass
class _Part:
    position: int
    seam: int
    first: Fraction | None = None
    last: Fraction = Fraction(0)


class _Parts:
    """What is known of the parts of a file while it is read."""

    def __init__(self, video: "VideoStream") -> None:
        self._video = video.index
        self._rate = video.average_rate or video.guessed_rate
        self._parts = [_Part(0, 0)]
        self._now: dict[int, tuple[int, Fraction]] = {}  # part and decoding time of the last packets, by streams
        self._ends = deque([0], maxlen=2)  # positions of the last packets of video

    def add(self, packet: "Packet[Any]") -> None:
        """A packet was read."""
        if packet.stream.type not in _TIMED or packet.dts is None or packet.time_base is None:
            return
        number, dts = packet.stream.index, packet.dts * packet.time_base
        before, last = self._now.get(number, (0, dts))
        goes_on = -_BACK < dts - last < _AHEAD
        part = before if packet.pos is None else self._part_at(packet.pos, before, goes_on=goes_on)
        self._now[number] = part, dts
        one = self._parts[part]
        if number == self._video:
            if part > before:
                one.seam = min(self._ends)
            if packet.pos is not None:
                self._ends.append(packet.pos)
        if packet.pts is not None:
            begin = packet.pts * packet.time_base
            until = begin + self._duration(packet)
            one.first, one.last = (begin, until) if one.first is None else (min(one.first, begin), max(one.last, until))

    def _part_at(self, position: int, before: int, *, goes_on: bool) -> int:
        """The part of a packet at a position, whose stream was in the part `before`.

        Streams enter a part one after another, and not in the order of positions: it begins at the first of these.
        """
        part = max(before, bisect_right(self._parts, position, key=lambda one: one.position) - 1)
        if part == before and not goes_on:
            part += 1
            if part == len(self._parts):
                self._parts.append(_Part(position, position))
            self._parts[part].position = min(self._parts[part].position, position)
        return part

    def _duration(self, packet: "Packet[Any]") -> Fraction:
        """In seconds; FFmpeg has none of H.264 in transport streams."""
        if not packet.duration and packet.stream.index == self._video and self._rate:
            return 1 / self._rate
        return (packet.duration or 0) * (packet.time_base or Fraction(0))

    def joins(self) -> tuple[Join, ...]:
        """Where each part but the first begins."""
        joins: list[Join] = []
        end = self._parts[0].last
        for part in self._parts[1:]:
            first = end if part.first is None else part.first
            joins.append(Join(part.position, part.seam, end, end - first))
            end += Fraction(0) if part.first is None else part.last - first
        return tuple(joins)
