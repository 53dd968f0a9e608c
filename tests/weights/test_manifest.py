"""A manifest is taken whole or refused in one sentence, whatever is in it."""

import json
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excolor.errors import ManifestError, UnknownModelError
from excolor.weights import Hub, Manifest, Package, Url, load_manifest, read_manifest

SHIPPED = Path(__file__).parents[2] / "weights.toml"
ROLES = ("encoder", "decoder", "colorizer")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def entry() -> dict[str, Any]:
    """A checkpoint as a manifest has it."""
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


def public() -> dict[str, Any]:
    return {
        "file": "vgg.pth",
        "sha256_prefix": "dcbb9e9d",
        "role": "encoder",
        "width": 64,
        "licence": "BSD-3-Clause",
        "sources": ["https://example.org/vgg.pth"],
    }


def contents() -> dict[str, Any]:
    return {
        "default": "base",
        "models": {"base": {"architecture": "exemplar", **{role: entry() for role in ROLES}}},
        "public": {"vgg": public()},
    }


def inline(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def write(path: Path, manifest: Any) -> Path:
    text = "\n".join(f"{json.dumps(key)} = {inline(value)}" for key, value in manifest.items())
    path.write_text(text, encoding="utf-8")
    return path


def test_a_manifest_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path / "weights.toml", contents()))
    base = manifest.models["base"]
    assert base.architecture == "exemplar"
    assert tuple(base.checkpoints) == ROLES
    encoder = base.checkpoints["encoder"]
    assert encoder.sources == (
        Package(),
        Hub("archive/colors", COMMIT, "base-encoder.safetensors"),
        Url("https://example.org/base-encoder.safetensors"),
    )
    assert (encoder.bytes, encoder.width, encoder.trained_at) == (1000, 64, date(2026, 11, 22))
    vgg = manifest.public["vgg"]
    assert (vgg.role, vgg.sha256, vgg.bytes) == ("encoder", "dcbb9e9d", None)


def test_any_architecture_and_any_roles(tmp_path: Path) -> None:
    """Which there are, a version of excolor knows; a list may be newer. Not every network has a width."""
    narrow = {key: value for key, value in entry().items() if key != "width"}
    models = {"next": {"architecture": "semantic-2", "backbone": narrow, "colorizer": entry()}}
    model = read_manifest(write(tmp_path / "weights.toml", {"models": models})).models["next"]
    assert (model.architecture, tuple(model.checkpoints)) == ("semantic-2", ("backbone", "colorizer"))
    assert model.checkpoints["backbone"].width is None


def test_a_manifest_of_before_there_were_architectures(tmp_path: Path) -> None:
    """It named none, and said more of public checkpoints, which it called foreign."""
    old = contents()
    del old["models"]["base"]["architecture"]
    vgg = old.pop("public")["vgg"]
    vgg["network"] = vgg.pop("role")
    vgg |= {"layout": "vgg19", "ranges": {"repo_id": "a/b", "revision": "v1", "filename": "c"}}
    old["foreign"] = {"vgg": vgg}
    paths = [tmp_path / name for name in ("old.toml", "new.toml")]
    assert read_manifest(write(paths[0], old)) == read_manifest(write(paths[1], contents()))


def test_the_shipped_manifest_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_manifest() == read_manifest(SHIPPED)
    monkeypatch.setenv("EXCOLOR_WEIGHTS", "")
    assert load_manifest() == read_manifest(SHIPPED)


def test_a_manifest_of_ones_own_adds_and_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = contents()
    own["models"]["lite"] = own["models"]["base"]
    path = write(tmp_path / "own.toml", own)
    both = load_manifest(path)
    assert both.models.keys() == {"base", "lite", "semantic"}
    assert both.default == "base"
    assert both.models["lite"].checkpoints["encoder"].file == "base-encoder.safetensors"
    assert both.public.keys() == {"vgg", *load_manifest().public}

    monkeypatch.setenv("EXCOLOR_WEIGHTS", str(path))
    assert load_manifest().default == "base"
    assert load_manifest().public_checkpoint("vgg").sha256 == "dcbb9e9d"
    other = write(tmp_path / "other.toml", {"models": {"mine": own["models"]["base"]}})
    assert load_manifest(other).models.keys() == {"lite", "mine", "semantic"}  # the option goes before the variable
    assert load_manifest(other).default == "semantic"


def changed(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *folders, key = path.split("/")

    def change(manifest: dict[str, Any]) -> None:
        for folder in folders:
            manifest = manifest[int(folder) if folder.isdigit() else folder]
        if value is KeyError:
            del manifest[key]
        else:
            manifest[int(key) if key.isdigit() else key] = value

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
        (f"{HUB}/repo_id", "../../..", "not OWNER/NAME"),
        (f"{HUB}/repo_id", "a/b/c", "not OWNER/NAME"),
        (f"{HUB}/repo_id", "a--b/c", "not OWNER/NAME"),
        (f"{HUB}/repo_id", "a/b.git", "not OWNER/NAME"),
        (f"{HUB}/repo_id", "a" * 60 + "/" + "b" * 60, "not OWNER/NAME"),
        (f"{HUB}/revision", "../../../evil", "not a commit or a tag"),
        (f"{HUB}/revision", "main", "which moves"),
        (f"{HUB}/filename", "../evil", "not a plain name"),
        (f"{HUB}/branch", "main", "knows no 'branch'"),
        (f"{HUB}/revision", KeyError, "lacks 'revision'"),
        ("models/base/architecture", "../x", "not a plain name"),
        ("models/base/architecture", 5, "not a text"),
        ("models/base/upsampler", {}, "lacks 'file'"),
        ("models/base/..", entry(), "not a plain name"),
        ("models/base", {}, "no checkpoints"),
        ("models/base", 5, r"models\.base\]: it is not a table"),
        ("models/..", {}, "not a plain name"),
        ("models/\x1b[2J", {}, "not a text of one printable line"),
        ("models/vgg", {role: entry() for role in ROLES}, "both a model and a public checkpoint"),
        ("models", [], "it is not a table"),
        ("default", "gone", "'gone' is not among the models"),
        ("defualt", "base", "knows no 'defualt'"),
        ("public/vgg/sha256_prefix", "dcbb", "8 to 64"),
        ("public/vgg/sha256_prefix", KeyError, "lacks 'sha256_prefix'"),
        ("public/vgg/sha256", "0" * 64, "knows no 'sha256'"),
        ("public/vgg/role", "en coder", "not a plain name"),
        ("public/vgg/role", KeyError, "lacks 'role'"),
        ("public/vgg/layout", "vgg19", "knows no 'layout'"),
        ("public/vgg/file", "a/b.pth", "not a plain name"),
        ("foreign", {"vgg": 5}, "it is not a table"),
    ],
)
def test_what_no_manifest_may_hold(path: str, value: Any, sentence: str, tmp_path: Path) -> None:
    manifest = contents()
    changed(path, value)(manifest)
    file = write(tmp_path / "weights.toml", manifest)
    with pytest.raises(ManifestError, match=sentence) as raised:
        read_manifest(file)
    message = str(raised.value)
    assert message.startswith(f"{file}: ")
    assert message.isprintable()


@pytest.mark.parametrize("content", [b"models = [", b"\xff\xfe", b"a = " + b"[" * 100_000, b"#" * 2_000_000])
def test_files_that_are_no_manifests(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.toml"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=r"TOML|manifest of weights"):
        read_manifest(path)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.toml", tmp_path):
        with pytest.raises(ManifestError, match="cannot be read"):
            load_manifest(path)


def test_unknown_names() -> None:
    with pytest.raises(UnknownModelError, match="vgg19-imagenet"):
        load_manifest().public_checkpoint("lite")
    with pytest.raises(UnknownModelError, match="choose from lite, semantic, siggraph17"):
        load_manifest().files("gone")


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
    "public/vgg",
    HUB,
    *(f"{ENCODER}/{key}" for key in entry()),
    *(f"{HUB}/{key}" for key in ("repo_id", "revision", "filename")),
    *(f"public/vgg/{key}" for key in public()),
]


@settings(max_examples=100)
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_any_value_is_taken_or_refused(place: str, value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    manifest = contents()
    changed(place, value)(manifest)
    file = write(tmp_path_factory.getbasetemp() / "any.toml", manifest)
    try:
        read = read_manifest(file)
    except ManifestError as error:
        assert str(error).startswith(f"{file}: ")
        return
    assert isinstance(read, Manifest)
    for stored in (*read.models["base"].checkpoints.values(), *read.public.values()):
        assert Path(stored.file).name == stored.file
        for source in stored.sources:
            if isinstance(source, Hub):
                parts = (*source.repo_id.split("/"), source.revision, source.filename)
                assert not [part for part in parts if part in ("", ".", "..") or "\\" in part]


def test_the_shipped_file_is_toml_that_others_read() -> None:
    assert tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["default"] == "semantic"
