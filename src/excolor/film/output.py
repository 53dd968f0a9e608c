"""The result of a clip: its own Y with new U and V, encoded, and all its other streams as they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from excolor.batch.stop import Stop
from excolor.errors import FilmError, OutputError, PlanError
from excolor.film.clip import Clip, decoded, is_after, is_before, opened, samples_of, video_of
from excolor.film.matroska import padded, set_pixel_aspect
from excolor.film.planes import PlaneFormat
from excolor.photo.files import new_file

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.stream import AttachmentStream, Stream
    from av.video.stream import VideoStream

CodecName = Literal["ffv1", "h264", "hevc", "vp9", "prores"]
CODECS: tuple[CodecName, ...] = get_args(CodecName)
Chroma = Literal["420", "422", "444"]
CHROMAS: tuple[Chroma, ...] = get_args(Chroma)

CONTAINERS = {".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".webm": "webm", ".nut": "nut", ".avi": "avi"}
"""FFmpeg's names of containers by the suffixes of files."""

_MATROSKA = ("matroska", "webm")
_SQUARE_ONLY = ("nut", "avi")  # as far as FFmpeg's muxers are told
_SAYS_ASPECT = ("h264", "hevc")  # whose own headers tell the shape of pixels, whatever the container


@dataclass(frozen=True)
class _Encoder:
    name: str
    options: Mapping[str, str]
    crf: int | None  # the default


_ENCODERS: Mapping[CodecName, _Encoder] = {
    # Every frame is a key frame and has checksums, as archives want it
    "ffv1": _Encoder("ffv1", {"level": "3", "g": "1", "slicecrc": "1"}, None),
    "h264": _Encoder("libx264", {"preset": "medium"}, 16),
    "hevc": _Encoder("libx265", {"preset": "medium", "x265-params": "log-level=error"}, 18),
    "vp9": _Encoder("libvpx-vp9", {"b": "0", "row-mt": "1"}, 20),
    "prores": _Encoder("prores_ks", {}, None),
}
_MOST_CRF = {"h264": 51, "hevc": 51, "vp9": 63}


@dataclass(frozen=True)
class Encoding:
    """How the result is encoded.

    Attributes:
        codec: "ffv1" loses nothing.
        crf: quality of h264, hevc and vp9: lower is better; None for the default, which hardly shows a loss.
        chroma: "420", "422" or "444"; None as the clip has it, or "420" for a gray one.
    """

    codec: CodecName = "ffv1"
    crf: int | None = None
    chroma: Chroma | None = None

    def __post_init__(self) -> None:
        most = _MOST_CRF.get(self.codec)
        if self.crf is not None and most is None:
            raise PlanError(f"{self.codec} has no quality to be chosen; leave it out", settings=("crf",))
        if self.crf is not None and most is not None and self.crf > most:
            raise PlanError(f"the quality is {self.crf} and at most {most} for {self.codec}", settings=("crf",))


@dataclass(frozen=True)
class Target:
    """The form of the frames that are written: FFmpeg's pixel format, what its samples mean, and Y's shift to it."""

    pix_fmt: str
    planes: PlaneFormat
    shift: int


def target(clip: Clip, encoding: Encoding, output: Path) -> Target:
    """The form of frames for a clip, an encoding and a container.

    Raises:
        PlanError: the codec or the container cannot hold them.
    """
    import av

    suffix = output.suffix.lower()
    if suffix not in CONTAINERS:
        raise PlanError(f"{output}: end its name in one of {', '.join(CONTAINERS)}", settings=("output",))
    chroma = encoding.chroma or (clip.chroma if clip.chroma != "gray" else "420")
    codec = av.Codec(_ENCODERS[encoding.codec].name, "w")
    formats = {one.name for one in codec.video_formats or ()}
    with av.open(_Nowhere(), "w", format=CONTAINERS[suffix]) as container:
        if codec.name not in container.supported_codecs:
            raise PlanError(
                f"{output}: this container cannot hold {encoding.codec}; use another suffix or codec",
                settings=("output", "codec"),
            )
    depths = [bits for bits in range(clip.planes.bits, 17) if f"yuv{chroma}p{_ending(bits)}" in formats]
    if not depths:
        raise PlanError(
            f"{encoding.codec} cannot hold {clip.planes.bits} bits with 4:{chroma[1]}:{chroma[2]} chroma; "
            "choose another codec, or chroma of another resolution",
            settings=("codec", "chroma"),
        )
    steps = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}.get(chroma, clip.planes.chroma_step)
    if encoding.codec in ("h264", "hevc") and any(side % step for side, step in zip(clip.size, steps, strict=True)):
        raise PlanError(
            f"{encoding.codec} cannot hold an odd size with this chroma; use 444, or the codec ffv1",
            settings=("chroma", "codec"),
        )
    planes = replace(clip.planes, bits=depths[0], chroma_step=steps)
    return Target(f"yuv{chroma}p{_ending(depths[0])}", planes, depths[0] - clip.planes.bits)


def write(
    clip: Clip,
    chroma: Iterator[bytes],
    output: Path,
    encoding: Encoding,
    *,
    start: float,
    end: float | None,
    overwrite: bool,
    stop: Stop | None = None,
) -> Iterator[str | int]:
    """Write the result, whole or not at all; yields notes, and 1 for each frame.

    Args:
        clip: whose Y, other streams and tags are kept.
        chroma: samples of U, then V, of each frame shown from `start` on and before `end`.
        output: the file, in the container that its suffix says.
        encoding: how.
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

    form, container = target(clip, encoding, output), CONTAINERS[output.suffix.lower()]
    try:
        with new_file(output, overwrite=overwrite) as file, opened(clip.path) as source:
            with av.open(file, "w", format=container) as result:
                remux = _Remux(clip, form, encoding, source, result, start, end)
                yield from remux.run(chroma, stop)
            if clip.aspect != 1 and container in _MATROSKA:
                set_pixel_aspect(file, clip.aspect, clip.size, remux.title, only_pixels=container == "webm")
    except av.FFmpegError as error:
        raise OutputError(
            f"cannot write {output}: {error.strerror or error}; try another codec or suffix",
            settings=("codec", "output"),
        ) from error


class _Remux:
    """One pass through a clip, in which each packet is copied or replaced."""

    def __init__(
        self,
        clip: Clip,
        form: Target,
        encoding: Encoding,
        source: "InputContainer",
        result: "OutputContainer",
        start: float,
        end: float | None,
    ) -> None:
        self._clip, self._form = clip, form
        self._source, self._result = source, result
        self._start, self._end = start, end
        self._shift = Fraction(start) + clip.begin
        self._video = video_of(source, clip.path)
        self.title = self._video.metadata.get("title", "")
        """Of the video track."""
        self._codec = encoding.codec
        self._encoded = self._new_video(encoding)
        self._copied: dict[int, Stream] = {}

    def run(self, chroma: Iterator[bytes], stop: Stop | None) -> Iterator[str | int]:
        """All of it; see `write`."""
        yield from self._add_others()
        self._result.metadata.update(self._source.metadata)
        self._result.metadata.pop("encoder", None)
        if self._start == 0 and self._end is None:
            self._result.set_chapters(self._source.chapters())
        is_over = False  # as `Clip.frames` ends with the first frame after the part
        for packet, frames in decoded(self._source, self._video, self._clip.path, others=True, stop=stop):
            for frame in frames:
                seconds = self._clip.of_frame(frame).seconds
                is_over = is_over or is_after(seconds, self._end)
                if not is_over and not is_before(seconds, self._start):
                    planes = next(chroma, None)
                    if planes is None:
                        raise self._changed()
                    self._result.mux(self._encoded.encode(self._colored(frame, planes)))
                    yield 1
            if packet.stream.index in self._copied and packet.dts is not None and self._is_kept(packet):
                self._copy(packet)
        if next(chroma, None) is not None:
            raise self._changed()
        self._result.mux(self._encoded.encode(None))

    def _changed(self) -> FilmError:
        """What to raise so that no frame gets the colors of another."""
        return FilmError(
            f"{self._clip.path}: not the same frames could be read as when their colors were found; "
            "check that nothing changes it, remove the hidden folder beside the result, and color it again"
        )

    def _is_kept(self, packet: "Packet[Any]") -> bool:
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None or packet.time_base is None:
            return True
        seconds = self._clip.seconds(at, packet.time_base)
        return not is_before(seconds, self._start) and not is_after(seconds, self._end)

    def _new_video(self, encoding: Encoding) -> "VideoStream":
        """The stream of the result, with the tags of the clip's."""
        clip, form, encoder = self._clip, self._form, _ENCODERS[encoding.codec]
        options = dict(encoder.options)
        crf = encoder.crf if encoding.crf is None else encoding.crf
        if crf is not None:
            options["crf"] = str(crf)
        if encoding.codec == "prores":
            options["profile"] = "4" if "444" in form.pix_fmt else "3"
        stream = cast("VideoStream", self._result.add_stream(encoder.name, rate=clip.rate, options=options))
        stream.width, stream.height, stream.pix_fmt = clip.size[1], clip.size[0], form.pix_fmt
        stream.time_base = stream.codec_context.time_base = clip.time_base
        stream.codec_context.sample_aspect_ratio = clip.aspect
        context = stream.codec_context
        context.colorspace, context.color_range = clip.tags.matrix, clip.tags.range
        context.color_primaries, context.color_trc = clip.tags.primaries, clip.tags.transfer
        if clip.turns:
            stream.set_display_rotation(90 * clip.turns)
        _describe(stream, self._video)
        if clip.aspect != 1 and self._result.format.name in _MATROSKA:
            stream.metadata["title"] = padded(self.title)
        return stream

    def _add_others(self) -> Iterator[str]:
        """Streams for all others of the clip; yields what the container cannot hold."""
        if self._clip.aspect != 1 and self._result.format.name in _SQUARE_ONLY and self._codec not in _SAYS_ASPECT:
            yield (
                "its pixels are not square, which is lost in this container; choose .mkv, .mov or .mp4, "
                f"or one of the codecs {' and '.join(_SAYS_ASPECT)}"
            )
        chapter_text = self._chapter_text()
        for stream in self._source.streams:
            if stream.index in (self._video.index, chapter_text):
                continue
            try:
                if stream.type == "attachment":
                    attachment = cast("AttachmentStream", stream)
                    kind, name = attachment.mimetype or "application/octet-stream", attachment.name or "attachment"
                    self._result.add_attachment(name, kind, attachment.data)
                    continue
                if stream.type == "data" and self._result.format.name in _MATROSKA:
                    raise ValueError("no data streams")  # noqa: TRY301 - found out only when the header is written
                copy = self._result.add_stream_from_template(stream, opaque=True)
            except (ValueError, AttributeError):
                yield (
                    f"its stream {stream.index} ({stream.type}) cannot be held by this container and is left out; "
                    "choose another suffix to keep it"
                )
                continue
            _describe(copy, stream)
            self._copied[stream.index] = copy

    def _chapter_text(self) -> int | None:
        """The stream in which MP4 and MOV files hold the titles of chapters, which are copied as chapters."""
        if "mp4" not in self._source.format.name or not self._source.chapters():
            return None
        texts = (one.index for one in self._source.streams if one.type == "data" and one.name == "bin_data")
        return next(texts, None)

    def _copy(self, packet: "Packet[Any]") -> None:
        if self._start > 0:
            shift = round(self._shift / packet.time_base)
            packet.dts = None if packet.dts is None else packet.dts - shift
            packet.pts = None if packet.pts is None else packet.pts - shift
        packet.stream = self._copied[packet.stream.index]
        self._result.mux(packet)

    def _colored(self, frame: "VideoFrame", chroma: bytes) -> "VideoFrame":
        """A frame with the Y of another, and these samples of U, then V."""
        import av

        form, clip = self._form, self._clip
        colored = av.VideoFrame(clip.size[1], clip.size[0], form.pix_fmt)
        samples = samples_of(frame, 0)
        samples_of(colored, 0)[...] = samples.astype(form.planes.dtype) << form.shift if form.shift else samples
        height, width = form.planes.chroma_size(clip.size)
        u, v = np.frombuffer(chroma, form.planes.dtype).reshape(2, height, width)
        samples_of(colored, 1)[...], samples_of(colored, 2)[...] = u, v
        assert frame.pts is not None  # `decoded` gives each a time
        colored.pts = frame.pts - (round(self._shift / clip.time_base) if self._start > 0 else 0)
        colored.time_base = clip.time_base
        colored.colorspace, colored.color_range = clip.tags.matrix, clip.tags.range
        colored.color_primaries, colored.color_trc = clip.tags.primaries, clip.tags.transfer
        return colored


def _describe(copy: "Stream", stream: "Stream") -> None:
    """Give a stream the metadata and the disposition of another."""
    copy.metadata.update({key: value for key, value in stream.metadata.items() if key not in _OF_THE_ENCODER})
    copy.disposition = stream.disposition


_OF_THE_ENCODER = ("encoder", "DURATION", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS_TAGS")


def _ending(bits: int) -> str:
    return "" if bits == 8 else f"{bits}le"


class _Nowhere:
    """A file that keeps nothing, to ask a container what it can hold."""

    def write(self, data: bytes) -> int:
        return len(data)

    def seek(self, offset: int, _whence: int = 0) -> int:
        return offset

    def tell(self) -> int:
        return 0
