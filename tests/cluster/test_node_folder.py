"""What runs leave on a machine, and that nobody's folder is taken from under him."""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from excolor.cluster.node_folder import NodeFolder, remove_abandoned

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")

HOLD = """
import sys
from excolor.cluster.node_folder import NodeFolder
print((NodeFolder("00000000000000aa").path / "0").write_text("lock"), flush=True)
sys.stdin.read()
"""

UPLOAD = """
import sys
from excolor.cluster.node_folder import NodeFolder
from excolor.photo.files import temporary_folder
with temporary_folder(NodeFolder("00000000000000bb").path) as folder:
    print((folder / "result.tif").write_text("large"), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place for temporary files, of this process and of those that it starts."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_is_removed_and_nothing_else(temporary: Path) -> None:
    here = platform.node()
    others = [f"excolor-{'0' * 16}-another-machine-than-{here}", f"excolor-serve-{here}", f"excolor-{'0' * 16}"]
    for name in others:
        (temporary / name).mkdir()
    (temporary / f"excolor-{'1' * 16}-{here}").write_text("no folder")
    (temporary / f"excolor-{'2' * 16}-{here}").symlink_to(temporary / others[0])
    before = set(temporary.iterdir())

    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    process.stdout.readline()
    remove_abandoned()
    (held,) = set(temporary.iterdir()) - before
    assert (held / "0").read_text() == "lock", "its process lives"

    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    remove_abandoned()
    assert set(temporary.iterdir()) == before


def test_results_that_a_killed_worker_was_about_to_upload_are_removed(temporary: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", UPLOAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    process.stdout.readline()
    assert len(list(temporary.glob("excolor-*/excolor-*/result.tif"))) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    remove_abandoned()
    assert list(temporary.iterdir()) == []


def test_processes_of_a_run_share_it(temporary: Path) -> None:
    first, second = NodeFolder("ab" * 8), NodeFolder("ab" * 8)
    assert first.path == second.path and first.path.parent == temporary
    remove_abandoned()
    assert first.path.is_dir()
    first.remove()
    assert not first.path.exists()
    second.remove()


def test_one_that_is_taken_for_abandoned_meanwhile_is_made_again(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making it and holding it, another process may remove it."""
    real, opened = os.open, []

    def open_late(path: Path, flags: int) -> int:
        file = real(path, flags)
        opened.append(file)
        if len(opened) == 1:
            path.rmdir()
        return file

    monkeypatch.setattr("os.open", open_late)
    folder = NodeFolder("cd" * 8)
    assert len(opened) == 2 and folder.path.is_dir()
    folder.remove()
    for file in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(file)


def test_a_folder_that_is_not_needed_any_more_is_not_held(temporary: Path) -> None:
    """Files in it that the run did not make keep it; whoever comes later finds that nobody holds it."""
    folder = NodeFolder("ef" * 8)
    (folder.path / "folder").mkdir()
    folder.remove()
    assert folder.path.is_dir()
    (folder.path / "folder").rmdir()
    remove_abandoned()
    assert not folder.path.exists()
    folder.remove()  # again
