"""The result of a clip: its own Y with new U and V, encoded, and all its other streams as they are."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.batch.stop import Stop
from excolor.errors import FilmError, OutputError
from excolor.film.clip import is_after, is_before
from excolor.film.decoding import decoded, opened, video_of
from excolor.film.layout import Layout, chapters_of
from excolor.photo.files import new_file

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer, OutputContainer


def write(
    layout: Layout,
    chroma: Iterator[bytes],
    output: Path,
    *,
    start: float,
    end: float | None,
    overwrite: bool,
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
                remux = _Remux(layout, source, result, start, end)
                yield from remux.run(chroma, stop)
            layout.finish(file, remux.title)
    except av.FFmpegError as error:
        raise OutputError(
            f"cannot write {output}: {error.strerror or error}; the colors are kept, and are used if you give the same "
            "command again",
            settings=("output",),
        ) from error


class _Remux:
    """One pass through a clip, in which each packet is copied or replaced."""

    def __init__(
        self, layout: Layout, source: "InputContainer", result: "OutputContainer", start: float, end: float | None
    ) -> None:
        self._layout, self._source, self._result = layout, source, result
        self._start, self._end = start, end
        self._video = video_of(source, layout.clip.path)
        self.title = self._video.metadata.get("title", "")
        """Of the video stream."""
        self._encoded = layout.add_video(result, self._video)
        self._copied = layout.add_streams(result, source)

    def run(self, chroma: Iterator[bytes], stop: Stop | None) -> Iterator[int]:
        """All of it; see `write`."""
        layout, clip = self._layout, self._layout.clip
        layout.describe(self._result, self._source)
        self._result.set_chapters(chapters_of(self._source, clip.begin, self._start, self._end))
        self._result.mux(layout.cover_packets(self._copied))
        is_over = False  # as `Clip.frames` ends with the first frame after the part
        for packet, frames in decoded(self._source, self._video, clip.path, others=True, stop=stop):
            for frame in frames:
                assert frame.pts is not None  # of `decoded`
                is_over = is_over or is_after(clip.seconds(frame.pts, clip.time_base), self._end)
                if is_over:  # what is not colored may be of another size
                    continue
                one = clip.of_frame(frame)
                if not is_before(one.seconds, self._start):
                    planes = next(chroma, None)
                    if planes is None:
                        raise self._changed()
                    self._result.mux(self._encoded.encode(self._colored(frame, planes, one.pts)))
                    yield 1
            number = packet.stream.index
            is_copied = number in self._copied and number not in layout.covers and packet.dts is not None
            if is_copied and self._is_kept(packet):
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

    def _is_kept(self, packet: "Packet[Any]") -> bool:
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None or packet.time_base is None:
            return True
        seconds = self._layout.clip.seconds(at, packet.time_base)
        return not is_before(seconds, self._start) and not is_after(seconds, self._end)

    def _colored(self, frame: "VideoFrame", chroma: bytes, pts: int) -> "VideoFrame":
        return self._layout.colored(frame, chroma, pts - self._shift(self._layout.clip.time_base))

    def _copy(self, packet: "Packet[Any]") -> None:
        shift = self._shift(packet.time_base)
        packet.dts = None if packet.dts is None else packet.dts - shift
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.stream = self._copied[packet.stream.index]
        self._result.mux(packet)

    def _shift(self, time_base: Fraction) -> int:
        return round((Fraction(self._start) + self._layout.clip.begin) / time_base) if self._start > 0 else 0
