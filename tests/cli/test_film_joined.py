"""`excolor film`: files that were joined end to end, and what of them cannot be colored as one."""

import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from clips import PHOTOS, SOUND, content, write_clip

PADDING = (b"\x47\x1f\xff\x10" + bytes(184)) * 32_000  # of a transport stream: more than FFmpeg looks for streams in


def flv(path: Path, name: str, codec: str = "libx264") -> Path:
    return write_clip(path, [name], 12, codec=codec, sound=0.5, voice="aac")


def transport(path: Path, name: str, first: int = 0x100) -> Path:
    """A transport stream whose streams have the numbers (PIDs) `first` and the next one."""
    options = {"mpegts_start_pid": str(first)}
    base = Fraction(1, 25)
    return write_clip(
        path, [name], 12, codec="mpeg2video", time_base=base, sound=0.5, voice="mp2", container_options=options
    )


def joined(path: Path, parts: Sequence[bytes]) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def kinds(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.type for stream in container.streams]


def split_as_told(result: Result, path: Path) -> list[Path]:
    """The parts that the command in a message makes."""
    said = " ".join(result.stderr.split())
    assert f"Error: {path}: from byte " in said and "split it there and color the parts one by one" in said
    subprocess.run(said.partition("for example with: ")[2], shell=True, check=True, cwd=path.parent)
    return [path.with_stem(f"{path.stem}-{number}") for number in (1, 2)]


@pytest.mark.parametrize("output", ["out.mkv", "out.mp4"])
def test_all_parts_of_an_flv_are_colored(tmp_path: Path, film: Callable[..., Result], output: str) -> None:
    names = ("palace", "coffee", "rocket")
    parts = [flv(tmp_path / f"{name}.flv", name) for name in names]
    result = film(joined(tmp_path / "in.flv", [part.read_bytes() for part in parts]), output=output)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "its times go back or jump ahead at 2 places, the first near 0." in said
    assert "could not be decoded" not in said and "left out" not in said
    sources, after = [content(part) for part in parts], content(tmp_path / output)
    assert all(map(np.array_equal, after.y, [y for source in sources for y in source.y])) and len(after.y) == 36
    assert [data for _, data in after.sound] == [data for source in sources for _, data in source.sound]
    assert kinds(tmp_path / output) == ["video", "audio"]
    for i, source in enumerate(sources):  # picture and sound stay together
        number = sum(len(one.sound) for one in sources[:i])
        moved = [found - own for found, own in zip(after.times[12 * i :], source.times, strict=False)]
        moved += [found - own for (found, _), (own, _) in zip(after.sound[number:], source.sound, strict=False)]
        assert float(max(moved) - min(moved)) < 0.0021
    assert after.times == sorted(set(after.times))


def test_an_flv_that_is_cut_within_a_frame_ends_before_it(tmp_path: Path, film: Callable[..., Result]) -> None:
    first, second = (flv(tmp_path / f"{name}.flv", name, "flv1") for name in ("palace", "coffee"))
    with av.open(str(first)) as container:
        *_, at = [packet.pos for packet in container.demux(video=0) if packet.size]
    result = film(joined(tmp_path / "in.flv", [first.read_bytes()[: at + 20], second.read_bytes()]))
    assert result.exit_code == 0, result.output
    expected = [*content(first).y[:11], *content(second).y]
    found = content(tmp_path / "out.mkv").y
    assert len(found) == 23 and all(map(np.array_equal, found, expected))


@pytest.mark.parametrize("is_same", [True, False])
def test_an_flv_in_which_the_header_of_the_sound_comes_again(
    tmp_path: Path, film: Callable[..., Result], is_same: bool
) -> None:
    """As where recording went on: the header of the result and its times stay whole."""
    source = flv(tmp_path / "source.flv", "palace")
    data = source.read_bytes()
    first = data.index(b"\xaf\x00") - 11  # a tag: AAC, header (Video File Format Specification 10.1, E.4.2)
    size = 15 + int.from_bytes(data[first + 1 : first + 4], "big")
    header = bytearray(data[first : first + size])
    if not is_same:
        header[13] ^= 0x02  # half or twice the rate
    with av.open(str(source)) as container:
        at = [packet.pos for packet in container.demux(audio=0) if packet.size][4]
    result = film(joined(tmp_path / "in.flv", [data[:at], header, data[at:]]))
    assert result.exit_code == 0, result.output
    before, after = content(source), content(tmp_path / "out.mkv")
    assert kinds(tmp_path / "out.mkv") == ["video", "audio"]
    assert len(after.y) == 12 and all(map(np.array_equal, after.y, before.y))
    assert [data for _, data in after.sound] == [data for _, data in before.sound]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert not is_same or container.streams.audio[0].rate == SOUND


def test_parts_of_an_flv_that_are_encoded_in_several_ways(tmp_path: Path, film: Callable[..., Result]) -> None:
    """They are refused before the work; the first of them can be colored."""
    first, second = flv(tmp_path / "a.flv", "palace"), flv(tmp_path / "b.flv", "coffee", "flv1")
    path = joined(tmp_path / "my clip.flv", [first.read_bytes(), second.read_bytes()])
    result = film(path)
    assert result.exit_code == 1 and not (tmp_path / "out.mkv").exists()
    parts = split_as_told(result, path)
    assert [part.read_bytes() for part in parts] == [first.read_bytes(), second.read_bytes()]
    assert film(path, "--end", 9).exit_code == 1
    assert film(path, "--end", 0.2).exit_code == 0
    assert len(content(tmp_path / "out.mkv").y) == 5


@pytest.mark.parametrize("padding", [b"", PADDING], ids=["short", "long"])
def test_a_transport_stream_that_goes_on_in_other_streams(
    tmp_path: Path, film: Callable[..., Result], padding: bytes
) -> None:
    """FFmpeg knows those that it finds at the beginning or at the end."""
    first, second = transport(tmp_path / "a.ts", "palace"), transport(tmp_path / "b.ts", "coffee", 0x200)
    path = joined(tmp_path / "in.ts", [first.read_bytes(), padding, second.read_bytes(), padding])
    result = film(path)
    assert result.exit_code == 1 and not (tmp_path / "out.mkv").exists()
    for part, source in zip(split_as_told(result, path), (first, second), strict=True):
        assert film(part, "-f").exit_code == 0
        found, expected = content(tmp_path / "out.mkv"), content(source)
        assert len(found.y) == 12 and all(map(np.array_equal, found.y, expected.y))
        assert [data for _, data in found.sound] == [data for _, data in expected.sound]
    assert film(path, "--end", 0.2, "-f").exit_code == 0
    assert len(content(tmp_path / "out.mkv").y) == 5 and kinds(tmp_path / "out.mkv") == ["video", "audio"]


def test_references_for_times_before_other_streams(tmp_path: Path, film: Callable[..., Result]) -> None:
    """Frames of the first part are found, also the last one; a time in the second part is refused with what to do."""
    first, second = transport(tmp_path / "a.ts", "palace"), transport(tmp_path / "b.ts", "coffee", 0x200)
    path = joined(tmp_path / "in.ts", [first.read_bytes(), second.read_bytes()])
    for time in (0.1, 0.44):
        result = film(path, "--ref-at", f"{time}={PHOTOS / 'palace.jpg'}", "--end", 0.2, "-f")
        assert result.exit_code == 0, result.output
        assert len(content(tmp_path / "out.mkv").y) == 5
    result = film(path, "--ref-at", f"9={PHOTOS / 'palace.jpg'}", "--end", 0.2, "-f")
    assert result.exit_code == 1
    split_as_told(result, path)
    result = film(path, "--ref-at", f"0.1={PHOTOS / 'palace.jpg'}", output="other.mkv")
    assert result.exit_code == 1 and "split it there" in result.output and not (tmp_path / "other.mkv").exists()


def test_streams_between_those_of_a_transport_stream(tmp_path: Path, film: Callable[..., Result]) -> None:
    """A part that FFmpeg passes over, since its streams are neither at the beginning nor at the end."""
    first, second = transport(tmp_path / "a.ts", "palace"), transport(tmp_path / "b.ts", "coffee", 0x200)
    parts = [first.read_bytes(), PADDING, second.read_bytes(), PADDING, first.read_bytes()]
    result = film(joined(tmp_path / "in.ts", parts))
    assert result.exit_code == 1
    before, after = split_as_told(result, tmp_path / "in.ts")
    assert len(content(before).y) == 12
    assert content(after).first.to_ndarray().tobytes() == content(second).first.to_ndarray().tobytes()


def test_programs_beside_each_other_are_no_parts(tmp_path: Path, film: Callable[..., Result]) -> None:
    """A transport stream with two streams of video at the same time."""
    path = tmp_path / "in.ts"
    with av.open(str(path), "w") as result:
        sources = [av.open(str(transport(tmp_path / f"{name}.ts", name))) for name in ("palace", "coffee")]
        streams = [result.add_stream_from_template(source.streams.video[0]) for source in sources]
        for packets in zip(*(source.demux(video=0) for source in sources), strict=True):
            for packet, stream in zip(packets, streams, strict=True):
                if packet.size:
                    packet.stream = stream
                    result.mux(packet)
    assert film(path).exit_code == 0
    assert len(content(tmp_path / "out.mkv").y) == 12 and kinds(tmp_path / "out.mkv") == ["video", "video"]
