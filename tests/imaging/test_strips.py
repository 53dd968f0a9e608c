"""Full-size work in strips."""

import numpy as np
import pytest

from excolor.imaging import strips as module
from excolor.imaging.strips import map_strips, strips


@pytest.mark.parametrize("size", [(1, 1), (1000, 700), (3, 1_000_000), (10_000, 1)])
def test_strips_cover_the_picture_once_and_are_small(size: tuple[int, int]) -> None:
    pieces = list(strips(size))
    assert [row for piece in pieces for row in range(piece.start, piece.stop)] == list(range(size[0]))
    heights = [piece.stop - piece.start for piece in pieces]
    assert all(height == 1 or height * size[1] <= module._STRIP for height in heights)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_strips_are_put_together_in_their_places(monkeypatch: pytest.MonkeyPatch, dtype: type) -> None:
    monkeypatch.setattr(module, "_STRIP", 30)
    pixels = np.arange(200).reshape(20, 10).astype(dtype) / (1 if dtype == np.uint8 else 100)
    found = map_strips(pixels.astype(dtype), lambda strip, rows: [strip, strip, np.full_like(strip, rows.start // 3)])
    np.testing.assert_array_equal(found[..., 0], pixels.clip(0, 255 if dtype == np.uint8 else 1))
    assert found[..., 2].max() == (6 if dtype == np.uint8 else 1)
