"""A file of the table -> a verified file on this machine."""

import os
from collections.abc import Collection
from pathlib import Path

from excolor.errors import CheckpointError, DownloadError
from excolor.weights.hub_cache import check_client
from excolor.weights.places import (
    cache_folder,
    cache_path,
    find_local,
    is_damaged_blob,
    is_packed,
    is_right,
    places,
    verify,
)
from excolor.weights.report import Report
from excolor.weights.table import Hub, Package, Source, StoredFile, Url


def fetch(stored: StoredFile, *, offline: bool = False, report: Report | None = None) -> Path:
    """The path of a file, verified by sha256, after downloading it if it is not on this machine.

    Args:
        stored: of a model, or a foreign checkpoint.
        offline: never touch the network; EXCOLOR_OFFLINE=1 and HF_HUB_OFFLINE=1 say so too.
        report: called while bytes arrive.

    Raises:
        DownloadError: it is not on this machine and cannot be fetched; says where it was looked for, and where to put
            it by hand.
        CheckpointError: what is on this machine is damaged, or a symbolic link leads out of the cache.
        SettingError: the environment keeps the hub's client from starting, or names no folder for the cache.
    """
    path = find_local(stored) or _download(stored, offline or is_offline(), report)
    verify(path, stored)
    return path


def is_offline() -> bool:
    """Whether the environment forbids the network: EXCOLOR_OFFLINE=1 or HF_HUB_OFFLINE=1."""
    values = (os.environ.get(name, "") for name in ("EXCOLOR_OFFLINE", "HF_HUB_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


def discard_damaged(stored: StoredFile) -> None:
    """Delete what lies in a cache in place of a file and is not it, so that `fetch` brings it again.

    Other tools share the hub's cache: there, only what its own name proves to be damaged is deleted.

    Raises:
        CheckpointError: it is part of the package, may be a good file of another tool, or cannot be deleted.
    """
    path = find_local(stored)
    if path is None or is_right(path, stored):
        return
    if path != cache_path(stored) and (is_packed(path) or not is_damaged_blob(path.resolve())):
        verify(path, stored)
    try:
        path.resolve().unlink()  # the hub's cache has links to its files
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{path}: damaged, and cannot be deleted ({error.strerror})") from error


def _download(stored: StoredFile, offline: bool, report: Report | None) -> Path:
    """Try the sources that need the network, one after the other."""
    remote = [source for source in stored.sources if not isinstance(source, Package)]
    if not remote:
        raise _absent(stored, [], "reinstall excolor")
    if offline:
        problems = [f"{source} was not asked (offline)" for source in remote]
        raise _absent(stored, problems, "run `excolor weights download NAME` with a network")
    errors: dict[Source, DownloadError] = {}
    for source in remote:
        try:
            return _download_from(source, stored, report)
        except DownloadError as error:
            errors[source] = error
    problems = [f"{source}: {error}" for source, error in errors.items()]
    raise _absent(stored, problems, _way_out(errors.values()))


def _absent(stored: StoredFile, problems: list[str], way_out: str) -> DownloadError:
    """The error that says where a file was looked for, and what to do."""
    looked = " and ".join(str(path) for path, _ in places(stored))
    return DownloadError(
        f"{stored.file} is not on this machine (looked at {looked}){''.join(f'; {problem}' for problem in problems)}; "
        f"{way_out}, or put it at {cache_path(stored)} by hand"
    )


def _way_out(errors: Collection[DownloadError]) -> str:
    """What to do where every source failed."""
    from excolor.weights.downloading import OtherFileError

    return "correct weights.toml" if all(isinstance(error, OtherFileError) for error in errors) else "try again"


def _download_from(source: Hub | Url, stored: StoredFile, report: Report | None) -> Path:
    check_client()
    if isinstance(source, Hub):
        from excolor.weights.hub import download_from_hub

        return download_from_hub(source, stored, report)
    from excolor.weights.downloading import download

    target = cache_path(stored)
    lock = target.with_name(target.name + ".lock")
    download(source.url, target, stored, root=cache_folder(), lock=lock, report=report)
    return target
