"""Files are whole or not there, and nothing is replaced unasked."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import (
    DISK_FULL,
    assert_same,
    failing,
    levels,
    names,
)
from PIL import Image

from excolor.errors import OutputError
from excolor.photo import as_photo, check_output, default_output, read_photo
from excolor.photo.files import new_file, remove_unfinished, temporary_folder


@pytest.fixture(params=["nameless", "named"])
def folder(request, tmp_path, monkeypatch):
    """A folder with one picture `old.png` in it, where files are written without a name or under a temporary one."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("files without a name are Linux's")
    as_photo(levels()).save(tmp_path / "old.png")
    return tmp_path


@pytest.mark.parametrize("functions", [["os.fsync"], ["os.link", "pathlib.Path.replace"]], ids=["write", "rename"])
@pytest.mark.parametrize("error", [DISK_FULL, KeyboardInterrupt()], ids=["disk full", "interrupt"])
@pytest.mark.parametrize("name", ["old.png", "new.png"])
def test_failure_leaves_no_file_behind(folder, monkeypatch, functions, error, name):
    before = (folder / "old.png").read_bytes()
    for function in functions:
        monkeypatch.setattr(function, failing(error))
    with pytest.raises((OutputError, KeyboardInterrupt)) as caught:
        as_photo(levels(3)).save(folder / name, overwrite=name == "old.png")
    if error is DISK_FULL:
        assert str(caught.value) == (
            f"cannot write {folder / name}: No space left on device; make room or write elsewhere"
        )
    assert names(folder) == ["old.png"]
    assert (folder / "old.png").read_bytes() == before


def test_failure_while_encoding_leaves_no_file_behind(folder, monkeypatch):
    monkeypatch.setattr(Image.Image, "save", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        as_photo(levels(3)).save(folder / "new.png")
    assert names(folder) == ["old.png"]


def test_disk_full_while_the_file_is_half_written(folder):
    refused = pytest.raises(OutputError, match=r"new.jpg: No space left on device; make room")
    with refused, new_file(folder / "new.jpg", overwrite=False) as file:
        file.write(bytes(100_000))
        file.flush()
        raise DISK_FULL
    assert names(folder) == ["old.png"]


def test_what_is_being_written_is_seen_by_nobody(folder):
    with new_file(folder / "new.png", overwrite=False) as file:
        file.write(b"half")
        file.flush()
        begun = set(names(folder)) - {"old.png"}
        assert all(name.startswith(".new.png-") and name.endswith(".tmp") for name in begun)
        assert len(begun) == (0 if hasattr(os, "O_TMPFILE") else 1)
    assert names(folder) == ["new.png", "old.png"]
    assert (folder / "new.png").read_bytes() == b"half"


def test_a_killed_writer_leaves_nothing_behind(tmp_path):
    code = """if True:
        import os, signal, sys
        from pathlib import Path
        from excolor.photo.files import new_file
        with new_file(Path(sys.argv[1]), overwrite=False) as file:
            file.write(bytes(100_000))
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("files without a name are Linux's")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == []


def test_a_temporary_folder_goes_with_all_that_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyboardInterrupt), temporary_folder() as folder:
        (folder / "a").mkdir()
        (folder / "a/result.tif").write_text("large")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        raise KeyboardInterrupt
    with temporary_folder() as folder:
        (folder / "result.tif").write_text("large")
        remove_unfinished()  # as a command that ends at once does
        assert names(tmp_path) == ["mine"]
    with temporary_folder(tmp_path / "mine") as folder:
        assert folder.parent == tmp_path / "mine"
    message = r"temporary files cannot be kept \(No such file or directory\); make room"
    with pytest.raises(OutputError, match=message), temporary_folder(tmp_path / "absent"):
        pass


def test_overwrite(folder):
    with pytest.raises(OutputError, match=r"old.png exists already: replace it, or write elsewhere"):
        as_photo(levels(3)).save(folder / "old.png")
    assert_same(read_photo(folder / "old.png"), levels())
    as_photo(levels(3)).save(folder / "old.png", overwrite=True)
    assert_same(read_photo(folder / "old.png"), levels(3))


def test_the_input_can_be_the_output_with_overwrite_only(folder):
    photo = read_photo(folder / "old.png")
    with pytest.raises(OutputError, match="exists already"):
        photo.save(folder / "old.png")
    photo.save(folder / "old.png", overwrite=True)
    assert_same(read_photo(folder / "old.png"), levels())


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(folder, monkeypatch, has_links):
    if not has_links:
        monkeypatch.setattr(os, "link", failing(PermissionError(errno.EPERM, "no links on FAT")))
    refused = pytest.raises(OutputError, match=r"new.png appeared while it was being written: replace it")
    with refused, new_file(folder / "new.png", overwrite=False) as file:
        file.write(b"ours")
        (folder / "new.png").write_text("somebody else's")
    assert (folder / "new.png").read_text() == "somebody else's"
    assert names(folder) == ["new.png", "old.png"]


def test_without_hard_links(folder, monkeypatch):
    monkeypatch.setattr(os, "link", failing(PermissionError(errno.EPERM, "no links on FAT")))
    as_photo(levels(3)).save(folder / "new.png")
    assert_same(read_photo(folder / "new.png"), levels(3))
    assert names(folder) == ["new.png", "old.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_mode_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        path = as_photo(levels()).save(tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_long_names_can_be_written(tmp_path):
    name = "é" * 120 + ".png"  # 244 bytes of the 255 that most file systems allow
    assert as_photo(levels()).save(tmp_path / name).name == name


def test_name_too_long_for_the_file_system(tmp_path):
    with pytest.raises(OutputError, match="its name has 304 bytes and the file system takes 255"):
        as_photo(levels()).save(tmp_path / ("a" * 300 + ".png"))


def test_check_output(folder, monkeypatch):
    check_output(folder / "new.webp", overwrite=False)
    check_output(folder / "old.png", overwrite=True)
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    for name, overwrite, message in [
        ("old.png", False, "exists already: replace it, or write elsewhere"),
        ("dangling.png", False, "exists already"),
        ("folder.png", True, "it is a folder; add a file name"),
        ("a.gif", False, "end its name in one of .jpg, .jpeg, .jpe, .jfif, .png, .tif, .tiff, .webp"),
        ("a", False, "end its name in one of"),
        ("missing/a.png", False, f"there is no folder {folder / 'missing'}; create it first"),
        ("old.png/a.png", False, f"there is no folder {folder / 'old.png'}"),
    ]:
        with pytest.raises(OutputError) as caught:
            check_output(folder / name, overwrite=overwrite)
        assert message in str(caught.value)
        assert str(folder / name) in str(caught.value)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    with pytest.raises(OutputError, match=r"the folder .* is not writable; write elsewhere"):
        check_output(folder / "new.png", overwrite=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scans/a.jpg", "scans/a-color.jpg"),
        ("a.JPEG", "a-color.JPEG"),
        ("a.b.tiff", "a.b-color.tiff"),
        ("a.webp", "a-color.webp"),
        ("a.gif", "a-color.png"),
        ("a.bmp", "a-color.png"),
        ("a", "a-color.png"),
    ],
)
def test_default_output(name, expected):
    assert default_output(Path(name), "color") == Path(expected)
    assert default_output(Path(name), "color", Path("out")) == Path("out") / Path(expected).name
