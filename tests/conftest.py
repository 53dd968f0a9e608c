from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from excolor import Colorizer

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
    """The shipped default model."""
    return Colorizer.load(device="cpu")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of four small pictures in color, to train on."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for i in range(4):
        blobs = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        blobs.resize((120, 100), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folder
