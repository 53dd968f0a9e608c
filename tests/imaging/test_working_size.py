"""What the networks see of a photograph: working size, padding, transparency. Second source: scikit-image's Lab."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from skimage.color import rgb2lab

from excolor.imaging.working_size import (
    MULTIPLE,
    NetworkInput,
    pad,
    prepare_lightness,
    prepare_rgb,
    shrink,
    shrunk_size,
)
from excolor.photo import Photo
from excolor.settings import SMALLEST_SIZE

CPU = torch.device("cpu")

side = st.integers(1, 20_000)


@given(side, side, st.integers(16, 1024))
@settings(max_examples=200)
def test_working_size_keeps_the_aspect_ratio_and_never_enlarges(height: int, width: int, shorter: int) -> None:
    small = shrunk_size((height, width), shorter)
    assert 1 <= small[0] <= height and 1 <= small[1] <= width
    assert min(small) <= shorter
    scale = min(1.0, shorter / min(height, width), shorter * (4 / (height * width)) ** 0.5)
    assert all(abs(found - max(1, full * scale)) <= 1 for found, full in zip(small, (height, width), strict=True))


def test_working_size_of_usual_pictures() -> None:
    assert shrunk_size((3000, 4000), 256) == (256, 341)
    assert shrunk_size((4000, 3000), 256) == (341, 256)
    assert shrunk_size((200, 100), 256) == (200, 100)
    assert shrunk_size((1000, 4000), 256) == (256, 1024)


@pytest.mark.parametrize("size", [(65500, 16), (16, 65500), (20_000, 300)])
def test_long_pictures_have_a_bounded_area(size: tuple[int, int]) -> None:
    height, width = shrunk_size(size, 256)
    assert height * width <= 1.05 * 4 * 256**2


def test_padding_and_cropping_at_every_size() -> None:
    sizes = [(h, w) for h in range(1, 21) for w in range(1, 21)] + [(1, 100), (63, 65), (100, 3)]
    for height, width in sizes:
        picture = torch.arange(2.0 * height * width).view(1, 2, height, width)
        padded = pad(picture)
        assert all(n % MULTIPLE == 0 and n >= SMALLEST_SIZE for n in padded.shape[2:])
        assert all(n - m < max(MULTIPLE, SMALLEST_SIZE) for n, m in zip(padded.shape[2:], (height, width), strict=True))
        assert torch.equal(NetworkInput(padded, (height, width)).unpadded(padded), picture)


def test_padding_reflects() -> None:
    padded = pad(torch.arange(15.0).view(1, 1, 1, 15).expand(-1, -1, 14, -1))
    assert padded[0, 0, 0].tolist() == [*range(15), 13]
    assert pad(torch.full((1, 1, 1, 1), 3.0)).unique().tolist() == [3.0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_shrinking_averages_areas(dtype: type) -> None:
    rng = np.random.default_rng(0)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (rng.random((12, 8, 3)) * top).astype(dtype)
    expected = pixels.reshape(4, 3, 4, 2, 3).mean((1, 3)) / top
    found = shrink(pixels, (4, 4))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.51 / top if top > 1 else 1e-6)


def photograph(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("multiple", [8, 32])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_both_ways_to_see_a_photograph_agree(channels: tuple[int, ...], multiple: int) -> None:
    photo = Photo(photograph(90, 70, *channels))
    lightness = prepare_lightness(photo, 40, CPU, multiple=multiple)
    rgb = prepare_rgb(photo, 40, CPU, multiple=multiple)
    assert lightness.size == rgb.size == (51, 40)
    assert (
        lightness.tensor.shape[2:]
        == rgb.tensor.shape[2:]
        == (-(-51 // multiple) * multiple, -(-40 // multiple) * multiple)
    )
    expected = rgb2lab(rgb.to_array(rgb.tensor))[..., 0]
    np.testing.assert_allclose(lightness.to_array(lightness.tensor)[..., 0], expected, atol=0.01)
    assert rgb.visible is None


def test_without_a_working_size_a_photograph_is_seen_as_it_is() -> None:
    pixels = photograph(90, 70, 3)
    seen = prepare_rgb(Photo(pixels), None, CPU)
    np.testing.assert_allclose(seen.to_array(seen.tensor) * 255, pixels, atol=1e-3)


def test_what_is_transparent_is_neither_seen_nor_counted() -> None:
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:, 32:] = 255
    seen = []
    for hidden in (0, 255):
        pixels = photograph(64, 64, 3)
        pixels[:, :32] = hidden
        seen.append(prepare_rgb(Photo(pixels, alpha), 64, CPU))
        shown, hidden_lightness = prepare_lightness(Photo(pixels, alpha), 64, CPU).tensor.split(32, 3)[::-1]
        assert hidden_lightness.std() < 1e-3 < shown.std()
    torch.testing.assert_close(seen[0].tensor, seen[1].tensor)
    assert seen[0].visible is not None
    assert seen[0].visible[..., :32].max() == 0 and seen[0].visible[..., 32:].min() == 1


@pytest.mark.parametrize("level", [0, 255])
def test_what_is_equally_visible_everywhere_all_counts(level: int) -> None:
    photo = Photo(photograph(20, 20, 3), np.full((20, 20), level, np.uint8))
    assert prepare_rgb(photo, 20, CPU).visible is None
