"""A file of the manifest -> a verified file on this machine.

Files of the Hugging Face Hub live in its client's cache, which other tools share; files of web servers in a cache of
our own, where they may also be put by hand. Whatever the source, a file is used only if its sha256 is right, and it is
under its name whole or not at all.
"""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from excolor.errors import CheckpointError, DownloadError, ExcolorError, SettingError
from excolor.weights.manifest import LARGEST_FILE, Hub, Package, PublicCheckpoint, StoredFile, Url

PACKAGE = Path(__file__).parents[1]

DownloadProgress = Callable[[StoredFile, int | None, int | None], None]
"""Called with a file, its bytes that are here, and its bytes in all, None where that is not known.

The bytes that are here are None, once, where another process downloads the file and this one waits for it.
"""

_WAITS = (1.0, 2.0, 4.0)  # seconds, between attempts where a server is in trouble
_NOTICEABLE = 0.5  # seconds of waiting for another process, before that is reported
_LONGEST_TEXT = 200  # characters of another's error


class _OtherFileError(DownloadError):
    """A source has another file than the manifest says, now and whenever it is tried again."""


def fetch(stored: StoredFile, *, offline: bool = False, progress: DownloadProgress | None = None) -> Path:
    """The path of a file, verified by sha256, after downloading it if it is not on this machine.

    Args:
        stored: an entry of the manifest.
        offline: never touch the network; EXCOLOR_OFFLINE=1 and HF_HUB_OFFLINE=1 say so too.
        progress: called while bytes arrive.

    Raises:
        DownloadError: it is not on this machine and cannot be fetched; says where it was looked for, and where to put
            it by hand.
        CheckpointError: what is on this machine is damaged, or a symbolic link leads out of the cache.
        SettingError: the environment keeps the hub's client from starting, or names no folder for the cache.
    """
    path = find_local(stored) or _download(stored, offline or is_offline(), progress)
    verify(path, stored)
    return path


def is_offline() -> bool:
    """Whether the environment forbids the network: EXCOLOR_OFFLINE=1 or HF_HUB_OFFLINE=1."""
    values = (os.environ.get(name, "") for name in ("EXCOLOR_OFFLINE", "HF_HUB_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


# Places


def cache_folder() -> Path:
    """Where files of web servers are kept: $XDG_CACHE_HOME/excolor, or ~/.cache/excolor.

    A relative $XDG_CACHE_HOME counts for nothing, as the XDG Base Directory Specification has it.

    Raises:
        SettingError: there is no home folder either.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():
        try:
            caches = Path.home() / ".cache"
        except RuntimeError as error:
            raise SettingError("there is no home folder to keep models in; set XDG_CACHE_HOME to a folder") from error
    return caches / "excolor"


def cache_path(stored: StoredFile) -> Path:
    """Where a file is kept in the cache, and where it may be put by hand: below the beginning of its checksum.

    So files of the same name never replace each other, whatever a manifest says.
    """
    return cache_folder() / stored.sha256[:12] / stored.file


def find_local(stored: StoredFile) -> Path | None:
    """The path of a file that is on this machine, whatever is in it. Raises CheckpointError if a link leads astray.

    Only what came with excolor, which nothing but its next release replaces, is passed over if its checksum is another
    and there are other sources: a manifest of the user's own may know a newer file of that name.
    """
    packed = PACKAGE / "checkpoints" / stored.file
    if Package() in stored.sources and packed.is_file() and (len(stored.sources) == 1 or _is_right(packed, stored)):
        return packed
    own = cache_path(stored)
    if os.path.isfile(own):  # noqa: PTH113 - Path.is_file raises where a folder is closed
        _check_inside(cache_folder(), own)
        return own
    found = (_find_in_hub_cache(source) for source in stored.sources if isinstance(source, Hub))
    return next((path for path in found if path is not None), None)


def _find_in_hub_cache(source: Hub) -> Path | None:
    folder = _hub_cache()
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(source.repo_id, source.filename, revision=source.revision)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{source.repo_id} in {folder} cannot be read ({error}); delete it") from error
    if not isinstance(found, str):
        return None
    _check_inside(folder, Path(found))
    return Path(found)


def _hub_cache() -> Path:
    """Where the hub's client keeps files. Raises SettingError if the client refuses the environment."""
    try:
        from huggingface_hub import constants
    except ValueError as error:
        raise SettingError(
            f"the hub's client refuses a variable of the environment ({error}); correct those that begin with HF_"
        ) from error
    return Path(constants.HF_HUB_CACHE)


def converted_path(name: str, public: PublicCheckpoint) -> Path:
    """Where a public checkpoint is kept as one of ours."""
    return cache_path(public).with_name(f"{name}.safetensors")


def find_converted(name: str, public: PublicCheckpoint) -> Path | None:
    """The path of a public checkpoint that was converted before. Raises CheckpointError if a link leads astray."""
    path = converted_path(name, public)
    _check_inside(cache_folder(), path)
    return path if path.is_file() else None


def _check_inside(cache: Path, path: Path) -> None:
    """Raise CheckpointError if symbolic links lead from `path`, which is below a cache, to somewhere else."""
    if not path.resolve().is_relative_to(cache.resolve()):
        raise CheckpointError(f"{path} leads out of {cache} by a symbolic link; put the file itself there")


# Checksums


def sha256_of(path: Path) -> str:
    """The checksum of a file, in hex. Raises CheckpointError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check that it is there") from error


def is_packed(path: Path) -> bool:
    """Whether a file came with excolor, so that only installing excolor again can replace it."""
    return path.is_relative_to(PACKAGE)


def verify(path: Path, stored: StoredFile) -> None:
    """Raise CheckpointError, which says how to fix it, unless the file at `path` has the checksum of `stored`."""
    found = sha256_of(path)
    if found.startswith(stored.sha256):
        return
    blob = _blob(path)
    if is_packed(path):
        remedy = "the file is damaged, reinstall excolor"
    elif blob.name == found:
        remedy = "it holds another file than weights.toml says; correct the sha256 there"
    else:
        remedy = f"the file is damaged, delete {blob} to fetch it again"
    raise CheckpointError(f"{path}: sha256 is {found[:12]}… and weights.toml says {stored.sha256[:12]}…; {remedy}")


def discard_damaged(stored: StoredFile) -> None:
    """Delete what lies in a cache in place of a file and is not it, so that `fetch` brings it again.

    Other tools share the hub's cache: there, only what its own name proves to be damaged is deleted.

    Raises:
        CheckpointError: it is part of the package, may be a good file of another tool, or cannot be deleted.
    """
    path = find_local(stored)
    if path is None or _is_right(path, stored):
        return
    if path != cache_path(stored) and (is_packed(path) or not _is_damaged_blob(path)):
        verify(path, stored)
    try:
        _blob(path).unlink()
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{path}: damaged, and cannot be deleted ({error.strerror})") from error


def _is_right(path: Path, stored: StoredFile) -> bool:
    return sha256_of(path).startswith(stored.sha256)


def _blob(path: Path) -> Path:
    """The file in the hub's cache that a path there is a link to, and that stays if only the link is deleted."""
    return Path(os.path.normpath(path.parent / path.readlink())) if path.is_symlink() else path


def _is_damaged_blob(path: Path) -> bool:
    """Whether a file in the hub's cache is named by a checksum, as large ones are, that is not its own."""
    name = _blob(path).name
    return len(name) == 64 and sha256_of(path) != name


# Downloads


def _download(stored: StoredFile, offline: bool, progress: DownloadProgress | None) -> Path:
    """Try the sources that need the network, one after the other."""
    problems: list[str] = []
    remedy = "reinstall excolor" if set(stored.sources) == {Package()} else "correct weights.toml"
    for source in stored.sources:
        if isinstance(source, Package):
            continue
        if offline:
            problems.append(f"{source} was not asked (offline)")
            remedy = "run `excolor weights download NAME` with a network"
            continue
        _hub_cache()  # whose settings hold for all downloads
        try:
            return _download_from(source, stored, progress)
        except DownloadError as error:
            problems.append(f"{source}: {error}")
            remedy = remedy if isinstance(error, _OtherFileError) else "try again"
    looked = [PACKAGE / "checkpoints" / stored.file] if Package() in stored.sources else []
    looked += [cache_path(stored)]
    looked += [_hub_cache()] if any(isinstance(source, Hub) for source in stored.sources) else []
    raise DownloadError(
        f"{stored.file} is not on this machine (looked at {' and '.join(map(str, looked))}); "
        f"{''.join(f'{problem}; ' for problem in problems)}{remedy}, or put it at {cache_path(stored)} by hand"
    )


def _download_from(source: Hub | Url, stored: StoredFile, progress: DownloadProgress | None) -> Path:
    """Download a file, and check it. Raises DownloadError, which says why it did not arrive, without its name."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    bar = _progress_bar(stored, progress)
    for wait in (*_WAITS, None):
        try:
            if isinstance(source, Url):
                return _download_url(source.url, stored, bar, progress)
            path = Path(hf_hub_download(source.repo_id, source.filename, revision=source.revision, tqdm_class=bar))
            break
        except ExcolorError:
            raise
        except Exception as error:  # the client lets out what its transport raises, which has no common base
            if wait is None or not (isinstance(error, HfHubHTTPError) and _may_pass(error.response.status_code)):
                raise DownloadError(_sentence(error, source)) from error
            time.sleep(wait)
    if not _is_right(path, stored):
        problem = _OtherFileError(f"another file is there: its sha256 is {sha256_of(path)[:12]}…")
        if _is_damaged_blob(path):
            _blob(path).unlink()
            path.unlink(missing_ok=True)
        raise problem
    return path


def _download_url(url: str, stored: StoredFile, bar: type[Any], progress: DownloadProgress | None) -> Path:
    """Download a file of a web server to its place in our cache, from where an earlier run was interrupted.

    By the hub client's `http_get`, so that proxies, certificates, timeouts and retries are the same for every source:
    torch.hub's function has no timeout and reports no progress, and pooch would bring another HTTP client.
    """
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get

    target = cache_path(stored)
    partial = target.with_name(f"{target.name}.incomplete")
    _check_inside(cache_folder(), target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f"{target.name}.lock"), stored, progress):
        while not target.is_file():
            _check_inside(cache_folder(), partial)
            try:
                with partial.open("ab") as file:
                    begun = file.tell()
                    http_get(url, file, resume_size=begun, headers={"Accept-Encoding": "identity"}, tqdm_class=bar)
            except _OtherFileError:
                partial.unlink()
                raise
            except HfHubHTTPError as error:
                if error.response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not _size(partial):
                    raise
                partial.unlink()  # it is as long as the file, or the server cannot send a part
                continue
            if _size(partial) < (stored.bytes or 0):
                raise DownloadError(f"the file did not arrive whole ({_size(partial)} of {stored.bytes} bytes)")
            if _is_right(partial, stored):
                partial.replace(target)
                break
            problem = _OtherFileError(f"another file is there: its sha256 is {sha256_of(partial)[:12]}…")
            partial.unlink()
            if not begun:  # or an earlier run may have begun another file
                raise problem
    return target


def _may_pass(status: int) -> bool:
    """Whether an answer may be another one soon: the client asks again itself only where it is told to wait."""
    return status >= 500 or status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE  # once it has begun anew


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _locked(lock: Path, stored: StoredFile, progress: DownloadProgress | None) -> Iterator[None]:
    """Hold a lock, after reporting once that another process holds it."""
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined,unused-ignore]

    with ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(lock, timeout=_NOTICEABLE))
        except TimeoutError:
            if progress:
                progress(stored, None, None)
            stack.enter_context(WeakFileLock(lock))
        yield


def _progress_bar(stored: StoredFile, progress: DownloadProgress | None) -> type[Any]:
    """What the client takes for a progress bar: it reports, and ends what is larger than it may be."""
    largest = stored.bytes or LARGEST_FILE

    class Bar:
        def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
            self.n, self.total = initial, total
            self.update(0)  # the first bytes arrive by the megabyte

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, arrived: int) -> None:
            self.n += arrived
            if self.n > largest:
                raise _OtherFileError(f"another file is there: it is larger than {largest} bytes")
            if progress:
                progress(stored, self.n, stored.bytes or self.total)

        def update_transfer(self, _: object, **__: object) -> None:
            """Bytes before they are unpacked, in the hub's chunked storage: not of interest."""

        set_postfix_str = set_transfer_postfix_str = update_transfer

    return Bar


def _sentence(error: Exception, source: Hub | Url) -> str:
    """Why a download failed: what the client raised, in our words."""
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    explained = {
        errors.GatedRepoError: "its owners ask for consent: give it on the hub, then run `hf auth login`",
        errors.RepositoryNotFoundError: "no such repository, or a private one: run `hf auth login`",
        errors.RevisionNotFoundError: f"the repository has no revision {getattr(source, 'revision', '')}",
        errors.RemoteEntryNotFoundError: f"the repository has no file {getattr(source, 'filename', '')}",
        errors.FileMetadataError: "the server does not answer as the hub does",
    }
    for kind, sentence in explained.items():
        if isinstance(source, Hub) and isinstance(error, kind):
            return sentence
    if isinstance(error, errors.HfHubHTTPError):  # the server's own words reach no terminal
        phrases = {status.value: status.phrase for status in HTTPStatus}
        return f"the server says {error.response.status_code} {phrases.get(error.response.status_code, '')}".rstrip()
    if type(error) is OSError and error.errno is None:  # what the client makes of a size that is not as announced
        return "the file did not arrive whole"
    if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
        return f"{error.filename or cache_folder()} cannot be written ({error.strerror})"
    said = "".join(c for c in " ".join(str(error).split()) if c.isprintable())[:_LONGEST_TEXT]
    if isinstance(error, ImportError | ValueError | FileNotFoundError):
        return f"the request cannot be made ({said}); check address, proxy, certificates and token"
    return f"the connection failed ({said})"
