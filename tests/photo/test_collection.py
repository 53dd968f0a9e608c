"""Folders, tar files, lists and globs: which pictures are in them, in which order, and how they are read."""

import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pictures import SEEN, encoded, exif, levels
from PIL import Image

from excolor.errors import PhotoError
from excolor.photo import Collection, Member, read_photo
from excolor.photo.collection import LIST_MARK
from excolor.photo.file_names import natural_order

NAMES = ["1.png", "Garden/2.PNG", "garden/10.png", "sea/deep/1.tif"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures, and what is none."""
    folder = tmp_path / "photos"
    for number, name in enumerate((*NAMES, ".1.png", ".thumbs/1.png", "sea/.trash/deep/1.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(levels(3) // (number + 1)).save(folder / name)
    (folder / "notes.txt").write_text("x")
    (folder / "folder.png").mkdir()
    return folder


def packed(folder: Path, suffix: str = ".tar", *, root: str = "") -> Path:
    path = folder.with_name(folder.name + suffix)
    with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as tar:
        for file in sorted(folder.rglob("*"), reverse=True):
            tar.add(file, root + file.relative_to(folder).as_posix(), recursive=False)
    return path


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@pytest.mark.parametrize("root", ["", "./", "/", "../"])
def test_a_folder_and_a_tar_file_of_it_are_the_same(folder: Path, suffix: str, root: str) -> None:
    tar = Collection.open(packed(folder, suffix, root=root))
    opened = Collection.open(folder)
    assert list(opened) == NAMES  # natural order, by folders
    assert [name.removeprefix("../") for name in tar] == NAMES
    for one, other in zip(opened.values(), tar.values(), strict=True):
        assert one.size == other.size == (folder / one.name).stat().st_size
        assert one.path == folder / one.name and other.path is None
        expected = read_photo(folder / one.name)
        np.testing.assert_array_equal(one.read().pixels, expected.pixels)
        np.testing.assert_array_equal(other.read().pixels, expected.pixels)


def test_a_stream_has_the_same_pictures(folder: Path) -> None:
    for place in (folder, packed(folder)):
        collection = Collection.open(place)
        streamed = {member.name: member for member in collection.stream()}
        assert sorted(streamed, key=natural_order) == list(collection)
        for name, member in collection.items():
            assert (streamed[name].size, streamed[name].label) == (member.size, member.label)
            np.testing.assert_array_equal(streamed[name].read().pixels, member.read().pixels)


def test_a_tar_file_is_streamed_in_its_own_order_without_being_looked_through(folder: Path) -> None:
    path = packed(folder)
    with tarfile.open(path) as tar:
        last = tar.getmember(NAMES[0])
    path.write_bytes(path.read_bytes()[: last.offset_data + 1])
    stream = Collection.open(path).stream()
    assert [next(stream).name for _ in range(3)] == NAMES[:0:-1]
    with pytest.raises(PhotoError, match="cut short"):
        next(stream)


def test_members_go_to_other_processes(folder: Path) -> None:
    for place in (folder, packed(folder), packed(folder, ".tgz")):
        for member in (*Collection.open(place).values(), *Collection.open(place).stream()):
            there: Member = pickle.loads(pickle.dumps(member))
            np.testing.assert_array_equal(there.read().pixels, member.read().pixels)


@pytest.mark.parametrize("name", ["@eaDir", "#recycle", "@Recycle", "__MACOSX", "$RECYCLE.BIN"])
def test_folders_of_storage_boxes_are_passed_over(folder: Path, name: str) -> None:
    for place in (folder / name / "1.png", folder / "sea" / name):
        place.mkdir(parents=True)
        Image.fromarray(levels(3)).save(place / "SYNOPHOTO_THUMB_M.jpg")
    assert list(Collection.open(folder)) == list(Collection.open(packed(folder))) == NAMES


def test_what_is_no_regular_file_is_passed_over(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    assert list(Collection.open(folder)) == NAMES
    with tarfile.open(packed(folder)) as tar:
        assert "pipe.png" in tar.getnames()
    assert list(Collection.open(tmp_path / "photos.tar")) == NAMES


def test_links_to_files_count_and_links_to_folders_do_not(folder: Path) -> None:
    (folder / "3.png").symlink_to("1.png")
    (folder / "4.png").symlink_to("sea")
    (folder / "garden/5.png").hardlink_to(folder / "1.png")
    (folder / "sea/6.png").symlink_to("../garden/10.png")
    (folder / "lake").symlink_to("sea")
    expected = sorted([*NAMES, "3.png", "garden/5.png", "sea/6.png"], key=natural_order)
    tar = packed(folder)
    for place in (folder, tar):
        collection = Collection.open(place)
        assert list(collection) == expected
        assert {member.name for member in collection.stream()} == set(expected)
        for name in expected:
            assert collection[name].size == (folder / name).stat().st_size
            np.testing.assert_array_equal(collection[name].read().pixels, read_photo(folder / name).pixels)


def test_a_link_that_leads_nowhere_is_named_when_it_is_read(folder: Path) -> None:
    (folder / "gone.png").symlink_to("nowhere.png")
    member = Collection.open(folder)["gone.png"]
    with pytest.raises(PhotoError, match=r"gone\.png: there is no such file"):
        member.read()


def test_links_in_a_tar_file_that_lead_nowhere_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, target in (("gone.png", "nowhere.png"), ("a.png", "b.png"), ("b.png", "a.png")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        whole = encoded(Image.fromarray(levels(3)), "PNG")
        picture = tarfile.TarInfo("c.png")
        picture.size = len(whole)
        tar.addfile(picture, io.BytesIO(whole))
    collection = Collection.open(tmp_path / "a.tar")
    assert list(collection) == [member.name for member in collection.stream()] == ["c.png"]


def test_a_list_names_what_is_read_in_its_order(folder: Path, tmp_path: Path) -> None:
    raw = folder / "raw.data"
    raw.write_bytes(encoded(Image.fromarray(levels(3)), "PNG"))
    paths = [str(raw), str(folder / NAMES[1]), str(folder / NAMES[0]), str(folder / "gone.png")]
    (tmp_path / "list.txt").write_text("\n".join(paths), encoding="utf-8-sig")
    collection = Collection.open(f"@{tmp_path / 'list.txt'}")
    assert list(collection) == paths
    np.testing.assert_array_equal(collection[str(raw)].read().pixels, levels(3))
    with pytest.raises(PhotoError, match=r"gone\.png: there is no such file"):
        collection[paths[3]].read()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_a_mark_in_the_first_line_of_a_list_is_passed_over(end: str, tmp_path: Path) -> None:
    lines = [LIST_MARK, "a.png", "# b.png", LIST_MARK, ""]
    (tmp_path / "list.txt").write_bytes(end.join(lines).encode())
    assert list(Collection.open(f"@{tmp_path / 'list.txt'}")) == ["a.png", "# b.png", LIST_MARK]


def test_a_glob_takes_files_in_natural_order(folder: Path) -> None:
    collection = Collection.open(f"{folder}/**/*.[pt]?[gt]", leave_out=folder / "sea")
    assert list(collection) == [str(folder / name) for name in (*NAMES[:1], *NAMES[2:3], "notes.txt")]
    assert collection[str(folder / "1.png")].path == folder / "1.png"


def test_a_member_in_a_tar_file_is_upright_and_may_be_a_draft(tmp_path: Path) -> None:
    pixels = np.repeat(np.repeat(levels(3, size=(6, 10)), 16, 0), 16, 1)
    (tmp_path / "photos").mkdir()
    Image.fromarray(pixels).save(tmp_path / "photos" / "1.jpg", exif=exif(6), quality=95)
    (member,) = Collection.open(packed(tmp_path / "photos")).values()
    assert member.read().pixels.shape == SEEN[6](pixels).shape
    assert member.read(draft=20).size == (40, 24)
    with pytest.raises(PhotoError, match=r"photos\.tar/1\.jpg: it has 0\.0 megapixels and the limit is 0\.001"):
        member.read(max_pixels=1000)


@pytest.mark.parametrize("size", [0, 20, 100])
def test_a_damaged_picture_in_a_tar_file_is_named_once(folder: Path, size: int) -> None:
    (folder / NAMES[0]).write_bytes((folder / NAMES[0]).read_bytes()[:size])
    path = packed(folder)
    with pytest.raises(PhotoError, match=rf"^cannot read {path}/1\.png: "):
        Collection.open(path)[NAMES[0]].read()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_tar_file_cut_short_is_one_clear_sentence(folder: Path, suffix: str, share: float) -> None:
    path = packed(folder, suffix)
    with tarfile.open(path) as tar:
        end = tar.getmembers()[-1].offset_data + 60 if suffix == ".tar" else path.stat().st_size
    path.write_bytes(path.read_bytes()[: int(end * share)])
    with pytest.raises(PhotoError, match="damaged or cut short") as caught:
        list(Collection.open(path).stream())
    assert "\n" not in str(caught.value)


def test_damage_within_a_compressed_tar_file_is_one_clear_sentence(folder: Path) -> None:
    path = packed(folder, ".tar.gz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(PhotoError, match=r"photos\.tar\.gz: the tar file is damaged"):
        list(Collection.open(path).stream())


@pytest.mark.parametrize("kind", ["nothing", "text", "empty", "pipe", "dangling link"])
def test_what_is_no_collection(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photos"
    if kind == "text":
        path.write_text("no tar file")
    elif kind == "empty":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    with pytest.raises(PhotoError, match=f"{path}: neither a folder nor a tar file"):
        Collection.open(path)


def test_no_members_is_an_error_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").touch()
    for place in (tmp_path / "photos", packed(tmp_path / "photos")):
        assert list(Collection.open(place).stream()) == []
        with pytest.raises(PhotoError, match="there are no pictures in this"):
            list(Collection.open(place))


def test_what_exists_under_a_name_goes_before_what_the_name_may_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("@photos", "[1]"):
        Path(name).mkdir()
        Image.fromarray(levels(3)).save(Path(name) / "a.png")
        assert list(Collection.open(name)) == ["a.png"]
