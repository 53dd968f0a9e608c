"""What follows in a file and cannot be read as one with its clip: other streams, or a stream encoded in another way.

Transport streams that were joined end to end go on in other streams where those of the parts have other numbers (PIDs).
FFmpeg may not even know these streams: it looks for streams at the beginning and at the end of a file.
"""

import io
import shlex
from bisect import bisect
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

_SEVERAL = 3  # packets of video: damage can look like fewer
_GAP = 1 << 20  # bytes of other streams that are looked into
_LOOKED_INTO = 1 << 24  # bytes of these: more than a packet and a pause of the tables of programs
_PACKET = 188  # bytes of a packet of a transport stream (ISO/IEC 13818-1, 2.4.3)
_PACK = b"\x00\x00\x01\xba"  # begins a pack of a program stream (2.5.3)


@dataclass(frozen=True)
class Rest:
    """Where the clip ends in its file.

    Attributes:
        position: in bytes; a file that begins there can be read.
        streams: numbers of the streams that begin there, as far as they are known.
    """

    position: int
    streams: tuple[int, ...] = ()


@dataclass
class _Places:
    """Positions of the packets of a stream."""

    first: int
    last: int = 0
    count: int = 0

    def add(self, at: int) -> None:
        self.first, self.last, self.count = min(at, self.first), max(at, self.last), self.count + 1


class RestFinder:
    """Finds the rest of a transport or program stream while its packets are read."""

    def __init__(self, container: "InputContainer", video: "VideoStream", path: Path) -> None:
        """Of a file that is at its beginning, and its stream of video."""
        self._path, self._video = path, video.index
        self._is_ts = container.format.name == "mpegts"
        self._streams = {one.index: (one.type, one.id) for one in container.streams}
        self._places: dict[int, _Places] = {}  # by streams
        self._own: list[int] = []  # positions of the packets of the video
        self._until = 0  # position up to which packets of any stream were read
        self._gap = (0, 0)  # positions around the longest gap between packets

    def add(self, packet: "Packet[Any]") -> None:
        """A packet was read."""
        at, number = packet.pos, packet.stream.index
        if at is None:
            return
        self._places.setdefault(number, _Places(at)).add(at)
        if number == self._video:
            self._own.append(at)
        self._passed(at)

    def _passed(self, at: int) -> None:
        if at - self._until > self._gap[1] - self._gap[0]:
            self._gap = self._until, at
        self._until = max(at, self._until)

    def find(self) -> Rest | None:
        """The rest, after all packets were read. Raises OSError."""
        self._own.sort()  # the last one of a part is complete only when another follows
        videos = (one for one, (kind, _) in self._streams.items() if kind == "video")
        apart = [self._places[one] for one in videos if one in self._places and self._is_apart(self._places[one])]
        if apart:
            first = min(one.first for one in apart)
            before = self._own[bisect(self._own, first) - 1]
            later = {number: place.first for number, place in self._places.items() if place.first > before}
            return Rest(self._beginning(min(later.values())), tuple(sorted(later)))
        self._passed(self._path.stat().st_size)
        first, end = self._gap
        at = self._unknown_video(first, min(end, first + _LOOKED_INTO)) if self._is_ts and end - first > _GAP else None
        return None if at is None else Rest(self._beginning(at))

    def _is_apart(self, video: "_Places") -> bool:
        """Whether a stream of video follows the one that is colored, and does not run beside it."""
        number = bisect(self._own, video.first)
        return 0 < number == bisect(self._own, video.last) and video.count >= _SEVERAL

    def _unknown_video(self, first: int, end: int) -> int | None:
        """Where a stream of video begins, between two positions, that FFmpeg does not know in the file as a whole."""
        import av

        with self._path.open("rb") as file:
            file.seek(first)
            part = io.BytesIO(file.read(end - first))
        known = {number for _, number in self._streams.values()}
        options = {"probesize": str(_LOOKED_INTO)}
        with suppress(av.FFmpegError, IndexError), av.open(part, "r", format="mpegts", options=options) as container:
            unknown = {one.index for one in container.streams.video if one.id not in known}
            for packet in container.demux():
                if packet.stream.index in unknown and packet.pos is not None:
                    return first + int(packet.pos)
        return None

    def _beginning(self, at: int) -> int:
        """Where a part begins that has its first packet there: at its last table of programs before, or last pack."""
        with self._path.open("rb") as file:
            file.seek(max(0, at - _GAP))
            before = file.read(min(at, _GAP))
        if not self._is_ts:
            return at - len(before) + found if (found := before.rfind(_PACK)) >= 0 else at
        for place in range(len(before) - _PACKET, -1, -_PACKET):
            # The table of programs has the number 0 (2.4.4.3), and begins in this packet
            if before[place] == 0x47 and before[place + 1] & 0x5F == 0x40 and before[place + 2] == 0:
                return at - len(before) + place
        return at


def not_one(path: Path, rest: Rest) -> str:
    """The message for a file of which only a part can be read as one clip."""
    first, second = (shlex.quote(f"{path.stem}-{number}{path.suffix}") for number in (1, 2))
    name, at = shlex.quote(path.name), rest.position
    return (
        f"{path}: from byte {at} on, it goes on in other streams or in another encoding, as where clips were joined "
        "end to end that do not go together; split it there and color the parts one by one, for example with: "
        f"head -c {at} {name} > {first} && tail -c +{at + 1} {name} > {second}"
    )
