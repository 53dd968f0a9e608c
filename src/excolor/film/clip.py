"""Clips: video files, decoded frame by frame without a way through RGB."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from excolor.batch.stop import Stop
from excolor.errors import FilmError
from excolor.film.damage import Damage
from excolor.film.decoding import decoded, opened, video_of
from excolor.film.joins import Join, find_joins
from excolor.film.orientation import Orientation
from excolor.film.package import check_av
from excolor.film.planes import MATRICES, PlaneFormat
from excolor.film.rest import Rest, not_one

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream

UNSPECIFIED = 2  # color space, primaries and transfer, in FFmpeg's numbers
FULL = 2  # color range
_HDR = {16: "PQ", 18: "HLG"}  # transfer
_HD_WIDTH, _SD_HEIGHT = 1280, 576  # as wide as this or higher than that, untagged streams are BT.709, as for mpv
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

    @classmethod
    def of(cls, frame: "VideoFrame") -> "ClipTags":
        """Those of a decoded frame; FFmpeg's formats yuvj... are full range, whatever else is said."""
        levels = FULL if frame.format.name.startswith("yuvj") else int(frame.color_range)
        return cls(int(frame.colorspace), levels, int(frame.color_primaries), int(frame.color_trc))


@dataclass(frozen=True)
class DecodedFrame:
    """A frame as it was decoded.

    Attributes:
        pts: when it is shown, in units of the stream's time base.
        seconds: likewise, from the first frame of the clip on.
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
        orientation: how frames are shown.
        planes: what samples mean.
        chroma: of the stream: "420", "422", ..., or "gray".
        tags: of its colors.
        time_base: seconds of a unit of time.
        begin: timestamp of the first frame in seconds, from which all times are counted.
        rate: frames a second, on average.
        joins: where another part follows in the file, whose times begin anew.
        rest: what follows in the file and is no part of the clip.
        notes: what had to be assumed.
    """

    path: Path
    size: tuple[int, int]
    aspect: Fraction
    orientation: Orientation
    planes: PlaneFormat
    chroma: str
    tags: ClipTags
    time_base: Fraction
    begin: Fraction
    rate: Fraction
    joins: tuple[Join, ...]
    rest: Rest | None
    notes: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> "Clip":
        """Look at a file and its first frame; at all packets if it is a stream that may have been joined.

        Raises:
            MissingPackageError: PyAV is not installed.
            FilmError: it cannot be read, has no frames, is interlaced, or of a kind that cannot be colored.
        """
        check_av()
        with opened(path) as container:
            stream = video_of(container, path)
            first = next((f for _, frames in decoded(container, stream) for f in frames), None)
            if first is None:
                raise FilmError(f"{path}: there are no frames in it that can be decoded; copy it again from its source")
            if first.interlaced_frame:
                raise FilmError(interlaced(path))
            clip = cls._of(path, stream, first)
        with opened(path) as container:
            joins, rest = find_joins(container, video_of(container, path), path)
        return replace(clip._joined(joins), rest=rest)

    @classmethod
    def _of(cls, path: Path, stream: "VideoStream", frame: "VideoFrame") -> "Clip":
        chroma, bits = _layout(path, frame)
        tags, notes = _tags(path, frame, is_gray=chroma == "gray")
        steps = _STEPS["420" if chroma == "gray" else chroma]
        planes = PlaneFormat(bits, steps, MATRICES[tags.matrix], tags.range == FULL)
        orientation = Orientation.of(frame)
        if not orientation.is_right_angled:
            turned = "it is shown turned by other than quarter turns; colors are looked for in it as it is stored"
            notes = (*notes, turned)
        time_base = stream.time_base or Fraction(1, 1000)
        begin = (frame.pts or 0) * time_base
        rate = stream.average_rate or stream.guessed_rate or Fraction(24)
        # Some codecs say it only in their frames, the first of which has been decoded
        aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
        return cls(
            path,
            (frame.height, frame.width),
            aspect,
            orientation,
            planes,
            chroma,
            tags,
            time_base,
            begin,
            rate,
            (),
            None,
            notes,
        )

    def _joined(self, joins: tuple[Join, ...]) -> "Clip":
        """The same with these joins, which are noted."""
        if not joins:
            return self
        places = "1 place," if len(joins) == 1 else f"{len(joins)} places, the first"
        note = (
            f"its times go back or jump ahead at {places} near {float(joins[0].at - self.begin):.2f} s, as where clips "
            "were joined end to end: the parts are put one after the other"
        )
        return replace(self, joins=joins, notes=(*self.notes, note))

    def frames(
        self,
        start: float = 0,
        end: float | None = None,
        *,
        stop: Stop | None = None,
        damage: Damage | None = None,
        may_go_on: bool = False,
    ) -> Iterator[DecodedFrame]:
        """The frames shown from `start` on and before `end`, in seconds from the first frame, in order.

        Args:
            start: 0 leaves out none.
            end: None for the end of the clip.
            stop: ends it between packets.
            damage: to be filled with what is found.
            may_go_on: whether more may follow in the file than the clip, of which the frames are given then.

        Raises:
            FilmError: the clip cannot be read any more, its frames change in size or kind, or it ends before its file.
            StoppedError: a stop was asked for.
        """
        if end is None and not may_go_on:
            self.check_end()
        with opened(self.path) as container:
            stream = video_of(container, self.path)
            # Whether the file ends early, all streams say together
            later = () if self.rest is None else self.rest.streams
            others = () if damage is None else (one.index for one in container.streams if one.index not in later)
            for _, frames in decoded(container, stream, joins=self.joins, others=others, stop=stop, damage=damage):
                for frame in frames:
                    assert frame.pts is not None  # of `decoded`
                    if is_after(self.seconds(frame.pts, self.time_base), end):
                        return
                    one = self.of_frame(frame)
                    if not is_before(one.seconds, start):
                        yield one
        if not may_go_on:
            self.check_end()

    def check_end(self) -> None:
        """Raise FilmError if more follows in the file than the clip."""
        if self.rest is not None:
            raise FilmError(not_one(self.path, self.rest))

    def shift(self, start: float) -> Fraction:
        """Seconds that all times in the result of a part lie earlier than in the clip.

        A part begins at 0, and so does a clip that begins before 0: containers move such times by themselves, or hide
        what is shown there, as MP4 does.
        """
        return Fraction(start) + self.begin if start > 0 else min(self.begin, Fraction(0))

    def seconds(self, timestamp: int, time_base: Fraction) -> float:
        """When something is shown, from the first frame on, by its timestamp in any stream."""
        return float(timestamp * time_base - self.begin)

    def of_frame(self, frame: "VideoFrame") -> DecodedFrame:
        """What is used of a decoded frame. Raises FilmError if its size or kind is not that of the first."""
        if (frame.height, frame.width) != self.size or _layout(self.path, frame) != (self.chroma, self.planes.bits):
            raise FilmError(f"{self.path}: its frames change in size or kind on the way; split it there first")
        pts = frame.pts
        assert pts is not None  # `decoded` gives each a time
        return DecodedFrame(pts, self.seconds(pts, self.time_base), samples_of(frame, 0), frame.interlaced_frame)


def is_before(seconds: float, start: float) -> bool:
    """Whether a time comes before a part that begins at `start`; nothing comes before one that begins at 0."""
    return start > 0 and seconds < start


def is_after(seconds: float, end: float | None) -> bool:
    """Whether a time comes after a part that ends before `end`."""
    return end is not None and seconds >= end


def samples_of(frame: "VideoFrame", plane: int) -> np.ndarray:
    """The samples (H, W) of a plane of a decoded frame, or of one that is to be encoded; they share its memory."""
    buffer = frame.planes[plane]
    wide = frame.format.components[plane].bits > 8
    samples = np.frombuffer(memoryview(buffer), np.uint16 if wide else np.uint8)
    rows: np.ndarray = samples.reshape(buffer.height, -1)[:, : buffer.width]
    return rows


def interlaced(path: Path) -> str:
    """The message for what is not made of whole frames."""
    return (
        f"{path} is interlaced: its frames are two fields each; deinterlace it first, for example with: "
        f"{_ffmpeg(path, '-vf bwdif', 'progressive')}"
    )


def unordered(clip: Clip, seconds: float) -> str:
    """The message for a clip whose frames do not follow each other in time, of which one is at `seconds`."""
    count = f"N*{clip.rate.denominator}" if clip.rate.denominator > 1 else "N"
    times = shlex.quote(f"setpts={count}/{clip.rate.numerator}/TB")
    return (
        f"{clip.path}: its times go back, or stand still, at {seconds:.2f} s, so that its frames have no order; give "
        f"them new ones, for example with: {_ffmpeg(clip.path, f'-vf {times}', 'in-order')}"
    )


def _ffmpeg(path: Path, options: str, suffix: str) -> str:
    """A command for a shell that makes another clip of one."""
    made = shlex.quote(f"{path.stem}-{suffix}.mkv")
    return f"ffmpeg -i {shlex.quote(path.name)} {options} -c:v ffv1 -c:a copy {made}"


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
        f"{_ffmpeg(path, '-pix_fmt yuv444p', 'yuv')}"
    )


def _tags(path: Path, frame: "VideoFrame", *, is_gray: bool) -> tuple[ClipTags, tuple[str, ...]]:
    """The tags of a frame, with what is missing assumed, and notes of that."""
    notes = []
    said = ClipTags.of(frame)
    matrix, color_range = said.matrix, said.range
    if hdr := _HDR.get(said.transfer):
        raise FilmError(f"{path} is HDR video ({hdr}), which cannot be colored; convert it to SDR first")
    if matrix in (UNSPECIFIED, 0) or (is_gray and matrix not in MATRICES):
        is_hd = frame.width >= _HD_WIDTH or frame.height > _SD_HEIGHT
        matrix = _BT709 if is_hd else _BT601
        if not is_gray:
            notes.append(f"it has no tag of its color matrix: BT.{709 if is_hd else 601} is assumed for its size")
    if matrix not in MATRICES:
        raise FilmError(f"{path}: its color matrix (number {matrix}) is not supported; convert it to BT.709 first")
    if color_range == 0:
        color_range = FULL if is_gray else 1
        notes.append(f"it has no tag of its range of levels: {'full' if is_gray else 'limited'} range is assumed")
    return replace(said, matrix=matrix, range=color_range), tuple(notes)
