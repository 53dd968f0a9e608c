"""Full-size work in strips."""

import subprocess
import sys
from pathlib import Path

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


_TWICE = """
import sys

import numpy as np
import torch
from PIL import Image

from excolor import Colorizer
from excolor.imaging.upsampling import LocalAffine

torch.set_num_threads(1)
found, call = {}, LocalAffine.__call__


def noted(self, guide, rows):
    found[rows.start] = call(self, guide, rows)
    return found[rows.start].copy()


LocalAffine.__call__ = noted
target, reference = sys.argv[1:]
picture = np.asarray(Image.open(target).convert("L").resize((1000, 1000)))
colorizer = Colorizer.load(device="cpu")
encoded = colorizer.encode_reference(reference)
colorizer.colorize(picture, encoded)
first = dict(found)
colorizer.colorize(picture, encoded)
sys.exit(any((first[top] != values).any() for top, values in found.items()))
"""


def test_the_first_picture_of_a_process_is_computed_as_all_others() -> None:
    """In a process of its own: new threads took the number of torch's threads that there were before any was set."""
    examples = Path(__file__).parents[2] / "examples"
    subprocess.run(
        [sys.executable, "-c", _TWICE, examples / "target.jpg", examples / "reference.jpg"], check=True, timeout=120
    )
