"""Public checkpoints by name: fetched, verified, converted, and kept in the cache as checkpoints of ours."""

from pathlib import Path

import torch
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined,unused-ignore]

from excolor.errors import CheckpointError
from excolor.networks.checkpoint import load_network, save_network
from excolor.networks.public.conversion import convert
from excolor.networks.public.reading import read_state_dict
from excolor.networks.registry import NETWORKS
from excolor.weights import DownloadProgress, PublicCheckpoint, converted_path, fetch, load_manifest


def obtain(name: str, *, weights: Path | None = None, progress: DownloadProgress | None = None) -> Path:
    """The path of a public checkpoint, as one of ours; fetched and converted unless that was done before.

    Nothing is fetched where EXCOLOR_OFFLINE=1 forbids it.

    Args:
        name: an entry under [public] in weights.toml.
        weights: a weights.toml of the user's own, see `excolor.weights.load_manifest`.
        progress: called while bytes arrive.

    Raises:
        UnknownModelError: no such entry.
        DownloadError: it is not on this machine and cannot be fetched.
        CheckpointError: what was fetched is not what it is said to be, or a symbolic link leads out of the cache.
    """
    public = load_manifest(weights).public_checkpoint(name)
    target = converted_path(name, public)
    if _is_sound(target, public):  # asked before anything is written: the cache may be read only
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Of several processes one converts, and others wait
        with WeakFileLock(target.with_name(f"{target.name}.lock")):
            if not _is_sound(target, public):
                path = fetch(public, replace=True, progress=progress)
                net = convert(read_state_dict(path), public.role, str(path))
                # As precise as it was published: half as many bits are for those who train, and know the loss
                save_network(net, target, dtype=torch.float32)
    except OSError as error:
        raise CheckpointError(f"{error.filename or target}: cannot be written ({error.strerror})") from error
    return target


def _is_sound(path: Path, public: PublicCheckpoint) -> bool:
    """Whether a file that was converted before can still be loaded."""
    try:
        load_network(path, NETWORKS[public.role].network_class)
    except (CheckpointError, KeyError):
        return False
    return True
