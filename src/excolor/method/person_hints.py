"""Hints of a person on the grid that the networks see, and what cannot be shown of them.

A grid cell is a pixel of the working size. Spots are never enlarged by averaging, and none is lost by it: every spot
keeps at least one cell, however small it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from excolor.hints import Hint, HintLayer
from excolor.hints.colors import Rgb
from excolor.imaging.color import ab_to_network, rgb_to_lab
from excolor.imaging.strips import strips
from excolor.imaging.working_size import NetworkInput, to_unit
from excolor.method.hint_gamut import spots_of_one_color, unshown
from excolor.method.hints import Hints

AnyHint: TypeAlias = Hint | HintLayer

_COVERED = 0.5  # of a cell, from which on it belongs to a painted spot
_MIXED = (
    10.0  # ab units, deviation within a cell, from which on it is the edge between two paints and no color of its own
)
_MOST_NOTED = 5  # spots of a layer whose color cannot be had; the others are counted

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Spot:
    """The cells of one hint.

    Attributes:
        cells: their flat indices in a grid (h, w), (n,).
        ab: of each, (n, 2) or one for all, (1, 2).
        mixed: whether it is a mean of paints of different colors, (n,) or one for all, (1,).
    """

    cells: NDArray[np.int64]
    ab: Doubles
    mixed: NDArray[np.bool_]


def rasterize(hints: Sequence[AnyHint], size: tuple[int, int], seen: NetworkInput) -> tuple[Hints, tuple[str, ...]]:
    """Hints for the networks, and notes about those whose color cannot be had. Of hints that overlap the last counts.

    Args:
        hints: at least one.
        size: (height, width) of the picture, to which pixel coordinates refer.
        seen: its L as the networks see it.

    Returns:
        Hints of batch size 1 whose mask is 1 where there is a hint, on the device of `seen`; and for each point and
        each spot of a layer whose color sRGB lacks at the lightness that the picture has there, a sentence. Of a layer
        with many such spots the largest are named and the others counted.

    Raises:
        HintError: a hint lies outside the picture, or a layer has another aspect ratio.
    """
    height, width = seen.size
    lightness = seen.to_array(seen.tensor)[..., 0].reshape(-1)
    ab, mask = np.zeros((height * width, 2)), np.zeros(height * width)
    notes: list[str] = []
    for hint in hints:
        spot = _spot(hint, size, seen.size)
        ab[spot.cells], mask[spot.cells] = spot.ab, 1
        notes += _gamut_notes(hint, spot, lightness[spot.cells], seen.size)
    full = torch.zeros((1, 3, *seen.tensor.shape[2:]))
    maps = torch.from_numpy(np.column_stack((ab, mask)).reshape(height, width, 3)).float()
    full[0, :, :height, :width] = maps.permute(2, 0, 1)
    full = full.to(seen.tensor.device)
    return Hints(ab_to_network(full[:, :2]), full[:, 2:]), tuple(notes)


def _spot(hint: AnyHint, size: tuple[int, int], grid: tuple[int, int]) -> Spot:
    return _painted(hint, size, grid) if isinstance(hint, HintLayer) else _disc(hint, size, grid)


def _disc(hint: Hint, size: tuple[int, int], grid: tuple[int, int]) -> Spot:
    """The cells whose middle lies within the radius of a point, and always the one that the point lies in."""
    height, width = grid
    x, y = hint.place(size)
    column, row = x * width, y * height
    radius = hint.radius_of(size) * min(grid)
    rows, columns = (
        np.arange(max(0, int(middle - radius - 1)), min(extent, int(middle + radius + 2)))
        for middle, extent in ((row, height), (column, width))
    )
    inside = (rows[:, None] + 0.5 - row) ** 2 + (columns + 0.5 - column) ** 2 <= radius**2
    cells = (rows[:, None] * width + columns)[inside]
    own = min(int(row), height - 1) * width + min(int(column), width - 1)
    return Spot(np.union1d(cells, own), _ab_of(np.array([hint.rgb])), np.zeros(1, bool))


def _painted(layer: HintLayer, size: tuple[int, int], grid: tuple[int, int]) -> Spot:
    """The cells that a layer covers by half, and of each spot that covers none so far the one that it covers most.

    Colors are means of ab, weighted by alpha; colors of RGB are never mixed.
    """
    layer.check_fits(size)
    assert layer.photo.alpha is not None
    alpha, pixels = (_at_least(grid, plane) for plane in (layer.photo.alpha, layer.photo.pixels))
    places = [_cell_of(own, cells) for own, cells in zip(alpha.shape, grid, strict=True)]
    total = grid[0] * grid[1]
    sums, squares, cover = np.zeros((2, total)), np.zeros(total), np.zeros(total)
    for rows, (down, across), weight, cells in _opaque(alpha, places, grid[1]):
        ab = _ab_of(pixels[rows][down, across])
        cover += np.bincount(cells, weight, total)
        sums += [np.bincount(cells, weight * channel, total) for channel in ab.T]
        squares += np.bincount(cells, weight * np.square(ab).sum(1), total)
    pixels_of_cells = np.outer(*(np.bincount(place, minlength=n) for place, n in zip(places, grid, strict=True)))
    kept = cover / pixels_of_cells.reshape(-1) >= _COVERED
    kept[_cells_of_lost_spots(alpha, places, grid[1], kept)] = True
    cells = np.flatnonzero(kept)
    mean = (sums[:, cells] / cover[cells]).T
    variance = squares[cells] / cover[cells] - np.square(mean).sum(1)
    return Spot(cells, mean, variance > _MIXED**2)


def _cells_of_lost_spots(
    alpha: np.ndarray, places: Sequence[NDArray[np.int64]], width: int, kept: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """For each spot (opaque pixels that touch) without a cell that is kept, the cell that it covers most."""
    count, labels = cv2.connectedComponents((alpha > 0).view(np.uint8), connectivity=8)
    is_kept = np.zeros(count, bool)
    for rows, at, _, cells in _opaque(alpha, places, width):
        is_kept[labels[rows][at][kept[cells]]] = True
    found = []
    for rows, at, weight, cells in _opaque(alpha, places, width):
        spots = labels[rows][at]
        lost = ~is_kept[spots]
        found.append(np.column_stack((spots[lost], cells[lost], weight[lost])))
    lost_pixels = np.concatenate(found)
    pairs, which = np.unique(lost_pixels[:, :2].astype(np.int64), axis=0, return_inverse=True)
    covered = np.bincount(which.reshape(-1), lost_pixels[:, 2], len(pairs))
    best: dict[int, tuple[float, int]] = {}
    for spot, cell, share in zip(*pairs.T.tolist(), covered.tolist(), strict=True):
        best[spot] = max(best.get(spot, (0.0, cell)), (share, cell))
    return np.array([cell for _, cell in best.values()], np.int64)


def _opaque(
    alpha: np.ndarray, places: Sequence[NDArray[np.int64]], width: int
) -> Iterator[tuple[slice, tuple[NDArray[np.intp], NDArray[np.intp]], Doubles, NDArray[np.int64]]]:
    """Pixels that are not transparent, some rows at a time: the rows, places in them, opacity in [0, 1], cells."""
    largest = 1 if alpha.dtype == np.float32 else np.iinfo(alpha.dtype).max
    for rows in strips((alpha.shape[0], alpha.shape[1])):
        strip = alpha[rows]
        down, across = np.nonzero(strip)
        yield rows, (down, across), strip[down, across] / largest, places[0][rows][down] * width + places[1][across]


def _at_least(grid: tuple[int, int], plane: np.ndarray) -> np.ndarray:
    """Pixels (H, W[, C]), repeated where there are fewer of them than cells."""
    for axis, cells in enumerate(grid):
        if plane.shape[axis] < cells:
            plane = plane.take(_cell_of(cells, plane.shape[axis]), axis)
    return plane


def _cell_of(pixels: int, cells: int) -> NDArray[np.int64]:
    """In which of `cells` along a side each of the pixels lies."""
    return ((np.arange(pixels) + 0.5) * cells / pixels).astype(np.int64)


def _ab_of(colors: np.ndarray | Sequence[Rgb]) -> Doubles:
    """ab (n, 2) of gray levels (n,) or sRGB (n, 3), which may be integers; exactly zero for equal channels."""
    array = np.asarray(colors)
    if array.ndim == 1:
        return np.zeros((len(array), 2))
    unit = np.asarray(array, np.float64) if array.dtype == np.float64 else to_unit(array).astype(np.float64)
    ab: Doubles = rgb_to_lab(torch.from_numpy(np.ascontiguousarray(unit.T[:, None])))[1:, 0].T.numpy()
    return np.where((np.ptp(unit, axis=1) == 0)[:, None], 0.0, ab)


def _gamut_notes(hint: AnyHint, spot: Spot, lightness: NDArray[np.float32], grid: tuple[int, int]) -> Iterator[str]:
    """What is said of a point, or of the spots of a layer, whose color cannot be had at the picture's L, (n,)."""
    ab = np.broadcast_to(spot.ab, (len(spot.cells), 2))
    if isinstance(hint, Hint):
        for found in unshown(spot.cells, ab, np.zeros(len(ab), np.int64), lightness, grid):
            yield f"the color of the hint {hint.text} {_nowhere(found.nearest)}"
        return
    own = np.arange(len(ab)) if spot.mixed.all() else np.flatnonzero(~spot.mixed)
    cells, ab = spot.cells[own], ab[own]
    unshown_spots = unshown(cells, ab, spots_of_one_color(cells, ab, grid), lightness[own], grid)
    for found in unshown_spots[:_MOST_NOTED]:
        row, column = found.middle
        place = f"{(column + 0.5) / grid[1]:.2f},{(row + 0.5) / grid[0]:.2f}"
        yield f"the color of the layer {hint.photo.name} at {place} {_nowhere(found.nearest)}"
    if (more := len(unshown_spots) - _MOST_NOTED) > 0:
        spots = "1 smaller spot" if more == 1 else f"{more} smaller spots"
        yield f"it is the same with {spots} of the layer {hint.photo.name}"


def _nowhere(nearest: str) -> str:
    return f"does not exist at the lightness that the picture has there; the nearest is {nearest}"
