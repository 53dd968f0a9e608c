"""Batches as archivists run them: to the end past failures, and to a clean end when stopped."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from excolor import Photo
from excolor.batch.budget import MegapixelBudget
from excolor.cli import batches
from excolor.cli.progress import Display
from excolor.errors import OutputError
from excolor.method.colorizer import Colorizer
from excolor.networks.models import find_model
from excolor.photo import read_photo, write_photo

Write = Callable[..., Path]
Run = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[bytes]"]

FAST = ("--working-size", 32)
MANY = 40


@pytest.fixture
def scans(tmp_path: Path, small: Write) -> Path:
    """A folder of pictures of several sizes and kinds."""
    folder = tmp_path / "scans"
    for number in range(5):
        small(folder / f"{number}.jpg", number, size=(80 + 17 * number, 64 + 9 * number))
    small(folder / "sub/5.png", 5)
    return folder


@pytest.fixture
def many(tmp_path: Path, small: Write) -> Path:
    """A folder of so many pictures that something can happen while they are worked on."""
    folder = tmp_path / "many"
    for number in range(MANY):
        small(folder / f"{number}.jpg", number, size=(300, 240))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_whole(folder: Path) -> None:
    for path in folder.rglob("*.jpg"):
        with Image.open(path) as image:
            image.load()


def first_line(process: "subprocess.Popen[bytes]") -> bytes:
    """Wait until the first picture is done."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()
    return line


def told(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


# --- the same whatever the order ---


@pytest.mark.parametrize("command", ["colorize", "pre-colorize", "stylize"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_picture_becomes_the_same_alone_and_among_others(
    command: str, precision: str, scans: Path, reference: Path, tmp_path: Path, excolor: Run
) -> None:
    before = {"colorize": ("--ref", reference)}.get(command, ())
    after = (reference,) if command == "stylize" else ()
    size = ("--working-size", 96, "--precision", precision)
    for jobs in (1, 2, 5):
        result = excolor(command, *before, *size, scans, "-r", "--jobs", jobs, "-o", tmp_path / f"out{jobs}", *after)
        assert result.exit_code == 0, result.output
        assert len(result.stdout.splitlines()) == 6
    assert excolor(command, *before, *size, scans / "3.jpg", "-o", f"{tmp_path}/alone/", *after).exit_code == 0
    batches = [contents(tmp_path / f"out{jobs}") for jobs in (1, 2, 5)]
    assert batches[0] == batches[1] == batches[2]
    ((name, alone),) = contents(tmp_path / "alone").items()
    assert batches[0][name] == alone


def test_subfolders_are_mirrored(scans: Path, tmp_path: Path, excolor: Run) -> None:
    out = tmp_path / "out"
    result = excolor("pre-colorize", scans, "-r", *FAST, "-o", out)
    assert result.exit_code == 0
    assert sorted(map(str, (path.relative_to(out) for path in out.rglob("*.*")))) == [
        *(f"{number}-precolor.jpg" for number in range(5)),
        "sub/5-precolor.png",
    ]


def test_a_folder_for_results_is_made_only_for_a_result(scans: Path, tmp_path: Path, excolor: Run) -> None:
    (scans / "sub/5.png").write_text("no picture")
    assert excolor("pre-colorize", scans, "-r", *FAST, "-o", tmp_path / "out").exit_code == 1
    assert (tmp_path / "out").is_dir()
    assert not (tmp_path / "out/sub").exists()


# --- failures ---


def test_the_summary_and_the_report_tell_what_became_of_each(
    scans: Path, reference: Path, tmp_path: Path, excolor: Run
) -> None:
    (scans / "1.jpg").write_bytes((scans / "1.jpg").read_bytes()[:400])
    (scans / "2.jpg").write_text("no picture")
    out, report = tmp_path / "out", tmp_path / "report.json"
    out.mkdir()
    (out / "3-color.jpg").write_text("made before")
    result = excolor("colorize", scans, "--ref", reference, *FAST, "-o", out, "--skip-existing", "--report", report)
    assert result.exit_code == 1
    assert sorted(result.stdout.splitlines()) == [str(out / "0-color.jpg"), str(out / "4-color.jpg")]
    assert "2 written, 1 skipped, 2 failed in" in result.stderr
    assert result.stderr.count("1.jpg") == result.stderr.count("2.jpg") == 2  # when it happens, and in the end

    content = told(report)
    assert content["totals"] == {"written": 2, "skipped": 1, "failed": 2, "not begun": 0}
    assert content["model"] == "semantic"
    assert content["settings"]["working_size"] == "32"
    assert content["checkpoints"].keys() == find_model("semantic").files.keys()
    by_name = {Path(file["input"]).name: file for file in content["files"]}
    assert [by_name[f"{n}.jpg"]["status"] for n in range(5)] == ["written", "failed", "failed", "skipped", "written"]
    assert "2.jpg" in by_name["2.jpg"]["error"]
    done = by_name["4.jpg"]
    assert (done["width"], done["height"]) == (148, 100)
    assert done["output"] == str(out / "4-color.jpg")
    assert done["reference"] == str(reference)
    assert done["seconds"] > 0


def test_too_little_memory_for_one_picture_stops_no_other(
    scans: Path, tmp_path: Path, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Colorizer.colorize

    def colorize(self: Colorizer, photo: Photo, **settings: Any) -> Photo:
        if photo.path == scans / "1.jpg":
            raise MemoryError
        return real(self, photo, **settings)

    monkeypatch.setattr(Colorizer, "colorize", colorize)
    result = excolor("pre-colorize", scans, *FAST, "-o", tmp_path / "out", "--jobs", 2)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 4
    assert f"Error: {scans / '1.jpg'}: there is not enough memory" in result.stderr


def test_a_bug_stops_the_batch_and_keeps_its_traceback(
    many: Path, tmp_path: Path, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Colorizer.colorize

    def colorize(self: Colorizer, photo: Photo, **settings: Any) -> Photo:
        if photo.path == many / "3.jpg":
            raise ZeroDivisionError("a bug")
        return real(self, photo, **settings)

    monkeypatch.setattr(Colorizer, "colorize", colorize)
    advanced: list[float] = []
    monkeypatch.setattr(Display, "advance", lambda _, units=1: advanced.append(units))
    report = tmp_path / "report.json"
    out = tmp_path / "out"
    result = excolor("pre-colorize", many, *FAST, "-o", out, "--jobs", 2, "--report", report)
    assert isinstance(result.exception, ZeroDivisionError)
    assert "1 failed" in result.stderr
    totals = told(report)["totals"]
    assert totals["failed"] == 1
    assert totals["not begun"] > MANY / 2
    assert sum(advanced) == MANY - totals["not begun"], "the bar does not run to the end"
    assert totals["written"] == len(contents(out)) >= 2, "when the fourth is begun, two of the others are done"


def test_quiet_tells_of_failures_alone(scans: Path, tmp_path: Path, excolor: Run) -> None:
    (scans / "1.jpg").write_text("no picture")
    result = excolor("pre-colorize", scans, *FAST, "-o", tmp_path / "out", "--quiet")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: cannot read")


def test_a_result_that_the_disk_does_not_take(scans: Path, small: Write, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: writing fails in the middle."""
    small(scans / "9.png", 9, size=(700, 700))
    code = (
        "import resource, sys; from excolor.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY)); main(sys.argv[1:])"
    )
    out = tmp_path / "out"
    command = [sys.executable, "-c", code, "pre-colorize", str(scans), "--working-size", "32", "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert done.returncode == 1
    assert "9-precolor.png" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in out.iterdir()) == [f"{number}-precolor.jpg" for number in range(5)]


@pytest.mark.skipif(not Path("/proc/sys").is_dir() or os.access("/proc/sys", os.W_OK), reason="all can be written")
def test_a_folder_that_cannot_be_written_is_told_before_the_work(scans: Path, excolor: Run) -> None:
    for option in ("-o", "--report", "--save-stages"):
        extra = () if option == "-o" else ("-o", scans.parent / "out")
        result = excolor("colorize", scans, "--ref", scans / "1.jpg", *extra, option, "/proc/sys/new/report")
        assert result.exit_code == 1
        assert "/proc/sys" in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not (scans.parent / "out").exists()


# --- interruption ---


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_ends_cleanly_and_can_be_completed(
    number: signal.Signals, many: Path, tmp_path: Path, start: Start, excolor: Run
) -> None:
    out, report = tmp_path / "out", tmp_path / "report.json"
    arguments = ("pre-colorize", many, "--working-size", 96, "--jobs", 2, "-o", out)
    process = start(*arguments, "--report", report)
    first_line(process)
    process.send_signal(number)
    stdout, stderr = process.communicate()
    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    content = told(report)
    totals = content["totals"]
    assert content["interrupted"]
    assert totals["failed"] == 0
    assert 0 < totals["written"] < MANY
    assert totals["written"] + totals["not begun"] == MANY
    assert f"{totals['written']} written, {totals['not begun']} not begun".encode() in stderr
    assert len(stdout.splitlines()) + 1 == totals["written"] == len(contents(out))
    assert_whole(out)

    again = excolor(*arguments, "--skip-existing")
    assert again.exit_code == 0
    assert f"{totals['not begun']} written, {totals['written']} skipped" in again.stderr
    assert len(contents(out)) == MANY


def test_a_second_interruption_waits_for_nothing(many: Path, tmp_path: Path) -> None:
    """The encoder stands for a network that runs for long, on a system without nameless files."""
    out, report = tmp_path / "out", tmp_path / "report.json"
    code = """
import os, signal, sys, time
if hasattr(os, "O_TMPFILE"):
    del os.O_TMPFILE
signal.signal(signal.SIGINT, signal.default_int_handler)
from excolor.photo import writing
real = writing.encode
def encode(file, pages, path, *others):
    if path.name == "1-precolor.jpg":
        time.sleep(120)
    real(file, pages, path, *others)
writing.encode = encode
from excolor.cli.main import main
main()
"""
    command = [sys.executable, "-c", code, "pre-colorize", many, "-o", out, "-j1", *FAST, "--report", report]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first_line(process)
    while not list(out.glob(".*.tmp")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)  # or both would count as one
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    try:
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert f"1 written, {MANY - 1} not begun".encode() in stderr
    assert told(report)["interrupted"]
    assert told(report)["totals"]["not begun"] == MANY - 1
    assert list(contents(out)) == ["0-precolor.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many", "out", "report.json"]


def test_a_second_interruption_leaves_what_is_in_work_and_nothing_half_done(
    small: Write, tmp_path: Path, start: Start
) -> None:
    out = tmp_path / "out"
    for number in range(8):  # so large that some are in work when the second comes
        small(tmp_path / "large" / f"{number}.jpg", number, size=(1000, 800))
    process = start("pre-colorize", tmp_path / "large", "--working-size", 512, "--jobs", 2, "-o", out)
    first_line(process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in stderr
    assert all(name.endswith("-precolor.jpg") for name in contents(out))
    assert_whole(out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_python_clears_up_changes_nothing(number: signal.Signals, scans: Path, tmp_path: Path) -> None:
    code = f"""
import atexit, os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
atexit.register(os.kill, os.getpid(), {int(number)})
from excolor.cli.main import run
run()
"""
    out = tmp_path / "out"
    command = [sys.executable, "-c", code, "pre-colorize", *scans.glob("[12].jpg"), "-o", out, *FAST]
    ended = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    assert ended.returncode == 0
    assert ended.stderr.startswith(b"2 written") and len(ended.stderr.splitlines()) == 1, ended.stderr
    assert len(contents(out)) == 2
    assert_whole(out)


@pytest.mark.parametrize("times", [1, 2])
def test_interrupted_while_the_model_is_loaded(
    times: int, scans: Path, tmp_path: Path, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Colorizer.load

    def load(*arguments: Any, **options: Any) -> Colorizer:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        return real(*arguments, **options)

    monkeypatch.setattr(Colorizer, "load", load)
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)  # not that of a shell's background
    report = tmp_path / "report.json"
    result = excolor("pre-colorize", scans, "-o", tmp_path / "out", "--report", report)
    assert result.exit_code == 130
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()
    if times == 1:
        assert told(report)["totals"] == {"written": 0, "skipped": 0, "failed": 0, "not begun": 5}
    else:
        assert not report.exists()
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) == before


def test_a_killed_batch_leaves_no_half_result_and_can_be_completed(
    many: Path, tmp_path: Path, start: Start, excolor: Run
) -> None:
    out = tmp_path / "out"
    arguments = ("pre-colorize", many, "--working-size", 96, "--jobs", 1, "-o", out)  # slow, to be killed in time
    process = start(*arguments)
    first_line(process)
    process.kill()
    process.communicate()
    assert_whole(out)
    done = len([name for name in contents(out) if not name.startswith(".")])
    assert 0 < done < MANY
    again = excolor(*arguments, "--skip-existing")
    assert again.exit_code == 0
    assert f"{MANY - done} written, {done} skipped" in again.stderr
    assert_whole(out)


def test_a_reader_that_has_read_enough_ends_the_batch_quietly(many: Path, tmp_path: Path, start: Start) -> None:
    report = tmp_path / "report.json"
    process = start("pre-colorize", many, "--working-size", 96, "-j2", "-o", tmp_path / "out", "--report", report)
    first_line(process)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    stderr = process.stderr.read()
    process.wait()
    process.stderr.close()
    assert process.returncode == 1
    assert b"Traceback" not in stderr
    assert b"Broken pipe" not in stderr
    assert told(report)["totals"]["not begun"] > 0
    assert not told(report)["interrupted"]


# --- what exists already ---


def test_skipping_reads_nothing(scans: Path, tmp_path: Path, excolor: Run) -> None:
    out = tmp_path / "out"
    assert excolor("pre-colorize", scans, *FAST, "-o", out).exit_code == 0
    before = contents(out)
    for path in scans.glob("*.jpg"):
        path.write_text("no picture any more")
    again = excolor("pre-colorize", scans, *FAST, "-o", out, "--skip-existing")
    assert again.exit_code == 0
    assert again.stdout == ""
    assert "0 written, 5 skipped" in again.stderr
    assert contents(out) == before


def test_a_report_replaces_nothing_without_force(scans: Path, tmp_path: Path, excolor: Run) -> None:
    report = tmp_path / "report.json"
    report.write_text("an earlier one")
    arguments = ("pre-colorize", scans, *FAST, "-o", tmp_path / "out", "--report", report)
    refused = excolor(*arguments)
    assert refused.exit_code == 1
    assert "(--force, --report)" in refused.stderr
    assert report.read_text() == "an earlier one"
    assert excolor(*arguments, "--force").exit_code == 0
    assert told(report)["totals"]["written"] == 5


def test_an_earlier_report_makes_way_for_that_of_the_rest(scans: Path, tmp_path: Path, excolor: Run) -> None:
    report = tmp_path / "report.json"
    arguments = ("pre-colorize", scans, *FAST, "-o", tmp_path / "out", "--report", report)
    assert excolor(*arguments).exit_code == 0
    (tmp_path / "out/3-precolor.jpg").unlink()
    assert excolor(*arguments, "--skip-existing").exit_code == 0
    assert told(report)["totals"] == {"written": 1, "skipped": 4, "failed": 0, "not begun": 0}
    for other in ("notes", "{}", "[1]", '{"files": 3}'):
        report.write_text(other)
        refused = excolor(*arguments, "--skip-existing")
        assert refused.exit_code == 1
        assert "exists already" in refused.stderr
        assert report.read_text() == other


def test_the_report_of_other_pictures_does_not_make_way(scans: Path, tmp_path: Path, excolor: Run) -> None:
    """As when each task of an array does a list of its own, and all were given one name for the report."""
    report, pictures = tmp_path / "report.json", sorted(scans.glob("*.jpg"))
    for name, part in (("la", pictures[:2]), ("lb", pictures[2:])):
        (tmp_path / name).write_text("".join(f"{path}\n" for path in part))
    options = (*FAST, "-o", tmp_path / "out", "--skip-existing", "--report", report)
    assert excolor("pre-colorize", f"@{tmp_path}/la", *options).exit_code == 0
    before = report.read_bytes()
    refused = excolor("pre-colorize", f"@{tmp_path}/lb", *options)
    assert refused.exit_code == 1
    assert f"{report} is the report of other pictures, such as {pictures[0]}; write this" in refused.stderr
    assert refused.stderr.endswith("elsewhere (--report)\n")
    assert report.read_bytes() == before
    assert len(contents(tmp_path / "out")) == 2, "nothing was begun"

    # what is not there any more does not count
    pictures[0].unlink()
    (tmp_path / "la").write_text(f"{pictures[1]}\n")
    assert excolor("pre-colorize", f"@{tmp_path}/la", *options).exit_code == 0
    assert [each["input"] for each in told(report)["files"]] == [str(pictures[1])]


def test_a_report_that_another_run_wrote_meanwhile_stays(
    scans: Path, tmp_path: Path, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, pictures = tmp_path / "report.json", sorted(scans.glob("*.jpg"))
    options = (*FAST, "-o", f"{tmp_path}/out/", "--skip-existing", "--report", report)
    write = batches.write_report

    def written_by_two(*arguments: Any, **others: Any) -> None:
        monkeypatch.setattr(batches, "write_report", write)
        assert excolor("pre-colorize", pictures[1], *options).exit_code == 0
        write(*arguments, **others)

    monkeypatch.setattr(batches, "write_report", written_by_two)
    late = excolor("pre-colorize", pictures[0], *options)
    assert late.exit_code == 1
    assert "appeared while it was being written" in late.stderr and "(--force, --report)" in late.stderr
    assert [each["input"] for each in told(report)["files"]] == [str(pictures[1])]
    after = excolor("pre-colorize", pictures[0], *options)
    assert after.exit_code == 1 and "is the report of other pictures" in after.stderr


def test_stages_that_cannot_be_written_leave_no_result_to_skip(
    scans: Path, reference: Path, tmp_path: Path, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages, out = tmp_path / "stages", tmp_path / "out"
    arguments = ("colorize", scans / "0.jpg", "--ref", reference, *FAST, "-o", f"{out}/", "--save-stages", stages)
    real = Photo.save

    def save(self: Photo, path: Path, **options: Any) -> Path:
        if path.name == "0-hints.png":
            raise OutputError("the disk is full")
        return real(self, path, **options)

    monkeypatch.setattr(Photo, "save", save)
    assert excolor(*arguments).exit_code == 1
    assert [path.name for path in stages.iterdir()]
    assert not list(out.rglob("*.jpg"))
    monkeypatch.undo()
    again = excolor(*arguments, "--skip-existing")
    assert again.exit_code == 0, again.output
    assert len(list(stages.iterdir())) == 4
    assert len(list(out.iterdir())) == 1


def test_a_run_with_results_beside_the_inputs_can_be_completed(scans: Path, tmp_path: Path, excolor: Run) -> None:
    arguments = ("pre-colorize", f"{scans}/*.jpg", *FAST)
    assert excolor(*arguments).exit_code == 0
    (scans / "3-precolor.jpg").unlink()
    before = contents(scans)
    refused = excolor(*arguments)
    assert refused.exit_code == 1
    assert "--skip-existing" in refused.stderr
    again = excolor(*arguments, "--skip-existing")
    assert again.exit_code == 0, again.output
    assert again.stdout == f"{scans / '3-precolor.jpg'}\n"
    assert "results of others: 4" in again.stderr
    assert "1 written, 4 skipped" in again.stderr
    assert contents(scans).items() > before.items()


# --- streams that take or give nothing ---


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize("options", [(), ("-o", "-")])
def test_a_full_stdout(options: tuple[str, ...], many: Path, tmp_path: Path, shell: Start) -> None:
    report = tmp_path / "report.json"
    inputs = (many / "0.jpg",) if options else (many, "-o", tmp_path / "out", "-j2")
    done = shell("> /dev/full", "pre-colorize", *inputs, *options, "--working-size", 96, "--report", report)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"cannot write to standard output: No space left") == 1
    totals = told(report)["totals"]
    assert not told(report)["interrupted"]
    assert totals["not begun"] > 0 if not options else totals["failed"] == 1


@pytest.mark.parametrize("redirection", ["2> /dev/full", "2>&-", ">&-"])
def test_messages_and_names_that_nobody_takes(redirection: str, scans: Path, tmp_path: Path, shell: Start) -> None:
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no such device")
    (scans / "1.jpg").write_text("no picture")
    report, out = tmp_path / "report.json", tmp_path / "out"
    done = shell(redirection, "pre-colorize", scans, *FAST, "-o", out, "--report", report)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert told(report)["totals"] == {"written": 4, "skipped": 0, "failed": 1, "not begun": 0}
    assert len(contents(out)) == 4


@pytest.mark.parametrize(("redirection", "source"), [("<&-", None), (">&-", "0.jpg")])
def test_a_closed_stream_for_a_picture(redirection: str, source: str | None, scans: Path, shell: Start) -> None:
    done = shell(redirection, "pre-colorize", scans / source if source else "-", *FAST, "-o", "-")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: cannot ")
    assert b"closed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# --- bounded memory ---


def test_the_budget_is_held_for_the_largest_page_and_its_depth(
    tmp_path: Path, small: Write, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [read_photo(small(tmp_path / f"{side}.png", size=(side, side))) for side in (40, 120, 80)]
    book = write_photo(
        [replace(page, pixels=page.pixels.astype(np.uint16) * 257) for page in pages], tmp_path / "b.tif"
    )
    asked: list[float] = []
    real = MegapixelBudget.hold

    def hold(self: MegapixelBudget, megapixels: float) -> AbstractContextManager[None]:
        asked.append(megapixels)
        return real(self, megapixels)

    monkeypatch.setattr(MegapixelBudget, "hold", hold)
    assert excolor("pre-colorize", book, *FAST).exit_code == 0
    assert asked == [pytest.approx(2 * 120 * 120 / 1e6)]
