"""`excolor film`: the shape of pixels, and the streams that are not video, as far as containers hold them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from clips import MILLISECOND, content, crops, write_clip
from PIL import Image

SMALL = ("--working-size", 48, "--model", "lite", "--every", 8)
SUBTITLES = "1\n00:00:00,040 --> 00:00:00,120\nOui, c'est l'été.\n\n2\n00:00:00,160 --> 00:00:00,230\nFin\n"


@pytest.fixture
def film(excolor: Callable[..., Result], tmp_path: Path) -> Callable[..., Result]:
    """Colors a clip by the first frame of all these clips."""
    ref = tmp_path / "first.png"
    Image.fromarray(np.ascontiguousarray(crops(["palace"], 6, (64, 96))[0])).save(ref)

    def run(clip: Path, output: Path, *options: object) -> Result:
        result = excolor("film", clip, "--ref", ref, "-o", output, *SMALL, *options)
        assert result.exit_code == 0, result.output
        return result

    return run


def joined(path: Path, sources: Sequence[Path], data: bytes | None = None, **metadata: str) -> Path:
    """All streams of some files in one, one with data if there are any, and metadata for the first."""
    with av.open(str(path), "w") as result:
        opened = [av.open(str(source)) for source in sources]
        copies = {}
        for number, source in enumerate(opened):
            for stream in source.streams:
                copy = copies[number, stream.index] = result.add_stream_from_template(stream, opaque=True)
                copy.metadata.update(metadata if number == 0 else {"language": "fra"})
        own = None if data is None else result.add_data_stream("klv" if path.suffix == ".ts" else "bin_data")
        result.start_encoding()
        for number, source in enumerate(opened):
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = copies[number, packet.stream.index]
                    result.mux(packet)
            source.close()
        if own is not None and data is not None:
            packet = av.Packet(data)
            packet.pts, packet.dts, packet.duration = 0, 0, 40
            packet.time_base, packet.stream = MILLISECOND, own
            result.mux(packet)
    return path


def packets(path: Path, kind: str) -> list[tuple[float, float, bytes]]:
    """Times, durations and contents of the packets of a kind of stream."""
    with av.open(str(path)) as container:
        return [
            (float(one.pts * one.time_base), float((one.duration or 0) * one.time_base), bytes(one))
            for one in container.demux()
            if one.stream.type == kind and one.dts is not None
        ]


@pytest.mark.parametrize("aspect", [Fraction(64, 45), Fraction(4, 3), Fraction(12, 11), Fraction(8, 9)], ids=str)
@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("out.mkv", ()),
        ("out.mp4", ("--codec", "h264", "--chroma", "444")),
        ("out.mov", ("--codec", "prores", "--chroma", "422")),
    ],
)
def test_the_shape_of_pixels_is_kept(
    tmp_path: Path, film: Callable[..., Result], aspect: Fraction, output: str, options: tuple[object, ...]
) -> None:
    path = write_clip(tmp_path / "in.mp4", codec="libx264", count=2, aspect=aspect, size=(62, 90))
    film(path, tmp_path / output, *options)
    found = content(tmp_path / output)
    assert found.aspect == content(path).aspect == aspect
    assert len(found.frames) == 2


def test_the_shape_of_pixels_that_webm_can_say(tmp_path: Path, film: Callable[..., Result]) -> None:
    """In whole pixels of the frame as it is shown."""
    path = write_clip(tmp_path / "in.mp4", codec="libx264", count=2, aspect=Fraction(64, 45))
    film(path, tmp_path / "out.webm", "--codec", "vp9")
    assert content(tmp_path / "out.webm").aspect == Fraction(round(96 * 64 / 45), 96)


def test_a_shape_that_a_container_cannot_say_is_told(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(tmp_path / "in.mp4", codec="libx264", count=2, aspect=Fraction(4, 3))
    assert "not square" in film(path, tmp_path / "out.nut").stderr
    assert content(tmp_path / "out.nut").aspect is None
    square = write_clip(tmp_path / "square.mp4", codec="libx264", count=2)
    assert "not square" not in film(square, tmp_path / "other.nut").stderr


@pytest.mark.parametrize(("name", "codec"), [("out.nut", "h264"), ("out.nut", "hevc"), ("out.avi", "h264")])
def test_codecs_that_say_the_shape_of_pixels_themselves_keep_it(
    tmp_path: Path, film: Callable[..., Result], name: str, codec: str
) -> None:
    path = write_clip(tmp_path / "in.mp4", codec="libx264", count=2, aspect=Fraction(4, 3))
    assert "not square" not in film(path, tmp_path / name, "--codec", codec).stderr
    assert content(tmp_path / name).aspect == Fraction(4, 3)


@pytest.mark.parametrize("title", ["", "Garden, 1931", "Jardin d'été " * 12], ids=["none", "short", "long"])
def test_the_title_of_the_track_is_what_it_was(tmp_path: Path, film: Callable[..., Result], title: str) -> None:
    """The shape of pixels is written in its place; checksums are right, and nothing is left of the padding."""
    plain = write_clip(tmp_path / "plain.mp4", codec="libx264", count=3, aspect=Fraction(16, 11), sound=0.2)
    path = joined(tmp_path / "in.mkv", [plain], title=title)
    film(path, tmp_path / "out.mkv")
    checked = {"err_detect": "crccheck+bitstream+buffer+explode"}
    with av.open(str(tmp_path / "out.mkv"), options=checked) as container:
        video = container.streams.video[0]
        assert video.metadata.get("title", "") == title
        assert video.sample_aspect_ratio == Fraction(16, 11)
        assert len(list(container.decode(video))) == 3
        assert len(container.streams.audio) == 1
    assert b"\xc2\xa0\xc2\xa0" not in (tmp_path / "out.mkv").read_bytes()


def test_subtitles_are_copied(tmp_path: Path, film: Callable[..., Result]) -> None:
    text = tmp_path / "french.srt"
    text.write_text(SUBTITLES)
    path = joined(tmp_path / "in.mkv", [write_clip(tmp_path / "plain.mkv", sound=0.3), text])
    assert "left out" not in film(path, tmp_path / "out.mkv").stderr
    found = packets(tmp_path / "out.mkv", "subtitle")
    assert found == packets(path, "subtitle")
    assert [one[:2] for one in found] == [(0.04, pytest.approx(0.08)), (0.16, pytest.approx(0.07))]
    assert [one[2].decode().strip() for one in found] == ["Oui, c'est l'été.", "Fin"]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.subtitles[0].metadata["language"] == "fra"
    assert content(tmp_path / "out.mkv").sound == content(path).sound


def test_subtitles_of_a_part_begin_with_it(tmp_path: Path, film: Callable[..., Result]) -> None:
    text = tmp_path / "french.srt"
    text.write_text(SUBTITLES)
    path = joined(tmp_path / "in.mkv", [write_clip(tmp_path / "plain.mkv"), text])
    film(path, tmp_path / "out.mkv", "--start", "0.12")
    (only,) = packets(tmp_path / "out.mkv", "subtitle")
    assert only[0] == pytest.approx(0.04) and only[2].strip() == b"Fin"


def test_what_a_container_cannot_hold_is_named(tmp_path: Path, film: Callable[..., Result]) -> None:
    text = tmp_path / "french.srt"
    text.write_text(SUBTITLES)
    path = joined(tmp_path / "in.mkv", [write_clip(tmp_path / "plain.mkv"), text])
    said = film(path, tmp_path / "out.mp4", "--codec", "h264").stderr
    assert "stream 1 (subtitle) cannot be held" in said and "another suffix" in said
    assert len(content(tmp_path / "out.mp4").frames) == 6


def test_data_are_copied_where_the_container_holds_them(tmp_path: Path, film: Callable[..., Result]) -> None:
    plain = write_clip(tmp_path / "plain.mp4", codec="libx264")
    path = joined(tmp_path / "in.mp4", [plain], b"latitude 48.9")
    assert "left out" not in film(path, tmp_path / "out.mp4", "--codec", "h264").stderr
    assert packets(tmp_path / "out.mp4", "data") == packets(path, "data")
    assert packets(path, "data")[0][2] == b"latitude 48.9"
    assert "stream 1 (data) cannot be held" in film(path, tmp_path / "out.mkv").stderr
    stream = joined(tmp_path / "in.ts", [plain], b"latitude 48.9")
    assert "stream 1 (data) cannot be held" in film(stream, tmp_path / "out-ts.mkv").stderr
    assert len(content(tmp_path / "out-ts.mkv").frames) == 6


def test_chapters_of_an_mp4_are_no_data(tmp_path: Path, film: Callable[..., Result]) -> None:
    """That container holds their titles in a stream of data."""
    path = tmp_path / "in.mp4"
    with av.open(str(write_clip(tmp_path / "plain.mp4", codec="libx264"))) as source, av.open(str(path), "w") as result:
        copy = result.add_stream_from_template(source.streams.video[0], opaque=True)
        times = ((0, 100, "Garden"), (100, 240, "House"))
        result.set_chapters(
            [
                {"id": i, "start": start, "end": end, "time_base": MILLISECOND, "metadata": {"title": title}}
                for i, (start, end, title) in enumerate(times)
            ]
        )
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                result.mux(packet)
    for output, options in (("out.mkv", ()), ("out.mp4", ("--codec", "h264"))):
        assert "left out" not in film(path, tmp_path / output, *options).stderr
        with av.open(str(tmp_path / output)) as container:
            chapters = container.chapters()
            assert [chapter["metadata"]["title"] for chapter in chapters] == ["Garden", "House"]
            assert [float(chapter["start"] * chapter["time_base"]) for chapter in chapters] == [0, 0.1]


def test_several_voices_are_copied(tmp_path: Path, film: Callable[..., Result]) -> None:
    """Both of them, of which one is longer than the video."""
    first = write_clip(tmp_path / "first.mkv", sound=0.2)
    with av.open(str(first)) as source, av.open(str(tmp_path / "voice.wav"), "w") as result:
        copy = result.add_stream_from_template(source.streams.audio[0], opaque=True)
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = copy
                result.mux(packet)
    path = joined(tmp_path / "in.mkv", [write_clip(tmp_path / "long.mkv", sound=1.4), tmp_path / "voice.wav"])
    film(path, tmp_path / "out.mkv")
    assert packets(tmp_path / "out.mkv", "audio") == packets(path, "audio")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [stream.metadata.get("language") for stream in container.streams.audio] == [None, "fra"]
