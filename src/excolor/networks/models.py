"""The name or the folder of a model -> the files of its checkpoints, as many as are needed."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from excolor.errors import CheckpointError, ManifestError, SettingError, UnknownModelError
from excolor.networks.registry import ARCHITECTURES, PARTS, Role, Use
from excolor.weights import DownloadProgress, Manifest, ModelEntry, Package, fetch, load_manifest, sha256_of


@dataclass(frozen=True)
class ModelIdentity:
    """What a model encodes references and styles by: only a model of the same identity can use them.

    Attributes:
        sha256: of the checkpoints that encode, wherever they lie.
        name: what the model is called, for messages; one model may have several names, and several models the same.
    """

    sha256: str
    name: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.name} (sha256 {self.sha256[:12]}…)"


@dataclass(frozen=True)
class ModelFiles:
    """Checkpoints of a model.

    Attributes:
        name: in weights.toml, or the folder's own; different models may have the same.
        architecture: a key of `registry.ARCHITECTURES`.
        files: the checkpoints by their roles: all of the model, or those that one use needs.
    """

    name: str
    architecture: str
    files: Mapping[str, Path]

    def path(self, role: str) -> Path:
        """The checkpoint of a role. Raises CheckpointError if there is none."""
        if role not in self.files:
            raise CheckpointError(f"the model {self.name} has no {role} here; load all of it, or give another model")
        return self.files[role]

    def sha256(self, role: str) -> str:
        """The checksum of a role's checkpoint, in hex. Raises CheckpointError if it cannot be read."""
        return sha256_of(self.path(role))

    @property
    def checksums(self) -> dict[str, str]:
        """The checksums of all its checkpoints by their roles. Raises CheckpointError as `sha256` does."""
        return {role: self.sha256(role) for role in self.files}

    def identity(self, use: Use) -> ModelIdentity:
        """The identity of the model in a use. Raises CheckpointError as `sha256` does."""
        roles = ARCHITECTURES[self.architecture]
        encoding = [role for role in self.files if roles[role].encodes and use in roles[role].uses]
        parts = [f"{role}={self.sha256(role)}" for role in sorted(encoding)]
        digest = hashlib.sha256("\n".join((self.architecture, *parts)).encode()).hexdigest()
        return ModelIdentity(digest, self.name)


def find_model(
    model: str | Path | ModelFiles | None = None,
    use: Use | None = None,
    *,
    weights: Path | None = None,
    offline: bool = False,
    progress: DownloadProgress | None = None,
) -> ModelFiles:
    """The files of a listed model, verified by sha256 and downloaded where they are missing; or those of a folder.

    A folder holds a checkpoint for each role, named ROLE.safetensors.

    Args:
        model: a name in weights.toml (None: its default for the use), a folder of checkpoints, or files that were
            found already. A Path is the folder if it holds checkpoints, whatever is listed.
        use: what for; only the checkpoints that this needs are looked for. None is all of them.
        weights: a weights.toml of the user's own, as in `excolor.weights.load_manifest`.
        offline: as in `excolor.weights.fetch`.
        progress: as in `excolor.weights.fetch`.

    Raises:
        UnknownModelError: neither a listed model nor a folder, or a text that may be either.
        CheckpointError: a file is damaged, or is missing and cannot be downloaded; or a folder holds a part of a model.
        ManifestError: weights.toml cannot be read, or describes a model that this version of excolor does not know.
    """
    if isinstance(model, ModelFiles):
        return model
    manifest = load_manifest(weights)
    if model is None:
        model = _default(manifest, use)
    elif str(model) in manifest.models and _holds_checkpoints(Path(model)):
        if isinstance(model, Path):
            return _in_folder(model, use)
        raise UnknownModelError(
            f"{model} is a listed model and a folder of checkpoints here: give {os.curdir}{os.sep}{model} for the "
            "folder, or run this from another folder for the listed one"
        )
    entry = manifest.models.get(str(model))
    if entry is not None:
        _check(str(model), entry)
        files = {
            role: fetch(entry.checkpoints[role], offline=offline, progress=progress)
            for role in _needed(str(model), entry.architecture, use)
            if role in entry.checkpoints
        }
        return ModelFiles(str(model), entry.architecture, files)
    folder = Path(model)
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        known = ", ".join(sorted(manifest.models))
        raise UnknownModelError(f"unknown model {str(model)!r}: choose from {known}, or give a folder of checkpoints")
    return _in_folder(folder, use)


def _default(manifest: Manifest, use: Use | None) -> str:
    """The default model, or, where it is not made for a use, the first one that is: of those in the package, if any.

    Raises ManifestError if this version of excolor does not know the default.
    """
    _check(manifest.default, manifest.models[manifest.default])

    def serves(name: str) -> bool:
        roles = ARCHITECTURES.get(manifest.models[name].architecture, {})
        return use is None or any(use in role.uses for role in roles.values())

    def is_elsewhere(name: str) -> bool:
        return all(Package() not in stored.sources for stored in manifest.models[name].checkpoints.values())

    others = sorted(manifest.models, key=lambda name: (is_elsewhere(name), name))
    return next(filter(serves, (manifest.default, *others)), manifest.default)


def _holds_checkpoints(folder: Path) -> bool:
    names = {role for roles in ARCHITECTURES.values() for role in roles}
    return any(os.path.exists(folder / f"{name}.safetensors") for name in names)  # noqa: PTH110 - as below


def _needed(model: str, architecture: str, use: Use | None) -> Mapping[str, Role]:
    """The roles that a use needs. Raises SettingError if the architecture is not made for it."""
    roles = ARCHITECTURES[architecture].items()
    needed = {name: role for name, role in roles if use is None or use in role.uses}
    if not needed:
        raise SettingError(f"the model {model} cannot {use}, it is of the architecture {architecture}; give another")
    return needed


def _check(name: str, entry: ModelEntry) -> None:
    """Raise ManifestError unless a listed model has the roles of its architecture."""
    roles = ARCHITECTURES.get(entry.architecture)
    if roles is None:
        raise ManifestError(
            f"the model {name} is of the architecture {entry.architecture!r}, which this version of excolor does not "
            f"know; choose one of {', '.join(ARCHITECTURES)}"
        )
    for role in [*roles, *entry.checkpoints]:
        if role not in roles:
            raise ManifestError(f"the model {name} has a {role!r} in weights.toml, which {entry.architecture} has not")
        if roles[role].required and role not in entry.checkpoints:
            raise ManifestError(f"the model {name} lacks the {role!r} of {entry.architecture} in weights.toml")


def _in_folder(folder: Path, use: Use | None) -> ModelFiles:
    """The model in a folder, of the architecture of which most is there. Raises CheckpointError for a part of one."""
    paths = {role: folder / f"{role}.safetensors" for roles in ARCHITECTURES.values() for role in roles}
    there = {role for role, path in paths.items() if os.path.exists(path)}  # noqa: PTH110 - as above
    for part, remedy in PARTS.items():
        path = folder / f"{part}.safetensors"
        if not there and os.path.exists(path):  # noqa: PTH110 - as above
            raise CheckpointError(f"{folder}: {remedy.format(path)}")

    def present(architecture: str) -> int:
        return sum(role.required and name in there for name, role in ARCHITECTURES[architecture].items())

    architecture = max(ARCHITECTURES, key=present)
    name = folder.absolute().name
    needed = _needed(name, architecture, use)
    files = {role: paths[role] for role in needed if needed[role].required or role in there}
    return ModelFiles(name, architecture, files)
