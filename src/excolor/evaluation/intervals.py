"""How certain a mean over pictures is, if they are independent, which frames of one sequence are not."""

from collections.abc import Sequence

import numpy as np


def standard_error(values: Sequence[float]) -> float | None:
    """The standard error of the mean of `values`; None for a single value, which has no spread."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else None


def half_width(error: float | None) -> float | None:
    """Half the width of the 95 % interval of a mean with this standard error, under the normal distribution."""
    return None if error is None else 1.96 * error
