"""A file of the manifest -> a verified file on this machine.

Files of the Hugging Face Hub live in its client's cache, which other tools share; files of web servers in a cache of
our own, where they may also be put by hand. Whatever the source, a file is used only if its sha256 is right, and it is
under its name whole or not at all.
"""

import errno
import hashlib
import os
from collections.abc import Callable
from http.client import responses
from pathlib import Path
from typing import Any

from excolor.errors import CheckpointError, DownloadError, SettingError
from excolor.weights.manifest import LARGEST_FILE, Hub, Package, PublicCheckpoint, StoredFile, Url

PACKAGE = Path(__file__).parents[1]

DownloadProgress = Callable[[StoredFile, int, int | None], None]
"""Called with a file, its bytes that are here, and its bytes in all, None where that is not known."""

_LONGEST_TEXT = 200  # characters of another's error


class _OtherFileError(DownloadError):
    """A source has another file than the manifest says, now and whenever it is tried again."""


def fetch(
    stored: StoredFile, *, offline: bool = False, replace: bool = False, progress: DownloadProgress | None = None
) -> Path:
    """The path of a file, verified by sha256, after downloading it if it is not on this machine.

    Args:
        stored: an entry of the manifest.
        offline: never touch the network; EXCOLOR_OFFLINE=1 and HF_HUB_OFFLINE=1 say so too.
        replace: download it also if what is in a cache is damaged.
        progress: called while bytes arrive.

    Raises:
        DownloadError: it is not on this machine and cannot be fetched; says where it was looked for, and where to put
            it by hand.
        CheckpointError: what is on this machine is damaged, or a symbolic link leads out of the cache.
        SettingError: the environment keeps the hub's client from starting, or names no folder for the cache.
    """
    before, offline = find_local(stored), offline or is_offline()
    path = before
    if path is None or (replace and not offline and not is_packed(path) and not _is_right(path, stored)):
        path = _download(stored, offline, progress)
    verify(path, stored)
    if before == cache_path(stored) != path:
        _delete(before)  # it is damaged, and would be found before the good one
    return path


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{path}: is damaged and cannot be deleted ({error.strerror}); delete it") from error


def is_offline() -> bool:
    """Whether the environment forbids the network: EXCOLOR_OFFLINE=1 or HF_HUB_OFFLINE=1."""
    values = (os.environ.get(name, "") for name in ("EXCOLOR_OFFLINE", "HF_HUB_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


def cache_folder() -> Path:
    """Where files of web servers are kept: $XDG_CACHE_HOME/excolor, or ~/.cache/excolor.

    A relative $XDG_CACHE_HOME counts for nothing, as the XDG Base Directory Specification has it. Raises SettingError
    if there is no home folder either.
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


def converted_path(name: str, public: PublicCheckpoint) -> Path:
    """Where a public checkpoint is kept as one of ours. Raises CheckpointError if a link leads out of the cache.

    In a folder of its own: the file that was published may have that name.
    """
    path = cache_path(public).parent / "converted" / f"{name}.safetensors"
    _check_inside(cache_folder(), path)
    return path


def find_local(stored: StoredFile) -> Path | None:
    """The path of a file that is on this machine, whatever is in it.

    Raises CheckpointError if a symbolic link leads out of the cache that it is in.

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


def _check_inside(cache: Path, path: Path) -> None:
    """Raise CheckpointError if symbolic links lead from `path`, which is below a cache, to somewhere else."""
    if not path.resolve().is_relative_to(cache.resolve()):
        raise CheckpointError(f"{path} leads out of {cache} by a symbolic link; put the file itself there")


def is_packed(path: Path) -> bool:
    """Whether a file came with excolor, so that only installing excolor again can replace it."""
    return path.is_relative_to(PACKAGE)


def sha256_of(path: Path) -> str:
    """The checksum of a file, in hex. Raises CheckpointError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check that it is there") from error


def _is_right(path: Path, stored: StoredFile) -> bool:
    return sha256_of(path).startswith(stored.sha256)


def verify(path: Path, stored: StoredFile) -> None:
    """Raise CheckpointError, which says how to fix it, unless the file at `path` has the checksum of `stored`."""
    found, file = sha256_of(path), path.resolve()  # in the hub's cache, a link to a file named by its checksum
    if found.startswith(stored.sha256):
        return
    if is_packed(path):
        remedy = "the file is damaged, reinstall excolor"
    elif file.name == found:
        remedy = "it holds another file than weights.toml says; correct the sha256 there"
    else:
        remedy = f"the file is damaged, delete {file} to fetch it again"
    raise CheckpointError(f"{path}: sha256 is {found[:12]}… and weights.toml says {stored.sha256[:12]}…; {remedy}")


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
        _hub_cache()  # whose client makes all requests
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

    bar = _progress_bar(stored, progress)
    try:
        if isinstance(source, Url):
            return _download_url(source.url, stored, bar)
        again = find_local(stored) is not None  # but damaged
        path = Path(
            hf_hub_download(
                source.repo_id, source.filename, revision=source.revision, force_download=again, tqdm_class=bar
            )
        )
    except CheckpointError:
        raise
    except Exception as error:  # the client lets out what its transport raises, which has no common base
        raise DownloadError(_sentence(error, source)) from error
    _check_arrived(path, stored)
    return path


def _download_url(url: str, stored: StoredFile, bar: type[Any]) -> Path:
    """Download a file of a web server to its place in our cache; of several processes one does, and others wait.

    By the hub client's `http_get`, so that proxies, certificates, timeouts and retries are the same for every source:
    torch.hub's function has no timeout and reports no progress, and pooch would bring another HTTP client.
    """
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined,unused-ignore]

    target = cache_path(stored)
    partial = target.with_name(f"{target.name}.incomplete")
    for path in (target.parent, partial):
        _check_inside(cache_folder(), path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(target.with_name(f"{target.name}.lock")):
        if not (target.is_file() and _is_right(target, stored)):
            try:
                with partial.open("wb") as file:
                    http_get(url, file, headers={"Accept-Encoding": "identity"}, tqdm_class=bar)
                _check_arrived(partial, stored)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
    return target


def _check_arrived(path: Path, stored: StoredFile) -> None:
    """Raise DownloadError unless a file that was just downloaded is the one in the manifest."""
    size, found = path.stat().st_size, sha256_of(path)
    if size < (stored.bytes or 0):  # where a server gives no length, a connection that is cut looks like the end
        raise DownloadError(f"only a part of the file arrived, {size} of {stored.bytes} bytes")
    if not found.startswith(stored.sha256):
        raise _OtherFileError(f"another file is there: its sha256 is {found[:12]}…")


def _progress_bar(stored: StoredFile, progress: DownloadProgress | None) -> type[Any]:
    """What the client takes for a progress bar: it reports, and ends what is larger than it may be."""
    largest = stored.bytes or LARGEST_FILE

    class Bar:
        def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
            self.n, self.total = initial, total
            self.update(0)  # bytes are reported by the megabyte

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

        def update_transfer(self, *_: object, **__: object) -> None:
            """Nothing: of bytes before they are unpacked, which the client reports as well."""

        set_postfix_str = set_transfer_postfix_str = update_transfer

    return Bar


def _sentence(error: Exception, source: Hub | Url) -> str:
    """Why a download failed: what the client raised, in our words."""
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(source, Hub):
        explained = {
            errors.GatedRepoError: "its owners ask for consent: give it on the hub, then run `hf auth login`",
            errors.RepositoryNotFoundError: "no such repository, or a private one: run `hf auth login`",
            errors.RevisionNotFoundError: f"the repository has no revision {source.revision}",
            errors.RemoteEntryNotFoundError: f"the repository has no file {source.filename}",
            errors.FileMetadataError: "the server does not answer as the hub does",
        }
        for kind, sentence in explained.items():
            if isinstance(error, kind):
                return sentence
    if isinstance(error, errors.HfHubHTTPError):  # the server's own words reach no terminal
        status = error.response.status_code
        return f"the server says {status} {responses.get(status, '')}".rstrip()
    if type(error) is OSError and error.errno is None:  # what the client makes of a size other than was announced
        return "only a part of the file arrived"
    if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
        return f"{error.filename or cache_folder()} cannot be written ({error.strerror})"
    said = "".join(c for c in " ".join(str(error).split()) if c.isprintable())[:_LONGEST_TEXT]
    if isinstance(error, ImportError | ValueError | FileNotFoundError):
        return f"the request cannot be made ({said}); check address, proxy, certificates and token"
    return f"the connection failed ({said})"
