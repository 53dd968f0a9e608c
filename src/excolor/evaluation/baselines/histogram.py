"""Color transfer by matching histograms channel by channel (Gonzalez and Woods, Digital Image Processing, 3.3.2)."""

import numpy as np
from numpy.typing import NDArray


def match_histogram(target: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float32]:
    """Give each of red, green and blue in the target the distribution that it has in the reference.

    A level becomes the reference's level of the same quantile, interpolated between those that occur; a channel with
    one level has no quantiles, and becomes the reference's highest, as in scikit-image.
    """
    channels = [_match(target[..., i], reference[..., i]) for i in range(target.shape[-1])]
    return np.stack(channels, axis=-1)


def _match(target: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float32]:
    _, places, counts = np.unique(target.ravel(), return_inverse=True, return_counts=True)
    wanted, wanted_counts = np.unique(reference.ravel(), return_counts=True)
    quantiles = np.cumsum(counts) / target.size
    levels = np.interp(quantiles, np.cumsum(wanted_counts) / reference.size, wanted)
    matched: NDArray[np.float32] = levels.astype(np.float32)[places].reshape(target.shape)
    return matched
