"""Reading, listing and writing by fsspec. Nothing is there in part: stores show a file when all of it has come."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from excolor.errors import ExcolorError, MissingPackageError, OutputError, PhotoError, how_to_install
from excolor.remote.paths import WEB, RemotePath

SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "memory", *WEB)
"""Those that write a file whole or not at all, or only read."""

_AZURE = ("az", "abfs")
"""Whose buckets are called containers."""

_LONGEST_TEXT = 200  # characters of another's error
_SILENT = logging.NullHandler()

_URL = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
"""What needs no quoting (RFC 3986)."""

_URL_IN_TEXT = re.compile(r"https?://[^\s'\"<>]+")


def read(path: RemotePath) -> bytes:
    """The bytes of a file. Raises PhotoError if it cannot be read."""
    with _explained(PhotoError, f"read {path}", path):
        try:
            store, name = _open(path)
            content: bytes = store.cat_file(name)
        except FileNotFoundError as error:
            raise PhotoError(f"cannot read {path}: there is no such file; check its name and folder") from error
    return content


def is_folder(path: RemotePath) -> bool:
    """Whether there are files below an address. Raises PhotoError if that cannot be found out."""
    if path.scheme in WEB:
        return False
    with _explained(PhotoError, f"look into {path}", path):
        store, name = _open(path)
        return bool(store.isdir(name))


def names_in(folder: RemotePath, *, recursive: bool) -> list[str]:
    """The names of the files in a folder, below it and with slashes; none if there is no such folder.

    Raises:
        PhotoError: it cannot be looked into.
    """
    if folder.scheme in WEB:
        raise PhotoError(f"cannot look into {folder}: a web server has no folders; name the pictures in a list")
    with _explained(PhotoError, f"look into {folder}", folder):
        try:
            store, name = _open(folder)
            if recursive:
                found = store.find(name)
            else:  # adlfs goes into subfolders whatever depth `find` is given
                found = [each["name"] for each in store.ls(name, detail=True) if each["type"] == "file"]
        except FileNotFoundError:
            return []
    # fsspec drops slashes at the end of a name, which are part of it in an object store
    own = folder.address.removesuffix(f"{folder.scheme}://")
    start = name.strip("/") + own[len(own.rstrip("/")) :] + "/"
    return [each.lstrip("/").removeprefix(start) for each in found if each.lstrip("/").startswith(start)]


def exists(path: RemotePath) -> bool:
    """Whether there is such a file. Raises OutputError if that cannot be found out."""
    with _explained(OutputError, f"use {path}", path):
        store, name = _open(path)
        return bool(store.exists(name))


def check_scheme(path: RemotePath, *, to_write: bool = False) -> None:
    """Refuse what is not read or written here. Raises PhotoError, or OutputError if something is to be written."""
    if path.scheme not in SCHEMES:
        message = f"{path}: the scheme {path.scheme} is not one of {', '.join(SCHEMES)}; copy the files to a folder"
        raise (OutputError if to_write else PhotoError)(message)
    if to_write and path.scheme in WEB:
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
    with _explained(OutputError, f"write {path}", path, "check your access to it, or write elsewhere"):
        store, name = _open(path)
        try:
            store.put_file(str(file), name)
        except FileNotFoundError as error:
            bucket = "container" if path.scheme in _AZURE else "bucket"
            raise OutputError(
                f"cannot write {path}: there is no such {bucket}; make it, or write elsewhere", settings=("output",)
            ) from error


@contextmanager
def _explained(kind: type[ExcolorError], what: str, path: RemotePath, advice: str | None = None) -> Iterator[None]:
    """Raise all but our own errors as one of this kind: clients of stores let out what their transports raise."""
    try:
        yield
    except ExcolorError:
        raise
    except Exception as error:
        raise kind(f"cannot {what}: {_said(error, path)}; {advice or _advice(path)}") from error


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
        from fsspec import get_filesystem_class

        # Not url_to_fs, which takes "::" in an address for a chain of file systems
        kind = get_filesystem_class(path.scheme)
    except ImportError as error:
        raise MissingPackageError(
            f"{path.scheme}:// needs one more package; {how_to_install('remote', 'fsspec[http,s3,gcs,abfs]')}"
        ) from error
    options = kind._get_kwargs_from_urls(path.address)
    if path.scheme in WEB and _URL.fullmatch(path.address):
        options["encoded"] = True  # it is asked for as it is: a signature holds for the very letters
    store = kind(**options, use_listings_cache=False)  # others write there, too
    return store, str(kind._strip_protocol(path.address))


def _said(error: Exception, path: RemotePath) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    if path.scheme in WEB:  # the client tells the address, and what may be secret in it
        text = text.replace(path.address, str(path))  # with what ends an address elsewhere, such as quotes
        text = _URL_IN_TEXT.sub(lambda found: str(RemotePath(found[0])), text)
    return text[:_LONGEST_TEXT].rstrip(".")
