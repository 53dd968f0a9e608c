"""How good a colored picture is: numbers that other tools compute in the same way.

Pictures are (H, W, 3) float arrays of sRGB in [0, 1].
"""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating]


def psnr(found: Image, wanted: Image) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; infinite for equal pictures."""
    error = float(np.mean((found.astype(np.float64) - wanted) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def colorfulness(image: Image) -> float:
    """The colorfulness M3 of Hasler & Süsstrunk 2003, on their scale of 8-bit values (0 gray, 33 moderate, 82 high)."""
    r, g, b = np.moveaxis(image.astype(np.float64) * 255, -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))
