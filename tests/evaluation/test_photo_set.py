import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from excolor.errors import PhotoError
from excolor.evaluation.photo_set import SMALLEST, PhotoSet

ALL = ["garden/1.png", "garden/2.png", "garden/10.png", "sea/1.png"]
ALL += ["walk_frames/8.png", "walk_frames/9.png", "walk_frames/10.png"]


def packed(folder: Path, suffix: str = ".tar") -> Path:
    path = folder.with_name(folder.name + suffix)
    with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as tar:
        for file in sorted(folder.rglob("*"), reverse=True):
            tar.add(file, file.relative_to(folder).as_posix(), recursive=False)
    return path


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_folder_and_a_tar_file_are_the_same(album: Path, suffix: str) -> None:
    folder, tar = PhotoSet(album, side=40), PhotoSet(packed(album, suffix), side=40)
    assert folder.names == tar.names == ALL  # in natural order
    assert folder.fingerprint == tar.fingerprint
    assert folder.title == tar.title == "album"
    for name in ALL:
        assert np.array_equal(folder.read(name), tar.read(name))


def test_pictures_are_shrunk_and_never_enlarged(album: Path) -> None:
    small, own = (PhotoSet(album, side=side).read("sea/1.png") for side in (24, 500))
    assert small.shape == (24, 32, 3)
    assert own.shape == (48, 64, 3)
    with Image.open(album / "sea/1.png") as image:
        assert np.array_equal(own, np.asarray(image, np.float32) / 255)


def test_leave_out(album: Path) -> None:
    assert PhotoSet(album, side=40, leave_out=("garden/1", "walk")).names == ["garden/2.png", "sea/1.png"]


def test_leaving_all_of_them_out_is_an_error(album: Path) -> None:
    with pytest.raises(PhotoError, match="no photographs are left"):
        PhotoSet(album, side=40, leave_out=("garden", "sea", "walk"))


def test_other_files_are_passed_over(album: Path) -> None:
    (album / "notes.txt").write_text("x")
    (album / "._1.png").write_bytes(b"left by macOS")
    (album / ".thumbs").mkdir()
    (album / ".thumbs" / "1.png").write_bytes((album / "sea/1.png").read_bytes())
    assert PhotoSet(album, side=40).names == ALL


def test_a_tar_file_of_the_folder_itself(album: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "album.tar", "w") as tar:
        tar.add(album, ".")  # members are called ./garden/1.png
    assert PhotoSet(tmp_path / "album.tar", side=40).names == ALL


def test_names_from_elsewhere(album: Path, reference: Path) -> None:
    pictures = PhotoSet(album, side=40, beside=reference.parent)
    assert min(pictures.read(reference.name).shape[:2]) == 40
    with pytest.raises(PhotoError, match="no such file"):
        pictures.read("nosuch.png")
    with pytest.raises(PhotoError, match="too long"):
        pictures.read("n" * 300 + ".png")


def test_another_picture_changes_the_fingerprint(album: Path) -> None:
    before = PhotoSet(album, side=40).fingerprint
    assert before == PhotoSet(album, side=40).fingerprint
    Image.new("RGB", (64, 48), "red").save(album / "sea/1.png")
    assert PhotoSet(album, side=40).fingerprint != before


def test_pictures_beyond_the_listing_have_a_fingerprint_by_content(album: Path, tmp_path: Path) -> None:
    pictures = PhotoSet(album, side=40, leave_out=("sea",), beside=tmp_path)
    assert pictures.fingerprint_beyond(["garden/1.png", "garden/2.png"]) is None
    beside, left_out = tmp_path / "ref.bmp", album / "sea/1.png"
    beside.write_bytes(b"12345")
    names = ["garden/1.png", "ref.bmp", "sea/1.png", "nosuch.png"]
    found = [pictures.fingerprint_beyond(names)]
    assert pictures.fingerprint_beyond(reversed(names)) == found[0] is not None
    for path in (beside, left_out):  # as large as before
        path.write_bytes(path.read_bytes()[::-1])
        found.append(pictures.fingerprint_beyond(names))
    assert len(set(found)) == 3


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("size", [0, 20, 400])
def test_a_damaged_picture_is_named(album: Path, packing: bool, size: int) -> None:
    (album / "sea/1.png").write_bytes((album / "sea/1.png").read_bytes()[:size])
    pictures = PhotoSet(packed(album) if packing else album, side=40)
    with pytest.raises(PhotoError, match=r"sea/1\.png"):
        pictures.read("sea/1.png")


def test_a_picture_that_is_too_small(album: Path) -> None:
    Image.new("RGB", (500, SMALLEST - 1), "red").save(album / "sea/1.png")
    with pytest.raises(PhotoError, match=rf"sea/1\.png.*{SMALLEST} pixels"):
        PhotoSet(album, side=40).read("sea/1.png")


def test_a_tar_file_cut_short(album: Path) -> None:
    tar = packed(album)
    whole = tar.read_bytes()
    tar.write_bytes(whole[: len(whole) // 2 - 100])
    with pytest.raises(PhotoError, match=r"album\.tar"):
        pictures = PhotoSet(tar, side=40)
        for name in pictures.names:
            pictures.read(name)


@pytest.mark.parametrize("content", [None, b"no tar file"])
def test_neither_folder_nor_tar_file(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "photos"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PhotoError, match="neither a folder nor a tar file") as caught:
        PhotoSet(path, side=40)
    assert "\n" not in str(caught.value)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no pictures"):
        PhotoSet(tmp_path, side=40)
