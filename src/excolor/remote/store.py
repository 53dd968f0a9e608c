"""Reading, listing and writing by fsspec. Nothing is there in part: stores show a file when all of it has come."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from excolor.errors import ExcolorError, MissingPackageError, OutputError, PhotoError
from excolor.remote.paths import RemotePath

_READ_ONLY = ("http", "https")
SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "memory", *_READ_ONLY)
"""Those that write a file whole or not at all, or only read."""

_AZURE = ("az", "abfs")
"""Whose buckets are called containers."""

_LONGEST_TEXT = 200  # characters of another's error
_SILENT = logging.NullHandler()


def read(path: RemotePath) -> bytes:
    """The bytes of a file. Raises PhotoError if it cannot be read."""
    with _explained(PhotoError, f"read {path}", _advice(path)):
        try:
            store, name = _open(path)
            content: bytes = store.cat_file(name)
        except FileNotFoundError as error:
            raise PhotoError(f"cannot read {path}: there is no such file; check its name and folder") from error
    return content


def is_folder(path: RemotePath) -> bool:
    """Whether there are files below an address. Raises PhotoError if that cannot be found out."""
    if path.scheme in _READ_ONLY:
        return False
    with _explained(PhotoError, f"look into {path}", _advice(path)):
        store, name = _open(path)
        return bool(store.isdir(name))


def names_in(folder: RemotePath, *, recursive: bool) -> list[str]:
    """The names of the files in a folder, below it and with slashes; none if there is no such folder.

    Raises:
        PhotoError: it cannot be looked into.
    """
    if folder.scheme in _READ_ONLY:
        raise PhotoError(f"cannot look into {folder}: a web server has no folders; name the pictures in a list")
    with _explained(PhotoError, f"look into {folder}", _advice(folder)):
        try:
            store, name = _open(folder)
            if recursive:
                found = store.find(name)
            else:  # adlfs goes into subfolders whatever depth `find` is given
                found = [each["name"] for each in store.ls(name, detail=True) if each["type"] == "file"]
        except FileNotFoundError:
            return []
    start = name.strip("/") + "/"
    return [each.lstrip("/").removeprefix(start) for each in found if each.lstrip("/").startswith(start)]


def exists(path: RemotePath) -> bool:
    """Whether there is such a file. Raises OutputError if that cannot be found out."""
    with _explained(OutputError, f"use {path}", _advice(path)):
        store, name = _open(path)
        return bool(store.exists(name))


def check_scheme(path: RemotePath, *, to_write: bool = False) -> None:
    """Refuse what is not read or written here. Raises PhotoError, or OutputError if something is to be written."""
    if path.scheme not in SCHEMES:
        message = f"{path}: the scheme {path.scheme} is not one of {', '.join(SCHEMES)}; copy the files to a folder"
        raise (OutputError if to_write else PhotoError)(message)
    if to_write and path.scheme in _READ_ONLY:
        raise OutputError(f"cannot write {path}: a web server is only read from; write elsewhere", settings=("output",))


def upload(file: Path, path: RemotePath, *, overwrite: bool) -> None:
    """Copy a file to an address, where it appears whole or not at all.

    Raises:
        OutputError: it cannot be written, or there is one and `overwrite` is not given.
    """
    if not overwrite and exists(path):
        raise OutputError(
            f"{path} appeared while it was being written: replace it, or write elsewhere",
            settings=("overwrite", "output"),
        )
    with _explained(OutputError, f"write {path}", "check your access to it, or write elsewhere"):
        store, name = _open(path)
        try:
            store.put_file(str(file), name)
        except FileNotFoundError as error:
            bucket = "container" if path.scheme in _AZURE else "bucket"
            raise OutputError(
                f"cannot write {path}: there is no such {bucket}; make it, or write elsewhere", settings=("output",)
            ) from error


@contextmanager
def _explained(kind: type[ExcolorError], what: str, advice: str) -> Iterator[None]:
    """Raise all but our own errors as one of this kind: clients of stores let out what their transports raise."""
    try:
        yield
    except ExcolorError:
        raise
    except Exception as error:
        raise kind(f"cannot {what}: {_said(error)}; {advice}") from error


def _advice(path: RemotePath) -> str:
    """What to do where a store refuses."""
    access = " (AZURE_STORAGE_CONNECTION_STRING)" if path.scheme in _AZURE else ""
    return f"check its name, and your access to it{access}"


def _open(path: RemotePath) -> tuple[Any, str]:
    """The file system of an address, and the name in it."""
    check_scheme(path)
    # It logs each attempt with its traceback, and python prints that where nobody listens; the error says the same
    logging.getLogger("gcsfs").addHandler(_SILENT)
    try:
        from fsspec.core import url_to_fs

        store, name = url_to_fs(str(path), use_listings_cache=False)  # others write there, too
    except ImportError as error:
        raise MissingPackageError(
            f"{path.scheme}:// needs one more package; run pip install 'excolor[remote]'"
        ) from error
    return store, str(name)


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_LONGEST_TEXT].rstrip(".")
