"""Photographs in memory and the crops that are cut from them. Second source: numpy slices."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from excolor.training.photo_store import Crops, PhotoStore

CPU = torch.device("cpu")


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


PICTURES = [noise(0, 20, 30), noise(1, 25, 18), noise(2, 16, 16)]
STORE = PhotoStore(PICTURES, ["a", "a", "b"], CPU)


def crops(index: int, top: float, left: float, step: float = 1.0, mirrored: bool = False) -> Crops:
    return Crops(*(torch.tensor([value]) for value in (index, top, left, step, mirrored)))


def as_tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize(("index", "top", "left"), [(0, 3, 7), (0, 8, 18), (1, 0, 0), (1, 13, 6), (2, 4, 4)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_crop_is_the_slice(index: int, top: int, left: int, mirrored: bool) -> None:
    expected = PICTURES[index][top : top + 12, left : left + 12]
    found = STORE.cut(crops(index, float(top), float(left), mirrored=mirrored), 12)
    torch.testing.assert_close(found, as_tensor(expected[:, ::-1] if mirrored else expected))


def test_the_fingerprint_is_that_of_the_photographs() -> None:
    def store(pictures: list[np.ndarray], sources: str = "aab") -> str:
        return PhotoStore(pictures, list(sources), CPU).fingerprint()

    turned = [PICTURES[0].transpose(1, 0, 2), *PICTURES[1:]]
    other = [*PICTURES[:2], noise(3, 16, 16)]
    found = [STORE.fingerprint(), store(turned), store(other), store(PICTURES, "abb")]
    assert store(PICTURES) == found[0]
    assert len(set(found)) == 4


def test_flipping_mirrors() -> None:
    plain = crops(0, 2.0, 3.0)
    torch.testing.assert_close(STORE.cut(replace(plain, mirrored=~plain.mirrored), 10), STORE.cut(plain, 10).flip(3))


def test_a_step_of_two_averages_blocks() -> None:
    expected = PICTURES[0][:20, :20].reshape(10, 2, 10, 2, 3).mean((1, 3))
    torch.testing.assert_close(STORE.cut(crops(0, 0.0, 0.0, step=2.0), 10), as_tensor(expected).float())


def test_center_crops_are_the_largest_square() -> None:
    found = STORE.cut(STORE.center_crops(torch.tensor([0]), 20), 20)
    torch.testing.assert_close(found, as_tensor(PICTURES[0][:, 5:25]))


@pytest.mark.parametrize("size", [8, 16, 40], ids=["small", "whole", "larger than the pictures"])
def test_random_crops_lie_within_their_pictures(size: int) -> None:
    index = torch.arange(3).repeat(50)
    drawn = STORE.draw_crops(index, size, Generator().manual_seed(0))
    for start, extent in ((drawn.top, STORE.heights), (drawn.left, STORE.widths)):
        assert start.min() >= 0
        assert (start + drawn.step * size <= extent[index] + 1e-4).all()
    assert drawn.step.max() <= 1.5
    assert (drawn.step >= 1).all() or size > 16  # enlarged only if they must be
    pixels = STORE.cut(drawn, size)
    assert pixels.shape == (150, 3, size, size) and pixels.min() >= 0 and pixels.max() <= 1


def test_a_crop_takes_no_pixel_of_another_picture() -> None:
    flat = [np.full((10, 14, 3), value, np.uint8) for value in (10, 20, 30)]
    store = PhotoStore(flat, ["a", "b", "c"], CPU)
    index = torch.arange(3).repeat(40)
    pixels = store.cut(store.draw_crops(index, 12, Generator().manual_seed(0)), 12)
    torch.testing.assert_close(pixels, ((index + 1) * 10 / 255).view(-1, 1, 1, 1).expand_as(pixels))


def test_related_pictures_share_the_source() -> None:
    index = torch.tensor([0, 1, 2]).repeat(50)
    related = STORE.draw_related(index, Generator().manual_seed(0)).view(50, 3)
    assert related[:, :2].unique().tolist() == [0, 1]
    assert related[:, 2].unique().tolist() == [2]


def test_the_generator_decides() -> None:
    first, second, other = (
        STORE.cut(STORE.draw_crops(torch.tensor([0, 1]), 8, Generator().manual_seed(seed)), 8) for seed in (1, 1, 2)
    )
    assert torch.equal(first, second) and not torch.equal(first, other)
