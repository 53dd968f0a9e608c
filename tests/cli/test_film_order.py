"""`excolor film`: clips whose times do not go on, as those that were joined end to end."""

import errno
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from clips import SIZE, SMALL, content, crops, write_clip
from PIL import Image

from excolor.film.output import _Remux

HOURS = 2 * 3600 * 25  # frames


def stream(path: Path, name: str, begin: int = 0, **options: object) -> Path:
    """A clip of 12 frames for a transport or program stream, which begins at a frame."""
    times = range(begin, begin + 12)
    return write_clip(path, [name], 12, codec="mpeg2video", time_base=Fraction(1, 25), times=times, **options)


def joined(path: Path, parts: Sequence[Path]) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_parts_are_put_one_after_the_other(tmp_path: Path, film: Callable[..., Result], suffix: str) -> None:
    """Picture and sound of each stay together, and its longer sound is heard to its end."""
    names, lengths = ("palace", "coffee", "palace"), (0.7, 0.48, 0.2)
    parts = [
        stream(tmp_path / f"{i}{suffix}", name, sound=length, voice="mp2")
        for i, (name, length) in enumerate(zip(names, lengths, strict=True))
    ]
    path = joined(tmp_path / f"in{suffix}", parts)
    result = film(path)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "its times go back or jump ahead at 2 places, the first near 0." in said
    assert "could not be decoded" not in said and "not in the order" not in said
    sources, after = [content(part) for part in parts], content(tmp_path / "out.mkv")
    assert all(map(np.array_equal, after.y, content(path).y)) and len(after.y) == 36
    assert [data for _, data in after.sound] == [data for source in sources for _, data in source.sound]
    number, ends = 0, Fraction(0)
    for i, source in enumerate(sources):
        moved = after.times[12 * i] - source.times[0]
        expected = [*source.times, *(time for time, _ in source.sound)]
        found = after.times[12 * i : 12 * i + 12]
        found += [time for time, _ in after.sound[number : number + len(source.sound)]]
        assert [float(one) for one in found] == pytest.approx([float(one + moved) for one in expected], abs=0.0021)
        assert min(found) > ends  # nothing of a part before all of the one before
        number, ends = number + len(source.sound), max(found)


@pytest.mark.parametrize("begins", [(0, HOURS), (HOURS, 0)], ids=str)
def test_parts_of_other_times(tmp_path: Path, film: Callable[..., Result], begins: tuple[int, int]) -> None:
    """Of one that begins hours earlier, FFmpeg thinks that a counter has overflowed, and adds 26.5 hours."""
    parts = [stream(tmp_path / f"{begin}.ts", "palace", begin) for begin in begins]
    path = joined(tmp_path / "in.ts", parts)
    assert film(path).exit_code == 0
    times = content(tmp_path / "out.mkv").times
    assert [float(time - times[0]) for time in times] == pytest.approx([i / 25 for i in range(24)], abs=1e-3)


def test_times_count_on_over_a_join(
    tmp_path: Path, excolor: Callable[..., Result], film: Callable[..., Result]
) -> None:
    """Those of parts and of references, too."""
    path = joined(tmp_path / "in.ts", [stream(tmp_path / f"{name}.ts", name) for name in ("palace", "coffee")])
    before = content(path)
    assert film(path, "--start", "0.56", "--end", "0.76").exit_code == 0
    after = content(tmp_path / "out.mkv")
    assert all(map(np.array_equal, after.y, before.y[14:19])) and len(after.y) == 5
    other = tmp_path / "coffee.png"
    Image.fromarray(np.ascontiguousarray(crops(["coffee"], 1, SIZE)[0])).save(other)
    assert excolor("film", path, "--ref", other, "-o", tmp_path / "other.mkv", *SMALL).exit_code == 0
    assert film(path, "--ref-at", f"0.6={other}", "-f").exit_code == 0
    found, expected = content(tmp_path / "out.mkv").u, content(tmp_path / "other.mkv").u
    assert all(map(np.array_equal, found[12:], expected[12:]))
    assert not any(map(np.array_equal, found[:12], expected[:12]))


def test_parts_that_are_cut_anywhere(tmp_path: Path, film: Callable[..., Result]) -> None:
    """The next begins within a sound and between key frames."""
    whole = write_clip(
        tmp_path / "whole.ts", count=40, size=(96, 128), codec="libx264", sound=1.6, voice="aac", options={"g": "12"}
    ).read_bytes()
    packets = [whole[i : i + 188] for i in range(0, len(whole), 188)]
    # Those with sound (number 257): that begin some, and that go on (ISO/IEC 13818-1, 2.4.3.2)
    begin = [i for i, one in enumerate(packets) if one[1:3] == b"\x41\x01"]
    goes_on = [i for i, one in enumerate(packets) if one[1:3] == b"\x01\x01"]
    end = begin[len(begin) * 2 // 3] + 1
    again = next(i for i in goes_on if i > end // 2)
    path = tmp_path / "in.ts"
    path.write_bytes(b"".join(packets[:end] + packets[again:]))
    result = film(path)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "back or jump ahead at 1 place" in said and "1 place in it could not be decoded, near " in said
    assert "of its stream 1 (audio) could not be copied and left out" in said
    after = content(tmp_path / "out.mkv")
    assert after.times == sorted(set(after.times)) and len(after.times) > 24
    assert len(after.sound) > 16


def test_a_stream_that_was_not_joined(tmp_path: Path, film: Callable[..., Result]) -> None:
    """A pause of some seconds is kept."""
    times = [*range(6), *range(100, 106)]
    path = write_clip(tmp_path / "in.ts", count=12, codec="mpeg2video", time_base=Fraction(1, 25), times=times)
    result = film(path)
    assert result.exit_code == 0 and "go back" not in result.output
    found = content(tmp_path / "out.mkv").times
    assert [float(one - found[0]) for one in found] == pytest.approx([one / 25 for one in times], abs=1e-3)


def retimed(path: Path, frame: int, time: int) -> Path:
    """Give a frame of a Matroska file another time, in milliseconds."""
    with av.open(str(path)) as container:
        data = bytes([packet for packet in container.demux(video=0) if packet.size][frame])
    content = path.read_bytes()
    at = content.index(data) - 4  # of a block: number of the track, 2 bytes of time, flags (RFC 9559, 10)
    assert content[at] == 0x81 and int.from_bytes(content[at + 1 : at + 3], "big") == 40 * frame
    path.write_bytes(content[: at + 1] + time.to_bytes(2, "big") + content[at + 3 :])
    return path


def test_times_that_go_back_are_found_before_the_work(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = retimed(write_clip(tmp_path / "in.mkv", count=6), 4, 70)
    result = film(path)
    assert result.exit_code == 1 and not list(tmp_path.glob(".out*"))
    said = result.stderr.splitlines()[-1]
    assert said.startswith(f"Error: {path}: its times go back, or stand still, at 0.07 s")
    assert said.endswith("ffmpeg -i in.mkv -vf setpts=N/25/TB -c:v ffv1 -c:a copy in-in-order.mkv")


def test_times_that_stand_still_are_written_where_they_can_be(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = retimed(write_clip(tmp_path / "in.mkv", count=6), 4, 120)
    assert film(path).exit_code == 0
    assert content(tmp_path / "out.mkv").times == content(path).times
    result = film(path, output="out.nut")
    assert result.exit_code == 1 and "stand still, at 0.12 s" in result.stderr and not list(tmp_path.glob(".out*"))


def test_subtitles_that_come_late_are_kept(tmp_path: Path, film: Callable[..., Result]) -> None:
    text, path = tmp_path / "french.srt", tmp_path / "in.mkv"
    text.write_text("1\n00:00:00,040 --> 00:00:00,120\nOui\n\n2\n00:00:00,160 --> 00:00:00,230\nFin\n")
    plain = write_clip(tmp_path / "plain.mkv")
    with av.open(str(plain)) as clip, av.open(str(text)) as words, av.open(str(path), "w") as result:
        copies = [result.add_stream_from_template(one.streams[0], opaque=True) for one in (clip, words)]
        for source, copy in zip((clip, words), copies, strict=True):
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = copy
                    result.mux(packet)
    data = path.read_bytes()
    assert data.count(b"\x82\x00\xa0\x00Fin") == 1
    path.write_bytes(data.replace(b"\x82\x00\xa0\x00Fin", b"\x82\x00\x14\x00Fin"))
    said = film(path)
    assert said.exit_code == 0, said.output
    assert "its stream 1 (subtitle) is not in the order of time" in said.stderr
    with av.open(str(tmp_path / "out.mkv")) as container:
        found = [(one.pts, bytes(one)) for one in container.demux(subtitles=0) if one.size]
    assert found == [(40, b"Oui"), (40, b"Fin")]


def test_advice_after_an_error_of_writing_is_true(
    tmp_path: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a container refuses, it refuses again."""

    def refused(*_: object) -> None:
        raise av.ArgumentError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(_Remux, "_colored", refused)
    result = film(write_clip(tmp_path / "in.mkv", count=2))
    assert result.exit_code == 1
    assert "does not take what is in the clip: choose another suffix" in " ".join(result.stderr.split())
    assert "same command" not in result.stderr
