"""How frames are shown: turned and mirrored by a display matrix, as containers hold it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame

Matrix: TypeAlias = tuple[int, ...]
"""Nine integers as FFmpeg has them: a, b, u, c, d, v, x, y, w (16.16 fixed point; u, v and w 2.30).

A pixel at (x, y), y down, is shown at (a·x + c·y, b·x + d·y), apart from a shift.
"""

_UNIT, _UNIT_W = 1 << 16, 1 << 30
_ALIKE = 1e-3  # of a factor: what is lost when a matrix is stored as angles


@dataclass(frozen=True)
class Orientation:
    """The display matrix of a clip.

    Attributes:
        matrix: it; None for frames that are shown as they are stored.
    """

    matrix: Matrix | None = None

    @classmethod
    def of(cls, frame: "VideoFrame") -> "Orientation":
        """That of a decoded frame."""
        try:
            found = [bytes(one) for one in cast("Any", frame.side_data) if one.type.name == "DISPLAYMATRIX"]
        except ValueError:  # there is data of a kind that PyAV has no name for
            angle = math.radians(frame.rotation)
            a, b = round(math.cos(angle) * _UNIT), -round(math.sin(angle) * _UNIT)
            matrix: Matrix = (a, b, 0, -b, a, 0, 0, 0, _UNIT_W)
        else:
            if not found:
                return cls()
            matrix = tuple(np.frombuffer(found[0], np.int32).tolist())
        return cls() if cls(matrix).is_like(cls()) else cls(matrix)

    @property
    def factors(self) -> tuple[float, float, float, float]:
        """a, b, c and d, without a change of size."""
        if self.matrix is None:
            return 1, 0, 0, 1
        a, b, c, d = (self.matrix[i] / _UNIT for i in (0, 1, 3, 4))
        scale = math.sqrt(abs(a * d - b * c)) or 1
        return a / scale, b / scale, c / scale, d / scale

    @property
    def is_right_angled(self) -> bool:
        """Whether frames are shown in quarter turns, mirrored or not."""
        return all(min(abs(one), abs(abs(one) - 1)) < _ALIKE for one in self.factors)

    def is_like(self, other: "Orientation") -> bool:
        """Whether frames are shown alike."""
        return all(abs(one - two) < _ALIKE for one, two in zip(self.factors, other.factors, strict=True))

    def upright(self, stored: np.ndarray) -> np.ndarray:
        """An image (H, W, ...) as it is shown; as it is stored, unless `is_right_angled`."""
        swap, across, down = self._steps()
        image = stored.swapaxes(0, 1) if swap else stored
        return np.ascontiguousarray(_mirrored(image, across, down))

    def stored(self, upright: np.ndarray) -> np.ndarray:
        """The reverse of `upright`."""
        swap, across, down = self._steps()
        image = _mirrored(upright, across, down)
        return np.ascontiguousarray(image.swapaxes(0, 1) if swap else image)

    def _steps(self) -> tuple[bool, bool, bool]:
        """Whether to swap the axes, and then to mirror columns, and rows."""
        a, b, c, d = self.factors
        if not self.is_right_angled:
            return False, False, False
        swap = abs(b) > abs(a)
        return (True, c < 0, b < 0) if swap else (False, a < 0, d < 0)


def _mirrored(image: np.ndarray, across: bool, down: bool) -> Any:
    return image[:: -1 if down else 1, :: -1 if across else 1]
