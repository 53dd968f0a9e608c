"""The Hugging Face Hub's addresses, and the cache that its client keeps (HF_HOME): looked into, never downloaded."""

import re
from pathlib import Path

from excolor.errors import CheckpointError, SettingError
from excolor.weights.table import Hub


def check_client() -> None:
    """Raise SettingError if the hub's client refuses the environment, which it reads when it is first imported."""
    try:
        import huggingface_hub.constants  # noqa: F401
    except ValueError as error:
        raise SettingError(
            f"the hub's client refuses a variable of the environment ({error}); correct those that begin with HF_"
        ) from error


def hub_url(source: Hub) -> str:
    """The address of a file on the hub, or on the mirror that HF_ENDPOINT names."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(source.repo_id, source.filename, revision=source.revision)


def hub_cache_folder() -> Path:
    """Where the hub's client keeps what it downloads."""
    check_client()
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def repository_folder(source: Hub) -> Path:
    """Where the client keeps the files of one repository: blobs by their ETags, and links to them by name."""
    from huggingface_hub.file_download import repo_folder_name

    return hub_cache_folder() / repo_folder_name(repo_id=source.repo_id, repo_type="model")


def is_sha256(etag: str) -> bool:
    """Whether an ETag, by which the cache names a file, is the file's checksum; that of a small file is git's own."""
    return re.fullmatch("[0-9a-f]{64}", etag) is not None


def cached_path(source: Hub) -> Path:
    """Where a file is in the client's cache, or, if it is not there, where the client would look for it.

    Raises:
        CheckpointError: the cache cannot be read.
        SettingError: as in `check_client`.
    """
    check_client()
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(source.repo_id, source.filename, revision=source.revision)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{repository_folder(source)} cannot be read ({error}); delete it") from error
    if isinstance(found, str):
        return Path(found)
    return repository_folder(source) / "snapshots" / source.revision / source.filename
