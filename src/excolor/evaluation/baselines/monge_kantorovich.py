"""Color transfer by the linear map that moves colors least (Pitié and Kokaram 2007), in RGB as they do it."""

import numpy as np
from numpy.typing import NDArray

_FLAT = (0.5 / 255) ** 2  # variance of less than a step of 8 bits: nothing that could be spread

Doubles = NDArray[np.float64]


def monge_kantorovich(target: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float32]:
    """Give the target the mean and the covariance of the reference's colors.

    Of all linear maps that do so, T = Σᵤ^-½ (Σᵤ^½ Σᵥ Σᵤ^½)^½ Σᵤ^-½ is the one that changes colors least in the mean
    square (Monge's and Kantorovich's transport between Gaussians). Directions in which the target is flat stay flat,
    so that a gray target stays on a line of colors. What leaves [0, 1] is clipped.
    """
    colors, wanted = (picture.reshape(-1, 3).astype(np.float64) for picture in (target, reference))
    mean = colors.mean(0)
    moved = (colors - mean) @ _transport(_covariance(colors), _covariance(wanted)) + wanted.mean(0)
    result: NDArray[np.float32] = moved.clip(0, 1).astype(np.float32).reshape(target.shape)
    return result


def _transport(own: Doubles, wanted: Doubles) -> Doubles:
    """T (3, 3), symmetric, with T·own·T = wanted, from two covariances."""
    variances, axes = np.linalg.eigh(own)
    deviations = np.sqrt(variances.clip(0))
    root = (axes * deviations) @ axes.T
    inverse_root = (axes * np.where(variances > _FLAT, 1 / deviations.clip(_FLAT**0.5), 0)) @ axes.T
    middle_variances, middle_axes = np.linalg.eigh(root @ wanted @ root)
    middle = (middle_axes * np.sqrt(middle_variances.clip(0))) @ middle_axes.T
    transport: Doubles = inverse_root @ middle @ inverse_root
    return transport


def _covariance(colors: Doubles) -> Doubles:
    """(3, 3), divided by the number of colors (N, 3): one color alone has a covariance too, of zeros."""
    centered = colors - colors.mean(0)
    covariance: Doubles = centered.T @ centered / len(colors)
    return covariance
