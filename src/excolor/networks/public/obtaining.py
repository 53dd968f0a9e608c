"""Public checkpoints of others by name: fetched, verified, converted, and kept in the cache as checkpoints of ours."""

from collections.abc import Callable
from pathlib import Path

import torch
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined,unused-ignore]
from safetensors.torch import load
from torch import nn

from excolor.errors import CheckpointError, DownloadError
from excolor.networks.checkpoint import expected_tensors, load_network, save_network
from excolor.networks.public.conversion import convert
from excolor.networks.public.layouts import LAYOUTS
from excolor.networks.public.reading import opened
from excolor.weights import (
    ForeignCheckpoint,
    Report,
    cache_folder,
    converted_path,
    fetch,
    find_converted,
    find_foreign,
    is_offline,
    is_part,
)
from excolor.weights.places import check_inside


def obtain(name: str, *, part: bool | None = None, weights: Path | None = None, report: Report | None = None) -> Path:
    """The path of a public checkpoint, as one of ours; fetched and converted unless that was done before.

    Nothing is fetched where EXCOLOR_OFFLINE=1 forbids it.

    Args:
        name: an entry under [foreign] in weights.toml.
        part: True reads only the tensors that are needed out of another copy of the file. That is a small part of it,
            and the checksum of the whole, which is published, cannot be checked on it. False takes nothing that was
            not checked. None fetches the whole too, but takes a part that was fetched before.
        weights: a table of the user's own, see `excolor.weights.load_table`.
        report: called while bytes arrive.

    Raises:
        UnknownModelError: no such entry.
        DownloadError: it is not on this machine and cannot be fetched.
        CheckpointError: what was fetched is not what it is said to be, or a symbolic link leads out of the cache.
    """
    foreign = find_foreign(name, weights=weights)
    found = find_converted(name, foreign)
    if found is not None and not (part is False and is_part(found)) and _is_sound(found, foreign):
        return found
    target = converted_path(name, foreign, part=bool(part))
    make = _read_part if part else _read_whole
    return _kept(target, foreign, lambda: make(foreign, report))


def _is_sound(path: Path, foreign: ForeignCheckpoint) -> bool:
    """Whether a file that was converted before can still be loaded."""
    try:
        load_network(path, foreign.network)
    except CheckpointError:
        return False
    return True


def _kept(target: Path, foreign: ForeignCheckpoint, make: Callable[[], nn.Module]) -> Path:
    """Write the network to its place in the cache; of several processes one does, and others wait."""
    try:
        check_inside(target.parent, cache_folder())
        target.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(target.with_name(target.name + ".lock")):
            if not (target.is_file() and _is_sound(target, foreign)):
                # As precise as it was published: half as many bits are for those who train, and know the loss
                save_network(make(), target, dtype=torch.float32)
    except OSError as error:
        raise CheckpointError(f"{error.filename or target}: cannot be written ({error.strerror})") from error
    return target


def _read_whole(foreign: ForeignCheckpoint, report: Report | None) -> nn.Module:
    path = fetch(foreign, report=report)
    with opened(path) as tensors:
        return convert(tensors, foreign.network, str(path))


def _read_part(foreign: ForeignCheckpoint, report: Report | None) -> nn.Module:
    source = foreign.ranges
    if source is None:
        raise DownloadError(f"{foreign.file} cannot be had in part; fetch the whole file")
    if is_offline():
        raise DownloadError(f"{source} was not asked, as offline was wished; fetch {foreign.file} with the network on")
    from excolor.weights.ranges import fetch_tensors

    layout = LAYOUTS[foreign.layout]
    names = [layout.theirs(name) for name in expected_tensors(layout.config)]
    try:
        part = fetch_tensors(source, names, lambda there, total: report(foreign, there, total) if report else None)
    except DownloadError as error:
        raise DownloadError(f"{source}: {error}; fetch the whole file instead") from error
    return convert(load(part), foreign.network, str(source))
