"""The picture of the same folder that fits best: found by light and shade, by no model that is measured."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from excolor.errors import PhotoError
from excolor.evaluation.protocols import Case

_SIDE = 64  # pixels of the square that pictures are compared at
_CELLS = 8  # a side: blocks in which directions of edges are counted
_DIRECTIONS = 9
_LAYOUT_WEIGHT = 0.7  # of light and shade at 8×8, beside the edges

Read = Callable[[str], NDArray[np.float32]]


def with_relatives(cases: Sequence[Case], names: Sequence[str], read: Read) -> list[Case]:
    """The cases, those of the protocols `related` and `hints` with the reference that fits best.

    If no other picture of the folder can be read, they are left without one.

    Args:
        cases: as planned.
        names: of all pictures.
        read: gives a picture (H, W, 3), sRGB in [0, 1]; those that it cannot read fit nothing.
    """
    wanted = {_folder(case.target) for case in cases if _wants_relative(case)}
    described: dict[str, NDArray[np.float64]] = {}
    for name in names:
        if _folder(name) in wanted:
            try:
                described[name] = _describe(read(name))
            except PhotoError:
                continue  # as a target it is reported when it is measured
    return [replace(case, reference=_best(case.target, described)) if _wants_relative(case) else case for case in cases]


def _wants_relative(case: Case) -> bool:
    return case.protocol in ("related", "hints") and case.reference is not None


def _best(target: str, described: dict[str, NDArray[np.float64]]) -> str | None:
    others = [name for name in described if _folder(name) == _folder(target) and name != target]
    if target not in described or not others:
        return None  # what cannot be read fails as a target
    own = described[target][0]
    return max(others, key=lambda name: (described[name] @ own).max())  # mirrored or not does not matter


def _describe(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """Directions of unit length (2, C), of the picture and of its mirrored view."""
    gray = cv2.resize(picture.mean(2), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.stack([_features(view) for view in (gray, gray[:, ::-1])])


def _features(gray: NDArray[np.float32]) -> NDArray[np.float64]:
    """Histograms of edge directions by block (Dalal & Triggs 2005), and light and shade."""
    smooth = np.ascontiguousarray(gray, np.float64)
    across, down = (cv2.Sobel(smooth, cv2.CV_64F, dx, 1 - dx) for dx in (1, 0))
    strength, angle = np.hypot(across, down), np.arctan2(down, across) % np.pi
    number = np.minimum((angle / np.pi * _DIRECTIONS).astype(int), _DIRECTIONS - 1)
    block = _SIDE // _CELLS
    counts = np.stack(
        [(strength * (number == d)).reshape(_CELLS, block, _CELLS, block).sum((1, 3)) for d in range(_DIRECTIONS)]
    )
    edges = np.sqrt(counts / (counts.sum(0) + 1e-3)).ravel()
    layout = cv2.resize(smooth, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    layout = (layout - layout.mean()) / (layout.std() + 1e-3)
    parts = (edges / max(float(np.linalg.norm(edges)), 1e-9), _LAYOUT_WEIGHT * layout.ravel() / _CELLS)
    joined: NDArray[np.float64] = np.concatenate(parts)
    return joined / max(float(np.linalg.norm(joined)), 1e-9)


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)
