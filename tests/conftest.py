import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hub_server import Server, serving
from hypothesis import settings
from PIL import Image

from excolor import Colorizer, Stylizer

# The same examples in every run, so that a change fails or passes by itself, however busy the machine is;
# --hypothesis-profile default searches on
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="session")
def target() -> Path:
    """A gray photograph: a portrait."""
    return EXAMPLES / "target.jpg"


@pytest.fixture(scope="session")
def reference() -> Path:
    """A color photograph: another portrait."""
    return EXAMPLES / "reference.jpg"


@pytest.fixture(scope="session")
def colorizer() -> Colorizer:
    """The shipped model of the paper's topology, which knows every setting."""
    return Colorizer.load("lite", device="cpu")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def stylizer() -> Stylizer:
    return Stylizer.load(device="cpu")


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory, reference: Path) -> Path:
    """The reference, turned reddish."""
    pixels = np.asarray(Image.open(reference), np.float64) * (1.0, 0.72, 0.5)
    path = tmp_path_factory.mktemp("references") / "warm.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def cold(tmp_path_factory: pytest.TempPathFactory, reference: Path) -> Path:
    """The reference, turned bluish."""
    pixels = np.asarray(Image.open(reference), np.float64) * (0.55, 0.75, 1.0)
    path = tmp_path_factory.mktemp("references") / "cold.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def small(target: Path) -> Callable[..., Path]:
    """Writes a small gray photograph: another part of the target for every number."""

    def write(path: Path, number: int = 0, *, size: tuple[int, int] = (80, 64)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(target) as image:
            left, top = number * 13 % 300, number * 29 % 300
            image.convert("L").crop((left, top, left + 200, top + 160)).resize(size).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def draw_photos() -> Callable[[Path], Path]:
    """Makes a folder of four small pictures in color, to train on."""

    def draw(folder: Path) -> Path:
        folder.mkdir()
        rng = np.random.default_rng(1)
        for i in range(4):
            blobs = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
            blobs.resize((120, 100), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
        return folder

    return draw


@pytest.fixture
def photos(tmp_path: Path, draw_photos: Callable[[Path], Path]) -> Path:
    """A folder of four small pictures in color, to train on."""
    return draw_photos(tmp_path / "photos")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def machine(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without a model, whose hub is the server; the client takes its settings when it is imported."""
    import huggingface_hub
    from huggingface_hub import constants

    for name in ("EXCOLOR_WEIGHTS", "EXCOLOR_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", server.hub)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.hub + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1.0)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)
    for module in ("huggingface_hub.file_download", "huggingface_hub.utils._http"):  # the client is patient
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    yield tmp_path
    huggingface_hub.close_session()
