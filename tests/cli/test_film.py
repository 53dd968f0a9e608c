"""`excolor film`: what is kept of a clip, and what happens when something goes wrong."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from clips import PHOTOS, content, crops, rgb_of, write_clip
from PIL import Image

from excolor.evaluation.metrics import colorfulness

Excolor = Callable[..., Result]
SMALL = ("--working-size", 48)


@pytest.fixture
def ref(tmp_path: Path) -> Path:
    """The first frame of the clips in color."""
    path = tmp_path / "first.png"
    Image.fromarray(np.ascontiguousarray(crops(["palace"], 6, (64, 96))[0])).save(path)
    return path


@pytest.fixture
def film(excolor: Excolor, tmp_path: Path, ref: Path) -> Callable[..., Result]:
    """Colors a clip to out.mkv or the like."""

    def run(clip: object, *options: object, output: str = "out.mkv") -> Result:
        return excolor("film", clip, "--ref", ref, "-o", tmp_path / output, *SMALL, *options)

    return run


def same_y(a: Path, b: Path) -> bool:
    first, second = content(a), content(b)
    return len(first.y) == len(second.y) and all(map(np.array_equal, first.y, second.y))


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.mark.parametrize(
    "clip",
    [
        {},
        {"pix_fmt": "yuv420p10le"},
        {"pix_fmt": "yuv444p"},
        {"pix_fmt": "yuv422p10le", "tags": (1, 1)},
        {"pix_fmt": "gray"},
        {"tags": (1, 2)},
        {"tags": (6, 1)},
        {"tags": (1, 1)},
        {"size": (63, 95)},
        {"rotation": 90},
        {"rotation": 180, "tags": (6, 2)},
        {"pix_fmt": "yuvj420p", "codec": "mjpeg"},
    ],
    ids=str,
)
def test_luma_times_and_tags_stay(tmp_path: Path, film: Callable[..., Result], clip: dict[str, object]) -> None:
    path = write_clip(tmp_path / "in.mkv", **clip)
    assert film(path).exit_code == 0
    before, after = content(path), content(tmp_path / "out.mkv")
    assert same_y(path, tmp_path / "out.mkv")
    assert after.times == before.times
    assert after.first.rotation == before.first.rotation
    assert (after.first.width, after.first.height) == (before.first.width, before.first.height)
    if "tags" in clip:
        assert (after.first.colorspace, after.first.color_range) == clip["tags"]
    gray = before.first.format.name.startswith("gray")
    assert gray or after.first.format.name == before.first.format.name.replace("yuvj", "yuv")
    assert np.mean([colorfulness(rgb_of(frame) / 255) for frame in after.frames]) > 8
    assert leftovers(tmp_path) == []


def test_colors_are_those_of_the_first_frame(tmp_path: Path, film: Callable[..., Result]) -> None:
    """A player shows nearly the frames that were hidden."""
    path = write_clip(tmp_path / "in.mkv", tags=(1, 1), pix_fmt="yuv444p")
    assert film(path).exit_code == 0
    errors = [
        np.abs(rgb_of(found).astype(int) - rgb_of(true)).mean()
        for found, true in zip(content(tmp_path / "out.mkv").frames, content(path).frames, strict=True)
    ]
    assert max(errors) < 8


def test_a_variable_rate_and_a_late_start_are_kept(tmp_path: Path, film: Callable[..., Result]) -> None:
    times = [700, 740, 815, 816, 1200, 1999]
    path = write_clip(tmp_path / "in.mkv", times=times)
    assert film(path).exit_code == 0
    assert content(tmp_path / "out.mkv").times == content(path).times == [Fraction(t, 1000) for t in times]


def test_fine_times_are_kept_where_the_container_has_them(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(
        tmp_path / "in.mp4", codec="libx264", time_base=Fraction(1, 30000), times=[i * 1001 for i in range(6)]
    )
    assert film(path, "--codec", "h264", output="out.mp4").exit_code == 0
    assert content(tmp_path / "out.mp4").times == content(path).times


@pytest.mark.parametrize("sound", [0.3, 1.5], ids=["shorter or equal", "longer"])
def test_sound_is_copied(tmp_path: Path, film: Callable[..., Result], sound: float) -> None:
    path = write_clip(tmp_path / "in.mkv", sound=sound)
    assert film(path).exit_code == 0
    assert content(tmp_path / "out.mkv").sound == content(path).sound != []


def test_chapters_titles_and_attachments_are_kept(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(write_clip(tmp_path / "plain.mkv"))) as source, av.open(str(path), "w") as result:
        copy = result.add_stream_from_template(source.streams.video[0], opaque=True)
        result.add_attachment("note.txt", "text/plain", b"found in an attic")
        result.metadata["title"] = "1931"
        chapter = {"id": 1, "start": 0, "end": 100, "time_base": Fraction(1, 1000), "metadata": {"title": "Garden"}}
        result.set_chapters([chapter])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                result.mux(packet)
    assert film(path).exit_code == 0
    with av.open(str(tmp_path / "out.mkv")) as result:
        assert result.metadata["title"] == "1931"
        assert [chapter["metadata"]["title"] for chapter in result.chapters()] == ["Garden"]
        (attachment,) = [stream for stream in result.streams if stream.type == "attachment"]
        assert bytes(attachment.data) == b"found in an attic"


@pytest.mark.parametrize(
    ("options", "output", "pix_fmt"),
    [
        (("--codec", "h264", "--crf", 10), "out.mp4", "yuv420p"),
        (("--codec", "hevc", "--chroma", "444"), "out.mkv", "yuv444p"),
        (("--codec", "vp9"), "out.webm", "yuv420p"),
        (("--codec", "prores", "--chroma", "422"), "out.mov", "yuv422p10le"),
        (("--chroma", "444"), "out.mkv", "yuv444p"),
    ],
)
def test_other_codecs(
    tmp_path: Path, film: Callable[..., Result], options: tuple[object, ...], output: str, pix_fmt: str
) -> None:
    path = write_clip(tmp_path / "in.mkv", tags=(1, 1), size=(64, 96))
    result = film(path, *options, output=output)
    assert result.exit_code == 0, result.output
    after = content(tmp_path / output)
    assert after.first.format.name == pix_fmt
    assert len(after.frames) == 6
    scale = 4 if "10" in pix_fmt else 1
    assert np.mean([np.abs(a / scale - b).mean() for a, b in zip(after.y, content(path).y, strict=True)]) < 3


@pytest.mark.parametrize(
    ("options", "output", "words"),
    [
        (("--codec", "ffv1", "--crf", 3), "out.mkv", "no quality to be chosen; leave it out (--crf)"),
        (("--codec", "h264", "--crf", 60), "out.mkv", "at most 51 for h264 (--crf)"),
        (("--codec", "ffv1"), "out.webm", "use another suffix or codec (-o, --codec)"),
        (
            ("--codec", "prores", "--chroma", "420"),
            "out.mov",
            "choose chroma 422 or 444, or another codec (--chroma, --codec)",
        ),
        (("--codec", "vp9"), "out.mov", "cannot be written with vp9 into this container"),
        ((), "out.txt", "end its name in one of .mkv"),
        (("--start", "2", "--end", "1"), "out.mkv", "ends before it begins; give a later end (--start, --end)"),
    ],
)
def test_what_does_not_go_together(
    tmp_path: Path, film: Callable[..., Result], options: tuple[object, ...], output: str, words: str
) -> None:
    result = film(write_clip(tmp_path / "in.mkv"), *options, output=output)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not (tmp_path / output).exists() and not leftovers(tmp_path)


def test_a_part_of_a_clip(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(tmp_path / "in.mkv", count=10, sound=0.4)
    assert film(path, "--start", "0.08", "--end", "00:00:00.24").exit_code == 0
    before, after = content(path), content(tmp_path / "out.mkv")
    assert all(map(np.array_equal, after.y, before.y[2:6])) and len(after.y) == 4
    assert after.times == [time - Fraction(8, 100) for time in before.times[2:6]]
    result = film(path, "--start", "5", "-f")
    assert result.exit_code == 1 and "no frames in this part" in result.output


def test_each_shot_follows_its_reference(tmp_path: Path, excolor: Excolor) -> None:
    path = write_clip(tmp_path / "in.mkv", ["palace", "coffee"], 5, pix_fmt="yuv444p", tags=(1, 1))
    outputs = []
    for number, references in enumerate(
        (
            ["--ref", PHOTOS / "palace.jpg", "--ref-at", f"0:00.3={PHOTOS / 'coffee.jpg'}"],
            ["--ref", PHOTOS / "palace.jpg"],
        )
    ):
        outputs.append(tmp_path / f"{number}.mkv")
        assert excolor("film", path, *references, "-o", outputs[-1], *SMALL).exit_code == 0
    first, second = (content(output) for output in outputs)
    assert all(np.array_equal(a, b) for a, b in zip(first.u[:5], second.u[:5], strict=True))
    assert all(not np.array_equal(a, b) for a, b in zip(first.u[5:], second.u[5:], strict=True))


def test_several_references_for_one_time(tmp_path: Path, excolor: Excolor) -> None:
    """They count as those for several times of a shot do."""
    path = write_clip(tmp_path / "in.mkv", pix_fmt="yuv444p", tags=(1, 1))
    palace, coffee, found = PHOTOS / "palace.jpg", PHOTOS / "coffee.jpg", {}
    for times in ((0, 0.01), (0, 0), (0,)):
        references = [f"--ref-at={time}={file}" for time, file in zip(times, (palace, coffee), strict=False)]
        output = tmp_path / f"{len(found)}.mkv"
        assert excolor("film", path, *references, "-o", output, *SMALL).exit_code == 0
        found[times] = content(output).u
    assert all(map(np.array_equal, found[0, 0], found[0, 0.01]))
    assert not all(map(np.array_equal, found[0, 0], found[0,]))


def test_colors_never_cross_a_cut(tmp_path: Path, film: Callable[..., Result]) -> None:
    """The second shot is colored as it is alone."""
    both = write_clip(tmp_path / "both.mkv", ["coffee", "palace"], 6)
    alone = write_clip(tmp_path / "alone.mkv", ["palace"], 6)
    assert film(both, output="a.mkv").exit_code == film(alone, output="b.mkv").exit_code == 0
    a, b = content(tmp_path / "a.mkv"), content(tmp_path / "b.mkv")
    assert all(map(np.array_equal, a.u[6:], b.u))


def test_a_folder_of_frames(tmp_path: Path, film: Callable[..., Result]) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, pixels in enumerate(crops(["palace"], 6, (64, 96))):
        Image.fromarray(np.ascontiguousarray(pixels)).convert("L").save(folder / f"{i:05}.png")
    assert film(folder / "%05d.png", output="out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{i:05}.png" for i in range(6)]
    frame = np.asarray(Image.open(tmp_path / "out" / "00004.png"))
    assert frame.shape == (64, 96, 3) and colorfulness(frame / 255) > 8
    again = film(folder, output="out")
    assert again.exit_code == 1 and "exists already" in again.output
    assert film(folder, "-f", output="out").exit_code == 0
    assert film(folder, output="frames").exit_code == 1
    assert "no frames of this name" in film(folder / "%03d.png", output="other").output


def test_where_frames_go_is_looked_at_and_nowhere_else(
    tmp_path: Path, excolor: Excolor, ref: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of a frame's name is in the way among the results, not where the command is given."""
    folder, here, out = (tmp_path / name for name in ("frames", "here", "out"))
    for each in (folder, here, out):
        each.mkdir()
    for i, pixels in enumerate(crops(["palace"], 2, (64, 96))):
        Image.fromarray(np.ascontiguousarray(pixels)).convert("L").save(folder / f"{i}.png")
    monkeypatch.chdir(here)
    (here / "1.png").mkdir()
    assert excolor("film", folder, "--ref", ref, "-o", out, *SMALL).exit_code == 0
    for i in range(2):
        (out / f"{i}.png").unlink()
    (out / "1.png").mkdir()
    result = excolor("film", folder, "--ref", ref, "-o", out, *SMALL)
    assert result.exit_code == 1 and f"{out / '1.png'}: it is a folder" in result.output
    assert not (out / "0.png").exists() and leftovers(out) == []
    Image.new("L", (96, 64)).save(folder / "2.bmp")
    result = excolor("film", folder, "--ref", ref, "-o", "new", *SMALL)
    assert result.exit_code == 1 and "end its name in one of" in result.output and not (here / "new").exists()


@pytest.mark.parametrize("name", [".", "below/.."])
def test_a_preview_of_results_that_are_to_be_here(
    tmp_path: Path, excolor: Excolor, ref: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is beside the folder, as always."""
    here = tmp_path / "here"
    (here / "below").mkdir(parents=True)
    (here / "frames").mkdir()
    for i, pixels in enumerate(crops(["palace"], 2, (64, 96))):
        Image.fromarray(np.ascontiguousarray(pixels)).convert("L").save(here / "frames" / f"{i}.png")
    monkeypatch.chdir(here)
    result = excolor("film", "frames", "--ref", ref, "-o", name, "--preview", 2, *SMALL)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "here-preview.png").is_file()


def test_a_preview(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(tmp_path / "in.mkv", count=10)
    assert film(path, "--preview", 5).exit_code == 0
    with Image.open(tmp_path / "out-preview.png") as sheet:
        assert sheet.width > 4 * 96 and colorfulness(np.asarray(sheet.convert("RGB")) / 255) > 3
    assert not (tmp_path / "out.mkv").exists()


def test_interlaced_clips_are_refused(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(
        tmp_path / "in.mkv", codec="mpeg2video", time_base=Fraction(1, 25), options={"flags": "+ildct+ilme"}
    )
    with av.open(str(path)) as container:
        if not next(container.decode(video=0)).interlaced_frame:
            pytest.skip("this FFmpeg marks no interlaced frames")
    result = film(path)
    assert result.exit_code == 1 and "bwdif" in result.output


@pytest.mark.parametrize("share", [0.02, 0.6, 0.97])
def test_truncated_files(tmp_path: Path, film: Callable[..., Result], share: float) -> None:
    whole = write_clip(tmp_path / "whole.mkv", count=12).read_bytes()
    path = tmp_path / "in.mkv"
    path.write_bytes(whole[: int(len(whole) * share)])
    result = film(path)
    if share < 0.1:
        assert result.exit_code == 1 and str(path) in result.output
        assert not (tmp_path / "out.mkv").exists()
    else:
        assert result.exit_code == 0
        assert 0 < len(content(tmp_path / "out.mkv").frames) <= 12


def test_what_is_no_clip(tmp_path: Path, film: Callable[..., Result], ref: Path) -> None:
    empty = tmp_path / "empty.mkv"
    with av.open(str(empty), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = 64, 48
        container.start_encoding()
    text = tmp_path / "text.mkv"
    text.write_text("no video")
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        voice = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        part = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        part.sample_rate = 8000
        container.mux(voice.encode(part))
    for path in (empty, text, sound, tmp_path / "missing.mkv"):
        result = film(path)
        assert result.exit_code == 1, path
        assert result.output.startswith("Error: ") and len(result.output.splitlines()) == 1
    assert not (tmp_path / "out.mkv").exists()


def test_the_clip_is_never_replaced(tmp_path: Path, film: Callable[..., Result]) -> None:
    path = write_clip(tmp_path / "in.mkv")
    before = path.read_bytes()
    (tmp_path / "same.mkv").hardlink_to(path)
    for name, options in (("in.mkv", ()), ("in.mkv", ("-f",)), ("same.mkv", ("-f",))):
        result = film(path, *options, output=name)
        assert result.exit_code == 1
        assert f"{tmp_path / name} is an input and would be replaced; write elsewhere (-o)" in result.output
    assert path.read_bytes() == before
    (tmp_path / "out.mkv").write_bytes(b"mine")
    assert film(path).exit_code == 1
    assert (tmp_path / "out.mkv").read_bytes() == b"mine"


def test_other_inputs_are_never_replaced(tmp_path: Path, excolor: Excolor, ref: Path) -> None:
    """A reference, also one behind a link, a painted layer, and a frame; by frames, a clip, or a preview."""
    clip, folder, out = write_clip(tmp_path / "in.mkv"), tmp_path / "frames", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for i, pixels in enumerate(crops(["palace"], 3, (64, 96))):
        Image.fromarray(np.ascontiguousarray(pixels)).convert("L").save(folder / f"{i}.png")
    mine = out / "1.png"
    mine.write_bytes(ref.read_bytes())
    (tmp_path / "link.png").symlink_to(mine)
    (tmp_path / "out.mkv").write_bytes(ref.read_bytes())
    (tmp_path / "out-preview.png").write_bytes(ref.read_bytes())
    (tmp_path / "frames" / "x-preview.png").write_bytes((folder / "0.png").read_bytes())

    def refused(source: Path, output: Path, replaced: Path, *options: object) -> None:
        before = replaced.read_bytes()
        result = excolor("film", source, *options, "-o", output, "-f", *SMALL)
        assert result.exit_code == 1, result.output
        assert result.output == f"Error: {replaced} is an input and would be replaced; write elsewhere (-o)\n"
        assert replaced.read_bytes() == before and not list(out.glob(".*"))

    refused(folder, out, mine, "--ref", mine)
    refused(folder, out, mine, "--ref", tmp_path / "link.png")
    refused(folder, out, mine, "--ref", ref, "--ref-at", f"0={mine}")
    refused(folder, out, mine, "--ref", ref, "--hints", f"0={mine}")
    refused(clip, tmp_path / "out.mkv", tmp_path / "out.mkv", "--ref", tmp_path / "out.mkv")
    preview = tmp_path / "out-preview.png"
    refused(folder, out, preview, "--ref", preview, "--preview", 2)
    refused(folder, folder / "x", folder / "x-preview.png", "--ref", ref, "--preview", 2)
    # What is not written is not in the way
    part = ("--ref", mine, "--end", 0.04, "-f", *SMALL)
    assert excolor("film", folder, *part, "-o", out).exit_code == 0
    assert mine.read_bytes() == ref.read_bytes() and (out / "0.png").exists()


def test_a_missing_package(tmp_path: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "in.mkv")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    result = film(path)
    assert result.exit_code == 1
    assert "pip install av (or, where excolor's source is, pip install '.[film]')" in result.output
    assert len(result.output.splitlines()) == 1


def test_a_full_disk(tmp_path: Path, film: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both while shots are kept, and while the result is written."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    path = write_clip(tmp_path / "in.mkv")
    opened = __import__("excolor.photo.files", fromlist=["_open_new"])._open_new
    for part in (".planes", ".mkv"):

        def open_new(place: Path, part: str = part) -> object:
            return (full.open("r+b"), None) if place.suffix == part else opened(place)

        monkeypatch.setattr("excolor.photo.files._open_new", open_new)
        result = film(path)
        assert result.exit_code == 1
        assert "No space left" in result.output
        assert not (tmp_path / "out.mkv").exists()
    monkeypatch.undo()
    assert film(path).exit_code == 0


def interrupt(process: subprocess.Popen[bytes], kept: Path, number: int) -> None:
    """Send a signal once the first shot is kept in its folder; the run ends by it, and quietly."""
    deadline = time.monotonic() + 120
    while not list(kept.glob("*.planes")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it was quicker than the signal")
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert b"Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_is_taken_up(
    tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]], film: Callable[..., Result], ref: Path, number: int
) -> None:
    path = write_clip(tmp_path / "in.mkv", ["palace", "coffee", "rocket", "cat"], 10)
    output = tmp_path / "out.mkv"
    process = start("film", path, "--ref", ref, "-o", output, *SMALL, "--every", 1)
    folder = tmp_path / ".out.mkv.film"
    interrupt(process, folder, number)
    assert not output.exists()
    assert [path.name for path in folder.iterdir() if path.suffix not in (".planes", ".json")] == []
    result = film(path, "--every", 1)
    assert result.exit_code == 0 and "of 4 shots were finished by an earlier run" in result.output
    assert leftovers(tmp_path) == []
    assert film(path, "--every", 1, output="whole.mkv").exit_code == 0
    assert all(map(np.array_equal, content(output).u, content(tmp_path / "whole.mkv").u))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_folder_of_frames_is_taken_up(
    tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]], excolor: Excolor, ref: Path, number: int
) -> None:
    source, output = tmp_path / "frames", tmp_path / "out"
    source.mkdir()
    for i, pixels in enumerate(crops(["palace", "coffee", "rocket", "cat"], 10, (64, 96))):
        Image.fromarray(pixels).convert("L").save(source / f"{i:03}.png")
    command = ("film", source, "--ref", ref, *SMALL, "--every", 1, "-o")
    process = start(*command, output)
    interrupt(process, output / ".frames.film", number)
    written = sorted(output.glob("*.png"))
    assert 10 <= len(written) < 40
    for path in written:  # whole, under their own names
        with Image.open(path) as image:
            assert image.convert("RGB").size == (96, 64)
    shot = (written[0].stat().st_mtime_ns, written[9].stat().st_mtime_ns)
    result = excolor(*command, output)  # what an earlier run of the same wrote needs no --force
    assert result.exit_code == 0 and "of 4 shots were finished by an earlier run" in result.output
    assert (written[0].stat().st_mtime_ns, written[9].stat().st_mtime_ns) == shot
    assert sorted(path.name for path in output.iterdir()) == [f"{i:03}.png" for i in range(40)]
    assert excolor(*command, tmp_path / "whole").exit_code == 0
    for i in range(40):
        assert (output / f"{i:03}.png").read_bytes() == (tmp_path / "whole" / f"{i:03}.png").read_bytes()
