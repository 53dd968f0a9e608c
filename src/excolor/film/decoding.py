"""Reading a file: packets of its streams in the order of the file, and the frames of its video."""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.batch.stop import Stop
from excolor.errors import FilmError
from excolor.film.damage import Damage

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_REORDERED = 4  # frames that may come before one that is shown earlier


@contextmanager
def opened(path: Path) -> Iterator["InputContainer"]:
    """A file while it is read. Raises FilmError if it cannot be."""
    import av

    try:
        container = av.open(str(path), metadata_errors="replace")
    except FileNotFoundError as error:
        raise FilmError(f"{path}: no such file; check the path") from error
    except (av.FFmpegError, OSError) as error:
        raise FilmError(
            f"cannot read {path}: it is not a video, or its beginning or end is missing; copy it again from its source"
        ) from error
    with container:
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
    path: Path,
    *,
    others: bool = False,
    stop: Stop | None = None,
    damage: Damage | None = None,
) -> Iterator[tuple["Packet[Any]", list["VideoFrame"]]]:
    """Each packet, and the frames that it completes if it is of the video; each frame has a time.

    Packets that cannot be decoded are passed over: a damaged place costs its frames, not the clip.

    Args:
        container: at its beginning.
        video: its stream.
        path: for messages.
        others: read the packets of other streams as well.
        stop: ends it between packets.
        damage: to be filled with what is found.

    Raises:
        StoppedError: a stop was asked for.
    """
    import av

    stop, damage = stop or Stop(), damage or Damage(Fraction(0))
    last: int | None = None
    step = max(1, round(1 / ((video.average_rate or Fraction(24)) * (video.time_base or Fraction(1, 1000)))))
    # AVI has no times, and FFmpeg takes the order of decoding for that of showing; these are put right
    waiting: list[int] | None = [] if container.format.name == "avi" else None
    packets: Iterator[Packet[Any]] = container.demux() if others else container.demux(video)
    while True:
        stop.check()
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):  # cut short: what was read before counts
            damage.ended(container, is_cut=True)
            return
        if packet is None:
            damage.ended(container, is_cut=False)
            return
        damage.saw(packet)
        frames = []
        is_damaged = False
        if packet.stream.index == video.index:
            is_damaged = packet.is_corrupt  # transport streams count their packets, and some are missing
            try:
                frames = packet.decode()
            except av.FFmpegError:
                is_damaged = True
            else:
                if waiting is not None and packet.size and packet.pts is not None:
                    heapq.heappush(waiting, packet.pts)
        for frame in frames:
            if waiting:
                # Packets that gave no frame left their times behind, and by them all later frames would be early
                late = step * _REORDERED if video.codec_context.has_b_frames else 0
                while frame.pts is not None and len(waiting) > 1 and waiting[0] < frame.pts - late:
                    heapq.heappop(waiting)
                frame.pts = heapq.heappop(waiting)
            if frame.pts is None:
                frame.pts = 0 if last is None else last + step
            last = frame.pts
        if is_damaged or any(frame.is_corrupt for frame in frames):
            damage.cannot_decode(None if last is None or video.time_base is None else last * video.time_base)
        yield packet, frames
