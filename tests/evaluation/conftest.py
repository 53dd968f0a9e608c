"""Small photographs in folders, as users have them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def blobs(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A soft picture in color, of (width, height)."""
    levels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(levels).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Four photographs in two folders, and three frames."""
    folder = tmp_path / "album"
    names = ("garden/1.png", "garden/2.png", "garden/10.png", "sea/1.png")
    frames = ("walk_frames/8.png", "walk_frames/9.png", "walk_frames/10.png")
    for i, name in enumerate((*names, *frames)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        blobs(i).save(path)
    return folder
