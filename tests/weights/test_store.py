"""What becomes of a download on a network that is not kind: a good file or a clear sentence, never half a file."""

import errno
import hashlib
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import COMMIT, REPOSITORY, Fault, Server
from huggingface_hub import constants
from weight_manifests import CONTENT, FILE

from excolor.errors import CheckpointError, DownloadError, SettingError
from excolor.weights import Checkpoint, Hub, Package, PublicCheckpoint, Url, converted_path, fetch, find_local

Make = Callable[..., Checkpoint]

BODY = "body"  # of the file, wherever it lies
HEAD = "head"  # what the hub says of it


def path_of(what: str, kind: str, content: bytes = CONTENT) -> str:
    """The end of the path that is asked for."""
    if kind == "hub" and what == BODY:
        return f"/blob/{hashlib.sha256(content).hexdigest()}"
    return f"/{FILE}"


def named_files(folder: Path) -> list[Path]:
    """All files but those that are marked as incomplete, and what the client notes for itself."""
    apart = (".incomplete", ".lock", "CACHEDIR.TAG", ".json")
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(apart)]
    return [path for path in files if "refs" not in path.parts]


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([], id="none"),
        pytest.param([Fault(status=429)], id="429"),
        pytest.param([Fault(cut_after=70_000)], id="cut"),
        pytest.param([Fault(cut_after=0), Fault(cut_after=0), Fault(cut_after=0)], id="cut at once, three times"),
        pytest.param([Fault(cut_after=40_000)] * 4, id="cut four times, further each time"),
        pytest.param([Fault(silent_after=70_000)], id="silent"),
        pytest.param([Fault(pause=0.002)], id="slow"),
        pytest.param([Fault(no_length=True)], id="without a length"),
        pytest.param([Fault(cut_after=70_000), Fault(ignore_range=True)], id="ranges are not known"),
    ],
)
def test_faults_that_pass(faults: list[Fault], kind: str, server: Server, checkpoint: Make, machine: Path) -> None:
    stored = checkpoint(kind)
    server.fail(path_of(BODY, kind), *faults)
    told = []
    path = fetch(stored, progress=lambda _, there, total: told.append((there, total)))
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert {file.read_bytes() for file in named_files(machine)} == {CONTENT}
    assert not list(machine.rglob("*.incomplete"))
    asked = len(server.requests)
    assert fetch(stored) == path
    assert len(server.requests) == asked  # it is here


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        pytest.param(Fault(status=401), "401 Unauthorized", id="401"),
        pytest.param(Fault(status=403), "403 Forbidden", id="403"),
        pytest.param(Fault(status=404), "404 Not Found", id="404"),
        pytest.param(Fault(status=429), "429 Too Many Requests", id="429"),
        pytest.param(Fault(status=429, retry_after=3600), "429 Too Many Requests", id="429 for an hour"),
        pytest.param(Fault(status=500), "500 Internal Server Error", id="500"),
        pytest.param(Fault(cut_after=0), "connection failed", id="cut"),
        pytest.param(Fault(silent_after=0), "connection failed", id="silent"),
        pytest.param(Fault(body=CONTENT[::-1]), "another file is there: its sha256", id="wrong bytes"),
        pytest.param(Fault(body=CONTENT[:-1]), "only a part of the file arrived", id="too short"),
        pytest.param(
            Fault(body=CONTENT + b"!"), "another file is there: it is larger than 200000 bytes", id="too long"
        ),
        pytest.param(Fault(body=b""), "only a part of the file arrived", id="empty"),
        pytest.param(
            Fault(no_length=True, cut_after=70_000), "only a part of the file arrived", id="cut without a length"
        ),
    ],
)
def test_faults_that_stay(
    fault: Fault,
    sentence: str,
    kind: str,
    server: Server,
    checkpoint: Make,
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = checkpoint(kind)
    server.fail(path_of(BODY, kind), always=fault)
    with pytest.raises(DownloadError, match=sentence) as raised, monkeypatch.context() as impatient:
        if fault.silent_after is not None:  # six times in vain
            impatient.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
        fetch(stored)
    message = str(raised.value)
    assert "\n" not in message
    assert f"put it at {machine / 'cache' / 'excolor' / stored.sha256[:12] / FILE} by hand" in message
    assert str(stored.sources[0]) in message
    assert ("correct weights.toml, or" in message) == ("another file" in message)
    assert ("try again, or" in message) == ("correct weights.toml" not in message)
    server.faults.clear()
    if kind == "hub" and "sha256" in message:  # the client checks no checksum, and keeps what it was sent
        with pytest.raises(CheckpointError, match="damaged, delete"):
            fetch(stored)
        assert fetch(stored, replace=True).read_bytes() == CONTENT
        return
    assert not named_files(machine)
    assert find_local(stored) is None
    assert fetch(stored).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        pytest.param(Fault(status=401, error_code="RepoNotFound"), "private one: run `hf auth login`", id="401"),
        pytest.param(Fault(status=403, error_code="GatedRepo"), "ask for consent", id="gated"),
        pytest.param(Fault(status=404, error_code="RepoNotFound"), "no such repository", id="repository"),
        pytest.param(Fault(status=404, error_code="RevisionNotFound"), "no revision 0123456789", id="revision"),
        pytest.param(Fault(status=404, error_code="EntryNotFound"), f"no file {FILE}", id="file"),
        pytest.param(Fault(status=404), "404 Not Found", id="404"),
        pytest.param(Fault(status=429), "429 Too Many Requests", id="429"),
        pytest.param(Fault(status=500), "500 Internal Server Error", id="500"),
        pytest.param(Fault(status=200), "does not answer as the hub does", id="another server"),
    ],
)
def test_the_hub_says_no(fault: Fault, sentence: str, server: Server, checkpoint: Make, machine: Path) -> None:
    stored = checkpoint("hub")
    server.fail(path_of(HEAD, "hub"), always=fault)
    with pytest.raises(DownloadError, match=sentence) as raised:
        fetch(stored)
    assert "\n" not in str(raised.value)
    assert not named_files(machine)


def test_the_hub_stumbles(server: Server, checkpoint: Make) -> None:
    server.fail(path_of(HEAD, "hub"), Fault(status=500), Fault(status=429), Fault(cut_after=0))
    assert fetch(checkpoint("hub")).read_bytes() == CONTENT


def test_the_hub_has_another_file(server: Server, checkpoint: Make) -> None:
    """What it has may be a good file for other tools, and stays."""
    stored = checkpoint("hub", served=CONTENT[::-1])
    with pytest.raises(DownloadError, match=r"another file is there: its sha256.*; correct weights\.toml"):
        fetch(stored)
    with pytest.raises(CheckpointError, match="correct the sha256"):
        fetch(stored)
    assert len(server.bodies()) == 1


def test_a_file_that_the_hub_names_otherwise(server: Server, checkpoint: Make) -> None:
    """Small files are named by git there."""
    server.etag = "a" * 40
    assert fetch(checkpoint("hub")).read_bytes() == CONTENT


def test_a_repository_was_renamed(server: Server, checkpoint: Make) -> None:
    stored = checkpoint("hub")
    server.moved["archive/old"] = REPOSITORY
    moved = replace(stored, sources=(Hub("archive/old", COMMIT, FILE),))
    assert fetch(moved).read_bytes() == CONTENT


def test_a_tag_is_followed(server: Server, checkpoint: Make) -> None:
    stored = checkpoint("hub")
    server.files[f"/{REPOSITORY}/resolve/v1/{FILE}"] = CONTENT
    tagged = replace(stored, sources=(Hub(REPOSITORY, "v1", FILE),))
    path = fetch(tagged)
    assert path.parent.name == COMMIT
    assert find_local(tagged) == path


def test_the_token_goes_to_the_hub_alone(server: Server, checkpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server.token = "hf_secret"
    stored = checkpoint("hub")
    with pytest.raises(DownloadError, match="hf auth login"):
        fetch(stored)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server.requests.clear()
    assert fetch(stored).read_bytes() == CONTENT
    by_port = {(request.port, request.authorization) for request in server.requests}
    hub, cdn = (int(address.rsplit(":")[-1]) for address in (server.hub, server.cdn))
    assert by_port == {(hub, "Bearer hf_secret"), (cdn, None)}

    fetch(checkpoint("url", CONTENT[1:]))
    assert server.requests[-1].authorization is None


def test_what_the_client_fetched_is_used(checkpoint: Make, server: Server) -> None:
    """`hf download` and excolor share a cache."""
    from huggingface_hub import hf_hub_download

    stored = checkpoint("hub")
    path = hf_hub_download(REPOSITORY, FILE, revision=COMMIT)
    server.requests.clear()
    assert str(fetch(stored)) == path
    assert not server.requests


def test_the_client_uses_what_we_fetched(checkpoint: Make, server: Server) -> None:
    from huggingface_hub import hf_hub_download, scan_cache_dir

    path = fetch(checkpoint("hub"))
    server.requests.clear()
    assert hf_hub_download(REPOSITORY, FILE, revision=COMMIT) == str(path)
    assert not server.requests
    found = scan_cache_dir()
    assert not found.warnings
    assert found.size_on_disk == len(CONTENT)


@pytest.mark.parametrize("content", [CONTENT[:1234], b"of another file", CONTENT + b"longer", CONTENT], ids=len)
def test_what_an_earlier_run_left(content: bytes, kind: str, checkpoint: Make, machine: Path, server: Server) -> None:
    stored = checkpoint(kind)
    folder = {
        "hub": machine / "hub" / "models--archive--colors" / "blobs" / f"{stored.sha256}.incomplete",
        "url": machine / "cache" / "excolor" / stored.sha256[:12] / f"{FILE}.incomplete",
    }[kind]
    folder.parent.mkdir(parents=True)
    folder.write_bytes(content)
    assert fetch(stored).read_bytes() == CONTENT


def test_a_server_that_sends_another_part(server: Server, checkpoint: Make) -> None:
    server.fail(f"/{FILE}", Fault(cut_after=70_000), Fault(wrong_range=True))
    stored = checkpoint("url")
    with pytest.raises(DownloadError, match="only a part of the file arrived"):
        fetch(stored)
    assert find_local(stored) is None
    assert fetch(stored).read_bytes() == CONTENT


def test_a_length_that_nobody_knows(server: Server, checkpoint: Make) -> None:
    """Of public checkpoints only the beginning of the checksum may be known."""
    stored = checkpoint("url")
    unknown = replace(stored, bytes=None, sha256=stored.sha256[:8])
    server.fail(f"/{FILE}", Fault(cut_after=70_000))
    assert fetch(unknown).read_bytes() == CONTENT


def test_sources_are_tried_in_their_order(server: Server, checkpoint: Make) -> None:
    hub, url = checkpoint("hub"), checkpoint("url")
    both = replace(hub, sources=(*hub.sources, *url.sources))
    server.fail(f"/resolve/{COMMIT}/{FILE}", always=Fault(status=404))
    assert fetch(both).parent.name == both.sha256[:12]
    server.faults.clear()
    assert "/hub/" in str(fetch(replace(both, file="other.safetensors")))


def test_a_packed_file_of_another_checksum_is_passed_over(checkpoint: Make) -> None:
    """A manifest of the user's own may know a newer one, whose name is the packed one's."""
    stored = replace(checkpoint("url"), file="lite-encoder.safetensors")
    newer = replace(stored, sources=(Package(), *stored.sources))
    assert fetch(newer).read_bytes() == CONTENT
    with pytest.raises(CheckpointError, match="reinstall excolor"):
        fetch(replace(stored, sources=(Package(),)))


def test_a_password_is_not_shown(server: Server, checkpoint: Make) -> None:
    stored = checkpoint("url")
    address = str(stored.sources[0])
    secret = Url(address.replace("http://", "http://user:secret@"))
    server.fail(f"/{FILE}", always=Fault(status=404))
    with pytest.raises(DownloadError, match=address) as raised:
        fetch(replace(stored, sources=(secret,)))
    assert "secret" not in str(raised.value)


def test_nobody_listens(kind: str, server: Server, checkpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = checkpoint(kind)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        template = nowhere + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        if kind == "url":
            stored = replace(stored, sources=(Url(f"{nowhere}/{FILE}"),))
        with pytest.raises(DownloadError, match="connection failed"):
            fetch(stored)


@pytest.mark.parametrize(
    "variables", [{"EXCOLOR_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "1"}, {}], ids=["excolor", "hub", "argument"]
)
def test_offline_opens_no_socket(
    variables: dict[str, str], kind: str, checkpoint: Make, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = checkpoint(kind)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def no_socket(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(DownloadError, match=r"offline.*; run `excolor weights download NAME` with a network") as raised:
        fetch(stored, offline=not variables)
    dropped = machine / "cache" / "excolor" / stored.sha256[:12] / FILE
    assert f"put it at {dropped} by hand" in str(raised.value)

    dropped.parent.mkdir(parents=True)
    dropped.write_bytes(CONTENT)
    assert fetch(stored, offline=not variables) == dropped


def test_a_damaged_file_is_refused_and_can_be_replaced(kind: str, checkpoint: Make, server: Server) -> None:
    stored = checkpoint(kind)
    path = fetch(stored)
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(CheckpointError, match=f"damaged, delete {path.resolve()} to fetch it again"):
        fetch(stored)
    assert fetch(stored, replace=True).read_bytes() == CONTENT
    path.write_bytes(b"damaged once more")
    path.resolve().unlink()  # as the sentence said
    assert fetch(stored).read_bytes() == CONTENT
    asked = len(server.requests)
    assert fetch(stored, replace=True) == path  # it is right
    assert len(server.requests) == asked


def test_a_damaged_file_put_by_hand_gives_way_to_a_good_one(checkpoint: Make, machine: Path) -> None:
    stored = checkpoint("hub")
    by_hand = machine / "cache" / "excolor" / stored.sha256[:12] / stored.file
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(CONTENT[:-1])
    with pytest.raises(CheckpointError, match="damaged, delete"):
        fetch(stored)
    path = fetch(stored, replace=True)
    assert fetch(stored, offline=True) == path != by_hand
    assert not by_hand.exists()


def test_a_published_file_of_the_name_of_the_checkpoint_is_kept(server: Server, machine: Path) -> None:
    """Each has its own place, and its own lock beside it: who converts waits for the file under the lock of the one."""
    address = server.put("net.safetensors", CONTENT)
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    public = PublicCheckpoint(
        file="net.safetensors", sha256=sha256, licence="MIT", sources=(Url(address),), role="encoder"
    )
    converted = converted_path("net", public)
    published = fetch(public)
    assert converted.parent != published.parent
    assert published.parent in converted.parents


def test_a_good_file_of_another_tool_is_not_deleted(checkpoint: Make) -> None:
    """A manifest that is wrong about a file that lies in the shared cache."""
    path = fetch(checkpoint("hub"))
    wrong = replace(checkpoint("hub"), sha256="0" * 64)
    with pytest.raises(CheckpointError, match=r"another file than weights\.toml says; correct the sha256"):
        fetch(wrong)
    with pytest.raises(DownloadError, match=r"another file is there.*correct weights\.toml"):
        fetch(wrong, replace=True)
    assert path.read_bytes() == CONTENT


def test_what_may_be_a_file_of_another_tool_is_not_deleted(server: Server, checkpoint: Make) -> None:
    """The names of small files say nothing about what should be in them."""
    server.etag = "a" * 40
    path = fetch(checkpoint("hub"))
    wrong = replace(checkpoint("hub"), sha256="0" * 64)
    with pytest.raises(CheckpointError, match=f"delete {path.resolve()} to fetch it again"):
        fetch(wrong)
    with pytest.raises(DownloadError, match="another file is there"):
        fetch(wrong, replace=True)
    assert path.read_bytes() == CONTENT


def test_a_mirror_that_gives_all_files_one_etag(server: Server, checkpoint: Make, machine: Path) -> None:
    server.etag = "a" * 40
    first = fetch(checkpoint("hub"))
    other = "other.safetensors"
    server.publish(other, CONTENT[1:])
    stored = replace(checkpoint("hub", CONTENT[1:], served=CONTENT), sources=(Hub(REPOSITORY, COMMIT, other),))
    with pytest.raises(DownloadError, match="another file is there"):
        fetch(stored)
    assert first.read_bytes() == CONTENT
    with pytest.raises(CheckpointError, match="damaged, delete"):
        fetch(stored)


def test_links_out_of_the_cache(kind: str, checkpoint: Make, machine: Path) -> None:
    stored = checkpoint(kind)
    path = fetch(stored)
    elsewhere = machine / "elsewhere.safetensors"
    path.resolve().rename(elsewhere)
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere)
    with pytest.raises(CheckpointError, match="leads out of"):
        fetch(stored)


def test_folders_that_lead_out_of_the_cache(checkpoint: Make, machine: Path) -> None:
    """Nothing is written through them."""
    stored = checkpoint("url")
    elsewhere = machine / "elsewhere"
    elsewhere.mkdir()
    link = machine / "cache" / "excolor" / stored.sha256[:12]
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(CheckpointError, match="leads out of"):
        fetch(stored)
    assert not [path for path in elsewhere.rglob("*") if path.is_file()]


def test_a_link_in_place_of_what_is_incomplete(checkpoint: Make, machine: Path) -> None:
    stored = checkpoint("url")
    precious = machine / "precious"
    precious.write_bytes(b"")
    incomplete = machine / "cache" / "excolor" / stored.sha256[:12] / f"{FILE}.incomplete"
    incomplete.parent.mkdir(parents=True)
    incomplete.symlink_to(precious)
    with pytest.raises(CheckpointError, match="leads out of"):
        fetch(stored)
    assert precious.read_bytes() == b""


def test_the_whole_cache_may_be_a_link(kind: str, checkpoint: Make, machine: Path) -> None:
    """To a larger disk, say."""
    disk = machine / "disk"
    disk.mkdir()
    link = machine / "hub" if kind == "hub" else machine / "cache" / "excolor"
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(disk)
    assert fetch(checkpoint(kind)).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(checkpoint: Make, machine: Path) -> None:
    (machine / "cache").mkdir()
    (machine / "cache" / "excolor").write_bytes(b"a file where the folder should be")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch(checkpoint("url"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT], ids=errno.errorcode.get)
def test_no_space_and_no_permission(
    code: int, kind: str, checkpoint: Make, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = checkpoint(kind)

    def full(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr("huggingface_hub.file_download.http_get", full)
        with pytest.raises(DownloadError, match=rf"cannot be written \({os.strerror(code)}\); try again"):
            fetch(stored)
    assert not named_files(machine)
    assert fetch(stored).read_bytes() == CONTENT


def test_a_proxy(kind: str, checkpoint: Make, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the servers are known to it alone."""
    stored = checkpoint(kind)
    server.cdn = "http://cdn.invalid"
    template = "http://hub.invalid/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    if kind == "url":
        stored = replace(stored, sources=(Url(f"http://web.invalid/files/{FILE}"),))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, server.hub)
    assert fetch(stored).read_bytes() == CONTENT


def test_a_cache_of_the_client_that_is_garbage(checkpoint: Make, machine: Path) -> None:
    stored = replace(checkpoint("hub"), sources=(Hub(REPOSITORY, "v1", FILE),))
    refs = machine / "hub" / "models--archive--colors" / "refs"
    refs.mkdir(parents=True)
    (refs / "v1").write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match="cannot be read"):
        fetch(stored)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "gopher://127.0.0.1:70"),
        ("HTTP_PROXY", "socks9://127.0.0.1:70"),
        ("SSL_CERT_FILE", "/gone/certificates.pem"),
    ],
)
def test_an_environment_that_allows_no_request(
    name: str, value: str, kind: str, checkpoint: Make, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next source is tried all the same."""
    for variable in (name, name.lower()):
        monkeypatch.setenv(variable, value)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    stored = checkpoint(kind)
    stored = replace(stored, sources=(*stored.sources, Url("http://web.invalid/last")))
    with pytest.raises(DownloadError, match=r"request cannot be made \(.*check address, proxy") as raised:
        fetch(stored)
    assert "; http://web.invalid/last: " in str(raised.value)


def test_a_token_that_cannot_be_sent(checkpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_schlüssel")
    with pytest.raises(DownloadError, match=r"request cannot be made .* and token"):
        fetch(checkpoint("hub"))


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "xn--a.example", "a..example", "\u2603-.example"])
def test_a_host_that_cannot_be(
    host: str, kind: str, checkpoint: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = "http://" + host + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    stored = checkpoint(kind)
    if kind == "url":
        stored = replace(stored, sources=(Url(f"http://{host}/{FILE}"),))
    with pytest.raises(DownloadError, match=r"connection failed|cannot be made"):
        fetch(stored)


@pytest.mark.parametrize("name", [BODY, HEAD])
def test_what_a_server_says_reaches_no_terminal(name: str, kind: str, server: Server, checkpoint: Make) -> None:
    stored = checkpoint(kind)
    server.phrase = "Gone \x1b[2J" + "far away " * 99
    server.fail(path_of(name, kind), always=Fault(status=404))
    with pytest.raises(DownloadError, match="says 404 Not Found") as raised:
        fetch(stored)
    assert str(raised.value).isprintable()
    assert "far away" not in str(raised.value)


@pytest.mark.parametrize("caches", ["", "relative"])
def test_where_the_cache_is(caches: str, checkpoint: Make, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", caches)
    monkeypatch.setenv("HOME", str(machine / "home"))
    assert fetch(checkpoint("url")).is_relative_to(machine / "home" / ".cache" / "excolor")


def test_no_home(kind: str, checkpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(SettingError, match="set XDG_CACHE_HOME"):
        fetch(checkpoint(kind))
