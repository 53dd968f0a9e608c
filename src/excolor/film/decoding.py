"""Reading a file: packets of its streams in the order of the file, and the frames of its video."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.batch.stop import Stop
from excolor.errors import FilmError
from excolor.film.damage import Damage
from excolor.film.flv import JoinedFile, find_parts
from excolor.film.joins import Join, Timeline

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_REORDERED = 4  # frames that may come before one that is shown earlier


@contextmanager
def opened(path: Path) -> Iterator["InputContainer"]:
    """A file while it is read, as one if it is an FLV that was joined. Raises FilmError if it cannot be."""
    import av

    try:
        parts = find_parts(path)
        file = str(path) if parts is None else JoinedFile(path, parts.kept)
        container = av.open(file, "r", metadata_errors="replace")
    except FileNotFoundError as error:
        raise FilmError(f"{path}: no such file; check the path") from error
    except (av.FFmpegError, OSError) as error:
        raise FilmError(
            f"cannot read {path}: it is not a video, or its beginning or end is missing; copy it again from its source"
        ) from error
    with container, nullcontext() if isinstance(file, str) else file:
        yield container


def video_of(container: "InputContainer", path: Path) -> "VideoStream":
    """The first video stream that is no cover picture. Raises FilmError if there is none."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise FilmError(f"{path}: there is no video in it; give a clip")


def decoded(
    container: "InputContainer",
    video: "VideoStream",
    *,
    joins: Sequence[Join] = (),
    others: Iterable[int] = (),
    is_over: Callable[[Fraction], bool] = lambda _: False,
    stop: Stop | None = None,
    damage: Damage | None = None,
) -> Iterator[tuple["Packet[Any]", list["VideoFrame"]]]:
    """Each packet, and the frames that it completes if it is of the video; each frame has a time.

    Packets that cannot be decoded are passed over: a damaged place costs its frames, not the clip.

    Args:
        container: at its beginning.
        video: its stream.
        joins: of the file, by which times are moved.
        others: numbers of other streams whose packets are read as well.
        is_over: whether nothing is wanted that is shown at a timestamp, in seconds, or later. No frame is decoded after
            the first such one, and nothing is read once all other streams have come there.
        stop: ends it between packets.
        damage: to be filled with what is found, unless the end is not read.

    Raises:
        StoppedError: a stop was asked for.
    """
    import av

    stop, damage = stop or Stop(), damage or Damage(Fraction(0))
    timeline, decoder = Timeline(joins), _Decoder(video)
    left = set(others) - {video.index}
    packets: Iterator[Packet[Any]] = container.demux([video, *(container.streams[number] for number in left)])
    is_decoded = True
    while True:
        stop.check()
        try:
            packet = next(packets, None)
        except IndexError:  # PyAV's, at the end, if streams began on the way that it does not know
            packet = None
        except (av.FFmpegError, OSError):  # cut short: what was read before counts
            damage.ended(container, is_cut=True)
            return
        if packet is None:
            damage.ended(container, is_cut=False)
            return
        is_joined = timeline.move(packet)
        damage.saw(packet)
        frames: list[VideoFrame] = []
        if packet.stream.index != video.index:
            at = seconds_of(packet.dts, packet.time_base)
            if at is not None and is_over(at):
                left.discard(packet.stream.index)
        elif is_decoded:
            # Transport streams count their packets, and some are missing; or a part does not begin with a whole picture
            if (packet.is_corrupt and not timeline.is_seam(packet)) or (is_joined and not packet.is_keyframe):
                damage.cannot_decode(seconds_of(packet.pts, packet.time_base), decoder.step)
            frames = decoder.frames_left(damage) if is_joined else []
            frames += decoder.frames_of(packet, damage)
            wanted = list(takewhile(lambda frame: not is_over(decoder.seconds(frame)), frames))
            is_decoded = len(wanted) == len(frames)
            frames = wanted
        yield packet, frames
        if not is_decoded and not left:
            return


def seconds_of(timestamp: int | None, time_base: Fraction | None) -> Fraction | None:
    """A timestamp in seconds, if there is one."""
    return None if timestamp is None or time_base is None else timestamp * time_base


class _Decoder:
    """The decoder of a stream of video, which gives each frame a time."""

    def __init__(self, video: "VideoStream") -> None:
        self._video = video
        self._unit = video.time_base or Fraction(1, 1000)
        self._step = max(1, round(1 / ((video.average_rate or Fraction(24)) * self._unit)))
        self._last: int | None = None
        # AVI has no times, and FFmpeg takes the order of decoding for that of showing; these are put right
        self._waiting: list[int] | None = [] if video.container.format.name == "avi" else None

    @property
    def step(self) -> Fraction:
        """For how long a frame is shown, in seconds, on average."""
        return self._step * self._unit

    def seconds(self, frame: "VideoFrame") -> Fraction:
        """Timestamp of a decoded frame in seconds."""
        assert frame.pts is not None  # of `frames_of`
        return frame.pts * self._unit

    def frames_of(self, packet: "Packet[Any]", damage: Damage) -> list["VideoFrame"]:
        """The frames that a packet completes."""
        frames = self._decode(packet, damage)
        if self._waiting is not None and frames is not None and packet.size and packet.pts is not None:
            heapq.heappush(self._waiting, packet.pts)
        return self._timed(frames or [], damage)

    def frames_left(self, damage: Damage) -> list["VideoFrame"]:
        """The frames that are not yet shown; what follows does not go on from them, nor is sorted among them."""
        frames = self._decode(None, damage)
        self._video.codec_context.flush_buffers()
        return self._timed(frames or [], damage)

    def _decode(self, packet: "Packet[Any] | None", damage: Damage) -> list["VideoFrame"] | None:
        import av

        try:
            return self._video.decode(packet)
        except av.FFmpegError:
            # Decoders with several threads report it some packets later: the last frame says more than the packet
            damage.cannot_decode(seconds_of(self._last, self._unit), self.step)
            return None

    def _timed(self, frames: list["VideoFrame"], damage: Damage) -> list["VideoFrame"]:
        """The same frames; each has a time now, and damage is noted."""
        waiting = self._waiting
        for frame in frames:
            if waiting:
                # Packets that gave no frame left their times behind, and by them all later frames would be early
                late = self._step * _REORDERED if self._video.codec_context.has_b_frames else 0
                while frame.pts is not None and len(waiting) > 1 and waiting[0] < frame.pts - late:
                    heapq.heappop(waiting)
                frame.pts = heapq.heappop(waiting)
            if frame.pts is None:
                frame.pts = 0 if self._last is None else self._last + self._step
            self._last = frame.pts
            if frame.is_corrupt:
                damage.cannot_decode(self.seconds(frame), self.step)
        return frames
