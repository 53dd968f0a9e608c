"""Which checkpoints a model consists of, and where they are: weights.toml -> verified files.

weights.toml is the only table of models; it is packed into the package. A folder with encoder.safetensors,
decoder.safetensors and colorizer.safetensors is a model too, named by its path. This module never imports torch.
"""

import hashlib
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from excolor.errors import CheckpointError, UnknownModelError

NETWORKS = ("encoder", "decoder", "colorizer")

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class ModelFiles:
    """The three checkpoints of a model, and its name."""

    name: str
    encoder: Path
    decoder: Path
    colorizer: Path

    def sha256(self, network: str) -> str:
        """The checksum of a network's checkpoint, in hex. Raises CheckpointError if it cannot be read."""
        return _sha256(getattr(self, network), "check the folder of the model")


@cache
def _table() -> dict[str, Any]:
    """The contents of weights.toml: in the package, or at the top of a checkout that is used in place."""
    packed, checkout = _PACKAGE / "weights.toml", _PACKAGE.parents[1] / "weights.toml"
    return tomllib.loads((packed if packed.is_file() else checkout).read_text(encoding="utf-8"))


def model_names() -> list[str]:
    """The models that weights.toml lists."""
    return sorted(_table()["models"])


def default_model() -> str:
    """The model that is used when none is named."""
    return str(_table()["default"])


def find_model(model: str | Path) -> ModelFiles:
    """The files of a model by its name in weights.toml, verified by sha256, or of a folder by its path.

    Raises:
        UnknownModelError: neither a listed model nor a folder.
        CheckpointError: a file is missing or is not the one that weights.toml describes.
    """
    listed = _table()["models"].get(str(model))
    if listed is not None:
        files = {network: _PACKAGE / "checkpoints" / listed[network]["file"] for network in NETWORKS}
        for network, path in files.items():
            _verify(path, listed[network]["sha256"])
        return ModelFiles(str(model), **files)
    folder = Path(model)
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        known = ", ".join(model_names())
        raise UnknownModelError(f"unknown model {str(model)!r}: choose from {known}, or give a folder of checkpoints")
    return ModelFiles(folder.name, *(folder / f"{network}.safetensors" for network in NETWORKS))


def _verify(path: Path, sha256: str) -> None:
    found = _sha256(path, "reinstall excolor")
    if found != sha256:
        raise CheckpointError(
            f"{path}: sha256 is {found[:12]}… and weights.toml says {sha256[:12]}…; "
            "the file is damaged, reinstall excolor"
        )


def _sha256(path: Path, way_out: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); {way_out}") from error
