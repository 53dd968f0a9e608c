"""Some tensors of a large file: no more of it is read, and a server that misbehaves is noticed."""

import hashlib
import json
import random
from collections.abc import Callable

import pytest
import torch
from hub_server import COMMIT, REPOSITORY, Fault, Server
from safetensors.torch import load, save

from excolor.errors import DownloadError
from excolor.weights import Hub
from excolor.weights.ranges import fetch_tensors

FILE = "model.safetensors"
SOURCE = Hub(REPOSITORY, COMMIT, FILE)
TENSORS = {
    "a": torch.rand(3, 5),
    "b": torch.rand(7).half(),
    "c": torch.zeros(500_000),
    "d": torch.rand(2, 2).bfloat16(),
    "e": torch.zeros(500_000),
}
CONTENT = save(TENSORS)
BODY = f"/blob/{hashlib.sha256(CONTENT).hexdigest()}"  # where the hub sends who asks for the file
HEADER = 8 + int.from_bytes(CONTENT[:8], "little")


def check(found: bytes, *names: str) -> None:
    torch.testing.assert_close(load(found), {name: TENSORS[name] for name in names}, rtol=0, atol=0)


def test_only_what_is_asked_for_is_read(server: Server) -> None:
    server.publish(FILE, CONTENT)
    told = []
    check(fetch_tensors(SOURCE, ["b", "a", "d"], lambda *numbers: told.append(numbers)), "a", "b", "d")
    total = sum(TENSORS[name].nbytes for name in "abd")
    assert told[-1] == (total, total)
    ranges = [request.range for request in server.bodies()]
    read = [[int(end) for end in asked.removeprefix("bytes=").split("-")] for asked in ranges]
    assert sum(last - first + 1 for first, last in read) == HEADER + total


def test_tensors_side_by_side_are_read_together(server: Server) -> None:
    server.publish(FILE, save({name: torch.rand(4) for name in "vwxyz"}))
    fetch_tensors(SOURCE, ["w", "x", "y"])
    assert len(server.bodies()) == 3  # size of the header, header, tensors


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([Fault(status=429)], id="429"),
        pytest.param([Fault(), Fault(status=503)], id="503"),
        pytest.param([Fault(), Fault(), Fault(cut_after=10)], id="cut"),
        pytest.param([Fault(silent_after=3)], id="silent"),
    ],
)
def test_faults_that_pass(server: Server, faults: list[Fault]) -> None:
    server.publish(FILE, CONTENT)
    server.fail(BODY, *faults)
    check(fetch_tensors(SOURCE, ["a", "d"]), "a", "d")
    assert len(server.bodies()) == 4 + 1  # size of the header, header, two tensors apart


@pytest.mark.parametrize(
    ("path", "fault", "said"),
    [
        pytest.param(FILE, Fault(status=401, error_code="RepoNotFound"), "401", id="401"),
        pytest.param(FILE, Fault(status=404, error_code="EntryNotFound"), "404", id="404"),
        pytest.param(BODY, Fault(status=500), "500", id="500"),
        pytest.param(BODY, Fault(ignore_range=True), "part that was asked for", id="ranges are not known"),
        pytest.param(BODY, Fault(wrong_range=True), "part that was asked for", id="another range"),
        pytest.param(BODY, Fault(cut_after=3), "cut", id="cut for ever"),
    ],
)
def test_faults_that_stay(server: Server, path: str, fault: Fault, said: str) -> None:
    server.publish(FILE, CONTENT)
    server.fail(path, always=fault)
    with pytest.raises(DownloadError, match=said):
        fetch_tensors(SOURCE, ["a"])


def _entry(**changes: object) -> Callable[[], bytes]:
    def content() -> bytes:
        header = json.loads(CONTENT[8:HEADER])
        header["a"] |= changes
        written = json.dumps(header).encode()
        return len(written).to_bytes(8, "little") + written + CONTENT[HEADER:]

    return content


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: random.Random(0).randbytes(10_000), id="noise"),
        pytest.param(lambda: (9).to_bytes(8, "little") + b"[1, 2, 3]" + bytes(99), id="a list"),
        pytest.param(lambda: (10**6).to_bytes(8, "little") + b"[" * 10**6, id="nesting"),
        pytest.param(lambda: save({"other": torch.zeros(1)}), id="other tensors"),
        pytest.param(_entry(dtype="F64"), id="another type"),
        pytest.param(_entry(dtype=["F32"]), id="no type"),
        pytest.param(_entry(shape=[3, 6]), id="another shape"),
        pytest.param(_entry(shape=[-3, -5]), id="negative sides"),
        pytest.param(_entry(shape=[3.0, 5]), id="sides that are no numbers"),
        pytest.param(_entry(shape=[2**40, 1], data_offsets=[0, 2**42]), id="a terabyte"),
        pytest.param(_entry(shape=[0, 2**64], data_offsets=[0, 0]), id="nothing, times more than can be counted"),
        pytest.param(_entry(data_offsets=[10**9, 10**9 + 60]), id="behind the end"),
        pytest.param(_entry(data_offsets=[60, 0]), id="backwards"),
        pytest.param(_entry(data_offsets=[0]), id="one end"),
    ],
)
def test_another_file(server: Server, content: Callable[[], bytes]) -> None:
    server.publish(FILE, content())
    with pytest.raises(DownloadError):
        fetch_tensors(SOURCE, ["a", "b"])
