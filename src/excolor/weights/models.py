"""Names of models -> their verified files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from excolor.errors import UnknownModelError
from excolor.weights.fetching import fetch
from excolor.weights.places import PACKAGE, sha256_of
from excolor.weights.report import Report
from excolor.weights.table import NETWORKS, OPTIONAL, ForeignCheckpoint, Network, Package, StoredFile, Table, read_table

T = TypeVar("T")


@dataclass(frozen=True)
class ModelFiles:
    """The checkpoints of a model, and its name; it may have no matcher."""

    name: str
    encoder: Path
    decoder: Path
    colorizer: Path
    matcher: Path | None = None

    def present(self) -> tuple[Network, ...]:
        """The networks that there are."""
        return tuple(network for network in NETWORKS if getattr(self, network) is not None)

    def sha256(self, network: str) -> str:
        """The checksum of a network's checkpoint, in hex. Raises CheckpointError if it cannot be read."""
        return sha256_of(getattr(self, network))


@cache
def _shipped() -> Table:
    """The table in the package, or at the top of a checkout that is used in place."""
    packed, checkout = PACKAGE / "weights.toml", PACKAGE.parents[1] / "weights.toml"
    return read_table(packed if packed.is_file() else checkout)


def load_table(weights: Path | None = None) -> Table:
    """The table that is shipped, with what `weights` (None: $EXCOLOR_WEIGHTS, if set) adds and replaces.

    Raises:
        WeightsTableError: the file cannot be read, or holds what no table may hold.
    """
    own = weights or os.environ.get("EXCOLOR_WEIGHTS")
    return _shipped().extended(Path(own)) if own else _shipped()


def model_names(weights: Path | None = None) -> list[str]:
    """The models that are listed. Arguments and errors as in `load_table`."""
    return sorted(load_table(weights).models)


def shipped_models() -> list[str]:
    """The models that were installed with excolor."""
    models = _shipped().models.items()
    return sorted(name for name, networks in models if all(Package() in stored.sources for stored in networks.values()))


def default_model(weights: Path | None = None) -> str:
    """The model that is used when none is named. Arguments and errors as in `load_table`."""
    return load_table(weights).default


def find_model(
    model: str | Path | ModelFiles | None = None,
    *,
    weights: Path | None = None,
    offline: bool = False,
    report: Report | None = None,
) -> ModelFiles:
    """The files of a listed model, verified by sha256 and downloaded where they are missing; or those of a folder.

    Args:
        model: a name in the table (None: its default), a folder of checkpoints, or files that were found already.
        weights: as in `load_table`.
        offline: as in `fetch`.
        report: as in `fetch`.

    Raises:
        UnknownModelError: neither a listed model nor a folder.
        CheckpointError: a file is damaged, or is missing and cannot be downloaded.
        WeightsTableError: as in `load_table`.
    """
    if isinstance(model, ModelFiles):
        return model
    table = load_table(weights)
    model = table.default if model is None else model
    listed = table.models.get(str(model))
    if listed is not None:
        files = {network: fetch(stored, offline=offline, report=report) for network, stored in listed.items()}
        return ModelFiles(str(model), **files)
    folder = Path(model)
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        known = ", ".join(sorted(table.models))
        raise UnknownModelError(f"unknown model {str(model)!r}: choose from {known}, or give a folder of checkpoints")
    files = {network: folder / f"{network}.safetensors" for network in NETWORKS}
    present = {network: file for network, file in files.items() if network not in OPTIONAL or file.exists()}
    return ModelFiles(folder.absolute().name, **present)


def find_foreign(name: str, *, weights: Path | None = None) -> ForeignCheckpoint:
    """The entry of a public checkpoint of others; `weights` and errors as in `load_table`.

    Raises:
        UnknownModelError: no such entry.
    """
    return _entry(name, load_table(weights).foreign)


def stored_files(name: str, *, weights: Path | None = None) -> tuple[StoredFile, ...]:
    """The entries of a model's checkpoints, or the one of a foreign checkpoint. Errors as in `find_foreign`."""
    table = load_table(weights)
    models = {model: tuple(networks.values()) for model, networks in table.models.items()}
    return _entry(name, models | {foreign: (entry,) for foreign, entry in table.foreign.items()})


def _entry(name: str, entries: Mapping[str, T]) -> T:
    if name not in entries:
        raise UnknownModelError(f"unknown name {name!r} in weights.toml: choose from {', '.join(sorted(entries))}")
    return entries[name]
