"""The result of a clip: its own Y with new U and V, encoded, and all its other streams as they are."""

import errno
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.batch.stop import Stop
from excolor.errors import FilmError, OutputError
from excolor.film.clip import is_after, is_before
from excolor.film.decoding import decoded, opened, video_of
from excolor.film.layout import MATROSKA, Layout, chapters_of
from excolor.photo.files import new_file

if TYPE_CHECKING:
    from av import FFmpegError, Packet, VideoFrame
    from av.container import InputContainer, OutputContainer


def write(
    layout: Layout,
    chroma: Iterator[bytes],
    output: Path,
    *,
    start: float,
    end: float | None,
    overwrite: bool,
    lost: Counter[tuple[int, str]] | None = None,
    stop: Stop | None = None,
) -> Iterator[int]:
    """Write the result, whole or not at all; yields 1 for each frame.

    Args:
        layout: what goes into it; see `excolor.film.trial.find_layout`.
        chroma: samples of U, then V, of each frame shown from `start` on and before `end`.
        output: the file, in the container that its suffix says.
        start: in seconds; what is kept is moved to begin at 0 if this is above 0.
        end: in seconds.
        overwrite: replace a file of this name.
        lost: to be filled with the packets that could not be copied, by numbers and types of their streams.
        stop: ends it, with nothing written.

    Raises:
        OutputError: it cannot be written there.
        FilmError: the clip cannot be read any more, or has not as many frames as there are chroma planes.
        StoppedError: a stop was asked for.
    """
    import av

    try:
        with new_file(output, overwrite=overwrite) as file, opened(layout.clip.path) as source:
            with av.open(file, "w", format=layout.container) as result:
                remux = _Remux(layout, source, result, start, end, Counter() if lost is None else lost)
                yield from remux.run(chroma, stop)
            layout.finish(file, remux.title)
    except av.FFmpegError as error:
        raise OutputError(
            f"cannot write {output}: {error.strerror or error}; {_way_out(error)}", settings=("output",)
        ) from error


def _way_out(error: "FFmpegError") -> str:
    """What can be done after an error of writing."""
    if error.errno in (errno.EINVAL, errno.ERANGE, errno.ENOSYS):
        return "this container does not take what is in the clip: choose another suffix"
    return "the colors are kept, and are used if you give the same command again"


class _Remux:
    """One pass through a clip, in which each packet is copied or replaced."""

    def __init__(
        self,
        layout: Layout,
        source: "InputContainer",
        result: "OutputContainer",
        start: float,
        end: float | None,
        lost: Counter[tuple[int, str]],
    ) -> None:
        self._layout, self._source, self._result = layout, source, result
        self._start, self._end = start, end
        self._video = video_of(source, layout.clip.path)
        self.title = self._video.metadata.get("title", "")
        """Of the video stream."""
        self._encoded = layout.add_video(result, self._video)
        self._copied = layout.add_streams(result, source)
        self._lost = lost
        self._last: dict[int, int] = {}  # decoding times of copied packets, by streams of the clip

    def run(self, chroma: Iterator[bytes], stop: Stop | None) -> Iterator[int]:
        """All of it; see `write`."""
        layout, clip = self._layout, self._layout.clip
        layout.describe(self._result, self._source)
        self._result.set_chapters(chapters_of(self._source, clip, self._start, self._end))
        self._result.mux(layout.cover_packets(self._copied))
        copied = self._copied.keys() - layout.covers.keys()
        read = decoded(self._source, self._video, joins=clip.joins, others=copied, is_over=self._is_over, stop=stop)
        for packet, frames in read:
            for frame in frames:
                one = clip.of_frame(frame)
                if not is_before(one.seconds, self._start):
                    planes = next(chroma, None)
                    if planes is None:
                        raise self._changed()
                    self._result.mux(self._encoded.encode(self._colored(frame, planes, one.pts)))
                    yield 1
            if packet.stream.index in copied and packet.dts is not None and self._is_kept(packet):
                self._copy(packet)
        if next(chroma, None) is not None:
            raise self._changed()
        self._result.mux(self._encoded.encode(None))

    def _changed(self) -> FilmError:
        """What to raise so that no frame gets the colors of another."""
        return FilmError(
            f"{self._layout.clip.path}: not the same frames could be read as when their colors were found; "
            "check that nothing changes it, remove the hidden folder beside the result, and color it again"
        )

    def _is_over(self, timestamp: Fraction) -> bool:
        """Whether the part ends before what is shown at a time, in seconds."""
        return is_after(float(timestamp - self._layout.clip.begin), self._end)

    def _is_kept(self, packet: "Packet[Any]") -> bool:
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None or packet.time_base is None:
            return True
        seconds = self._layout.clip.seconds(at, packet.time_base)
        return not is_before(seconds, self._start) and not is_after(seconds, self._end)

    def _colored(self, frame: "VideoFrame", chroma: bytes, pts: int) -> "VideoFrame":
        return self._layout.colored(frame, chroma, pts - self._shift(self._layout.clip.time_base))

    def _copy(self, packet: "Packet[Any]") -> None:
        import av

        shift, number = self._shift(packet.time_base), packet.stream.index
        assert packet.dts is not None  # of `run`
        dts = packet.dts - shift
        if number in self._last:  # containers refuse what goes back
            is_strict = self._layout.container not in MATROSKA and packet.stream.type in ("audio", "video")
            dts = max(dts, self._last[number] + is_strict)
        packet.pts = None if packet.pts is None else max(packet.pts - shift, dts)
        packet.dts = self._last[number] = dts
        packet = _without_header(packet)
        kind, packet.stream = packet.stream.type, self._copied[number]
        try:
            self._result.mux(packet)
        except (av.InvalidDataError, av.ArgumentError):  # a damaged one costs itself, not the result
            self._lost[number, kind] += 1

    def _shift(self, time_base: Fraction) -> int:
        return round(self._layout.clip.shift(self._start) / time_base)


def _without_header(packet: "Packet[Any]") -> "Packet[Any]":
    """The same packet without another header of its stream.

    FLV can have it, and FFmpeg's muxer of Matroska writes it over the first one and what follows that.
    """
    import av

    if not packet.has_sidedata("new_extradata"):
        return packet
    copy: Packet[Any] = av.Packet(bytes(packet))
    for data in packet.iter_sidedata():
        if data.data_type != "new_extradata":
            copy.set_sidedata(data)
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.time_base, copy.stream, copy.is_keyframe = packet.time_base, packet.stream, packet.is_keyframe
    return copy
