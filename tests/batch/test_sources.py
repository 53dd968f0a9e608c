"""Which pictures a command works on."""

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excolor.batch.sources import STDIN, Source, expand, pictures_in
from excolor.errors import PhotoError, PlanError

Write = Callable[..., Path]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(sources: list[Source]) -> list[str]:
    return [source.path.name for source in sources]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_gives_its_pictures_in_natural_order(here: Path) -> None:
    touch(here, "in/img10.jpg", "in/img2.JPG", "in/img1.tif", "in/notes.txt", "in/.hidden.jpg", "in/sub/x.png")
    assert names(expand(["in"], recursive=False, output="out")) == ["img1.tif", "img2.JPG", "img10.jpg"]


def test_subfolders_are_kept_apart_and_hidden_ones_left_out(here: Path) -> None:
    touch(here, "in/b/1.jpg", "in/a/deep/2.jpg", "in/0.jpg", "in/.git/3.jpg")
    found = expand(["in"], recursive=True, output="out")
    assert [source.below for source in found] == [Path(), Path("a/deep"), Path("b")]
    assert [source.path for source in found] == [Path("in/0.jpg"), Path("in/a/deep/2.jpg"), Path("in/b/1.jpg")]


def test_results_in_a_subfolder_are_not_taken_for_inputs(here: Path) -> None:
    touch(here, "in/1.jpg", "in/out/1-color.jpg", "in/out/sub/2-color.jpg")
    assert names(expand(["in"], recursive=True, output="in/out")) == ["1.jpg"]
    assert names(expand(["in/**/*.jpg"], recursive=False, output="in/out")) == ["1.jpg"]


def test_results_above_the_inputs_hide_none(here: Path) -> None:
    touch(here, "work/scans/1.jpg")
    assert names(expand(["work/scans"], recursive=True, output="work")) == ["1.jpg"]
    assert names(expand(["work/scans/*.jpg"], recursive=False, output="work")) == ["1.jpg"]
    os.chdir("work/scans")
    assert names(expand(["*.jpg"], recursive=False, output=".")) == ["1.jpg"]


def test_a_folder_needs_another_one_for_the_results(here: Path) -> None:
    touch(here, "in/1.jpg")
    with pytest.raises(PlanError, match="give another one for the results"):
        expand(["in"], recursive=False, output=None)
    with pytest.raises(PlanError, match="another one"):
        expand(["in"], recursive=False, output="in/../in/")


def test_a_folder_for_results_with_a_dot_in_its_name(here: Path) -> None:
    touch(here, "in/1.jpg")
    with pytest.raises(PlanError, match="end it in a slash"):
        expand(["in"], recursive=False, output="colored.2024")
    assert names(expand(["in"], recursive=False, output="colored.2024/")) == ["1.jpg"]


def test_what_holds_nothing_is_an_error(here: Path) -> None:
    touch(here, "none/notes.txt", "deep/sub/1.jpg")
    (here / "list.txt").write_text("\n \r\n")
    for argument, word in (
        ("none", "no pictures"),
        ("deep", "look into its subfolders, too"),
        ("*.jpg", "no file matches"),
        ("@list.txt", "empty"),
    ):
        with pytest.raises(PhotoError, match=word):
            expand([argument], recursive=False, output="out")


def test_globs(here: Path) -> None:
    touch(here, "a/2.tif", "a/b/10.tif", "a/b/9.tif", "a/c.jpg", "[1].jpg", "1.jpg")
    (here / "a/folder.tif").mkdir()
    assert names(expand(["a/**/*.tif"], recursive=False, output=None)) == ["2.tif", "9.tif", "10.tif"]
    assert names(expand(["[1].jpg"], recursive=False, output=None)) == ["[1].jpg"]  # there is a file of that name


def test_a_list(here: Path) -> None:
    (here / "list.txt").write_bytes("b.jpg\r\n\r\nsub/ä 2.jpg\na*.jpg".encode("utf-8-sig"))
    paths = [source.path for source in expand(["@list.txt"], recursive=False, output=None)]
    assert paths == [Path("b.jpg"), Path("sub/ä 2.jpg"), Path("a*.jpg")]
    touch(here, "@list.txt.jpg")
    assert names(expand(["@list.txt.jpg"], recursive=False, output=None)) == ["@list.txt.jpg"]


def test_lists_that_cannot_be_read(here: Path) -> None:
    (here / "latin.txt").write_bytes(b"caf\xe9.jpg")
    (here / "wide.txt").write_bytes("a.jpg\n".encode("utf-16-le"))
    for name in ("missing.txt", "latin.txt", "wide.txt"):
        with pytest.raises(PhotoError, match=name):
            expand([f"@{name}"], recursive=False, output=None)


def test_a_picture_given_twice_is_worked_on_once(here: Path) -> None:
    touch(here, "in/1.jpg", "in/2.jpg")
    (here / "link").symlink_to("in")
    (here / "in/also-1.jpg").symlink_to("1.jpg")
    given_twice = ["in/2.jpg", "./in/../in/2.jpg", str(here / "in/2.jpg"), "link/2.jpg", "in"]
    assert names(expand(given_twice, recursive=False, output="out")) == ["2.jpg", "1.jpg", "also-1.jpg"]


def test_standard_input_goes_alone() -> None:
    assert expand(["-"], recursive=False, output=None) == [Source(STDIN)]
    with pytest.raises(PlanError, match="alone"):
        expand(["-", "a.jpg"], recursive=False, output=None)


def test_a_folder_that_may_not_be_looked_into(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(here, "in/1.jpg", "in/locked/2.jpg")
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)  # root, as in containers, may look anywhere
    with pytest.raises(PhotoError, match=r"locked.*Permission denied"):
        expand(["in"], recursive=True, output="out")


# Names that case alone tells apart cannot be in one folder everywhere
FILE_NAMES = st.sets(st.text("aB-_10²٣ ", min_size=1, max_size=6), min_size=2, max_size=6).filter(
    lambda found: len({name.casefold() for name in found}) == len(found)
)


@given(FILE_NAMES, st.integers())
def test_the_order_is_the_same_however_the_disk_lists_it(found: set[str], seed: int) -> None:
    listed = sorted(f"{name}.jpg" for name in found)
    with tempfile.TemporaryDirectory() as empty, pytest.MonkeyPatch.context() as patch:
        folder = Path(empty)
        patch.setattr(os, "walk", lambda *_, **__: [(empty, [], listed)])
        first = pictures_in(folder, recursive=False)
        random.Random(seed).shuffle(listed)
        assert pictures_in(folder, recursive=False) == first
