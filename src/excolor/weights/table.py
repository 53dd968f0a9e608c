"""weights.toml as data: every key of it checked, so that nothing behind this module need distrust a table.

A table may come from anywhere (`--weights FILE`). So names of files have no folders in them, revisions cannot climb
out of the hub's cache, and texts that reach a terminal hold no control characters.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from excolor.errors import WeightsTableError

Network = Literal["encoder", "decoder", "matcher", "colorizer"]
Layout = Literal["vgg19", "siggraph17"]

NETWORKS: tuple[Network, ...] = ("encoder", "decoder", "matcher", "colorizer")
OPTIONAL: tuple[Network, ...] = ("matcher",)
"""Networks that a model may lack."""

_LAYOUTS: tuple[Layout, ...] = ("vgg19", "siggraph17")
_DTYPES = ("float16", "bfloat16", "float32")
LARGEST_FILE = 4 * 10**9  # bytes: more than any of these networks takes, and less than most disks have
_MAX_WIDTH = 128  # as in excolor.networks.checkpoint
_LARGEST_TABLE = 10**6  # bytes

T = TypeVar("T")


@dataclass(frozen=True)
class Package:
    """The checkpoints that are installed with excolor."""

    def __str__(self) -> str:
        return "the package"


@dataclass(frozen=True)
class Hub:
    """A file of a model repository on the Hugging Face Hub."""

    repo_id: str
    revision: str
    """A commit or a tag."""
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
    """A file that is known by its checksum, and where it can be had."""

    file: str
    """Its name, without folders."""
    sha256: str
    """In hex; of foreign files only the first digits, 8 or more, may have been published."""
    bytes: int | None
    """None where it is not known."""
    width: int
    licence: str
    sources: tuple[Source, ...]
    """In the order in which they are tried."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint(StoredFile):
    """One network of a model."""

    dtype: str
    recipe: str
    data: str
    commit: str
    """Of the code that trained it; empty where it is not known."""
    trained_at: date


@dataclass(frozen=True, kw_only=True)
class ForeignCheckpoint(StoredFile):
    """A public checkpoint of others, whose tensors are named in a way of its own."""

    network: Network
    layout: Layout
    """Of the names: torchvision's VGG19, or the SIGGRAPH 2017 net's."""
    ranges: Hub | None
    """A safetensors file that holds the same tensors, of which those needed can be read alone."""


Model = Mapping[Network, Checkpoint]


@dataclass(frozen=True)
class Table:
    """What one or more weights.toml say."""

    default: str
    """Empty in a table that only adds to another."""
    models: Mapping[str, Model]
    foreign: Mapping[str, ForeignCheckpoint]

    def extended(self, path: Path) -> "Table":
        """This table with all that the file adds or replaces.

        Raises:
            WeightsTableError: it cannot be read, or holds what no table may hold.
        """
        contents = _read(path)
        default = contents.take_or(self.default, "default", _text)
        models = dict(self.models) | contents.tables("models", _model)
        foreign = dict(self.foreign) | contents.tables("foreign", _foreign)
        contents.end()
        if both := models.keys() & foreign.keys():
            raise contents.refused(f"{min(both)} is both a model and a foreign checkpoint; rename one")
        if default and default not in models:
            raise contents.refused(f"the default model {default!r} is not among the models")
        return Table(default, models, foreign)


def read_table(path: Path) -> Table:
    """The table in a file alone, which may name no default. Raises WeightsTableError as `Table.extended` does."""
    return Table("", {}, {}).extended(path)


class _RefusedError(ValueError):
    """Why a value cannot be used; its place is said in front."""


class _Keys:
    """One table of the file: its keys are taken out one after the other, and what is left in the end is refused."""

    def __init__(self, values: Any, path: Path, place: str = "") -> None:
        self._path = path
        self._place = place
        if not isinstance(values, dict):
            raise self.refused("it is not a table")
        self._values = dict(values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def take(self, key: str, check: Callable[[Any], T]) -> T:
        """The value of a key that must be there."""
        if key not in self._values:
            raise self.refused(f"it lacks {key!r}")
        try:
            return check(self._values.pop(key))
        except _RefusedError as error:
            raise self.refused(f"{key} {error}") from error

    def take_or(self, default: T, key: str, check: Callable[[Any], T]) -> T:
        """The value of a key that may be missing."""
        return self.take(key, check) if key in self._values else default

    def table(self, key: str) -> "_Keys":
        """The table below a key that must be there."""
        return _Keys(self.take(key, lambda values: values), self._path, f"{self._place}.{key}".removeprefix("."))

    def tables(self, key: str, parse: Callable[["_Keys"], T]) -> dict[str, T]:
        """The tables below a key that may be missing, by their names."""
        if key not in self._values:
            return {}
        named = self.table(key)
        try:
            names = [_name(name) for name in named._values]
        except _RefusedError as error:
            raise named.refused(f"it {error}") from error
        return {name: parse(named.table(name)) for name in names}

    def end(self) -> None:
        """All keys were taken."""
        if self._values:
            raise self.refused(f"excolor knows no {next(iter(self._values))!r} there")

    def refused(self, problem: str) -> WeightsTableError:
        """The error that names file and place."""
        return WeightsTableError(f"{self._path}: {f'[{self._place}]: ' if self._place else ''}{problem}")


def _read(path: Path) -> _Keys:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_TABLE + 1)
        if len(text) > _LARGEST_TABLE:
            raise WeightsTableError(f"{path}: larger than {_LARGEST_TABLE} bytes; it is not a table of weights")
        return _Keys(tomllib.loads(text.decode("utf-8")), path)
    except OSError as error:
        raise WeightsTableError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise WeightsTableError(f"{path}: not a TOML file ({error}); mend it") from error


def _model(keys: _Keys) -> Model:
    present = [network for network in NETWORKS if network not in OPTIONAL or network in keys]
    model: Model = {network: _checkpoint(keys.table(network)) for network in present}
    keys.end()
    return model


def _checkpoint(keys: _Keys) -> Checkpoint:
    checkpoint = Checkpoint(
        file=keys.take("file", _safetensors_name),
        sha256=keys.take("sha256", _sha256),
        bytes=keys.take("bytes", _size),
        dtype=keys.take("dtype", _one_of(_DTYPES)),
        width=keys.take("width", _width),
        licence=keys.take("licence", _text),
        recipe=keys.take("recipe", _text),
        data=keys.take("data", _text),
        commit=keys.take_or("", "commit", _text),
        trained_at=keys.take("trained_at", _day),
        sources=keys.take("sources", _sources),
    )
    keys.end()
    return checkpoint


def _foreign(keys: _Keys) -> ForeignCheckpoint:
    foreign = ForeignCheckpoint(
        file=keys.take("file", _name),
        sha256=keys.take("sha256_prefix", _sha256_prefix),
        bytes=keys.take_or(None, "bytes", _size),
        width=keys.take("width", _width),
        licence=keys.take("licence", _text),
        sources=keys.take("sources", _sources),
        network=keys.take("network", _one_of(NETWORKS)),
        layout=keys.take("layout", _one_of(_LAYOUTS)),
        ranges=keys.take_or(None, "ranges", _hub),
    )
    keys.end()
    return foreign


def _sources(value: Any) -> tuple[Source, ...]:
    """A list of: "package", {repo_id = …, revision = …, filename = …}, "https://…"."""
    if not isinstance(value, list) or not 1 <= len(value) <= 20:
        raise _RefusedError("is not a list of 'package', tables of a hub repository and addresses")
    return tuple(_hub(source) if isinstance(source, dict) else _package_or_url(source) for source in value)


def _package_or_url(value: Any) -> Package | Url:
    text = _text(value)
    if text == "package":
        return Package()
    try:
        address = urlsplit(text)
        fit = address.scheme in ("https", "http") and address.hostname and address.port != 0 and " " not in text
    except ValueError:
        fit = False
    if not fit:
        raise _RefusedError(f"names {text!r}, which is neither 'package' nor an address with https://")
    return Url(text)


def _hub(value: Any) -> Hub:
    if not isinstance(value, dict) or value.keys() != {"repo_id", "revision", "filename"}:
        raise _RefusedError("has a table that is not {repo_id = …, revision = …, filename = …}")
    owner, slash, name = _text(value["repo_id"]).partition("/")
    if not slash:
        raise _RefusedError(f"names {owner!r}, which is not OWNER/NAME of a repository on the hub")
    revision = _name(value["revision"])
    if revision in ("main", "master", "HEAD"):
        raise _RefusedError(f"pins the revision {revision!r}, which moves; give a commit or a tag")
    repo_id = f"{_name(owner)}/{_name(name)}"
    if len(repo_id) > 96:
        raise _RefusedError("has the name of a repository that is longer than the hub allows")
    return Hub(repo_id, revision, _name(value["filename"]))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 500 or not value.isprintable():
        raise _RefusedError("is not a text of one printable line")
    return value


# Neither "..", nor a hidden file, nor a drive; and what the hub allows in the names of its repositories
_NAME = re.compile(r"(?!.*(--|\.\.|\.git$))[A-Za-z0-9]([A-Za-z0-9._-]{0,93}[A-Za-z0-9_])?")


def _name(value: Any) -> str:
    name = _text(value)
    if not _NAME.fullmatch(name):
        raise _RefusedError(f"has {name!r}, which is not a plain name: letters, digits, '.', '_', '-', and no folders")
    return name


def _safetensors_name(value: Any) -> str:
    name = _name(value)
    if not name.endswith(".safetensors"):
        raise _RefusedError(f"is {name!r}; checkpoints are .safetensors files (excolor weights import makes them)")
    return name


def _sha256(value: Any) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", _text(value)):
        raise _RefusedError("is not a checksum of 64 hexadecimal digits")
    return str(value)


def _sha256_prefix(value: Any) -> str:
    if not re.fullmatch(r"[0-9a-f]{8,64}", _text(value)):
        raise _RefusedError("is not the beginning of a checksum, 8 to 64 hexadecimal digits")
    return str(value)


def _size(value: Any) -> int:
    return _integer(value, LARGEST_FILE)


def _width(value: Any) -> int:
    return _integer(value, _MAX_WIDTH)


def _integer(value: Any, largest: int) -> int:
    if type(value) is not int or not 1 <= value <= largest:
        raise _RefusedError(f"is not a whole number from 1 to {largest}")
    return value


def _day(value: Any) -> date:
    try:
        return value if type(value) is date else date.fromisoformat(_text(value))
    except ValueError as error:
        raise _RefusedError("is not a day as in 2026-11-22") from error


def _one_of(choices: tuple[T, ...]) -> Callable[[Any], T]:
    def check(value: Any) -> T:
        if value not in choices:
            raise _RefusedError(f"is not one of {', '.join(map(str, choices))}")
        return cast(T, value)

    return check
