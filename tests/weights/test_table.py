"""A table is taken whole or refused in one sentence, whatever is in it."""

import json
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excolor.errors import UnknownModelError, WeightsTableError
from excolor.weights import (
    NETWORKS,
    Hub,
    Package,
    Table,
    Url,
    default_model,
    find_foreign,
    find_model,
    load_table,
    model_names,
    read_table,
)

SHIPPED = Path(__file__).parents[2] / "weights.toml"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def entry() -> dict[str, Any]:
    """A checkpoint as a table has it."""
    return {
        "file": "base-encoder.safetensors",
        "sha256": "0" * 64,
        "bytes": 1000,
        "dtype": "float16",
        "width": 64,
        "licence": "MIT",
        "recipe": "encoder base",
        "data": "photographs",
        "trained_at": "2026-11-22",
        "sources": [
            "package",
            {"repo_id": "archive/colors", "revision": COMMIT, "filename": "base-encoder.safetensors"},
            "https://example.org/base-encoder.safetensors",
        ],
    }


def foreign() -> dict[str, Any]:
    return {
        "file": "vgg.pth",
        "sha256_prefix": "dcbb9e9d",
        "network": "encoder",
        "layout": "vgg19",
        "width": 64,
        "licence": "BSD-3-Clause",
        "sources": ["https://example.org/vgg.pth"],
        "ranges": {"repo_id": "archive/vgg", "revision": "v1", "filename": "model.safetensors"},
    }


def contents() -> dict[str, Any]:
    return {
        "default": "base",
        "models": {"base": {network: entry() for network in NETWORKS}},
        "foreign": {"vgg": foreign()},
    }


def inline(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def write(path: Path, table: Any) -> Path:
    text = "\n".join(f"{json.dumps(key)} = {inline(value)}" for key, value in table.items())
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "weights.toml", contents()))
    encoder = table.models["base"]["encoder"]
    assert encoder.sources == (
        Package(),
        Hub("archive/colors", COMMIT, "base-encoder.safetensors"),
        Url("https://example.org/base-encoder.safetensors"),
    )
    assert (encoder.bytes, encoder.width, encoder.trained_at) == (1000, 64, date(2026, 11, 22))
    assert table.foreign["vgg"].ranges == Hub("archive/vgg", "v1", "model.safetensors")
    assert table.foreign["vgg"].bytes is None


def test_the_shipped_table_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_table() == read_table(SHIPPED)
    monkeypatch.setenv("EXCOLOR_WEIGHTS", "")
    assert load_table() == read_table(SHIPPED)


def test_a_table_of_ones_own_adds_and_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = contents()
    own["models"]["lite"] = own["models"]["base"]
    path = write(tmp_path / "own.toml", own)
    assert model_names(path) == ["base", "lite"]
    assert default_model(path) == "base"
    assert load_table(path).models["lite"]["encoder"].file == "base-encoder.safetensors"
    assert load_table(path).foreign.keys() == {"vgg", *load_table().foreign}

    monkeypatch.setenv("EXCOLOR_WEIGHTS", str(path))
    assert default_model() == "base"
    assert find_foreign("vgg").sha256 == "dcbb9e9d"
    other = write(tmp_path / "other.toml", {"models": {"mine": own["models"]["base"]}})
    assert model_names(other) == ["lite", "mine"]  # the option goes before the variable
    assert default_model(other) == "lite"


def changed(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *folders, key = path.split("/")

    def change(table: dict[str, Any]) -> None:
        for folder in folders:
            table = table[int(folder) if folder.isdigit() else folder]
        if value is KeyError:
            del table[key]
        else:
            table[int(key) if key.isdigit() else key] = value

    return change


ENCODER = "models/base/encoder"
HUB = f"{ENCODER}/sources/1"


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (f"{ENCODER}/file", "../../.bashrc.safetensors", "not a plain name"),
        (f"{ENCODER}/file", "/etc/passwd.safetensors", "not a plain name"),
        (f"{ENCODER}/file", "C:evil.safetensors", "not a plain name"),
        (f"{ENCODER}/file", "..\\evil.safetensors", "not a plain name"),
        (f"{ENCODER}/file", ".safetensors", "not a plain name"),
        (f"{ENCODER}/file", "a" * 300 + ".safetensors", "not a plain name"),
        (f"{ENCODER}/file", "model.pth", "excolor weights import"),
        (f"{ENCODER}/file", 3, "not a text"),
        (f"{ENCODER}/sha256", "0" * 63, "64 hexadecimal"),
        (f"{ENCODER}/sha256", "../" * 21 + "0", "64 hexadecimal"),
        (f"{ENCODER}/sha256", "G" * 64, "64 hexadecimal"),
        (f"{ENCODER}/bytes", -1, "whole number"),
        (f"{ENCODER}/bytes", 10**13, "whole number"),
        (f"{ENCODER}/bytes", True, "whole number"),
        (f"{ENCODER}/bytes", 1.5, "whole number"),
        (f"{ENCODER}/width", 100_000, "whole number from 1 to 128"),
        (f"{ENCODER}/dtype", "object", "not one of float16"),
        (f"{ENCODER}/licence", "MIT\x1b[2J", "printable"),
        (f"{ENCODER}/licence", "", "printable"),
        (f"{ENCODER}/recipe", "x" * 1000, "printable"),
        (f"{ENCODER}/trained_at", "yesterday", "not a day"),
        (f"{ENCODER}/trained_at", KeyError, "lacks 'trained_at'"),
        (f"{ENCODER}/sha256", KeyError, "lacks 'sha256'"),
        (f"{ENCODER}/sha265", "0" * 64, "knows no 'sha265'"),
        (f"{ENCODER}/sources", [], "not a list"),
        (f"{ENCODER}/sources", "package", "not a list"),
        (f"{ENCODER}/sources/0", "file:///etc/passwd", "neither 'package' nor an address"),
        (f"{ENCODER}/sources/0", "https://", "neither 'package' nor an address"),
        (f"{ENCODER}/sources/0", "https://[broken/x", "neither 'package' nor an address"),
        (f"{ENCODER}/sources/0", "https://host:99999/x", "neither 'package' nor an address"),
        (f"{ENCODER}/sources/0", 5, "not a text"),
        (f"{HUB}/repo_id", "colors", "OWNER/NAME"),
        (f"{HUB}/repo_id", "../../..", "not a plain name"),
        (f"{HUB}/repo_id", "a/b/c", "not a plain name"),
        (f"{HUB}/repo_id", "a--b/c", "not a plain name"),
        (f"{HUB}/repo_id", "a/b.git", "not a plain name"),
        (f"{HUB}/repo_id", "a" * 60 + "/" + "b" * 60, "longer than the hub allows"),
        (f"{HUB}/revision", "../../../evil", "not a plain name"),
        (f"{HUB}/revision", "main", "which moves"),
        (f"{HUB}/filename", "../evil", "not a plain name"),
        (f"{HUB}/branch", "main", "repo_id = …, revision = …, filename = …"),
        ("models/base/decoder", KeyError, "lacks 'decoder'"),
        ("models/base/upsampler", {}, "knows no 'upsampler'"),
        ("models/base", 5, r"models\.base\]: it is not a table"),
        ("models/..", {}, "not a plain name"),
        ("models/\x1b[2J", {}, "not a text of one printable line"),
        ("models/vgg", {network: entry() for network in NETWORKS}, "both a model and a foreign checkpoint"),
        ("models", [], "it is not a table"),
        ("default", "gone", "'gone' is not among the models"),
        ("defualt", "base", "knows no 'defualt'"),
        ("foreign/vgg/sha256_prefix", "dcbb", "8 to 64"),
        ("foreign/vgg/network", "classifier", "not one of encoder"),
        ("foreign/vgg/layout", "vgg16", "not one of vgg19"),
        ("foreign/vgg/file", "a/b.pth", "not a plain name"),
        ("foreign/vgg/ranges", "https://example.org", "repo_id = …"),
    ],
)
def test_what_no_table_may_hold(path: str, value: Any, sentence: str, tmp_path: Path) -> None:
    table = contents()
    changed(path, value)(table)
    file = write(tmp_path / "weights.toml", table)
    with pytest.raises(WeightsTableError, match=sentence) as raised:
        read_table(file)
    message = str(raised.value)
    assert message.startswith(f"{file}: ")
    assert message.isprintable()


@pytest.mark.parametrize("content", [b"models = [", b"\xff\xfe", b"a = " + b"[" * 100_000, b"#" * 2_000_000])
def test_files_that_are_no_tables(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.toml"
    path.write_bytes(content)
    with pytest.raises(WeightsTableError, match=r"TOML|table of weights"):
        read_table(path)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.toml", tmp_path):
        with pytest.raises(WeightsTableError, match="cannot be read"):
            load_table(path)


def test_unknown_names() -> None:
    with pytest.raises(UnknownModelError, match="choose from lite"):
        find_model("gone")
    with pytest.raises(UnknownModelError, match="vgg19-imagenet"):
        find_foreign("lite")


def test_a_folder_has_a_name_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert find_model(".").name == find_model(tmp_path / "mine").name == "mine"


VALUES = st.recursive(
    st.none().map(lambda _: "")
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["package", "main", "..", "a/b", "0" * 64, "https://a/b", "lite"]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=5,
)
PLACES = [
    "default",
    "models/base",
    "models/base/encoder",
    "foreign/vgg",
    HUB,
    *(f"{ENCODER}/{key}" for key in entry()),
    *(f"{HUB}/{key}" for key in ("repo_id", "revision", "filename")),
    *(f"foreign/vgg/{key}" for key in foreign()),
]


@settings(max_examples=100, deadline=None)
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_any_value_is_taken_or_refused(place: str, value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    table = contents()
    changed(place, value)(table)
    file = write(tmp_path_factory.getbasetemp() / "any.toml", table)
    try:
        read = read_table(file)
    except WeightsTableError as error:
        assert str(error).startswith(f"{file}: ")
        return
    assert isinstance(read, Table)
    for stored in (*read.models["base"].values(), *read.foreign.values()):
        assert Path(stored.file).name == stored.file
        for source in stored.sources:
            if isinstance(source, Hub):
                parts = (*source.repo_id.split("/"), source.revision, source.filename)
                assert not [part for part in parts if part in ("", ".", "..") or "\\" in part]


def test_the_shipped_file_is_toml_that_others_read() -> None:
    assert tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["default"] == "lite"
