"""`excolor film`: what containers keep of a clip, found out before the work and said."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.stream import Disposition
from click.testing import Result
from clips import MILLISECOND, content, crops, write_clip
from PIL import Image

from excolor.film.clip import Clip
from excolor.film.layout import chapters_of
from excolor.film.orientation import Orientation

SMALL = ("--working-size", 48, "--model", "lite", "--every", 8)
H264 = ("--codec", "h264")
ONE = 1 << 16


@pytest.fixture
def film(excolor: Callable[..., Result], tmp_path: Path) -> Callable[..., Result]:
    """Colors a clip by the first frame of all these clips."""
    ref = tmp_path / "first.png"
    Image.fromarray(np.ascontiguousarray(crops(["palace"], 6, (64, 96))[0])).save(ref)

    def run(clip: Path, output: str, *options: object) -> Result:
        return excolor("film", clip, "--ref", ref, "-o", tmp_path / output, *SMALL, *options)

    return run


def remuxed(source: Path, path: Path, change: Callable[[av.container.OutputContainer], None], **metadata: str) -> Path:
    """The video of a clip in another file, which is changed before its header is written."""
    with av.open(str(source)) as clip, av.open(str(path), "w") as result:
        copy = result.add_stream_from_template(clip.streams.video[0], opaque=True)
        copy.metadata.update(metadata)
        change(result)
        for packet in clip.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                result.mux(packet)
    return path


def tags(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    return int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc)


def pictures(path: Path) -> list[bytes]:
    """The covers of a file."""
    with av.open(str(path)) as container:
        streams = [one for one in container.streams.video if one.disposition & Disposition.attached_pic]
        return [bytes(one) for one in container.demux(streams) if one.size] if streams else []


@pytest.mark.parametrize(("output", "options"), [("out.mov", H264), ("out.mp4", H264), ("out.mkv", ())])
def test_timecodes_are_kept(
    tmp_path: Path, film: Callable[..., Result], output: str, options: tuple[object, ...]
) -> None:
    plain = write_clip(tmp_path / "plain.mp4", codec="libx264", time_base=Fraction(1, 25), count=4)
    path = remuxed(plain, tmp_path / "in.mov", lambda _: None, timecode="01:00:00:00")
    with av.open(str(path)) as container:
        assert container.streams.data
    result = film(path, output, *options)
    assert result.exit_code == 0 and "left out" not in result.stderr
    with av.open(str(tmp_path / output)) as container:
        found = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
        assert found["timecode"] == "01:00:00:00"
    result = film(path, output, "--start", "0.08", *options, "-f")
    assert result.exit_code == 0 and "its timecode is that of its first frame, which is cut off" in result.stderr


def test_attachments_that_a_container_cannot_hold_are_named(tmp_path: Path, film: Callable[..., Result]) -> None:
    plain = write_clip(tmp_path / "plain.mkv", count=2)
    path = remuxed(plain, tmp_path / "in.mkv", lambda to: to.add_attachment("a.ttf", "font/ttf", b"font"))
    result = film(path, "out.mp4", *H264)
    assert result.exit_code == 0 and "stream 1 (attachment) cannot be held" in result.stderr
    assert len(content(tmp_path / "out.mp4").frames) == 2


def test_covers_go_with_the_clip(tmp_path: Path, film: Callable[..., Result]) -> None:
    picture = (tmp_path / "first.png").read_bytes()
    plain = write_clip(tmp_path / "plain.mkv", count=2)
    path = remuxed(plain, tmp_path / "in.mkv", lambda to: to.add_attachment("cover.png", "image/png", picture))
    assert pictures(path) == [picture]
    for source, output in ((path, "out.mkv"), (path, "out.mp4"), (tmp_path / "out.mp4", "back.mkv")):
        result = film(source, output)
        assert result.exit_code == 0 and "left out" not in result.stderr
        assert pictures(tmp_path / output) == [picture]
        assert len(content(tmp_path / output).frames) == 2
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[1].metadata["filename"] == "cover.png"
    result = film(path, "out.nut")
    assert result.exit_code == 0 and "stream 1 (picture) cannot be held" in result.stderr


@pytest.mark.parametrize("output", ["out.mkv", "out.mov"])
def test_prores_says_nothing_of_full_range(tmp_path: Path, film: Callable[..., Result], output: str) -> None:
    path = write_clip(tmp_path / "in.mkv", tags=(1, 2), count=2)
    result = film(path, output, "--codec", "prores")
    assert result.exit_code == 2
    assert "full range" in result.stderr and "use another codec (--codec)" in " ".join(result.stderr.split())
    assert [one.name for one in tmp_path.iterdir() if "out" in one.name] == []
    assert film(path, "h264.mov", *H264).exit_code == 0
    assert content(tmp_path / "h264.mov").first.color_range == 2


def test_mp4_keeps_the_range_with_primaries(tmp_path: Path, film: Callable[..., Result]) -> None:
    """Which it must have, so those of the matrix are written."""
    path = write_clip(tmp_path / "in.mkv", tags=(1, 2), count=2)
    result = film(path, "out.mp4")
    assert result.exit_code == 0 and "those that go with its matrix are written" in result.stderr
    assert tags(content(path).first) == (1, 2, 2, 2)
    assert tags(content(tmp_path / "out.mp4").first) == (1, 2, 1, 1)
    untagged = write_clip(tmp_path / "untagged.mkv", count=2)
    result = film(untagged, "untagged.mp4")
    assert result.exit_code == 0 and "written" not in result.stderr and "lost in" not in result.stderr


@pytest.mark.parametrize("output", ["out.nut", "out.avi"])
def test_lost_tags_are_told(tmp_path: Path, film: Callable[..., Result], output: str) -> None:
    result = film(write_clip(tmp_path / "in.mkv", tags=(1, 1), count=2), output)
    assert result.exit_code == 0 and "the tags of its matrix, range are lost" in result.stderr
    result = film(write_clip(tmp_path / "full.mkv", tags=(1, 2), count=2), output, "-f")
    assert result.exit_code == 2 and "full range" in result.stderr and "use .mkv" in result.stderr
    result = film(write_clip(tmp_path / "plain.mkv", count=2), output, "-f")
    assert result.exit_code == 0 and "lost in" not in result.stderr


MATRICES = {
    "mirrored": (-ONE, 0, 0, ONE),
    "upside down mirrored": (ONE, 0, 0, -ONE),
    "a quarter": (0, ONE, -ONE, 0),
    "a quarter, mirrored": (0, ONE, ONE, 0),
    "an eighth": (46341, 46341, -46341, 46341),
}


@pytest.mark.parametrize("name", MATRICES)
def test_frames_are_shown_as_before(tmp_path: Path, film: Callable[..., Result], name: str) -> None:
    path = write_clip(tmp_path / "in.mp4", codec="libx264", count=2)
    a, b, c, d = MATRICES[name]
    whole = bytearray(path.read_bytes())
    at = whole.find(b"tkhd") + 44
    whole[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(whole)
    before = Orientation.of(content(path).first)
    assert before.matrix == (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    for output in ("out.mkv", "out.mp4"):
        result = film(path, output)
        assert result.exit_code == 0 and "lost in" not in result.stderr
        assert Orientation.of(content(tmp_path / output).first).is_like(before)
    assert ("as it is stored" in result.stderr) == (name == "an eighth")
    result = film(path, "out.nut")
    assert result.exit_code == 0 and "turned or mirrored, which is lost" in result.stderr


def test_images_are_turned_as_frames_are_shown() -> None:
    orientation = Orientation((-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30))
    rows = np.arange(12).reshape(3, 4)
    assert orientation.upright(rows).tolist() == rows[:, ::-1].tolist()
    for a, b, c, d in list(MATRICES.values())[:4]:
        one = Orientation((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        assert one.stored(one.upright(rows)).tolist() == rows.tolist()
    quarter = Orientation((0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30))
    assert quarter.upright(rows).tolist() == np.rot90(rows).tolist()


def test_chapters_of_a_part_begin_with_it(tmp_path: Path, film: Callable[..., Result]) -> None:
    times = ((0, 80, "Garden"), (80, 160, "House"), (160, 400, "Street"), (400, 480, "End"))
    chapters = [
        {"id": i + 1, "start": start, "end": end, "time_base": MILLISECOND, "metadata": {"title": title}}
        for i, (start, end, title) in enumerate(times)
    ]
    plain = write_clip(tmp_path / "plain.mkv", count=12)
    path = remuxed(plain, tmp_path / "in.mkv", lambda to: to.set_chapters(chapters))
    assert film(path, "out.mkv", "--start", "0.12", "--end", "0.28").exit_code == 0

    def found(name: str) -> list[tuple[float, float, str]]:
        with av.open(str(tmp_path / name)) as container:
            return [
                (float(one["start"] * one["time_base"]), float(one["end"] * one["time_base"]), one["metadata"]["title"])
                for one in container.chapters()
            ]

    assert found("out.mkv") == [(0, 0.04, "House"), (0.04, 0.16, "Street")]
    assert film(path, "early.mkv", "--end", "0.1").exit_code == 0
    assert found("early.mkv") == [(0, 0.08, "Garden"), (0.08, 0.1, "House")]
    result = film(path, "out.avi")
    assert result.exit_code == 0 and "chapters cannot be held" in result.stderr


def test_moved_times_are_told(tmp_path: Path, film: Callable[..., Result]) -> None:
    """AAC begins before 0 in MP4."""
    path = tmp_path / "in.mp4"
    plain = write_clip(tmp_path / "plain.mp4", codec="libx264", count=2)
    with av.open(str(plain)) as clip, av.open(str(path), "w") as result:
        copy = result.add_stream_from_template(clip.streams.video[0], opaque=True)
        voice = result.add_stream("aac", rate=48000, layout="mono")
        for packet in clip.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                result.mux(packet)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = 48000, 0, Fraction(1, 48000)
        result.mux(voice.encode(sound))
        result.mux(voice.encode(None))
    said = film(path, "out.mkv")
    assert said.exit_code == 0
    assert "all times are moved by 21 ms, alike in all streams" in " ".join(said.stderr.split())
    assert "holds none before 0, where its sound begins" in " ".join(said.stderr.split())
    before, after = content(path), content(tmp_path / "out.mkv")
    assert [float(one) for one in after.times] == pytest.approx([float(one) + 0.021 for one in before.times], abs=1e-3)
    same = film(path, "out.mp4", *H264)
    assert same.exit_code == 0 and "moved by" not in same.stderr
    assert content(tmp_path / "out.mp4").times == before.times


@pytest.mark.parametrize("output", ["out.mkv", "out.mp4", "out.nut", "out.avi"])
@pytest.mark.parametrize("sound", [None, 0.4])
def test_a_clip_that_begins_before_0(
    tmp_path: Path, film: Callable[..., Result], output: str, sound: float | None
) -> None:
    """All of it is shown, with its sound; that times were moved is said only where there are others beside them."""
    path = write_clip(
        tmp_path / "in.mkv",
        count=10,
        times=range(-200, 200, 40),
        sound=sound,
        voice="mp2",
        container_options={"avoid_negative_ts": "disabled"},
    )
    result = film(path, output, *(H264 if output == "out.mp4" else ()))
    assert result.exit_code == 0, result.output
    assert content(path).times[0] == Fraction(-1, 5)
    after = content(tmp_path / output)
    assert [float(one) for one in after.times] == pytest.approx([i / 25 for i in range(10)])
    if sound:
        begins = float(content(path).sound[0][0]) + 0.2
        assert ("all times are moved by 200 ms" in result.stderr) == (output != "out.avi")
        assert (f"played {begins * 1000:.0f} ms too early" in result.stderr) == (output == "out.avi")
        assert float(after.sound[0][0]) == pytest.approx(begins if output != "out.avi" else 0, abs=2e-3)
    else:
        assert "moved" not in result.stderr and "played" not in result.stderr


def test_chapters_of_a_clip_that_begins_before_0(tmp_path: Path) -> None:
    """They stay with its frames."""
    times = range(-200, 200, 40)
    path = write_clip(tmp_path / "in.mkv", count=10, times=times, container_options={"avoid_negative_ts": "disabled"})
    chapter = {"id": 1, "start": 40, "end": 120, "time_base": MILLISECOND, "metadata": {}}
    (found,) = chapters_of(SimpleNamespace(chapters=lambda: [chapter]), Clip.open(path), 0, None)
    assert (found["start"], found["end"]) == (240, 320)


def test_prores_takes_finer_chroma_by_itself(tmp_path: Path, film: Callable[..., Result]) -> None:
    result = film(write_clip(tmp_path / "in.mkv", tags=(1, 1), count=2), "out.mov", "--codec", "prores")
    assert result.exit_code == 0 and "4:2:0 chroma is stored as 4:2:2" in result.stderr
    assert content(tmp_path / "out.mov").first.format.name == "yuv422p10le"


def test_an_encoder_that_has_no_more_bits_is_named(tmp_path: Path, film: Callable[..., Result]) -> None:
    result = film(write_clip(tmp_path / "in.mkv", pix_fmt="yuv420p10le", count=2), "out.mkv", "--codec", "vp9")
    if result.exit_code == 0:
        pytest.skip("libvpx of this PyAV writes 10 bits")
    assert result.exit_code == 2
    assert "the encoder that is here for vp9 (libvpx-vp9)" in " ".join(result.stderr.split())


def test_frames_in_avi_stay_in_order(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(tmp_path / "in.mp4", codec="libx264", count=6, time_base=Fraction(1, 25))
    assert film(path, "out.avi", *H264).exit_code == 0
    times = content(tmp_path / "out.avi").times
    assert times == sorted(times) and len(times) == 6


def test_an_avi_whose_frames_were_reordered(tmp_path: Path, film: Callable[..., Result]) -> None:
    """It has no times, and FFmpeg gives those of the order of decoding."""
    path = write_clip(tmp_path / "in.avi", codec="libx264", count=8, time_base=Fraction(1, 25))
    stored = [float(one) for one in content(path).times]
    result = film(path, "out.mkv")
    assert result.exit_code == 0, result.output
    after = content(tmp_path / "out.mkv")
    assert stored != sorted(stored)
    assert [float(one) for one in after.times] == pytest.approx(sorted(stored))
    assert all(map(np.array_equal, after.y, content(path).y)) and len(after.y) == 8
