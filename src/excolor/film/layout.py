"""What goes into a result: the video with its tags, and the streams beside it that its container holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from excolor.film.clip import Clip, ClipTags, samples_of
from excolor.film.encoding import ENCODERS, Encoding, Target
from excolor.film.matroska import padded, set_pixel_aspect
from excolor.film.orientation import Orientation

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.stream import AttachmentStream, Stream
    from av.video.stream import VideoStream

MATROSKA = ("matroska", "webm")
"""FFmpeg's names of containers in which attachments are no streams, and the shape of pixels is set at the end."""

_MOST = 100  # packets that are read to find pictures
_OF_THE_ENCODER = ("encoder", "DURATION", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS_TAGS")


@dataclass(frozen=True)
class Cover:
    """A picture that is attached to a clip: its file name and type, and its content."""

    name: str
    kind: str
    data: bytes


@dataclass(frozen=True)
class Layout:
    """What goes into a result.

    Attributes:
        clip: of which it is made.
        encoding: of the video.
        form: of its frames.
        container: FFmpeg's name of it.
        tags: of colors.
        orientation: how frames are shown.
        streams: numbers of the other streams of the clip that are copied.
        covers: its pictures, by the numbers of their streams.
        timecode: whether the timecode of its first frame is written.
    """

    clip: Clip
    encoding: Encoding
    form: Target
    container: str
    tags: ClipTags
    orientation: Orientation
    streams: tuple[int, ...]
    covers: Mapping[int, Cover]
    timecode: bool

    def add_video(self, result: "OutputContainer", video: "VideoStream") -> "VideoStream":
        """The stream of the colored frames, with the tags of the clip's."""
        clip, encoder = self.clip, ENCODERS[self.encoding.codec]
        options = dict(encoder.options)
        crf = encoder.crf if self.encoding.crf is None else self.encoding.crf
        if crf is not None:
            options["crf"] = str(crf)
        if self.encoding.codec == "prores":
            options["profile"] = "4" if self.form.chroma == "444" else "3"
        if self.container == "avi" and self.encoding.codec == "h264":
            options["bf"] = "0"  # it has no times, only an order
        stream = cast("VideoStream", result.add_stream(encoder.name, rate=clip.rate, options=options))
        stream.width, stream.height, stream.pix_fmt = clip.size[1], clip.size[0], self.form.pix_fmt
        context = stream.codec_context
        stream.time_base = context.time_base = clip.time_base
        context.sample_aspect_ratio = clip.aspect
        context.colorspace, context.color_range = self.tags.matrix, self.tags.range
        context.color_primaries, context.color_trc = self.tags.primaries, self.tags.transfer
        stream.set_display_matrix(self.orientation.matrix)
        _describe(stream, video)
        if not self.timecode:
            stream.metadata.pop("timecode", None)
        if self._is_aspect_set_later:
            stream.metadata["title"] = padded(video.metadata.get("title", ""))
        return stream

    def add_streams(self, result: "OutputContainer", source: "InputContainer") -> dict[int, "Stream"]:
        """Streams for the others of the clip; those that have packets, by their numbers in the clip.

        Raises:
            ValueError, AttributeError, av.FFmpegError: one of them is nothing that the container holds.
        """
        copied = {}
        for number in self.streams:
            stream, cover = source.streams[number], self.covers.get(number)
            if cover is not None and self.container in MATROSKA:
                result.add_attachment(cover.name, cover.kind, cover.data)
            elif stream.type == "attachment":
                attachment = cast("AttachmentStream", stream)
                kind, name = attachment.mimetype or "application/octet-stream", attachment.name or "attachment"
                result.add_attachment(name, kind, attachment.data)
            else:
                copied[number] = result.add_stream_from_template(stream, opaque=True)
                _describe(copied[number], stream)
        return copied

    def describe(self, result: "OutputContainer", source: "InputContainer") -> None:
        """Give the result what the clip says about itself as a whole."""
        result.metadata.update(source.metadata)
        result.metadata.pop("encoder", None)
        if not self.timecode:
            result.metadata.pop("timecode", None)

    def cover_packets(self, copied: Mapping[int, "Stream"]) -> list["Packet[Any]"]:
        """The pictures among the copied streams, to be muxed before all else."""
        import av

        packets = []
        for number, cover in self.covers.items():
            if number in copied:
                packet: Packet[Any] = av.Packet(cover.data)
                packet.pts = packet.dts = 0
                packet.is_keyframe = True
                packet.time_base, packet.stream = Fraction(1, 1000), copied[number]
                packets.append(packet)
        return packets

    def finish(self, file: BinaryIO, title: str) -> None:
        """Write into the whole file what its muxer does not; `title` is that of the clip's video stream."""
        if self._is_aspect_set_later:
            set_pixel_aspect(file, self.clip.aspect, self.clip.size, title, only_pixels=self.container == "webm")

    def colored(self, frame: "VideoFrame", chroma: bytes | None, pts: int) -> "VideoFrame":
        """A frame with the Y of another, and these samples of U, then V; of no color for None."""
        import av

        form, clip = self.form, self.clip
        colored = av.VideoFrame(clip.size[1], clip.size[0], form.pix_fmt)
        samples = samples_of(frame, 0)
        samples_of(colored, 0)[...] = samples.astype(form.planes.dtype) << form.shift if form.shift else samples
        if chroma is None:
            u = v = form.planes.gray_chroma(clip.size)
        else:
            height, width = form.planes.chroma_size(clip.size)
            u, v = np.frombuffer(chroma, form.planes.dtype).reshape(2, height, width)
        samples_of(colored, 1)[...], samples_of(colored, 2)[...] = u, v
        colored.pts, colored.time_base = pts, clip.time_base
        colored.colorspace, colored.color_range = self.tags.matrix, self.tags.range
        colored.color_primaries, colored.color_trc = self.tags.primaries, self.tags.transfer
        return colored

    @property
    def can_stand_still(self) -> bool:
        """Whether a frame can have the time of the one before."""
        return self.container in MATROSKA or self.encoding.codec in ("h264", "hevc")

    @property
    def _is_aspect_set_later(self) -> bool:
        return self.clip.aspect != 1 and self.container in MATROSKA


def chapters_of(source: "InputContainer", clip: Clip, start: float, end: float | None) -> list[Any]:
    """The chapters of a part of a clip, moved with it and cut at its ends.

    Args:
        source: the file.
        clip: likewise, from whose first frame `start` and `end` count.
        start: 0 for the beginning.
        end: None for the end of the clip.
    """
    chapters = []
    for chapter in source.chapters():
        unit = chapter["time_base"] or Fraction(1)
        first, last = chapter["start"], chapter["end"]
        if end is not None:
            until = round((clip.begin + Fraction(end)) / unit)
            first, last = min(first, until), min(last, until)
        if shift := round(clip.shift(start) / unit):
            first, last = max(0, first - shift), max(0, last - shift)
        if first < last or (start == 0 and end is None):
            chapters.append({**chapter, "start": first, "end": last})
    return chapters


def covers_of(source: "InputContainer") -> dict[int, Cover]:
    """The pictures that are attached to a clip, which is at its beginning, by the numbers of their streams."""
    from av.stream import Disposition

    streams = [one for one in source.streams.video if one.disposition & Disposition.attached_pic]
    covers: dict[int, Cover] = {}
    numbers = [one.index for one in streams]
    # FFmpeg gives them first of all, and a stream that has none would be looked for through the whole file
    for packet in islice(source.demux(), _MOST) if streams else ():
        stream, data = packet.stream, bytes(packet) if packet.stream.index in numbers else b""
        if data and stream.index not in covers:
            ending = {"mjpeg": "jpg"}.get(stream.codec_context.name, stream.codec_context.name)
            kind = {"jpg": "image/jpeg"}.get(ending, f"image/{ending}")
            name = stream.metadata.get("filename", f"cover.{ending}")
            covers[stream.index] = Cover(name, stream.metadata.get("mimetype", kind), data)
        if len(covers) == len(streams):
            break
    return covers


def _describe(copy: "Stream", stream: "Stream") -> None:
    """Give a stream the metadata and the disposition of another."""
    copy.metadata.update({key: value for key, value in stream.metadata.items() if key not in _OF_THE_ENCODER})
    copy.disposition = stream.disposition
