"""Which colors of hints sRGB does not have at the lightness of the picture, spot by spot."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from excolor.hints.colors import hex_of
from excolor.imaging.color import colored, rgb_to_lab

Doubles = NDArray[np.float64]

_OUT_OF_GAMUT = 6.0  # ab units that a color has to lose before it is worth a note
_BIN = 4.0  # ab units: side of the squares in which colors are counted
_BINS = 80  # along each axis: ab up to 160 either way
_ONE_COLOR = 12.0  # ab units around a frequent color: what a brush with soft edges leaves of it


@dataclass(frozen=True)
class UnshownSpot:
    """A spot most of which would lose much of its color.

    Attributes:
        middle: row and column of the cell in its middle.
        nearest: what can be shown instead, as #rrggbb: of a cell such that as many lose less as lose more.
    """

    middle: tuple[int, int]
    nearest: str


def unshown(
    cells: NDArray[np.int64],
    ab: Doubles,
    spots: NDArray[np.int64],
    lightness: NDArray[np.float32],
    grid: tuple[int, int],
) -> list[UnshownSpot]:
    """The spots whose color sRGB lacks at the picture's lightness, the largest first.

    Args:
        cells: flat indices in the grid, (n,).
        ab: of each, (n, 2).
        spots: to which spot each belongs, (n,) from 0.
        lightness: L of each, (n,) in [0, 100].
        grid: (h, w).
    """
    wanted = torch.from_numpy(ab.T[:, None].copy())
    shown = colored(torch.from_numpy(lightness.astype(np.float64))[None, None], wanted)
    lost = (rgb_to_lab(shown)[1:] - wanted).norm(dim=0)[0].numpy()
    number = np.bincount(spots)
    too_much = np.flatnonzero(2 * np.bincount(spots, lost >= _OUT_OF_GAMUT) > number)
    order, end = np.lexsort((lost, spots)), np.cumsum(number)
    found = []
    for spot in too_much[np.argsort(-number[too_much], kind="stable")]:
        own = order[end[spot] - number[spot] : end[spot]]
        places = np.column_stack(np.divmod(cells[own], grid[1]))
        row, column = places[np.square(places - places.mean(0)).sum(1).argmin()].tolist()
        nearest = shown[:, 0, own[len(own) // 2]].tolist()
        found.append(UnshownSpot((row, column), hex_of(tuple(nearest))))
    return found


def spots_of_one_color(cells: NDArray[np.int64], ab: Doubles, grid: tuple[int, int]) -> NDArray[np.int64]:
    """To which spot each cell of a painted layer belongs, (n,) from 0: cells of about one color that touch.

    `cells` (n,) are flat indices in a grid (h, w), and `ab` (n, 2) their colors.
    """
    spots = np.empty(len(cells), np.int64)
    number = 0
    for same in _colors(ab):
        mask = np.zeros(grid, np.uint8)
        mask.reshape(-1)[cells[same]] = 1
        count, labels = cv2.connectedComponents(mask, connectivity=8)
        spots[same] = labels.reshape(-1)[cells[same]] - 1 + number
        number += count - 1
    return spots


def _colors(ab: Doubles) -> Iterator[NDArray[np.intp]]:
    """The places in `ab` (n, 2) of each color: the most frequent one and those close to it, then of what is left."""
    column, row = (ab / _BIN + _BINS // 2).astype(np.int64).clip(0, _BINS - 1).T
    bins = row * _BINS + column
    number = np.bincount(bins, minlength=_BINS**2)
    middle_row, middle_column = np.divmod(np.arange(_BINS**2), _BINS)
    color = np.full(_BINS**2, -1)
    colors = 0
    for frequent in np.argsort(-number, kind="stable")[: np.count_nonzero(number)]:
        if color[frequent] >= 0:
            continue
        distance = np.hypot(middle_row - middle_row[frequent], middle_column - middle_column[frequent]) * _BIN
        color[(distance <= _ONE_COLOR) & (color < 0)] = colors
        colors += 1
    of_cells = color[bins]
    order = np.argsort(of_cells, kind="stable")
    return iter(np.split(order, np.cumsum(np.bincount(of_cells, minlength=colors))[:-1]))
