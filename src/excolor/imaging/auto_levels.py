"""Contrast for prints that have lost it, as the networks are to see them; the picture itself keeps its lightness."""

import numpy as np
import torch
from torch import Tensor

from excolor.imaging.working_size import Floats, NetworkInput

_BLACK, _WHITE = 0.01, 0.99  # shares of the pixels: a scratch or a mask's edge must not count for black or white
_MOST_GAIN = 8.0  # beyond it, it would be grain and rounding that is stretched


def with_auto_levels(seen: NetworkInput) -> Tensor:
    """The L (1, 1, h, w) of a picture from black to white, padded as `seen` is.

    The 1st percentile becomes 0 and the 99th 100, but nothing is stretched more than eightfold: of a picture with even
    less contrast the mean of the two becomes 50. What is transparent counts for neither.
    """
    lightness = seen.to_array(seen.tensor)
    counted = lightness.ravel() if seen.visible is None else lightness[seen.to_array(seen.visible) > 0]
    black, white = _quantiles(counted, (_BLACK, _WHITE))
    gain = min(100 / max(white - black, 1e-6), _MOST_GAIN)
    middle = (black + white) / 2
    stretched: Tensor = (seen.tensor - middle) * gain + 50
    return stretched.clamp(0, 100)


def _quantiles(values: Floats, shares: tuple[float, ...]) -> list[float]:
    """What torch.quantile computes, bit for bit, of any number of values: in torch 2.6 it refuses more than 2^24."""
    ranks = torch.tensor(shares) * (values.size - 1)
    below, above = ranks.floor().long(), ranks.ceil().long()
    ordered = torch.from_numpy(np.partition(values, torch.cat((below, above)).tolist()))
    quantiles: list[float] = torch.lerp(ordered[below], ordered[above], ranks - below).tolist()
    return quantiles
