"""Batches from and to object stores: the same bytes as from and to folders."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from side_by_side import ONE_CORE, side_by_side

from excolor.cli.main import main
from excolor.photo.files import remove_unfinished

Write = Callable[..., Path]

OPTIONS = ("-r", "--working-size", "32")


@pytest.fixture
def scans(tmp_path: Path, small: Write) -> Path:
    """Pictures, and what is passed over."""
    folder = tmp_path / "scans"
    for number in range(4):
        small(folder / f"box{number % 2}/{number}.png", number)
    small(folder / "box0/.hidden.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def run(*arguments: object, command: str = "colorize") -> Result:
    return CliRunner().invoke(main, [command, *map(str, arguments), *OPTIONS])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def local(scans: Path, reference: Path, tmp_path: Path) -> dict[str, bytes]:
    """The results in a folder."""
    result = run(scans, "--ref", reference, "-o", tmp_path / "local")
    assert result.exit_code == 0, result.output
    return contents(tmp_path / "local")


@pytest.fixture
def memory(scans: Path, reference: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scans and the reference in fsspec's store in memory, in the place of Google's."""
    module: Any = pytest.importorskip("fsspec.implementations.memory", reason="fsspec is not installed")
    registry: Any = pytest.importorskip("fsspec.registry")

    class Store(module.MemoryFileSystem):  # type: ignore[misc]
        protocol = "gs"
        store: ClassVar[dict[str, Any]] = {}
        pseudo_dirs: ClassVar[list[str]] = [""]

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return str(super()._strip_protocol(path.replace("gs://", "memory://")))

    monkeypatch.setitem(registry._registry, "gs", Store)
    store = Store()
    for name, content in contents(scans).items():
        store.pipe_file(f"/scans/{name}", content)
    store.pipe_file("/refs/reference.jpg", reference.read_bytes())
    return store


def found(store: Any) -> dict[str, bytes]:
    return {name.removeprefix("/out/"): store.cat_file(name) for name in store.find("/out")}


def test_a_store_is_like_a_folder(memory: Any, local: dict[str, bytes], tmp_path: Path) -> None:
    command = ("gs://scans/", "--ref", "gs://refs/", "-o", "gs://out/")
    report = tmp_path / "run.json"
    result = run(*command, "--report", report)
    assert result.exit_code == 0, result.output
    assert sorted(result.stdout.splitlines()) == sorted(f"gs://out/{name}" for name in local)
    assert found(memory) == local
    files = json.loads(report.read_text())["files"]
    assert files[0]["input"] == "gs://scans/box0/0.png"
    assert {file["reference"] for file in files} == {"gs://refs/reference.jpg"}

    again = run(*command)
    assert again.exit_code == 1
    assert "gs://out/box0/0-color.png exists already: replace it" in again.stderr
    memory.rm("/out/box0/0-color.png")
    rest = run(*command, "--skip-existing")
    assert rest.exit_code == 0
    assert rest.stdout.splitlines() == ["gs://out/box0/0-color.png"]
    assert "1 written, 3 skipped" in rest.stderr
    assert found(memory) == local


@pytest.mark.parametrize("options", [(), ("--skip-existing",)])
def test_a_store_that_fails_for_one_result_fails_that_one(
    memory: Any, local: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Also if it does not say whether it has the result after all."""
    store, bad = type(memory), "gs://out/box0/2-color.png"
    put, real_exists = store.put_file, store.exists

    def put_file(self: Any, here: str, there: str, **more: Any) -> None:
        if there.endswith("2-color.png"):
            raise ConnectionError("503 slow down")
        put(self, here, there, **more)

    def exists(self: Any, path: str, **more: Any) -> bool:
        if path.endswith("2-color.png"):
            raise ConnectionError("503 slow down")
        return bool(real_exists(self, path, **more))

    monkeypatch.setattr(store, "put_file", put_file)
    monkeypatch.setattr(store, "exists", exists)
    result = run("gs://scans/", "--ref", "gs://refs/", "-o", "gs://out/", *options)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    assert "3 written, 1 failed" in result.stderr
    assert f"{bad}: 503 slow down" in result.stderr
    assert found(memory) == {name: local[name] for name in local if not bad.endswith(name)}


def test_a_command_that_ends_at_once_leaves_no_result_in_temporary_files(
    memory: Any, scans: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a second Ctrl-C does it while results are uploaded."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    left: list[list[Path]] = []

    def put_file(_: Any, here: str, there: str, **more: Any) -> None:
        assert Path(here).is_relative_to(temporary)
        remove_unfinished()
        left.append(list(temporary.iterdir()))

    monkeypatch.setattr(type(memory), "put_file", put_file)
    result = run(scans, "--ref", reference, "-o", "gs://out/", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert left == [[]] * 4


def test_shards_and_lists_of_addresses(memory: Any, local: dict[str, bytes], tmp_path: Path) -> None:
    bad = "/scans/box1/1.png"
    content = memory.cat_file(bad)
    memory.pipe_file(bad, b"no picture")
    options = ("--ref", "gs://refs/reference.jpg", "-o", "gs://out/")
    codes = [
        run("gs://scans/", *options, "--shard", f"{number}/2", "--report", tmp_path / "run.json").exit_code
        for number in (1, 2)
    ]
    assert sorted(codes) == [0, 1]
    retry = tmp_path / "retry.txt"
    reports = sorted(map(str, tmp_path.glob("run-*.json")))
    CliRunner().invoke(main, ["report", "merge", *reports, "--retry", str(retry)])
    assert retry.read_text().splitlines()[1:] == ["gs://scans/box1/1.png"]
    memory.pipe_file(bad, content)
    assert run(f"@{retry}", "--root", "gs://scans/", *options).exit_code == 0
    assert found(memory) == local


def test_from_a_store_to_a_folder_and_back(
    memory: Any, local: dict[str, bytes], scans: Path, reference: Path, tmp_path: Path
) -> None:
    assert run("gs://scans/", "--ref", reference, "-o", tmp_path / "out").exit_code == 0
    assert contents(tmp_path / "out") == local
    assert run(scans, "--ref", "gs://refs/reference.jpg", "-o", "gs://out/").exit_code == 0
    assert found(memory) == local


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("@gs://refs/list.txt", "--ref", "gs://refs/"), 2, "@gs://refs/list.txt: lists are read on this machine"),
        (("gs://scans/", "--ref", "gs://refs/", "--hints", "gs://refs/h/"), 2, "gs://refs/h: hints are read on this"),
        (("gs://scans/", "--ref", "gs://refs/", "--report", "gs://b/r.json"), 2, "gs://b/r.json is an address"),
        (("gs://scans/box0/absent.png", "--ref", "gs://refs/"), 1, "absent.png: there is no such file"),
        (("gs://empty/", "--ref", "gs://refs/"), 1, "gs://empty: there is no such folder; check its"),
        (("gs://scans/", "--ref", "gs://empty/"), 1, "gs://empty: there is no such file; check its"),
        (("gs://scans/", "--ref", "gs://refs/absent.jpg"), 1, "refs/absent.jpg: there is no such file"),
        (("gs://scans/", "--ref", "gs://refs/", "--report", "s3://b/run.json"), 2, "written on this machine"),
        (("gs://scans/", "--ref", "gs://refs/", "--save-stages", "s3://b/s"), 2, "written on this machine"),
    ],
)
def test_mistakes_are_told_in_a_sentence(memory: Any, arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run(*arguments, "-o", "gs://out/")
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())
    assert found(memory) == {}


def test_styles_and_masks_are_addresses_like_all_else(
    memory: Any, reference: Path, scans: Path, tmp_path: Path
) -> None:
    content = scans / "box0/0.png"
    for picture, mask in ((content, "/masks/0.png"), (reference, "/mask.png")):
        labels = BytesIO()
        with Image.open(picture) as image:
            Image.new("L", image.size, 7).save(labels, "PNG")
        memory.pipe_file(mask, labels.getvalue())
    local = run(content, reference, "-o", tmp_path / "local.png", command="stylize")
    assert local.exit_code == 0, local.output
    stored = run("gs://scans/box0/0.png", "gs://refs/reference.jpg", "-o", "gs://out/", command="stylize")
    assert stored.exit_code == 0, stored.output
    assert found(memory) == {"0-styled.png": (tmp_path / "local.png").read_bytes()}

    masks = ("--content-mask", "gs://masks/", "--style-mask", "gs://mask.png")
    style = ("--style", "gs://refs/reference.jpg:0.7", *masks)
    masked = run("gs://scans/box0/0.png", *style, "-o", "gs://out/masked.png", command="stylize")
    assert masked.exit_code == 0, masked.output
    assert "masked.png" in found(memory)
    absent = run(content, "gs://refs/absent.jpg", "-o", "gs://out/a.png", command="stylize")
    assert absent.exit_code == 1
    assert "cannot read gs://refs/absent.jpg: there is no such file" in absent.stderr


def test_no_result_replaces_a_reference_in_a_store(memory: Any, scans: Path) -> None:
    before = memory.cat_file("/refs/reference.jpg")
    same = run(scans / "box0/0.png", "--ref", "gs://refs/", "-o", "gs://refs/reference.jpg", "--force")
    assert same.exit_code == 1
    assert "gs://refs/reference.jpg is an input and would be replaced" in same.stderr
    assert memory.cat_file("/refs/reference.jpg") == before


def test_slashes_in_a_row_are_part_of_a_name(memory: Any, scans: Path, tmp_path: Path) -> None:
    """And nothing in a name leads out of the folder of results."""
    picture = (scans / "box0/0.png").read_bytes()
    for name in ("/keys//first.png", "/keys/box//second.png", "/keys/../outside.png"):
        memory.pipe_file(name, picture)
    out = tmp_path / "deep" / "out"
    result = run("gs://keys/", "--ref", "gs://refs/", "-o", out)
    assert result.exit_code == 0, result.output
    assert contents(tmp_path / "deep").keys() == {"out/first-color.png", "out/box/second-color.png"}
    (tmp_path / "list.txt").write_text("gs://keys/box//second.png\n")
    listed = run(f"@{tmp_path}/list.txt", "--root", "gs://keys/", "--ref", "gs://refs/", "-o", "gs://out/")
    assert listed.exit_code == 0, listed.output
    assert list(found(memory)) == ["box/second-color.png"]


def test_results_are_not_lost_with_the_memory_of_the_command(scans: Path, reference: Path) -> None:
    result = run(scans, "--ref", reference, "-o", "memory://out/")
    assert result.exit_code == 2
    assert "memory:// is this command's own memory, and ends with it" in " ".join(result.stderr.split())


def test_a_signed_link_is_asked_for_to_the_letter_and_kept_to_itself(
    reference: Path, scans: Path, tmp_path: Path
) -> None:
    """Its name is that of its path, and no signature is shown or recorded."""
    pytest.importorskip("aiohttp")
    asked: list[str] = []
    pictures = {"/p2.jpg": reference, "/ref.jpg": reference, "/x/ref.jpg": reference, "/old%20scan.jpg": reference}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            path = self.path.partition("?")[0]
            self.send_response(200 if path in pictures else 403)
            self.end_headers()
            if path in pictures:
                self.wfile.write(pictures[path].read_bytes())

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        web = f"http://127.0.0.1:{server.server_port}"
        secrets = ("Sig1=ab//cd%2Fe+f", "Sig2=a/b::c", "Sig3=c/b")
        target, first, second = (
            f"{web}/{name}?{secret}" for name, secret in zip(("p2.jpg", "ref.jpg", "x/ref.jpg"), secrets, strict=True)
        )
        report, out = tmp_path / "run.json", tmp_path / "out"
        options = ("--treat-as-gray", "--report", report, "-o", f"{out}/")
        result = run(target, "--ref", first, "--ref", second, *options)
        assert result.exit_code == 0, result.output
        assert set(asked) >= {f"/p2.jpg?{secrets[0]}", f"/ref.jpg?{secrets[1]}", f"/x/ref.jpg?{secrets[2]}"}
        assert list(contents(out)) == ["p2-color.jpg"]
        assert json.loads(report.read_text())["files"][0]["input"] == f"{web}/p2.jpg?…"
        refused = run(f"{web}/refused.jpg?Sig4=x", "--ref", reference, "-o", f"{out}/")
        assert refused.exit_code == 1 and f"cannot read {web}/refused.jpg?…: 403" in refused.stderr
        spaces = run(f"{web}/old scan.jpg", "--treat-as-gray", "--ref", reference, "-o", f"{out}/")
        assert spaces.exit_code == 0, spaces.output
        seen = (
            result.output + report.read_text() + refused.output + (out / "p2-color.jpg").read_bytes().decode("latin-1")
        )
        assert "Sig" not in seen.replace("Signature", "")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving(folder: Path, *command: str) -> Iterator[str]:
    """A server on this machine, which is a module of Python that takes {port}; its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    python = [sys.executable, "-m", *(word.format(port=port) for word in command)]
    process = subprocess.Popen(python, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        for _ in range(300):
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def apart(folder: Path, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`excolor colorize` in a process of its own, whose client of the store finds these variables."""
    command = [sys.executable, "-m", "excolor", "colorize", *arguments, *OPTIONS]
    variables = {**os.environ, **ONE_CORE, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False, cwd=folder)


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[str]:
    """An S3 server; its address."""
    with serving(tmp_path, "moto.server", "-H", "127.0.0.1", "-p", "{port}") as address:
        yield address


@pytest.fixture
def google_server(tmp_path: Path) -> Iterator[str]:
    """A server like Google Cloud Storage, with a bucket; its address."""
    options = ("--host=127.0.0.1", "--port={port}", "--in-memory", "--default-bucket=bucket")
    with serving(tmp_path, "gcp_storage_emulator", "start", *options) as address:
        yield address


@pytest.mark.skipif(
    find_spec("moto") is None or find_spec("s3fs") is None, reason="no S3 here: pip install 's3fs' 'moto[server]'"
)
def test_s3_is_like_a_folder(
    s3_server: str, scans: Path, reference: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    import s3fs

    server = s3_server
    store = s3fs.S3FileSystem(key="a", secret="b", endpoint_url=server, use_listings_cache=False)
    store.mkdir("bucket")
    for name, content in contents(scans).items():
        store.pipe_file(f"bucket/scans/{name}", content, ACL="public-read")
    store.pipe_file("bucket/refs/reference.jpg", reference.read_bytes(), ACL="public-read")
    access = {"AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    excolor = partial(apart, tmp_path, {**access, "AWS_DEFAULT_REGION": "us-east-1"})
    command = ("s3://bucket/scans/", "--ref", "s3://bucket/refs/", "-o", "s3://bucket/out/", "--skip-existing")
    done = excolor(*command)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(f"s3://bucket/out/{name}" for name in local)
    assert {name: store.cat_file(f"bucket/out/{name}") for name in local} == local

    store.pipe_file("bucket/keys//9.png", (scans / "box0/0.png").read_bytes())
    refs = ("--ref", "s3://bucket/refs/")
    web_ref = ("--ref", f"{server}/bucket/refs/reference.jpg")
    again, double, web, missing, unwritten = side_by_side(
        lambda: excolor(*command),
        lambda: excolor("s3://bucket/keys/", *refs, "-o", "s3://bucket/out/"),
        lambda: excolor(f"{server}/bucket/scans/box0/0.png", *web_ref, "-o", "web.png"),
        lambda: excolor("s3://absent/scans/", *refs, "-o", "s3://bucket/out/"),
        lambda: excolor("s3://bucket/scans/box0/0.png", *refs, "-o", "s3://absent/out/"),
    )
    assert "4 skipped" in again.stderr
    assert double.stdout.splitlines() == ["s3://bucket/out/9-color.png"], double.stderr
    assert web.returncode == 0, web.stderr
    assert (tmp_path / "web.png").read_bytes() == local["box0/0-color.png"]
    assert missing.returncode == 1
    assert len(missing.stderr.splitlines()) == 1, missing.stderr
    assert unwritten.returncode == 1
    assert "cannot write s3://absent/out/0-color.png: there is no such bucket" in unwritten.stderr
    assert "Traceback" not in unwritten.stderr


@pytest.mark.skipif(
    find_spec("gcp_storage_emulator") is None or find_spec("gcsfs") is None,
    reason="no Google Cloud Storage here: pip install gcsfs gcp-storage-emulator",
)
def test_google_cloud_storage_is_like_a_folder(
    google_server: str, scans: Path, reference: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    def put(name: str, content: bytes) -> None:
        query = f"uploadType=media&name={quote(name, safe='')}"
        urlopen(f"{google_server}/upload/storage/v1/b/bucket/o?{query}", content).close()

    def got(name: str) -> bytes:
        with urlopen(f"{google_server}/download/storage/v1/b/bucket/o/{quote(name, safe='')}?alt=media") as answer:
            return bytes(answer.read())

    for name, content in contents(scans).items():
        put(f"scans/{name}", content)
    put("refs/reference.jpg", reference.read_bytes())
    put("scans/box0/bad.png", b"no picture")
    # The server speaks no gRPC, by which the kind of a bucket is asked for
    access = {"STORAGE_EMULATOR_HOST": google_server, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    excolor = partial(apart, tmp_path, access)

    command = ("gs://bucket/scans/", "--ref", "gs://bucket/refs/", "-o", "gs://bucket/out/", "--skip-existing")
    done = excolor(*command)
    assert done.returncode == 1
    assert "cannot read gs://bucket/scans/box0/bad.png" in done.stderr and "Traceback" not in done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(f"gs://bucket/out/{name}" for name in local)
    assert {name: got(f"out/{name}") for name in local} == local
    assert "4 skipped, 1 failed" in excolor(*command).stderr

    missing = excolor("gs://absent/scans/", "--ref", "gs://bucket/refs/", "-o", "gs://bucket/out/")
    assert missing.returncode == 1
    assert missing.stderr.startswith("Error: cannot look into gs://absent/scans: there is no such folder")
    assert len(missing.stderr.splitlines()) == 1, missing.stderr
    unwritten = excolor("gs://bucket/scans/box0/0.png", "--ref", "gs://bucket/refs/", "-o", "gs://absent/out/")
    assert unwritten.returncode == 1
    assert "cannot write gs://absent/out/0-color.png: there is no such bucket" in unwritten.stderr
    assert "Traceback" not in unwritten.stderr
