"""What all plots have in common: matplotlib, which may not be installed, and how lines and markers look."""

import io
from typing import TYPE_CHECKING

from excolor.errors import MissingPackageError, how_to_install

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colors, which people with any color vision can tell apart
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<")
"""One more than colors, so that 56 lines differ in one or the other."""
GRAY = "#808080"
"""For lines that are there for comparison only."""


def check_plotting() -> None:
    """Make sure that plots can be drawn; call it before long work whose end is a plot.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"plots need matplotlib, which is not installed; {how_to_install('plot', 'matplotlib')}"
        ) from error


def new_axes(width: float, height: float) -> "tuple[Figure, Axes]":
    """An empty figure of this size in inches, at 150 pixels per inch.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    check_plotting()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    return figure, figure.add_subplot()


def encoded(figure: "Figure", file_format: str) -> bytes:
    """The figure as a file, `png` or `svg`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=file_format)
    return buffer.getvalue()
