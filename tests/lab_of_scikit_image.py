"""Lab by a second source, for tests."""

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.color import rgb2lab


def lightness(pixels: np.ndarray) -> np.ndarray:
    """L by scikit-image."""
    unit = pixels.astype(np.float64) / (1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max)
    return rgb2lab(unit if unit.ndim == 3 else np.dstack([unit] * 3))[..., 0]


def mean_lab(path: Path) -> np.ndarray:
    return rgb2lab(np.asarray(Image.open(path).convert("RGB")) / 255).mean((0, 1))
