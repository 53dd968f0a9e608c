"""Pictures that come through pipes, and runs that wait for them."""

import io
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from side_by_side import side_by_side

from excolor.photo import read_photo, read_provenance

Start = Callable[..., "subprocess.Popen[bytes]"]
Run = Callable[..., Result]

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")

FAST = ("--working-size", "32")
SMALL = (64, 48)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    levels = np.linspace(20, 230, SMALL[0] * SMALL[1]).reshape(SMALL[::-1]).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "small.png")
    return tmp_path / "small.png"


def bash(command: str) -> "subprocess.CompletedProcess[bytes]":
    excolor = f"{shlex.quote(sys.executable)} -m excolor"
    return subprocess.run(["bash", "-c", command.replace("EXCOLOR", excolor)], capture_output=True, check=False)


def test_a_target_a_reference_a_style_and_masks_through_pipes(tmp_path: Path, small: Path, reference: Path) -> None:
    out, ref = tmp_path / "out.png", shlex.quote(str(reference))
    mask, style_mask = tmp_path / "mask.png", tmp_path / "style.png"
    for path, (height, width) in ((mask, SMALL[::-1]), (style_mask, read_photo(reference).size)):
        Image.fromarray(np.uint8(np.arange(width) < width // 2)[None].repeat(height, axis=0) * 255).save(path)
    masks = f"--content-mask <(cat {mask}) --style-mask <(cat {style_mask})"
    commands = (
        f"EXCOLOR colorize <(cat {small}) --ref <(cat {ref}) -o {out} --working-size 32",
        f"EXCOLOR colorize {small} --ref {ref} -o {tmp_path}/named.png --working-size 32",
        f"cat {small} | EXCOLOR pre-colorize /dev/stdin -o {tmp_path}/stdin.png --working-size 32",
        f"EXCOLOR stylize <(cat {small}) <(cat {ref}) {masks} -o {tmp_path}/styled.png --working-size 32",
    )
    for done in side_by_side(*(partial(bash, command) for command in commands)):
        assert done.returncode == 0, done.stderr

    record = read_provenance(read_photo(out).metadata)
    assert record is not None
    assert [checksum for _, checksum in record.references] == [sha256(reference.read_bytes()).hexdigest()]
    np.testing.assert_array_equal(read_photo(out).pixels, read_photo(tmp_path / "named.png").pixels)

    record = read_provenance(read_photo(tmp_path / "styled.png").metadata)
    assert record is not None
    expected = [sha256(path.read_bytes()).hexdigest() for path in (reference, style_mask, mask)]
    assert [checksum for _, checksum in record.references] == expected


def test_a_pipe_that_holds_no_picture_stops_no_other(tmp_path: Path, small: Path) -> None:
    (tmp_path / "out").mkdir()
    done = bash(f"EXCOLOR pre-colorize <(echo) {small} -o {tmp_path}/out/ --working-size 32")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"cannot read /dev/fd/" in done.stderr
    assert (tmp_path / "out" / "small-precolor.png").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("waiting_for", ["target", "reference", "standard input"])
def test_one_signal_ends_a_run_that_waits_for_a_pipe(
    tmp_path: Path, small: Path, start: Start, number: signal.Signals, waiting_for: str
) -> None:
    pipe, report = tmp_path / "pipe.png", tmp_path / "report.json"
    os.mkfifo(pipe)
    if waiting_for == "reference":
        arguments = ("colorize", small, "--ref", pipe)
    else:
        arguments = ("pre-colorize", "-" if waiting_for == "standard input" else pipe)
    read, write = os.pipe()
    before = os.dup(0)
    os.dup2(read, 0)  # of the process that is started
    try:
        process = start(*arguments, *FAST, "-o", tmp_path / "out.png", "--report", report)
    finally:
        os.dup2(before, 0)
    wait_for_the_batch(process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    for descriptor in (read, write, before):
        os.close(descriptor)
    assert process.returncode == 130, stderr
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert not (tmp_path / "out.png").exists()


def wait_for_the_batch(process: "subprocess.Popen[bytes]") -> None:
    """Until it sleeps: models are loaded, and nothing is left to do but wait."""
    busy, idle = -1.0, 0
    for _ in range(600):
        time.sleep(0.1)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        used = float(fields[11]) + float(fields[12])
        idle = idle + 1 if used - busy <= 1 and used > 50 else 0
        busy = used
        if idle == 5:
            return
    raise AssertionError("it never waits")


def test_a_pipe_is_waited_for(tmp_path: Path, small: Path, start: Start) -> None:
    """What comes late, and in pieces, is read to its end."""
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    process = start("pre-colorize", pipe, *FAST, "-o", tmp_path / "out.png")
    data = small.read_bytes()
    with pipe.open("wb", buffering=0) as file:
        for piece in (data[:20], data[20:]):
            time.sleep(0.5)
            file.write(piece)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert Image.open(io.BytesIO((tmp_path / "out.png").read_bytes())).size == SMALL


def test_folders_of_systems_are_said_once(tmp_path: Path, small: Path, excolor: Run) -> None:
    for place in ("scans/a/@eaDir/x.jpg", "scans/b/@eaDir/x.jpg", "scans/#recycle", "references/@eaDir"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "SYNOPHOTO_THUMB_M.png").write_bytes(small.read_bytes())
    for folder in ("scans", "references"):
        (tmp_path / folder / "picture.png").write_bytes(small.read_bytes())
    arguments = ("colorize", "--ref", tmp_path / "references", *FAST, "-f")
    for targets in (("-r", tmp_path / "scans"), (tmp_path / "scans" / "**" / "*.png",)):
        result = excolor(*arguments, *targets, "-o", tmp_path / "out/")
        assert result.exit_code == 0, result.stderr
        assert [path.name for path in (tmp_path / "out").rglob("*.png")] == ["picture-color.png"]
        note = "folders of the system or a storage box are left out: #recycle, 3 @eaDir\n"
        assert result.stderr.count("left out") == 1
        assert note in result.stderr
    quiet = excolor(*arguments, "-q", "-r", tmp_path / "scans", "-o", tmp_path / "out/")
    assert quiet.stderr == ""
    within = excolor("pre-colorize", tmp_path / "scans" / "#recycle" / "*.png", *FAST, "-o", tmp_path / "named/")
    assert within.exit_code == 0, within.stderr
    assert [path.name for path in (tmp_path / "named").iterdir()] == ["SYNOPHOTO_THUMB_M-precolor.png"]


@pytest.mark.parametrize("name", ["é" * 125, "界" * 82], ids=["two bytes", "three bytes"])
def test_names_that_become_too_long_are_told_before_the_work(
    tmp_path: Path, small: Path, excolor: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"{name}.png"
    path.write_bytes(small.read_bytes())

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the work was begun")

    with monkeypatch.context() as patched:
        patched.setattr("excolor.method.colorizer.Colorizer.colorize", never)
        for where in ((), ("-o", tmp_path / "new" / "folder/")):
            result = excolor("pre-colorize", path, *FAST, *where)
            assert result.exit_code == 1
            length = len(f"{name}-precolor.png".encode())
            assert f"has {length} bytes and the file system takes 255; shorten it" in result.stderr
        result = excolor("pre-colorize", path, *FAST, "-o", tmp_path / f"{'x' * 300}.png")
        assert result.exit_code == 1
        assert "has 304 bytes" in result.stderr
    assert excolor("pre-colorize", path, *FAST, "-o", tmp_path / "short.png").exit_code == 0


@pytest.mark.parametrize(
    ("name", "kind", "becomes"),
    [
        ("scan", "JPEG", "scan-precolor.jpg"),
        ("scan.jpg", "PNG", "scan-precolor.png"),
        ("scan.png", "TIFF", "scan-precolor.tif"),
        ("scan.JPEG", "JPEG", "scan-precolor.JPEG"),
        ("scan.dat", "WEBP", "scan-precolor.webp"),
        ("scan.jpg", "BMP", "scan-precolor.png"),
    ],
)
def test_a_result_is_of_the_kind_that_the_picture_is(
    tmp_path: Path, small: Path, excolor: Run, name: str, kind: str, becomes: str
) -> None:
    with Image.open(small) as image:
        image.save(tmp_path / name, kind)
    result = excolor("pre-colorize", tmp_path / name, *FAST)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{tmp_path / becomes}\n"
    with Image.open(tmp_path / becomes) as image:
        assert image.format == ("PNG" if kind == "BMP" else kind)
