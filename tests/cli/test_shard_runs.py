"""Several processes that share a folder: together they make what one makes, whatever befalls them."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Write = Callable[..., Path]
Run = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[bytes]"]

PICTURES = 24


@pytest.fixture
def scans(tmp_path: Path, small: Write) -> Path:
    folder = tmp_path / "scans"
    for number in range(PICTURES):
        small(folder / f"box{number % 3}" / f"{number}.jpg", number, size=(200 + number, 160))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def command(scans: Path, reference: Path, out: Path) -> tuple[object, ...]:
    return ("colorize", scans, "-r", "--ref", reference, "--working-size", 64, "-o", out)


@pytest.fixture
def whole(scans: Path, reference: Path, tmp_path: Path, excolor: Run) -> dict[str, bytes]:
    """What one process makes."""
    result = excolor(*command(scans, reference, tmp_path / "whole"))
    assert result.exit_code == 0, result.output
    return contents(tmp_path / "whole")


def test_shards_together_are_the_whole(
    scans: Path, reference: Path, tmp_path: Path, excolor: Run, whole: dict[str, bytes]
) -> None:
    out, seen = tmp_path / "out", []
    for number in (1, 2, 3):
        result = excolor(
            *command(scans, reference, out), "--shard", f"{number}/3", "--report", tmp_path / "reports/run.json"
        )
        assert result.exit_code == 0, result.output
        seen += result.stdout.splitlines()
    assert len(seen) == len(set(seen)) == PICTURES
    assert contents(out) == whole
    reports = sorted((tmp_path / "reports").iterdir())
    assert [path.name for path in reports] == [f"run-{number}-of-3.json" for number in (1, 2, 3)]
    assert json.loads(reports[1].read_text())["shard"] == {"number": 2, "count": 3}
    merged = excolor("report", "merge", *reports, "-o", tmp_path / "run.json", "--retry", tmp_path / "retry.txt")
    assert merged.exit_code == 0, merged.output
    assert merged.stdout.startswith(f"3 reports: {PICTURES} written")
    assert json.loads((tmp_path / "run.json").read_text())["totals"]["written"] == PICTURES
    assert not (tmp_path / "retry.txt").exists()


def test_a_shard_of_no_picture_is_done(scans: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    (one,) = sorted(scans.rglob("1.jpg"))
    codes = [
        excolor("colorize", one, "--ref", reference, "-o", f"{tmp_path}/out/", "--shard", f"{number}/2").exit_code
        for number in (1, 2)
    ]
    assert codes == [0, 0]
    assert len(contents(tmp_path / "out")) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9")
def test_a_shard_that_is_killed_is_run_again(
    scans: Path, reference: Path, tmp_path: Path, start: Start, excolor: Run, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    shard = (*command(scans, reference, out), "--shard", "1/2", "--jobs", 1, "--report", tmp_path / "run.json")
    process = start(*shard)
    assert process.stdout is not None
    assert process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = contents(out)
    assert 0 < len(before) < PICTURES / 2 - 1
    assert not (tmp_path / "run-1-of-2.json").exists()
    again = excolor(*shard, "--skip-existing")
    assert again.exit_code == 0
    assert f"{len(before)} skipped" in again.stderr
    assert excolor(*command(scans, reference, out), "--shard", "2/2").exit_code == 0
    assert contents(out) == whole


def test_two_processes_share_a_folder(
    scans: Path, reference: Path, tmp_path: Path, start: Start, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    processes = [start(*command(scans, reference, out), "--shard", f"{number}/2") for number in (1, 2)]
    for process in processes:
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr
    assert contents(out) == whole


def test_two_processes_on_the_same_pictures_leave_them_to_each_other(
    scans: Path, reference: Path, tmp_path: Path, start: Start, whole: dict[str, bytes]
) -> None:
    """As when a scheduler starts a task again that is still running."""
    out = tmp_path / "out"
    processes = [start(*command(scans, reference, out), "--skip-existing") for _ in range(2)]
    written = 0
    for process in processes:
        stdout, stderr = process.communicate()
        assert process.returncode == 0, stderr
        written += len(stdout.splitlines())
    assert written == PICTURES
    assert contents(out) == whole


def test_what_failed_is_tried_again_from_a_list(
    scans: Path, reference: Path, tmp_path: Path, excolor: Run, whole: dict[str, bytes]
) -> None:
    out, retry = tmp_path / "out", tmp_path / "retry.txt"
    (damaged,) = scans.rglob("7.jpg")
    good = damaged.read_bytes()
    damaged.write_text("no picture")
    for number in (1, 2):
        excolor(*command(scans, reference, out), "--shard", f"{number}/2", "--report", tmp_path / "run.json")
    reports = sorted(tmp_path.glob("run-*.json"))
    merged = excolor("report", "merge", *reports, "--retry", retry)
    assert merged.exit_code == 1
    assert f"{PICTURES - 1} written, 1 failed" in merged.stdout
    assert f"failed: cannot read {damaged}" in merged.stdout
    assert retry.read_text().splitlines()[1:] == [str(damaged)]
    assert f"@{retry}" in merged.stderr

    damaged.write_bytes(good)
    options = ("--ref", reference, "--working-size", 64, "-o", out, "--report", tmp_path / "retried.json")
    again = excolor("colorize", f"@{retry}", "--root", scans, *options)
    assert again.exit_code == 0, again.output
    assert contents(out) == whole
    merged = excolor("report", "merge", *reports, tmp_path / "retried.json", "--retry", retry)
    assert merged.exit_code == 0, merged.output
    assert f"{PICTURES} written, in" in merged.stdout
