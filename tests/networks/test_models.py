"""A model's name or folder leads to the files that a use needs, and to no others."""

from pathlib import Path

import pytest
from hub_server import Server
from weight_manifests import describe, write_manifest

from excolor.errors import CheckpointError, ManifestError, SettingError, UnknownModelError
from excolor.networks import registry
from excolor.networks.models import ModelFiles, find_model
from excolor.networks.registry import ARCHITECTURES, NETWORKS, Role, Use, name_of
from excolor.weights import Checkpoint, Url, load_manifest

USES: dict[Use, list[str]] = {
    "colorize": ["encoder", "decoder", "matcher", "colorizer"],
    "pre-colorize": ["colorizer"],
    "stylize": ["encoder", "decoder"],
}


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another architecture, as data."""
    roles = {"backbone": Role("encoder", ("colorize",), encodes=True), "colorizer": Role("colorizer", ("colorize",))}
    monkeypatch.setattr(registry, "ARCHITECTURES", ARCHITECTURES | {"another": roles})
    monkeypatch.setattr("excolor.networks.models.ARCHITECTURES", ARCHITECTURES | {"another": roles})


def folder(path: Path, *roles: str) -> Path:
    """A folder of files that differ."""
    path.mkdir(parents=True)
    for role in roles:
        (path / f"{role}.safetensors").write_text(f"{path} {role}")
    return path


def test_every_network_in_the_registry_is_one() -> None:
    for name, network in NETWORKS.items():
        assert name_of(network.network_class) == name_of(network.config_class) == name
        assert network.is_within_reason(network.config_class())


def test_every_role_has_a_network_and_every_shipped_model_its_roles() -> None:
    for roles in ARCHITECTURES.values():
        assert all(role.network in NETWORKS and role.uses for role in roles.values())
    for name in load_manifest().shipped():
        find_model(name)


@pytest.mark.parametrize("use", USES)
def test_only_what_a_use_needs_is_looked_for(use: Use, tmp_path: Path) -> None:
    assert list(find_model("lite", use).files) == USES[use]
    mine = folder(tmp_path / "mine", "encoder", "decoder", "matcher", "colorizer")
    assert list(find_model(mine, use).files.values()) == [mine / f"{role}.safetensors" for role in USES[use]]


def test_only_what_a_use_needs_is_fetched(machine: Path, server: Server) -> None:
    def listed(role: str) -> Checkpoint:
        content = role.encode()
        return describe(f"{role}.safetensors", content, Url(server.put(f"{role}.safetensors", content)))

    own = write_manifest(machine / "own.toml", {"mine": {role: listed(role) for role in USES["colorize"]}})
    assert find_model("mine", "pre-colorize", weights=own).path("colorizer").read_text() == "colorizer"
    assert [request.path for request in server.bodies()] == ["/files/colorizer.safetensors"]
    server.requests.clear()
    find_model("mine", "stylize", weights=own)
    assert [request.path for request in server.bodies()] == ["/files/encoder.safetensors", "/files/decoder.safetensors"]


def test_a_folder_need_not_have_what_a_use_does_not_need(tmp_path: Path) -> None:
    mine = folder(tmp_path / "mine", "colorizer")
    files = find_model(mine, "pre-colorize")
    assert (files.name, files.architecture) == ("mine", "exemplar")
    assert list(files.files) == ["colorizer"]
    with pytest.raises(CheckpointError, match="the model mine has no encoder here"):
        files.path("encoder")


def test_an_optional_role_may_be_missing(tmp_path: Path) -> None:
    mine = folder(tmp_path / "mine", "encoder", "decoder", "colorizer")
    assert list(find_model(mine).files) == ["encoder", "decoder", "colorizer"]


def test_a_folder_has_a_name_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert find_model(".").name == find_model(tmp_path / "mine").name == "mine"


def test_folders_of_one_name_are_different_models(tmp_path: Path) -> None:
    first, second = (find_model(folder(tmp_path / run / "model", *USES["colorize"])) for run in "ab")
    assert first.name == second.name
    assert first.identity("colorize") != second.identity("colorize")
    assert str(first.identity("colorize")) != str(second.identity("colorize"))


def test_an_identity_is_of_what_encodes(tmp_path: Path) -> None:
    """Whatever it is called; the colorizer may be another one."""
    files = find_model("lite")
    others = {**files.files, "colorizer": tmp_path / "another.safetensors"}
    assert ModelFiles("other", files.architecture, others).identity("colorize") == files.identity("colorize")
    assert find_model("lite", "stylize").identity("stylize") == files.identity("stylize")
    without = {role: path for role, path in files.files.items() if role != "matcher"}
    assert ModelFiles("lite", files.architecture, without).identity("colorize") != files.identity("colorize")


def test_a_folder_is_of_the_architecture_of_which_most_is_there(tmp_path: Path) -> None:
    assert find_model(folder(tmp_path / "new", "semantic")).architecture == "semantic"
    assert find_model(folder(tmp_path / "old", "semantic", "encoder", "decoder")).architecture == "exemplar"


@pytest.mark.usefixtures("another")
def test_another_architecture_is_an_entry(tmp_path: Path) -> None:
    files = find_model(folder(tmp_path / "mine", "backbone", "colorizer"))
    assert (files.architecture, list(files.files)) == ("another", ["backbone", "colorizer"])
    assert files.identity("colorize").sha256 != find_model("lite").identity("colorize").sha256
    with pytest.raises(SettingError, match="the model mine cannot stylize"):
        find_model(tmp_path / "mine", "stylize")


def test_the_default_is_one_that_is_made_for_the_use(machine: Path) -> None:
    manifest = load_manifest()
    for use in USES:
        roles = ARCHITECTURES[find_model(None, use).architecture].values()
        assert any(use in role.uses for role in roles)
    assert find_model(None).name == find_model(None, "colorize").name == manifest.default


def test_a_manifest_that_adds_a_model_changes_no_default(machine: Path) -> None:
    """Whatever the names, and though nothing of the added model can be fetched."""
    checkpoint = describe("a.safetensors", b"a", Url("http://localhost/a"))
    own = write_manifest(machine / "own.toml", {"archive": dict.fromkeys(USES["colorize"], checkpoint)})
    for use in USES:
        assert find_model(None, use, weights=own) == find_model(None, use)


def test_a_default_that_is_not_known_is_an_error(machine: Path) -> None:
    checkpoint = describe("a.safetensors", b"a", Url("http://localhost/a"))
    own = write_manifest(machine / "own.toml", {"zeta": dict.fromkeys(USES["colorize"], checkpoint)})
    own.write_text('default = "zeta"\n' + own.read_text().replace('"exemplar"', '"future"'))
    with pytest.raises(ManifestError, match="'future', which this version of excolor does not know"):
        find_model(None, "colorize", weights=own)


def test_a_folder_that_is_called_like_a_listed_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lite").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_model("lite").path("colorizer").is_absolute()  # the folder is empty
    own = folder(tmp_path / "lite" / "lite", "semantic")
    monkeypatch.chdir(own.parent)
    with pytest.raises(UnknownModelError, match=r"give \./lite for the folder"):
        find_model("lite")
    for model in (Path("lite"), "./lite"):
        assert list(find_model(model).files) == ["semantic"]


def test_unknown_models(machine: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"choose from .*lite"):
        find_model("gone")
    with pytest.raises(UnknownModelError, match="or give a folder"):
        find_model("x" * 5000)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"exemplar"', '"later"', "of the architecture 'later', which this version of excolor does not know"),
        ("[models.mine.matcher]", "[models.mine.judge]", "has a 'judge' in weights.toml, which exemplar has not"),
        ("[models.mine.decoder]", "[models.other.decoder]", "lacks the 'decoder' of exemplar"),
    ],
)
def test_a_model_that_is_not_of_its_architecture(old: str, new: str, sentence: str, machine: Path) -> None:
    checkpoint = describe("a.safetensors", b"a", Url("http://localhost/a"))
    own = write_manifest(machine / "own.toml", {"mine": dict.fromkeys(USES["colorize"], checkpoint)})
    own.write_text(own.read_text().replace(old, new))
    with pytest.raises(ManifestError, match=sentence):
        find_model("mine", "pre-colorize", weights=own)
