"""Addresses, which are handled like the paths of files."""

import logging
import os
import pickle
from pathlib import Path
from typing import Any, cast

import pytest

from excolor.batch.destinations import check_destination
from excolor.batch.plan import Outputs, plan_batch
from excolor.batch.sources import expand
from excolor.errors import MissingPackageError, OutputError, PhotoError, PlanError
from excolor.photo import default_output
from excolor.remote import RemotePath, as_path, is_remote, names_in, read, upload


@pytest.mark.parametrize(
    "text",
    [
        *("s3://bucket/a b/1.tif", "https://host:8080/x/y.jpg", "memory://a.jpg", "gs://b/ä.png"),
        *("s3://bucket/a//b/./1.tif", "s3://bucket/what?/#1.tif", "https://host/x//y.jpg"),
    ],
)
def test_an_address_stays_what_was_typed(text: str) -> None:
    path = as_path(text)
    assert str(path) == os.fspath(path) == str(pickle.loads(pickle.dumps(path))) == text
    assert is_remote(text)
    assert str(path.parent / path.name) == text
    assert path == as_path(text) and hash(path) == hash(as_path(text))


def test_it_has_the_parts_of_a_name() -> None:
    path = as_path("s3://bucket/scans/box/7.tif")
    assert (path.name, path.stem, path.suffix) == ("7.tif", "7", ".tif")
    assert str(path.parent.parent) == "s3://bucket/scans"
    assert str(as_path("s3://bucket/out/") / Path("box")) == "s3://bucket/out/box"
    assert str(default_output(path, "color")) == "s3://bucket/scans/box/7-color.tif"


def test_a_query_is_asked_for_and_not_shown() -> None:
    text = "https://host/x/y.jpg?X-Amz-Signature=ab//cd.png&e=1/2"
    path = cast("RemotePath", as_path(text))
    assert path.address == cast("RemotePath", pickle.loads(pickle.dumps(path))).address == text
    assert (path.name, path.stem, path.suffix, str(path.parent)) == ("y.jpg", "y", ".jpg", "https://host/x")
    assert str(path) == os.fspath(path) == path.as_posix() == "https://host/x/y.jpg?…"
    assert "X-Amz" not in repr(path)
    assert path != as_path(text.replace("e=1", "e=2"))
    assert str(as_path("https://me:word@host/y.jpg")) == "https://…@host/y.jpg"
    assert str(as_path("https://me:w@rd@host/y.jpg")) == "https://…@host/y.jpg"
    assert str(as_path("https://host/me@home.jpg")) == "https://host/me@home.jpg"


def test_what_is_below_a_folder() -> None:
    folder = RemotePath("s3://bucket/scans")
    assert RemotePath("s3://bucket/scans/a//1.jpg").below(folder) == "a//1.jpg"
    assert RemotePath("s3://bucket/scans//1.jpg").below(folder) == "/1.jpg"
    assert RemotePath("s3://bucket/scans2/1.jpg").below(folder) is None
    assert RemotePath("s3://bucket/scans/").below(folder) is None
    assert RemotePath("https://host/x/1.jpg?a=/b/").below(RemotePath("https://host")) == "x/1.jpg"
    assert RemotePath("https://host/x/1.jpg?a=/b/").below(RemotePath("https://host/")) == "x/1.jpg"


def test_links_of_one_name_are_kept_apart_by_their_folders(tmp_path: Path) -> None:
    links = ("https://host/ref.jpg?X=a/b", "https://host/x/ref.jpg?X=c/b")
    (tmp_path / "list.txt").write_text("".join(f"{link}\n" for link in links))
    found = expand([f"@{tmp_path}/list.txt"], recursive=False, output="out/", root=as_path("https://host/"))
    plan = plan_batch(found, Outputs(f"{tmp_path}/out/"), "color")
    assert [job.destination for job in plan.jobs] == [tmp_path / "out/ref-color.jpg", tmp_path / "out/x/ref-color.jpg"]


def test_a_list_of_addresses_does_not_lead_out_of_the_folder_of_results(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("https://host/scans/../../1.jpg\n")
    with pytest.raises(PlanError, match="is not in the root folder https://host/scans"):
        expand([f"@{tmp_path}/list.txt"], recursive=False, output="out/", root=as_path("https://host/scans/"))


@pytest.mark.parametrize("text", ["a.jpg", "C:/scans", "s3:/bucket", "://x", "s3://", "scans//a.jpg", "-"])
def test_other_names_are_files(text: str) -> None:
    assert not is_remote(text)
    assert not isinstance(as_path(text), RemotePath)


def test_what_is_not_read_or_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="the scheme ftp is not one of s3"):
        read(RemotePath("ftp://host/a.jpg"))
    with pytest.raises(OutputError, match="a web server is only read from"):
        check_destination(as_path("https://host/a.jpg"), overwrite=True)
    with pytest.raises(OutputError, match="end its name in one of"):
        check_destination(as_path("memory://a.gif"), overwrite=True)
    with pytest.raises(PhotoError, match="a web server has no folders"):
        names_in(RemotePath("https://host/scans"), recursive=True)
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    pytest.importorskip("fsspec")
    upload(tmp_path / "old", RemotePath("memory://uploads/x"), overwrite=False)
    with pytest.raises(OutputError, match="appeared while it was being written"):
        upload(tmp_path / "new", RemotePath("memory://uploads/x"), overwrite=False)
    assert read(RemotePath("memory://uploads/x")) == b"old"
    upload(tmp_path / "new", RemotePath("memory://uploads/x"), overwrite=True)
    assert read(RemotePath("memory://uploads/x")) == b"new"


def test_subfolders_are_looked_into_only_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: Any = pytest.importorskip("fsspec.implementations.memory")
    find = memory.MemoryFileSystem.find
    # adlfs has no `maxdepth`
    monkeypatch.setattr(memory.MemoryFileSystem, "find", lambda store, path, **_: find(store, path))
    store = memory.MemoryFileSystem()
    for name in ("a.jpg", "box/b.jpg"):
        store.pipe_file(f"/depth/{name}", b"")
    folder = RemotePath("memory://depth")
    assert names_in(folder, recursive=True) == ["a.jpg", "box/b.jpg"]
    assert names_in(folder, recursive=False) == ["a.jpg"]
    assert names_in(RemotePath("memory://dep"), recursive=False) == []


def test_without_fsspec_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(MissingPackageError, match=r"source is, pip install '\.\[remote\]'"):
        read(RemotePath("s3://bucket/a.jpg"))


def test_without_the_package_of_a_store_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setitem(__import__("sys").modules, "adlfs", None)
    with pytest.raises(MissingPackageError, match=r"az:// needs one more package; run pip install 'fsspec\["):
        read(RemotePath("az://container/a.jpg"))


def test_what_the_client_of_a_store_logs_is_not_printed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As gcsfs does with each attempt, though excolor tells the same in one sentence."""
    memory: Any = pytest.importorskip("fsspec.implementations.memory")

    def refuse(*_: object, **__: object) -> None:
        logging.getLogger("gcsfs").exception("out of retries")
        raise OSError("no access")

    monkeypatch.setattr(memory.MemoryFileSystem, "cat_file", refuse)
    monkeypatch.setattr(logging.getLogger("gcsfs"), "propagate", False)  # pytest listens
    with pytest.raises(PhotoError, match="no access"):
        read(RemotePath("memory://a"))
    assert capfd.readouterr().err == ""


def test_what_a_store_says_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: Any = pytest.importorskip("fsspec.implementations.memory")

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("no credentials.\nand much more")

    monkeypatch.setattr(memory.MemoryFileSystem, "cat_file", refuse)
    with pytest.raises(PhotoError, match="cannot read memory://a: no credentials; check its name") as caught:
        read(RemotePath("memory://a"))
    assert "\n" not in str(caught.value)


def test_a_query_that_ends_in_a_slash_makes_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("excolor.remote.is_folder", lambda path: False)
    (source,) = expand(["https://host/a.jpg?sig=ab/"], recursive=False, output=None)
    assert str(source.path) == "https://host/a.jpg?…"


def test_what_is_refused_is_named_without_its_query() -> None:
    with pytest.raises(PlanError, match="lists are read on this machine") as error:
        expand(["@https://host/list.txt?sig=secret"], recursive=False, output=None)
    assert "secret" not in str(error.value)
