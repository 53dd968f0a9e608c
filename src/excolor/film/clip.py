"""Clips: video files, decoded frame by frame without a way through RGB."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from excolor.errors import FilmError
from excolor.film.package import check_av
from excolor.film.planes import MATRICES, PlaneFormat

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_UNSPECIFIED = 2  # color space, primaries and transfer, in FFmpeg's numbers
_FULL = 2  # color range
_HDR = {16: "PQ", 18: "HLG"}  # transfer
_HD = 720  # lines from which on untagged streams are taken for BT.709
_BT601, _BT709 = 6, 1

_STEPS = {"410": (4, 4), "411": (1, 4), "420": (2, 2), "422": (1, 2), "440": (2, 1), "444": (1, 1)}
"""Pixels (down, across) of a sample of chroma, by the usual names."""


@dataclass(frozen=True)
class ClipTags:
    """What a stream says about its colors, in FFmpeg's numbers; those of the matrix and range may be assumed."""

    matrix: int
    range: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class DecodedFrame:
    """A frame as it was decoded.

    Attributes:
        pts: when it is shown, in units of the stream's time base.
        seconds: likewise.
        samples: of Y, (H, W) uint8 or uint16.
        interlaced: whether it is two fields.
    """

    pts: int
    seconds: float
    samples: np.ndarray
    interlaced: bool


@dataclass(frozen=True)
class Clip:
    """A video file whose first video stream can be colored.

    Attributes:
        path: the file.
        size: (height, width) of frames as they are stored.
        aspect: width over height of a pixel.
        turns: quarter turns, counterclockwise, by which frames are shown rotated.
        planes: what samples mean.
        chroma: of the stream: "420", "422", ..., or "gray".
        tags: of its colors.
        time_base: seconds of a unit of time.
        rate: frames a second, on average.
        notes: what had to be assumed.
    """

    path: Path
    size: tuple[int, int]
    aspect: Fraction
    turns: int
    planes: PlaneFormat
    chroma: str
    tags: ClipTags
    time_base: Fraction
    rate: Fraction
    notes: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> "Clip":
        """Look at a file and its first frame.

        Raises:
            MissingPackageError: PyAV is not installed.
            FilmError: it cannot be read, has no frames, is interlaced, or of a kind that cannot be colored.
        """
        check_av()
        with opened(path) as container:
            stream = video_of(container, path)
            first = next((f for _, frames in decoded(container, stream, path) for f in frames), None)
            if first is None:
                raise FilmError(f"{path}: there are no frames in it that can be decoded; copy it again from its source")
            if first.interlaced_frame:
                raise FilmError(interlaced(path))
            return cls._of(path, stream, first)

    @classmethod
    def _of(cls, path: Path, stream: "VideoStream", frame: "VideoFrame") -> "Clip":
        chroma, bits = _layout(path, frame)
        tags, notes = _tags(path, frame, is_gray=chroma == "gray")
        steps = _STEPS["420" if chroma == "gray" else chroma]
        planes = PlaneFormat(bits, steps, MATRICES[tags.matrix], tags.range == _FULL)
        turns, rest = divmod(frame.rotation % 360, 90)
        if rest:
            notes = (*notes, f"it is shown rotated by {frame.rotation}°; colors are looked for in it as it is stored")
        time_base = stream.time_base or Fraction(1, 1000)
        rate = stream.average_rate or stream.guessed_rate or Fraction(24)
        # Some codecs say it only in their frames, the first of which has been decoded
        aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
        return cls(path, (frame.height, frame.width), aspect, turns, planes, chroma, tags, time_base, rate, notes)

    def frames(self, start: float = 0, end: float | None = None) -> Iterator[DecodedFrame]:
        """The frames shown from `start` on and before `end`, in seconds, in order.

        Raises:
            FilmError: the clip cannot be read any more, or its frames change in size or kind.
        """
        with opened(self.path) as container:
            stream = video_of(container, self.path)
            for _, frames in decoded(container, stream, self.path):
                for frame in frames:
                    one = self.of_frame(frame)
                    if one.seconds < start:
                        continue
                    if end is not None and one.seconds >= end:
                        return
                    yield one

    def of_frame(self, frame: "VideoFrame") -> DecodedFrame:
        """What is used of a decoded frame. Raises FilmError if its size or kind is not that of the first."""
        if (frame.height, frame.width) != self.size or _layout(self.path, frame) != (self.chroma, self.planes.bits):
            raise FilmError(f"{self.path}: its frames change in size or kind on the way; split it there first")
        pts = frame.pts
        assert pts is not None  # `decoded` gives each a time
        return DecodedFrame(pts, float(pts * self.time_base), samples_of(frame, 0), frame.interlaced_frame)


def samples_of(frame: "VideoFrame", plane: int) -> np.ndarray:
    """The samples (H, W) of a plane of a decoded frame, or of one that is to be encoded; they share its memory."""
    buffer = frame.planes[plane]
    wide = frame.format.components[plane].bits > 8
    samples = np.frombuffer(memoryview(buffer), np.uint16 if wide else np.uint8)
    rows: np.ndarray = samples.reshape(buffer.height, -1)[:, : buffer.width]
    return rows


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
    container: "InputContainer", video: "VideoStream", path: Path, *, others: bool = False
) -> Iterator[tuple["Packet[Any]", list["VideoFrame"]]]:
    """Each packet, and the frames that it completes if it is of the video; each frame has a time.

    Packets that cannot be decoded are passed over: a damaged place costs its frames, not the clip.

    Args:
        container: at its beginning.
        video: its stream.
        path: for messages.
        others: read the packets of other streams as well.
    """
    import av

    last: int | None = None
    step = max(1, round(1 / ((video.average_rate or Fraction(24)) * (video.time_base or Fraction(1, 1000)))))
    packets: Iterator[Packet[Any]] = container.demux() if others else container.demux(video)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):  # cut short: what was read before counts
            return
        if packet is None:
            return
        frames = []
        if packet.stream.index == video.index:
            try:
                frames = packet.decode()
            except av.FFmpegError:
                frames = []
        for frame in frames:
            if frame.pts is None:
                frame.pts = 0 if last is None else last + step
            last = frame.pts
        yield packet, frames


def interlaced(path: Path) -> str:
    """The message for what is not made of whole frames."""
    return (
        f"{path} is interlaced: its frames are two fields each; deinterlace it first, for example with: "
        f"ffmpeg -i {path.name} -vf bwdif -c:v ffv1 -c:a copy {path.stem}-progressive.mkv"
    )


def _layout(path: Path, frame: "VideoFrame") -> tuple[str, int]:
    """How chroma is stored, and the bits of a sample. Raises FilmError if that cannot be written."""
    name = frame.format.name
    bits = frame.format.components[0].bits
    if name.startswith("gray") and name.endswith(("gray", "le", "gray8")) and bits <= 16 and "f" not in name:
        return "gray", bits
    kind = name.removeprefix("yuvj").removeprefix("yuv")
    chroma, p, depth = kind[:3], kind[3:4], kind[4:]
    if name.startswith("yuv") and chroma in _STEPS and p == "p" and depth in ("", f"{bits}le"):
        return chroma, bits
    raise FilmError(
        f"{path}: its frames are stored as {name}, which cannot be colored; convert them, for example with: "
        f"ffmpeg -i {path.name} -pix_fmt yuv444p -c:v ffv1 -c:a copy {path.stem}-yuv.mkv"
    )


def _tags(path: Path, frame: "VideoFrame", *, is_gray: bool) -> tuple[ClipTags, tuple[str, ...]]:
    """The tags of a frame, with what is missing assumed, and notes of that."""
    notes = []
    matrix, color_range = int(frame.colorspace), int(frame.color_range)
    primaries, transfer = int(frame.color_primaries), int(frame.color_trc)
    if transfer in _HDR:
        raise FilmError(f"{path} is HDR video ({_HDR[transfer]}), which cannot be colored; convert it to SDR first")
    if matrix in (_UNSPECIFIED, 0) or (is_gray and matrix not in MATRICES):
        is_hd = min(frame.width, frame.height) >= _HD
        matrix = _BT709 if is_hd else _BT601
        if not is_gray:
            notes.append(f"it has no tag of its color matrix: BT.{709 if is_hd else 601} is assumed for its size")
    if matrix not in MATRICES:
        raise FilmError(f"{path}: its color matrix (number {matrix}) is not supported; convert it to BT.709 first")
    if frame.format.name.startswith("yuvj"):
        color_range = _FULL
    if color_range == 0:
        color_range = _FULL if is_gray else 1
        notes.append(f"it has no tag of its range of levels: {'full' if is_gray else 'limited'} range is assumed")
    return ClipTags(matrix, color_range, primaries, transfer), tuple(notes)
