"""Full-size results: the target's own lightness and detail, with colors from the working size.

Second sources: scikit-image's CIEDE2000, OpenCV's bicubic upsampling.
"""

from pathlib import Path

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
import skimage.color
import skimage.data
import torch
from hypothesis import given, settings
from PIL import Image

from excolor.imaging import strips, working_size
from excolor.imaging.color import colored, gray_to_lightness, lab_to_rgb, rgb_to_lab
from excolor.imaging.merging import (
    as_networks_gave,
    merge_ab,
    merge_ab_part,
    merge_lightness,
    merge_rgb,
    small_photo,
    to_pixels,
    with_colors,
    with_look,
)
from excolor.imaging.working_size import lightness_of, prepare_lightness, prepare_rgb
from excolor.photo import Photo
from excolor.settings import Keep

DTYPES = (np.uint8, np.uint16, np.float32)


def picture(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    unit = np.random.default_rng(seed).random(shape, dtype=np.float32)
    return unit if dtype == np.float32 else (unit * np.iinfo(dtype).max).round().astype(dtype)


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 50)),
    dtype=st.sampled_from(DTYPES),
    channels=st.sampled_from([(), (3,)]),
    chroma=st.sampled_from([5, 30, 100]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_lightness_is_the_targets_own(size, dtype, channels, chroma, seed) -> None:
    rng = np.random.default_rng(seed)
    pixels = picture((*size, *channels), dtype, seed)
    small = tuple(rng.integers(1, n + 1) for n in size)
    ab = rng.normal(0, chroma, (*small, 2)).clip(-128, 127).astype(np.float32)
    result = merge_ab(pixels, rng.random(small, dtype=np.float32) * 100, ab)
    assert result.shape == (*size, 3) and result.dtype == dtype
    difference = (lightness_of(result) - lightness_of(pixels)).abs()
    # Out of gamut too: chroma gives way. What is left is rounding, and an 8-bit step is up to 0.45 L
    assert difference.mean() < (0.3 if dtype == np.uint8 else 0.01)
    assert difference.max() < (0.5 if dtype == np.uint8 else 0.05)


@pytest.mark.parametrize("chroma", [20, 120], ids=["in gamut", "out of gamut"])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "rgb"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_colors_are_those_of_the_color_module(dtype: type, channels: tuple[int, ...], chroma: float) -> None:
    """Second source: the same formulas in float64 by torch. Dark and light to the very ends, ab the same everywhere."""
    pixels = picture((80, 90, *channels), dtype)
    pixels[:10] = pixels[:10] / 50
    unit = torch.from_numpy(working_size.to_unit(pixels)).double()
    lightness = rgb_to_lab(unit.permute(2, 0, 1))[:1] if channels else gray_to_lightness(unit)[None]
    for a, b in ((chroma, 0), (-chroma, chroma), (chroma / 3, -chroma)):
        small_ab = np.tile(np.float32((a, b)), (4, 4, 1))
        found = merge_ab(pixels, np.full((4, 4), 50, np.float32), small_ab)
        exact = colored(lightness, torch.tensor([a, b]).view(2, 1, 1).expand(2, 80, 90)).permute(1, 2, 0).numpy()
        white = 1 if dtype == np.float32 else np.iinfo(dtype).max
        error = np.abs(found.astype(np.float64) - exact * white)
        # Half a level is rounding; float32 leaves 1e-6 of the range on top of it
        assert error.max() < (1e-5 if dtype == np.float32 else 0.5 + 1e-5 * white), f"{error.max()} levels"


def test_gray_without_color_stays_the_same_gray() -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    result = merge_ab(gray, np.full((4, 4), 50, np.float32), np.zeros((4, 4, 2), np.float32))
    assert np.array_equal(result, np.repeat(gray[..., None], 3, -1))


def to_rgb(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    lab = torch.from_numpy(np.concatenate((lightness[..., None], ab), -1))
    return lab_to_rgb(lab.permute(2, 0, 1)).permute(1, 2, 0).numpy()


def upsampling_errors(lightness: np.ndarray, ab: np.ndarray, factor: int, where: np.ndarray) -> tuple[float, float]:
    """Mean CIEDE2000 to the truth (H, W[, 2]) of guided and of bicubic upsampling of its own ab, shrunk by a factor."""
    height, width = lightness.shape
    truth, gray = to_rgb(lightness, ab), to_rgb(lightness, np.zeros_like(ab))[..., 0]
    size = (width // factor, height // factor)
    small = torch.from_numpy(cv2.resize(truth, size, interpolation=cv2.INTER_AREA))
    small_ab = rgb_to_lab(small.permute(2, 0, 1))[1:].permute(1, 2, 0).numpy().copy()
    small_lightness = lightness_of(working_size.shrink(gray, size[::-1]))[0].numpy()
    guided = merge_ab(gray, small_lightness, small_ab)
    bicubic = to_rgb(lightness, cv2.resize(small_ab, (width, height), interpolation=cv2.INTER_CUBIC))

    def error(found: np.ndarray) -> float:
        difference = skimage.color.deltaE_ciede2000(skimage.color.rgb2lab(found), skimage.color.rgb2lab(truth))
        return difference[where].mean()

    return error(guided), error(bicubic)


@pytest.mark.parametrize(
    ("dark", "noise", "share"), [(20, 0, 0.2), (45, 0, 0.3), (45, 2, 0.5), (60, 0, 0.8), (60, 2, 0.85)]
)
def test_colors_end_where_edges_are(dark: float, noise: float, share: float) -> None:
    """Near a step from L 70, at 8 times the working size: at most this share of what bicubic upsampling leaves."""
    y, x = np.mgrid[:256, :256]
    distance = (x + 0.35 * y - 180.3) / np.hypot(1, 0.35)  # in pixels
    lightness = np.where(distance < 0, 70, dark) + np.random.default_rng(0).normal(0, noise, (256, 256))
    ab = np.where(distance[..., None] < 0, (5, 20), (10, -20))
    guided, bicubic = upsampling_errors(lightness.astype(np.float32), ab.astype(np.float32), 8, np.abs(distance) < 12)
    assert guided < share * bicubic, f"guided {guided:.2f}, bicubic {bicubic:.2f}"


@pytest.mark.parametrize(("factor", "grain"), [(4, 0), (8, 0), (4, 2.5)])
@pytest.mark.parametrize(
    ("name", "share"), [("reference", 0.96), ("astronaut", 0.96), ("chelsea", 0.985), ("coffee", 0.88)]
)
def test_colors_of_photographs_come_closer_than_by_bicubic_upsampling(
    name: str, share: float, factor: int, grain: float, reference: Path
) -> None:
    """At 4 and 8 times the working size, with and without grain (in units of L)."""
    pixels = np.asarray(Image.open(reference).convert("RGB")) if name == "reference" else getattr(skimage.data, name)()
    lab = skimage.color.rgb2lab(pixels[:384, :384]).astype(np.float32)
    lightness = lab[..., 0] + np.random.default_rng(0).normal(0, grain, lab.shape[:2]).astype(np.float32)
    everywhere = np.ones(lightness.shape, bool)
    guided, bicubic = upsampling_errors(lightness.clip(0, 100), lab[..., 1:], factor, everywhere)
    assert guided < share * bicubic, f"guided {guided:.3f}, bicubic {bicubic:.3f}"


@pytest.mark.parametrize("dtype", DTYPES)
def test_strips_of_any_height_give_the_same(monkeypatch: pytest.MonkeyPatch, dtype: type) -> None:
    pixels = picture((40, 30), dtype)
    lightness, ab = picture((10, 8), np.float32) * 100, picture((10, 8, 2), np.float32) * 80 - 40
    whole = merge_ab(pixels, lightness, ab)
    for rows in (1, 7):
        monkeypatch.setattr(strips, "_STRIP", rows * 30)
        found = merge_ab(pixels, lightness, ab)
        step = 1e-5 if dtype == np.float32 else 1  # the last bit of a power may differ with its place in memory
        np.testing.assert_allclose(found.astype(float), whole.astype(float), atol=step, rtol=0)


def test_very_wide_pictures_pass() -> None:
    wide = picture((2, 65500), np.uint8)
    result = merge_ab(wide, np.full((1, 500), 50, np.float32), np.full((1, 500, 2), 20, np.float32))
    assert result.shape == (2, 65500, 3)
    assert (result[..., 0].astype(int) - result[..., 1]).mean() > 10  # it is colored


@pytest.mark.parametrize("dtype", DTYPES)
def test_restyling_by_nothing_keeps_every_detail(dtype: type) -> None:
    pixels = picture((60, 50, 3), dtype)
    small = working_size.shrink(pixels, (15, 12))
    result = merge_rgb(pixels, small, small)
    np.testing.assert_allclose(result.astype(float), pixels.astype(float), atol=1e-5 if dtype == np.float32 else 0)


def test_restyling_keeps_grain_and_shifts_tones() -> None:
    grain = np.random.default_rng(0).normal(0, 0.008, (128, 128, 1)).astype(np.float32)  # 2 steps of 8 bits
    pixels = np.float32(0.4) + np.repeat(grain, 3, -1)
    small = working_size.shrink(pixels, (32, 32))
    result = merge_rgb(pixels, small, small + np.array([0.2, 0, -0.1], np.float32))
    np.testing.assert_allclose(result.mean((0, 1)), [0.6, 0.4, 0.3], atol=2e-3)
    np.testing.assert_allclose(result.std((0, 1)), pixels.std((0, 1)), rtol=0.1)


def test_restyling_gray_pixels_gives_color() -> None:
    pixels = picture((20, 20), np.uint8)
    small = np.repeat(working_size.shrink(pixels, (10, 10))[..., None], 3, -1)
    result = merge_rgb(pixels, small, small * np.array([1, 0.5, 0.5], np.float32))
    assert result.shape == (20, 20, 3)
    assert result[..., 0].mean() > 1.5 * result[..., 1].mean()


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_survive_the_way_to_the_unit_interval_and_back(dtype: type) -> None:
    pixels = picture((9, 7, 3), dtype)
    unit = torch.from_numpy(working_size.to_unit(pixels)).permute(2, 0, 1)
    assert np.array_equal(to_pixels(unit, pixels.dtype), pixels)


def step(factor: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture with one edge, its small version, and what a network makes of that: other tones, rims of 2 pixels."""
    pixels = np.full((64 * factor, 96 * factor, 3), (60, 80, 100), np.uint8)
    pixels[:, 48 * factor :] = (200, 180, 160)
    small = working_size.shrink(pixels, (64, 96))
    result = small * np.float32(0.8) + np.float32(0.1)
    result[:, 46:48] -= 0.15
    result[:, 48:50] += 0.15
    return pixels, small, result


@pytest.mark.parametrize("factor", [1, 4, 8])
def test_rims_along_edges_are_not_followed(factor: int) -> None:
    pixels, small, result = step(factor)
    wanted = pixels * 0.8 + 0.1 * 255
    found = merge_rgb(pixels, small, result).astype(float)
    assert np.abs(found - wanted).max() < 8  # of the 38 levels of the rims


@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize("factor", [4, 8])
def test_stretched_gradients_have_no_gaps(factor: int, vertical: bool) -> None:
    """60 levels are stretched to 240. Without care there would be steps of four levels."""
    ramp = np.linspace(98, 158, 160 * factor)
    pixels = np.repeat(np.broadcast_to(ramp, (64 * factor, 160 * factor))[..., None], 3, -1).round().astype(np.uint8)
    if vertical:
        pixels = np.ascontiguousarray(pixels.swapaxes(0, 1))
    small = working_size.shrink(pixels, tuple(n // factor for n in pixels.shape[:2]))
    blurred = np.asarray(cv2.GaussianBlur(small, (0, 0), 3))
    found = merge_rgb(pixels, small, (blurred - 0.5) * 4 + np.float32(0.5))
    line = (found[:, 32 * factor] if vertical else found[32 * factor])[10 * factor : -10 * factor, 1].astype(int)
    assert np.ptp(line) > 150
    assert np.abs(np.diff(line)).max() <= 2
    assert len(np.unique(line)) > 0.9 * np.ptp(line)


def test_flat_places_have_no_blotches() -> None:
    """What a network makes of faint noise in a sky: clouds of 10 pixels."""
    rng = np.random.default_rng(0)
    small = np.full((160, 160, 3), 0.6, np.float32) + rng.normal(0, 0.004, (160, 160, 3)).astype(np.float32)
    clouds = cv2.GaussianBlur(rng.normal(0, 1, small.shape).astype(np.float32), (0, 0), 5)
    result = small + 0.1 + clouds * np.float32(0.04 / clouds.std())
    pixels = (small * 255).round().astype(np.uint8)
    found = cv2.GaussianBlur(merge_rgb(pixels, small, result).astype(np.float32) / 255, (0, 0), 5)
    assert found[20:-20, 20:-20].std((0, 1)).max() < 0.01


def test_a_small_colored_thing_keeps_its_change() -> None:
    """Robustness to rims is not blindness: what differs from its surroundings is changed as the network says."""
    pixels = np.full((100, 100, 3), 90, np.uint8)
    pixels[40:60, 40:60] = (200, 60, 60)
    small = working_size.to_unit(pixels)
    result = small.copy()
    result[40:60, 40:60] = (0.2, 0.3, 0.8)
    found = merge_rgb(pixels, small, result)[45:55, 45:55].mean((0, 1)) / 255
    np.testing.assert_allclose(found, (0.2, 0.3, 0.8), atol=0.03)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "rgb"])
@pytest.mark.parametrize("factor", [1, 3])
def test_lightness_is_changed_and_color_stays(factor: int, channels: tuple[int, ...], dtype: type) -> None:
    """Second source: scikit-image's Lab."""
    pixels = picture((60, 45, *channels), dtype)
    pixels = (pixels * 0.5 + pixels.max() * 0.2).astype(dtype)  # colors that sRGB can show when they are lighter
    small = lightness_of(working_size.shrink(pixels, (60 // factor, 45 // factor)))[0].numpy()
    found = merge_lightness(pixels, small, small + np.float32(8))
    assert found.dtype == dtype
    rgb = np.repeat(pixels[..., None], 3, -1) if not channels else pixels
    before, after = (skimage.color.rgb2lab(working_size.to_unit(p)) for p in (rgb, found))
    atol = 1.2 if dtype == np.uint8 else 0.05
    np.testing.assert_allclose(after[..., 0], before[..., 0] + 8, atol=atol)
    np.testing.assert_allclose(after[..., 1:], before[..., 1:], atol=atol)
    if not channels:
        assert (found == found[..., :1]).all()


# --- photographs, with what the networks saw of them ---


def test_a_photograph_takes_colors_and_keeps_all_else() -> None:
    photo = Photo(picture((60, 50), np.uint16), np.full((60, 50), 7, np.uint16))
    seen = prepare_lightness(photo, 30, torch.device("cpu"))
    ab = torch.full((1, 2, *seen.tensor.shape[2:]), 20.0)
    found = with_colors(photo, seen, ab)
    assert found.alpha is photo.alpha and found.pixels.dtype == np.uint16
    assert (lightness_of(found.pixels) - lightness_of(photo.pixels)).abs().max() < 0.05
    # The padding is not a part of the picture
    ab[..., seen.size[0] :, :], ab[..., seen.size[1] :] = -100, -100
    np.testing.assert_array_equal(with_colors(photo, seen, ab).pixels, found.pixels)
    small = small_photo(seen, ab)
    assert small.size == seen.size == (36, 30) and small.pixels.dtype == np.uint8


@pytest.mark.parametrize("keep", ["nothing", "luminance", "color"])
def test_what_the_network_leaves_as_it_is_stays_as_it_is(keep: Keep) -> None:
    smooth = cv2.resize(picture((5, 6, 3), np.uint8), (60, 50), interpolation=cv2.INTER_CUBIC)
    photo = Photo(smooth)
    seen = prepare_rgb(photo, 25, torch.device("cpu"))
    difference = np.abs(with_look(photo, seen, seen.tensor, keep).pixels.astype(int) - smooth)
    if keep == "luminance":  # colors come anew from the small picture
        assert difference.mean() < 2
    else:
        assert difference.max() <= 1


def test_the_networks_own_pixels_are_taken_as_they_are() -> None:
    photo = Photo(picture((20, 28, 3), np.uint8))
    seen = prepare_rgb(photo, None, torch.device("cpu"))
    np.testing.assert_array_equal(as_networks_gave(photo, seen, seen.tensor).pixels, photo.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("part", [(0, 30, 0, 40), (50, 120, 31, 200), (119, 120, 199, 200), (0, 120, 0, 200)])
def test_a_part_is_that_of_the_whole(dtype: type, part: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    pixels = rng.integers(0, np.iinfo(dtype).max, (120, 200), dtype, endpoint=True)
    small = cv2.resize(pixels, (50, 30), interpolation=cv2.INTER_AREA).astype(np.float32) / np.iinfo(dtype).max * 100
    ab = rng.uniform(-30, 30, (30, 50, 2)).astype(np.float32)
    rows, columns = slice(*part[:2]), slice(*part[2:])
    whole = merge_ab(pixels, small, ab)[rows, columns]
    alone = merge_ab_part(pixels, small, ab, rows, columns)
    assert np.abs(whole.astype(int) - alone).max() <= (1 if dtype is np.uint8 else 40)
