"""weights.toml as checked data: which models there are, and of which checkpoints each consists.

A manifest may come from anywhere (`--weights FILE`), and nothing behind this module distrusts what it returns. So file
names have no folders in them, revisions cannot climb out of the hub's cache, and texts that reach a terminal hold no
control characters. Which roles an architecture has, `excolor.networks.registry` knows.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from excolor.errors import ManifestError, UnknownModelError

LARGEST_FILE = 4 * 10**9  # bytes: more than any of these networks takes, and less than most disks have
MAX_WIDTH = 128  # channels; twice VGG19's: above it a file is damaged or hostile
DEFAULT_ARCHITECTURE = "exemplar"  # of models that name none, as when there was no other

_LARGEST_MANIFEST = 10**6  # bytes
_PACKAGE = Path(__file__).parents[1]

T = TypeVar("T")


@dataclass(frozen=True)
class Package:
    """The checkpoints that are installed with excolor."""

    def __str__(self) -> str:
        return "the package"


@dataclass(frozen=True)
class Hub:
    """A file in a model repository on the Hugging Face Hub; the revision is a commit or a tag."""

    repo_id: str
    revision: str
    filename: str

    def __str__(self) -> str:
        return f"{self.repo_id}/{self.filename}@{self.revision} on the hub"


@dataclass(frozen=True)
class Url:
    """A file on a web server."""

    url: str

    def __str__(self) -> str:
        """Without a password that may be in it."""
        address = urlsplit(self.url)
        return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()


Source = Package | Hub | Url


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file that is known by its checksum.

    Attributes:
        file: its name, without folders.
        sha256: in hex; of public checkpoints only the first digits, 8 or more, may have been published.
        bytes: its size; None where it is not known.
        width: channels at full resolution; None for a network that is not described by such a number.
        licence: of the weights.
        sources: where it can be had, in the order in which they are tried.
    """

    file: str
    sha256: str
    bytes: int | None = None
    width: int | None = None
    licence: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class Checkpoint(StoredFile):
    """One network of a model; `commit` is of the code that trained it, empty where that is not known."""

    dtype: str
    recipe: str
    data: str
    commit: str = ""
    trained_at: date


@dataclass(frozen=True, kw_only=True)
class PublicCheckpoint(StoredFile):
    """A checkpoint that others published, and the role that it can have in a model of ours once it is imported."""

    role: str


@dataclass(frozen=True)
class ModelEntry:
    """A model: its architecture's id, and its checkpoints by their roles."""

    architecture: str
    checkpoints: Mapping[str, Checkpoint]


@dataclass(frozen=True)
class Manifest:
    """What one or more weights.toml say; `default` is empty in one that only adds to another."""

    default: str
    models: Mapping[str, ModelEntry]
    public: Mapping[str, PublicCheckpoint]

    def public_checkpoint(self, name: str) -> PublicCheckpoint:
        """The entry of a public checkpoint. Raises UnknownModelError if there is none."""
        return _named(name, self.public)

    def files(self, name: str) -> tuple[StoredFile, ...]:
        """All files of a model, or the one of a public checkpoint. Raises UnknownModelError if there is neither."""
        models = {model: tuple(entry.checkpoints.values()) for model, entry in self.models.items()}
        return _named(name, models | {public: (entry,) for public, entry in self.public.items()})

    def shipped(self) -> list[str]:
        """The models that were installed with excolor."""
        models = self.models.items()
        return sorted(name for name, m in models if all(Package() in c.sources for c in m.checkpoints.values()))

    def extended(self, path: Path) -> "Manifest":
        """This manifest with all that a file adds or replaces.

        Raises:
            ManifestError: it cannot be read, or holds what no manifest may hold.
        """
        reader = _Reader(path)
        sections = reader.read()
        default = reader.value(sections.pop("default"), "", "default") if "default" in sections else self.default
        models = {k: reader.model(v, k) for k, v in reader.named(sections.pop("models", {}), "models")}
        # "foreign" is what public checkpoints were called first
        public = {
            k: reader.public(v, f"{key}.{k}")
            for key in ("foreign", "public")
            for k, v in reader.named(sections.pop(key, {}), key)
        }
        if sections:
            reader.refuse("", f"excolor knows no {next(iter(sections))!r} there")
        manifest = Manifest(default, {**self.models, **models}, {**self.public, **public})
        if both := manifest.models.keys() & manifest.public.keys():
            reader.refuse("", f"{min(both)} is both a model and a public checkpoint; rename one")
        if default and default not in manifest.models:
            reader.refuse("", f"the default model {default!r} is not among the models")
        return manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file alone, which may name no default. Raises ManifestError as `Manifest.extended` does."""
    return Manifest("", {}, {}).extended(path)


def load_manifest(weights: Path | None = None) -> Manifest:
    """The manifest that is shipped, with what `weights` (None: $EXCOLOR_WEIGHTS, if set) adds and replaces.

    Raises:
        ManifestError: the file cannot be read, or holds what no manifest may hold.
    """
    own = weights or os.environ.get("EXCOLOR_WEIGHTS")
    return _shipped().extended(Path(own)) if own else _shipped()


@cache
def _shipped() -> Manifest:
    """The manifest in the package, or at the top of a checkout that is used in place."""
    packed, checkout = _PACKAGE / "weights.toml", _PACKAGE.parents[1] / "weights.toml"
    return read_manifest(packed if packed.is_file() else checkout)


def _named(name: str, entries: Mapping[str, T]) -> T:
    if name not in entries:
        raise UnknownModelError(f"unknown name {name!r} in weights.toml: choose from {', '.join(sorted(entries))}")
    return entries[name]


# What values may be; texts that are not here may be any printable line
_NUMBERS = {"bytes": LARGEST_FILE, "width": MAX_WIDTH}  # from 1 on
# Neither "..", nor a hidden file, nor a drive; and what the hub allows in the names of its repositories
_NAME = r"(?!.*(--|\.\.|\.git$))[A-Za-z0-9]([A-Za-z0-9._-]{0,93}[A-Za-z0-9_])?"
_PLAIN = (_NAME, "a plain name: letters, digits, '.', '_', '-', and no folders")
_TEXTS = {
    "file": _PLAIN,
    "sha256": ("[0-9a-f]{64}", "a checksum of 64 hexadecimal digits"),
    "sha256_prefix": ("[0-9a-f]{8,64}", "the beginning of a checksum, 8 to 64 hexadecimal digits"),
    "dtype": ("float16|bfloat16|float32", "one of float16, bfloat16, float32"),
    "repo_id": (f"(?=.{{3,96}}$){_NAME}/{_NAME}", "OWNER/NAME of a repository on the hub"),
    "revision": (f"(?!(main|master|HEAD)$){_NAME}", "a commit or a tag; a branch, which moves, cannot be pinned"),
    "filename": _PLAIN,
    "role": _PLAIN,
    "architecture": _PLAIN,
}


class _Reader:
    """Makes entries of the values in one file, or refuses them by the place where they stand."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def refuse(self, place: str, problem: str) -> NoReturn:
        """Raise the error that names file and place."""
        raise ManifestError(f"{self._path}: {f'[{place}]: ' if place else ''}{problem}")

    def read(self) -> dict[str, Any]:
        try:
            with self._path.open("rb") as file:
                text = file.read(_LARGEST_MANIFEST + 1)
            if len(text) > _LARGEST_MANIFEST:
                self.refuse("", f"larger than {_LARGEST_MANIFEST} bytes; it is not a manifest of weights")
            return tomllib.loads(text.decode("utf-8"))
        except OSError as error:
            self.refuse("", f"cannot be read ({error.strerror}); check the path")
        except (ValueError, RecursionError) as error:
            self.refuse("", f"not a TOML file ({error}); correct it")

    def table(self, values: Any, place: str) -> dict[str, Any]:
        if not isinstance(values, dict):
            self.refuse(place, "it is not a table")
        return dict(values)

    def named(self, values: Any, place: str) -> list[tuple[str, Any]]:
        """Tables by names that are chosen freely."""
        return [(self.text(name, place, "it", *_PLAIN), value) for name, value in self.table(values, place).items()]

    def model(self, values: Any, name: str) -> ModelEntry:
        place = f"models.{name}"
        values = self.table(values, place)
        architecture = self.value(values.pop("architecture", DEFAULT_ARCHITECTURE), place, "architecture")
        checkpoints = {
            role: self.entry(Checkpoint, value, f"{place}.{role}") for role, value in self.named(values, place)
        }
        if not checkpoints:
            self.refuse(place, "it has no checkpoints")
        for role, checkpoint in checkpoints.items():
            if not checkpoint.file.endswith(".safetensors"):
                self.refuse(f"{place}.{role}", "checkpoints are .safetensors files (excolor weights import makes them)")
        return ModelEntry(architecture, checkpoints)

    def public(self, values: Any, place: str) -> PublicCheckpoint:
        values = self.table(values, place)
        if place.startswith("foreign"):  # where more had to be said
            values = {("role" if k == "network" else k): v for k, v in values.items() if k not in ("layout", "ranges")}
        if "sha256_prefix" not in values:
            self.refuse(place, "it lacks 'sha256_prefix'")
        prefix = self.value(values.pop("sha256_prefix"), place, "sha256_prefix")
        return self.entry(PublicCheckpoint, values, place, sha256=prefix)

    def entry(self, kind: type[T], values: Any, place: str, **known: Any) -> T:
        """An instance of a dataclass of this module; `known` are values that were checked already."""
        values = self.table(values, place)
        expected = {field.name: field.default for field in fields(kind) if field.name not in known}  # type: ignore[arg-type]
        for key in [*expected, *values]:
            if key not in expected:
                self.refuse(place, f"excolor knows no {key!r} there")
            if key not in values and expected[key] is MISSING:
                self.refuse(place, f"it lacks {key!r}")
        return kind(**{key: self.value(value, place, key) for key, value in values.items()} | known)

    def value(self, value: Any, place: str, key: str) -> Any:
        if key == "sources":
            if not isinstance(value, list) or not 1 <= len(value) <= 20:
                self.refuse(place, f"{key} is not a list of 'package', tables of a hub repository and addresses")
            return tuple(self.source(source, place) for source in value)
        if key in _NUMBERS:
            if type(value) is not int or not 1 <= value <= _NUMBERS[key]:
                self.refuse(place, f"{key} is not a whole number from 1 to {_NUMBERS[key]}")
            return value
        if key == "trained_at":
            try:
                return value if type(value) is date else date.fromisoformat(value)
            except (TypeError, ValueError):
                self.refuse(place, f"{key} is not a day as in 2026-11-22")
        return self.text(value, place, key, *_TEXTS.get(key, (".*", "")))

    def text(self, value: Any, place: str, key: str, pattern: str, meant: str) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > 500 or not value.isprintable():
            self.refuse(place, f"{key} is not a text of one printable line")
        if not re.fullmatch(pattern, value):
            self.refuse(place, f"{key} has {value!r}, which is not {meant}")
        return value

    def source(self, value: Any, place: str) -> Source:
        if isinstance(value, dict):
            return self.entry(Hub, value, f"{place}.sources")
        text = self.text(value, place, "sources", ".*", "")
        try:
            address = urlsplit(text)
            fit = address.scheme in ("https", "http") and address.hostname and address.port != 0 and " " not in text
        except ValueError:
            fit = False
        if not fit and text != "package":
            self.refuse(place, f"sources names {text!r}, which is neither 'package' nor an address with https://")
        return Url(text) if fit else Package()
