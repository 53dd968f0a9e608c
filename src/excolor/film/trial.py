"""What a container keeps of a clip, found out before the work: a result of one frame is written and read again."""

import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from excolor.errors import FilmError, PlanError
from excolor.film.clip import FULL, UNSPECIFIED, Clip, ClipTags
from excolor.film.decoding import decoded, opened, video_of
from excolor.film.encoding import CONTAINERS, Encoding, name_of, target
from excolor.film.layout import Layout, chapters_of, covers_of
from excolor.film.orientation import Orientation

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.stream import Stream

_MOST = 100  # packets that are read to find the first of each stream
_REORDERED = 6  # frames that are enough for an encoder to put some of them before others
_MOVED = Fraction(2, 1000)  # seconds: more than what rounding to milliseconds does

# Primaries and transfer of the standards that matrices are of (ITU-T H.273, tables 2 and 3)
_OF_MATRICES: Mapping[int, tuple[int, int]] = {1: (1, 1), 4: (4, 4), 5: (5, 6), 6: (6, 6), 7: (7, 7), 9: (9, 14)}


@dataclass(frozen=True)
class _Kept:
    """What was read again."""

    tags: ClipTags
    orientation: Orientation
    aspect: Fraction
    seconds: Fraction  # at which the first frame is shown
    streams: Counter[str]  # by kind
    chapters: int
    timecode: bool


def find_layout(
    clip: Clip, output: Path, encoding: Encoding, *, start: float, end: float | None
) -> tuple[Layout, list[str]]:
    """What goes into the result, and notes of all that is lost or changed.

    Raises:
        PlanError: codec and container do not go together, or with the clip.
        FilmError: the clip cannot be read.
    """
    form = target(clip, encoding, output)
    trial = _Trial(clip, start, end)
    layout = Layout(
        clip=clip,
        encoding=encoding,
        form=form,
        container=CONTAINERS[output.suffix.lower()],
        tags=clip.tags,
        orientation=clip.orientation,
        streams=tuple(trial.kinds),
        covers=trial.covers,
        timecode=trial.timecode and start <= 0,
    )
    notes = []
    if encoding.chroma is None and clip.chroma not in ("gray", form.chroma):
        notes.append(
            f"its {name_of(clip.chroma)} chroma is stored as {name_of(form.chroma)}, which {encoding.codec} can hold"
        )
    layout, kept = trial.with_streams(layout, output)
    notes += [
        f"its stream {number} ({kind}) cannot be held by this container and is left out; "
        "choose another suffix to keep it"
        for number, kind in trial.kinds.items()
        if number not in layout.streams
    ]
    layout, kept, said = trial.with_tags(layout, kept, output)
    notes += said
    if not kept.orientation.is_like(clip.orientation):
        layout = replace(layout, orientation=Orientation())  # rather none than a wrong one
        notes.append("it is shown turned or mirrored, which is lost in this container; choose .mkv, .mov or .mp4")
    if kept.aspect == 1 and clip.aspect != 1:
        notes.append(
            "its pixels are not square, which is lost in this container; choose .mkv, .mov or .mp4, "
            "or one of the codecs h264 and hevc"
        )
    if trial.timecode and not kept.timecode:
        reason = "is that of its first frame, which is cut off" if start > 0 else "cannot be held by this container"
        notes.append(f"its timecode {reason}, and is left out")
    if trial.chapters and not kept.chapters:
        notes.append("its chapters cannot be held by this container and are left out; choose .mkv, .mov or .mp4")
    early = trial.sound_begins(layout)
    if layout.container == "avi" and abs(early) > _MOVED:
        notes.append(
            f"its sound is played {float(abs(early)) * 1000:.0f} ms too {'early' if early > 0 else 'late'} in this "
            "container, which cannot say when it begins; choose .mkv, .mov or .mp4"
        )
    moved = kept.seconds - trial.seconds
    if abs(moved) > _MOVED and trial.has_others(layout) and layout.container != "avi":  # which counts frames instead
        notes.append(
            f"all times are moved by {float(moved) * 1000:.0f} ms, alike in all streams: this container holds none "
            f"before 0, where {trial.earliest(layout)}"
        )
    return layout, notes


class _Trial:
    """The first frame of a clip and the first packets of its other streams, to write results of them in memory."""

    def __init__(self, clip: Clip, start: float, end: float | None) -> None:
        self._clip, self._start, self._end = clip, start, end
        with opened(clip.path) as source:
            self.covers = covers_of(source)
            """Pictures, by the numbers of their streams."""
        with opened(clip.path) as source:
            video = video_of(source, clip.path)
            self.timecode = "timecode" in video.metadata or "timecode" in source.metadata
            """Whether the clip has one; containers write the stream of it by themselves."""
            self.chapters = len(chapters_of(source, clip, start, end))
            """How many there are in the part."""
            own = (video.index, *_of_metadata(source), *(() if clip.rest is None else clip.rest.streams))
            self.kinds = {
                one.index: "picture" if one.index in self.covers else one.type
                for one in source.streams
                if one.index not in own
            }
            """Of the other streams, by their numbers."""
            self._frame, self._packets = self._read(source)
        self._tags = ClipTags.of(self._frame)
        begin = self._frame.pts or 0 if start <= 0 else 0
        self._pts = max(begin, 0)
        self.seconds = begin * clip.time_base
        """At which the first frame is to be shown."""
        self._reason = ""

    def has_others(self, layout: Layout) -> bool:
        """Whether there are times beside those of the frames."""
        return bool(self._copied(layout))

    def sound_begins(self, layout: Layout) -> Fraction:
        """At how many seconds of the result the first sound is to begin; 0 if there is none, or for a part."""
        first = next((packet for kind, packet in self._copied(layout) if kind == "audio"), None)
        if first is None or first.pts is None or self._start > 0:
            return Fraction(0)
        return first.pts * first.time_base - self._clip.shift(0)

    def earliest(self, layout: Layout) -> str:
        """What comes before 0."""
        if self.seconds < 0:
            return "its picture begins"
        early = next((kind for kind, packet in self._copied(layout) if (packet.dts or 0) < 0), None)
        if early is not None:
            return f"its {'sound' if early == 'audio' else early} begins"
        return "its first frame is encoded, which is not the first that is shown"

    def _copied(self, layout: Layout) -> list[tuple[str, "Packet[Any]"]]:
        """The first packets of copied streams, and of what kind these are."""
        return [
            (self.kinds[number], self._packets[number])
            for number in layout.streams
            if number in self._packets and number not in layout.covers
        ]

    def with_streams(self, layout: Layout, output: Path) -> tuple[Layout, _Kept]:
        """The layout with those streams that the container holds together, and what it keeps."""
        kept = self._run(layout)
        if kept is not None and not self._missing(layout, kept):
            return layout, kept
        wanted, layout = layout.streams, replace(layout, streams=())
        kept = self._run(layout)
        if kept is None:
            layout = replace(layout, timecode=False)
            kept = self._run(layout)
        if kept is None:
            raise PlanError(
                f"{output}: its first frame cannot be written with {layout.encoding.codec} into this container "
                f"({self._reason}); use another suffix or codec",
                settings=("output", "codec"),
            )
        for number in wanted:
            more = replace(layout, streams=(*layout.streams, number))
            found = self._run(more)
            if found is not None and not self._missing(more, found):
                layout, kept = more, found
        return layout, kept

    def with_tags(self, layout: Layout, kept: _Kept, output: Path) -> tuple[Layout, _Kept, list[str]]:
        """The layout with tags of colors that the container keeps, what it keeps, and notes of what it does not."""
        clip, notes = self._clip, []
        lost = self._lost(kept)
        primaries, transfer = _OF_MATRICES[clip.tags.matrix]
        if lost and UNSPECIFIED in (clip.tags.primaries, clip.tags.transfer):
            full = replace(layout, tags=replace(clip.tags, primaries=primaries, transfer=transfer))
            found = self._run(full)
            if found is not None and len(self._lost(found)) < len(lost):
                layout, kept, lost = full, found, self._lost(found)
                notes.append(
                    "it has no tags of its primaries and transfer: those that go with its matrix are written, without "
                    "which this container holds no other tags either"
                )
        codec, is_mkv = layout.encoding.codec, layout.container == "matroska"
        if "range" in lost and clip.tags.range == FULL:
            raise PlanError(
                f"{output}: its levels have full range, which {codec} cannot say in this container, so that it would "
                f"be shown with another contrast; use {'another codec' if is_mkv or codec == 'prores' else '.mkv'}",
                settings=("codec",) if is_mkv or codec == "prores" else ("output",),
            )
        if lost:
            way = "another codec" if is_mkv else ".mkv"
            notes.append(
                f"the tags of its {', '.join(lost)} are lost in this container, and players guess; choose {way}"
            )
        return layout, kept, notes

    def _lost(self, kept: _Kept) -> list[str]:
        """The names of the tags that the clip has and the result has not; of the full range in any case."""
        names = ("matrix", "range", "primaries", "transfer")
        return [
            name
            for name in names
            if (wanted := getattr(self._clip.tags, name)) != getattr(kept.tags, name)
            and (getattr(self._tags, name) == wanted != UNSPECIFIED or (name == "range" and wanted == FULL))
        ]

    def _read(self, source: "InputContainer") -> tuple["VideoFrame", dict[int, "Packet[Any]"]]:
        """The first frame, and the first packet of each other stream, as far as they come soon."""
        video = video_of(source, self._clip.path)
        first: VideoFrame | None = None
        packets: dict[int, Packet[Any]] = {}
        for count, (packet, frames) in enumerate(decoded(source, video, joins=self._clip.joins, others=self.kinds)):
            first = first or next(iter(frames), None)
            number = packet.stream.index
            if number in self.kinds and packet.dts is not None:
                packets.setdefault(number, packet)
            if first is not None and (count >= _MOST or len(packets) + len(self.covers) >= len(self.kinds)):
                break
        if first is None:
            raise FilmError(f"{self._clip.path} cannot be read any more; copy it again from its source")
        return first, packets

    def _run(self, layout: Layout) -> _Kept | None:
        """What is kept by such a result; None if it cannot be written."""
        import av

        clip, file = self._clip, io.BytesIO()
        try:
            with opened(clip.path) as source:
                video = video_of(source, clip.path)
                with av.open(file, "w", format=layout.container) as result:
                    encoded = layout.add_video(result, video)
                    copied = layout.add_streams(result, source)
                    layout.describe(result, source)
                    result.set_chapters(chapters_of(source, clip, self._start, self._end))
                    result.mux(layout.cover_packets(copied))
                    step = round(1 / (clip.rate * clip.time_base)) or 1
                    for number in range(_REORDERED if layout.encoding.codec in ("h264", "hevc") else 1):
                        colored = layout.colored(self._frame, None, self._pts + number * step)
                        result.mux(encoded.encode(colored))
                    result.mux(encoded.encode(None))
                    for number, stream in copied.items():
                        if number in self._packets:
                            result.mux(self._moved(self._packets[number], stream))
                layout.finish(file, video.metadata.get("title", ""))
            file.seek(0)
            return self._found(file)
        except (av.FFmpegError, ValueError, AttributeError) as error:
            self._reason = getattr(error, "strerror", None) or str(error)
            return None

    def _moved(self, packet: "Packet[Any]", stream: "Stream") -> "Packet[Any]":
        import av

        copy: Packet[Any] = av.Packet(bytes(packet))
        copy.pts, copy.dts = packet.pts, packet.dts
        if self._start > 0:
            copy.pts = copy.dts = 0
        elif shift := round(self._clip.shift(0) / packet.time_base):
            copy.pts = None if packet.pts is None else packet.pts - shift
            copy.dts = None if packet.dts is None else packet.dts - shift
        copy.duration, copy.is_keyframe = packet.duration, packet.is_keyframe
        copy.time_base, copy.stream = packet.time_base, stream
        return copy

    def _found(self, file: io.BytesIO) -> _Kept | None:
        import av

        with cast("InputContainer", av.open(file, metadata_errors="replace")) as container:
            video = video_of(container, self._clip.path)
            frame = next(container.decode(video), None)
            if frame is None:
                return None
            described = [container.metadata, *(one.metadata for one in container.streams)]
            return _Kept(
                ClipTags.of(frame),
                Orientation.of(frame),
                video.sample_aspect_ratio or video.codec_context.sample_aspect_ratio or Fraction(1),
                (frame.pts or 0) * (video.time_base or Fraction(1)),
                Counter(_kind(one) for one in container.streams if one.index != video.index),
                len(container.chapters()),
                any(key.lower() == "timecode" for metadata in described for key in metadata),
            )

    def _missing(self, layout: Layout, kept: _Kept) -> bool:
        """Whether a stream is gone that was there to be written."""
        with opened(self._clip.path) as source:
            written = [
                source.streams[number]
                for number in layout.streams
                if number in self._packets or number in layout.covers or source.streams[number].type == "attachment"
            ]
            return bool(Counter(map(_kind, written)) - kept.streams)


def _kind(stream: "Stream") -> str:
    from av.stream import Disposition

    return "cover" if stream.disposition & Disposition.attached_pic else str(stream.type)


def _of_metadata(source: "InputContainer") -> list[int]:
    """Streams in which MP4 and MOV files hold the titles of chapters and timecodes, which are copied as such."""
    if "mp4" not in source.format.name:
        return []
    data = [one for one in source.streams if one.type == "data"]
    texts = [one.index for one in data if one.name == "bin_data"] if source.chapters() else []
    return texts[:1] + [one.index for one in data if "timecode" in one.metadata]
