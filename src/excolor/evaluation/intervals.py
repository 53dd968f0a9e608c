"""How sure a mean over pictures is, as if they were independent, which frames of one sequence are not."""

from collections.abc import Sequence

import numpy as np


def standard_error(values: Sequence[float]) -> float | None:
    """Of the mean of `values`; None for a single one, which tells nothing about spread."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else None


def half_width(error: float | None) -> float | None:
    """Of the 95 % interval of a mean with this standard error, under the normal distribution."""
    return None if error is None else 1.96 * error
