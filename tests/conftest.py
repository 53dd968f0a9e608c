from pathlib import Path

import numpy as np
import pytest

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
