"""Which models there are, and where their checkpoints are: weights.toml -> verified local files.

weights.toml is the only manifest of models; it is packed into the package, and a manifest of the user's own adds to it.
Nothing here imports torch.
"""

from excolor.weights.manifest import (
    MAX_WIDTH,
    Checkpoint,
    Hub,
    Manifest,
    ModelEntry,
    Package,
    PublicCheckpoint,
    StoredFile,
    Url,
    load_manifest,
    read_manifest,
)
from excolor.weights.store import (
    DownloadProgress,
    converted_path,
    fetch,
    find_local,
    is_offline,
    is_packed,
    sha256_of,
    verify,
)

__all__ = [
    "MAX_WIDTH",
    "Checkpoint",
    "DownloadProgress",
    "Hub",
    "Manifest",
    "ModelEntry",
    "Package",
    "PublicCheckpoint",
    "StoredFile",
    "Url",
    "converted_path",
    "fetch",
    "find_local",
    "is_offline",
    "is_packed",
    "load_manifest",
    "read_manifest",
    "sha256_of",
    "verify",
]
