"""Which checkpoints a model consists of, and where they are: weights.toml -> verified local files.

weights.toml is the only table of models; it is packed into the package, and a table of the user's own adds to it. A
folder with encoder.safetensors, decoder.safetensors and colorizer.safetensors is a model too, named by its path.
Nothing here imports torch.
"""

from excolor.weights.fetching import discard_damaged, fetch, is_offline
from excolor.weights.hub_cache import hub_url
from excolor.weights.models import (
    ModelFiles,
    default_model,
    find_foreign,
    find_model,
    load_table,
    model_names,
    shipped_models,
    stored_files,
)
from excolor.weights.places import cache_folder, converted_path, find_converted, find_local, is_packed, is_part, verify
from excolor.weights.report import Report
from excolor.weights.table import (
    NETWORKS,
    Checkpoint,
    ForeignCheckpoint,
    Hub,
    Model,
    Network,
    Package,
    StoredFile,
    Table,
    Url,
    read_table,
)

__all__ = [
    "NETWORKS",
    "Checkpoint",
    "ForeignCheckpoint",
    "Hub",
    "Model",
    "ModelFiles",
    "Network",
    "Package",
    "Report",
    "StoredFile",
    "Table",
    "Url",
    "cache_folder",
    "converted_path",
    "default_model",
    "discard_damaged",
    "fetch",
    "find_converted",
    "find_foreign",
    "find_local",
    "find_model",
    "hub_url",
    "is_offline",
    "is_packed",
    "is_part",
    "load_table",
    "model_names",
    "read_table",
    "shipped_models",
    "stored_files",
    "verify",
]
