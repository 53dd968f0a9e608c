"""`excolor film`: which frames are read, when they are shown, and what is said of damage."""

import shlex
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from clips import content, crops, write_clip
from PIL import Image

from excolor.film import output as film_output
from excolor.film.clip import Clip

SMALL = ("--working-size", 48, "--model", "lite")
SIZE = (64, 96)


@pytest.fixture
def ref(tmp_path: Path) -> Path:
    """A reference."""
    path = tmp_path / "first.png"
    Image.fromarray(np.ascontiguousarray(crops(["palace"], 6, SIZE)[0])).save(path)
    return path


@pytest.fixture
def film(excolor: Callable[..., Result], tmp_path: Path, ref: Path) -> Callable[..., Result]:
    """Colors a clip to out.mkv or the like."""

    def run(clip: object, *options: object, output: str = "out.mkv") -> Result:
        return excolor("film", clip, "--ref", ref, "-o", tmp_path / output, *SMALL, *options)

    return run


def frames_in(folder: Path, count: int = 3) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{i:05}.png" for i in range(count)]
    for path, pixels in zip(paths, crops(["palace"], count, SIZE), strict=True):
        Image.fromarray(np.ascontiguousarray(pixels)).convert("L").save(path)
    return paths


def test_frames_with_negative_timestamps_are_kept(tmp_path: Path, film: Callable[..., Result]) -> None:
    """Each has the colors that it has at times from 0 on."""
    plain = write_clip(tmp_path / "plain.mkv", ["palace", "coffee"], 5)
    path = write_clip(
        tmp_path / "in.mkv",
        ["palace", "coffee"],
        5,
        times=range(-200, 200, 40),
        container_options={"avoid_negative_ts": "disabled"},
    )
    assert content(path).times[0] == Fraction(-1, 5)
    assert film(path).exit_code == film(plain, output="expected.mkv").exit_code == 0
    found, expected = content(tmp_path / "out.mkv"), content(tmp_path / "expected.mkv")
    assert len(found.y) == 10
    assert all(map(np.array_equal, found.y, content(plain).y))
    assert all(map(np.array_equal, found.u, expected.u))


def test_frames_that_are_not_those_of_the_colors_are_an_error(
    tmp_path: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more or one fewer is read when the result is written."""
    path = write_clip(tmp_path / "in.mkv")
    decoded = film_output.decoded

    def one_fewer(*args: object, **options: object) -> object:
        for number, (packet, frames) in enumerate(decoded(*args, **options)):  # type: ignore[arg-type]
            yield packet, [] if number == 2 else frames

    def one_more(*args: object, **options: object) -> object:
        for number, (packet, frames) in enumerate(decoded(*args, **options)):  # type: ignore[arg-type]
            yield packet, frames * 2 if number == 2 else frames

    for changed in (one_fewer, one_more):
        monkeypatch.setattr(film_output, "decoded", changed)
        result = film(path)
        assert result.exit_code == 1, changed
        assert "not the same frames could be read" in result.output
        assert not (tmp_path / "out.mkv").exists()


def test_a_clip_that_is_cut_short_is_said(tmp_path: Path, film: Callable[..., Result]) -> None:
    whole = write_clip(tmp_path / "whole.mkv", count=24)
    path = tmp_path / "in.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    left = len(content(path).frames)
    assert 0 < left < 24
    result = film(path)
    assert result.exit_code == 0 and len(content(tmp_path / "out.mkv").frames) == left
    said = " ".join(result.output.split())
    assert "it ends early: its header says that it is 0.96 s long" in said
    assert f"what can be read ends at {left / 25:.2f} s" in said
    assert "ends early" not in film(whole, output="whole-out.mkv").output
    assert "ends early" not in film(path, "--end", "0.1", output="part.mkv").output  # nothing is missing there


@pytest.mark.parametrize("begin", [0, 40_000])
def test_an_mp4_that_begins_late_and_is_cut_short(tmp_path: Path, film: Callable[..., Result], begin: int) -> None:
    """Its length counts from where it begins."""
    whole = write_clip(
        tmp_path / "whole.mp4",
        count=48,
        codec="libx264",
        times=range(begin, begin + 48 * 40, 40),
        options={"g": "12", "bf": "0"},
        container_options={"movflags": "faststart"},
    )
    path = tmp_path / "in.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 4 // 5])
    said = " ".join(film(path).output.split())
    times = content(tmp_path / "out.mkv").times
    assert 0 < len(times) < 48
    assert "it ends early: its header says that it is 1.92 s long, and what can be read ends at " in said
    ends = float(said.split("ends at ")[1].split()[0])  # of the last packet, which is only read in part
    assert ends == pytest.approx(float(times[-1] - times[0]), abs=0.25)
    assert "ends early" not in film(whole, output="whole.mkv").output


def test_sound_that_is_longer_is_no_damage(tmp_path: Path, film: Callable[..., Result]) -> None:
    assert "ends early" not in film(write_clip(tmp_path / "in.mkv", sound=1.5)).output


def test_places_that_cannot_be_decoded_are_counted(tmp_path: Path, film: Callable[..., Result]) -> None:
    """Two of the frames, each coded alone, are overwritten."""
    whole = write_clip(tmp_path / "whole.mkv", count=12, options={"g": "1", "level": "3", "slicecrc": "1"})
    with av.open(str(whole)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.dts is not None]
        damaged = [bytes(packets[number]) for number in (3, 7)]
    data = whole.read_bytes()
    for one in damaged:
        assert data.count(one) == 1
        data = data.replace(one, bytes([255]) * len(one))
    path = tmp_path / "in.mkv"
    path.write_bytes(data)
    result = film(path)
    assert result.exit_code == 0 and len(content(tmp_path / "out.mkv").frames) == 10
    assert "2 places in it could not be decoded, the first near 0.08 s" in " ".join(result.output.split())


def test_packets_that_a_transport_stream_misses_are_damage(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(tmp_path / "in.ts", count=24, codec="mpeg2video", time_base=Fraction(1, 25))
    assert "could not be decoded" not in film(path).output
    data = path.read_bytes()
    middle = len(data) // 2 // 188 * 188  # the size of a packet
    path.write_bytes(data[:middle] + data[middle + 20 * 188 :])
    result = film(path, "-f")
    assert result.exit_code == 0 and 0 < len(content(tmp_path / "out.mkv").frames) < 24
    assert "1 place in it could not be decoded, near 0." in " ".join(result.output.split())


def test_packets_that_are_damaged_together_are_one_place(tmp_path: Path, film: Callable[..., Result]) -> None:
    """Four frames in a row, and two with one between them."""
    path = write_clip(tmp_path / "in.mkv", count=24, options={"g": "1", "level": "3", "slicecrc": "1"})
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.dts is not None]
    data = path.read_bytes()
    for number in (3, 4, 5, 6, 18, 20):
        data = data.replace(packets[number], bytes([255]) * len(packets[number]))
    path.write_bytes(data)
    result = film(path)
    assert result.exit_code == 0 and len(content(tmp_path / "out.mkv").frames) == 18
    assert "2 places in it could not be decoded, the first near 0.08 s" in " ".join(result.output.split())


@pytest.mark.parametrize("sound", [None, 2.4])
def test_what_comes_after_the_part_is_not_read(
    tmp_path: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, sound: float | None
) -> None:
    """But all of its sound."""
    path = write_clip(tmp_path / "in.mkv", count=60, sound=sound)
    decoded, read = film_output.decoded, list[int]()

    def watched(*args: object, **options: object) -> object:
        for packet, frames in decoded(*args, **options):  # type: ignore[arg-type]
            if packet.stream.type == "video":
                read.append(len(frames))
            yield packet, frames

    monkeypatch.setattr(film_output, "decoded", watched)
    assert film(path, "--end", "0.2").exit_code == 0
    assert sum(read) == 5 and len(read) < 50
    before, after = content(path), content(tmp_path / "out.mkv")
    assert after.times == before.times[:5]
    assert after.sound == [(time, data) for time, data in before.sound if time < Fraction(1, 5)]
    assert bool(after.sound) == bool(sound)


def test_times_count_from_the_first_frame(tmp_path: Path, film: Callable[..., Result], ref: Path) -> None:
    """Of a clip that begins at 0.5 s, as players show it."""
    path = write_clip(tmp_path / "in.mkv", count=10, times=range(500, 900, 40), sound=1.0)
    before = content(path)
    assert film(path, "--end", "0.12").exit_code == 0
    after = content(tmp_path / "out.mkv")
    assert after.times == before.times[:3]
    assert film(path, "--start", "0.08", "--end", "0.2", "-f").exit_code == 0
    after = content(tmp_path / "out.mkv")
    assert after.times == [Fraction(i, 25) for i in range(3)]
    assert all(map(np.array_equal, after.y, before.y[2:5])) and len(after.y) == 3
    # Sound stays with the picture: what was played at 0.6 s is now at 0.02 s
    assert [(time + Fraction(58, 100), data) for time, data in after.sound] == [
        (time, data) for time, data in before.sound if Fraction(58, 100) <= time < Fraction(7, 10)
    ]


def test_a_reference_for_a_time(tmp_path: Path, excolor: Callable[..., Result], ref: Path) -> None:
    """It counts from the first frame, too, also where the part begins between two frames."""
    other = tmp_path / "other.png"
    Image.fromarray(np.ascontiguousarray(crops(["coffee"], 1, SIZE)[0])).save(other)
    path = write_clip(tmp_path / "in.mkv", count=5, times=range(500, 700, 40))

    def run(*options: object) -> Result:
        return excolor("film", path, *options, "-o", tmp_path / "out.mkv", *SMALL, "-f")

    assert run("--ref", other, "--start", "0.05").exit_code == 0
    expected = content(tmp_path / "out.mkv").u
    result = run("--ref", ref, "--ref-at", f"0.05={other}", "--start", "0.05")
    assert result.exit_code == 0 and "not in the part" not in result.output
    assert all(map(np.array_equal, content(tmp_path / "out.mkv").u, expected))
    result = run("--ref", ref, "--ref-at", f"0={other}", "--start", "0.05")
    assert result.exit_code == 0 and "other.png: 0 s is not in the part that is colored" in result.output
    for options in ((), ("--preview", 2)):
        result = run("--ref", ref, "--ref-at", f"1:00={other}", *options)
        assert result.exit_code == 1 and "no frame of the clip is shown at 60 s" in result.output


@pytest.mark.parametrize(
    ("size", "matrix"), [((536, 1280), 709), ((720, 960), 709), ((576, 720), 601), ((480, 854), 601)], ids=str
)
def test_the_matrix_that_is_assumed(tmp_path: Path, size: tuple[int, int], matrix: int) -> None:
    """As mpv guesses it."""
    clip = Clip.open(write_clip(tmp_path / "in.mkv", size=size, count=1))
    assert any(f"BT.{matrix} is assumed" in note for note in clip.notes)


def test_commands_in_messages_have_quotes(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(tmp_path / "reel 'two'.mkv", pix_fmt="bgr0")
    result = film(path)
    assert result.exit_code == 1
    command = result.output.split("for example with: ")[1].splitlines()[0]
    assert shlex.split(command)[2] == path.name and shlex.split(command)[-1] == "reel 'two'-yuv.mkv"


def test_a_frame_of_another_size(tmp_path: Path, film: Callable[..., Result]) -> None:
    paths = frames_in(tmp_path / "frames")
    Image.new("L", (50, 40)).save(paths[2])
    for options in ((), ("--preview", 3)):
        result = film(tmp_path / "frames", *options, output="out")
        assert result.exit_code == 1
        (said,) = [line for line in result.output.splitlines() if "Error" in line]
        assert "00002.png is 50×40 pixels, and the frames before it are 96×64" in said
        assert not list((tmp_path / "out").glob("*.png"))


def test_names_go_on_after_their_digits(tmp_path: Path, film: Callable[..., Result]) -> None:
    """%02d takes 99 and 100, as FFmpeg does, and no 001."""
    paths = frames_in(tmp_path / "frames")
    for path, name in zip(paths, ("98.png", "99.png", "100.png"), strict=True):
        path.rename(path.with_name(name))
    Image.new("L", SIZE[::-1]).save(tmp_path / "frames" / "001.png")
    assert film(tmp_path / "frames" / "%02d.png", output="out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["100.png", "98.png", "99.png"]


@pytest.mark.parametrize("options", [("--codec", "ffv1"), ("--chroma", "444"), ("--codec", "h264", "--crf", 20)])
def test_frames_have_no_codec(tmp_path: Path, film: Callable[..., Result], options: tuple[object, ...]) -> None:
    frames_in(tmp_path / "frames")
    result = film(tmp_path / "frames", *options, output="out")
    assert result.exit_code == 2
    assert "have no codec or chroma of a video; leave these out (--codec, --chroma)" in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_frames_of_a_part(tmp_path: Path, film: Callable[..., Result]) -> None:
    """24 a second: those shown from 0.05 s on and before 0.17 s are 2, 3 and 4."""
    frames_in(tmp_path / "frames", 6)
    assert film(tmp_path / "frames", "--start", "0.05", "--end", "0.17", output="out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00002.png", "00003.png", "00004.png"]


def test_an_avi_in_which_frames_were_dropped(tmp_path: Path) -> None:
    """Packets that say "as before" give no frame, and leave no times behind, by which all later ones would be early."""
    whole, path = tmp_path / "whole.avi", tmp_path / "in.avi"
    write_clip(whole, count=12, codec="mpeg4", time_base=Fraction(1, 25), options={"g": "3"})
    as_before = bytes.fromhex("000001b6 50cf")  # a video object plane that is not coded (ISO/IEC 14496-2, 6.2.5)
    with av.open(str(whole)) as source, av.open(str(path), "w") as result:
        stream = result.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(list(source.demux(video=0))[:-1]):
            one = av.Packet(as_before) if i in (4, 5, 8) else packet
            one.pts, one.dts, one.time_base, one.stream = packet.pts, packet.dts, packet.time_base, stream
            result.mux(one)
    with av.open(str(path)) as container:
        expected = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    assert len(expected) == 9
    assert [one.seconds for one in Clip.open(path).frames()] == pytest.approx(expected)


def test_what_is_of_another_size_after_the_part(tmp_path: Path, film: Callable[..., Result]) -> None:
    """Transport streams can be joined as they are."""
    small, large = (
        write_clip(tmp_path / f"{size[0]}.ts", size=size, count=count, codec="mpeg2video", time_base=Fraction(1, 25))
        for size, count in ((SIZE, 12), ((96, 128), 4))
    )
    path = tmp_path / "in.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    result = film(path, "--end", 0.2)
    assert result.exit_code == 0, result.output
    assert len(content(tmp_path / "out.mkv").frames) == 5
