from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import COMMIT, REPOSITORY, Server
from weight_manifests import CONTENT, FILE, describe

from excolor.weights import Checkpoint, Hub, Url


@pytest.fixture(autouse=True)
def bare(machine: Path) -> Path:
    """No test here sees the files or the network of the machine that it runs on."""
    return machine


@pytest.fixture(params=["hub", "url"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def checkpoint(server: Server) -> Callable[..., Checkpoint]:
    """Serves a file, and describes it; by default it is what the manifest says it is."""

    def make(kind: str, content: bytes = CONTENT, *, served: bytes | None = None) -> Checkpoint:
        served = content if served is None else served
        if kind == "url":
            return describe(FILE, content, Url(server.put(FILE, served)))
        server.publish(FILE, served)
        return describe(FILE, content, Hub(REPOSITORY, COMMIT, FILE))

    return make
