"""Gray, tinted or in color: tried on the examples, toned in the ways that prints and scans are."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from excolor.imaging.tint import color_kind
from excolor.photo import read_photo

EXAMPLES = Path(__file__).parents[2] / "examples"
TONES: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of gray levels (H, W, 1) in [0, 1]
    "sepia": lambda gray: gray ** [0.8, 1, 1.5] * [1, 0.95, 0.8],
    "cyanotype": lambda gray: [0.05, 0.2, 0.4] + gray * [0.88, 0.75, 0.6],
    "selenium": lambda gray: gray ** [0.97, 1.04, 0.98],
    "split": lambda gray: gray + 0.3 * gray * (1 - gray) * ((1 - gray) * [-1, 0, 1] + gray * [1, 0, -1]),
    "yellowed": lambda gray: (0.1 + 0.9 * gray) * [1, 0.95, 0.75],
}


@pytest.fixture(scope="module")
def gray() -> np.ndarray:
    """The gray portrait: (H, W, 1) in [0, 1]."""
    photo = read_photo(EXAMPLES / "target.jpg")
    return photo.pixels.reshape(*photo.size, -1)[..., :1] / 255


@pytest.fixture(scope="module")
def color() -> np.ndarray:
    """The color portrait: (H, W, 3) uint8."""
    return read_photo(EXAMPLES / "reference.jpg").pixels


def as_levels(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def scanned(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What becomes of it: uneven light, red and blue a pixel aside, noise, and JPEG with quarter chroma."""
    height, width, _ = values.shape
    light = np.linspace(1.03, 0.97, width)[None, :, None] ** [1, 0, -1] * np.linspace(0.9, 1, height)[:, None, None]
    values = values * light + rng.normal(0, 0.02, values.shape)
    shifted = np.stack([np.roll(values[..., 0], 1, 0), values[..., 1], np.roll(values[..., 2], -1, 1)], -1)
    done, data = cv2.imencode(".jpg", as_levels(shifted)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1]


def test_equal_channels_are_gray(gray: np.ndarray) -> None:
    levels = as_levels(gray)
    assert color_kind(levels[..., 0]) == "gray"
    assert color_kind(np.repeat(levels, 3, axis=2)) == "gray"


@pytest.mark.parametrize("tone", TONES)
def test_toned_prints_are_tinted(tone: str, gray: np.ndarray, rng: np.random.Generator) -> None:
    toned = np.asarray(TONES[tone](gray))
    assert color_kind(as_levels(toned)) == "tinted"
    assert color_kind(scanned(toned, rng)) == "tinted"


def test_a_careless_scan_of_a_neutral_print_is_tinted(gray: np.ndarray, rng: np.random.Generator) -> None:
    assert color_kind(scanned(np.repeat(gray, 3, axis=2), rng)) == "tinted"


@pytest.mark.parametrize("name", ["reference.jpg", "color.jpg"])
def test_photographs_in_color_are_color(name: str, rng: np.random.Generator) -> None:
    pixels = read_photo(EXAMPLES / name).pixels
    assert color_kind(pixels) == "color"
    assert color_kind(scanned(pixels / 255, rng)) == "color"


def test_dull_color_is_color(color: np.ndarray) -> None:
    gray = color.mean(-1, keepdims=True)
    assert color_kind(as_levels((gray + 0.5 * (color - gray)) / 255)) == "color"


def test_depth_and_size_do_not_matter(gray: np.ndarray, color: np.ndarray) -> None:
    for pixels, kind in ((color, "color"), (as_levels(TONES["sepia"](gray)), "tinted")):
        assert color_kind(pixels.astype(np.uint16) * 257) == kind
        assert color_kind((pixels / 255).astype(np.float32)) == kind
        assert color_kind(cv2.resize(pixels, None, fx=3, fy=3)) == kind
        assert color_kind(cv2.resize(pixels, (40, 60), interpolation=cv2.INTER_AREA)) == kind


def test_a_stamp_is_overlooked_and_a_color_chart_is_not(gray: np.ndarray) -> None:
    sepia = as_levels(TONES["sepia"](gray))
    height, width, _ = sepia.shape
    stamped = sepia.copy()
    stamped[: height // 7, : width // 7] = (200, 20, 40)  # a fiftieth
    assert color_kind(stamped) == "tinted"
    chart = sepia.copy()
    for i, patch in enumerate(((200, 20, 40), (20, 160, 60), (30, 60, 190), (230, 200, 30))):
        chart[-height // 6 :, i * width // 4 : (i + 1) * width // 4] = patch
    assert color_kind(chart) == "color"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_transparency_hides_does_not_count(
    dtype: type, gray: np.ndarray, color: np.ndarray, rng: np.random.Generator
) -> None:
    def hiding(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Four fifths of a picture, of any colors, hidden."""
        alpha = np.zeros(pixels.shape[:2], np.uint8)
        alpha[: len(alpha) // 5] = 255
        hidden = rng.integers(0, 256, pixels.shape).astype(np.uint8)
        hidden[len(hidden) // 2 :] = (255, 0, 120)
        full = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[dtype]
        shown = np.where(alpha[..., None] > 0, pixels, hidden).astype(float) * full
        return shown.astype(dtype), (alpha.astype(float) * full).astype(dtype)

    neutral = np.repeat(as_levels(gray), 3, axis=2)
    assert color_kind(*hiding(neutral)) == "gray"
    assert color_kind(*hiding(as_levels(TONES["sepia"](gray)))) == "tinted"
    assert color_kind(*hiding(color)) == "color"
    pixels, alpha = hiding(color)
    assert color_kind(pixels, np.zeros_like(alpha)) == "gray"
    assert color_kind(pixels, np.where(alpha > 0, alpha, dtype(alpha.max() / 100))) == "color"


def test_rounding_is_no_tint(tmp_path: Path, gray: np.ndarray) -> None:
    levels = np.repeat(as_levels(gray), 3, axis=-1)
    Image.fromarray(levels).save(tmp_path / "a.webp", quality=80)
    pixels = read_photo(tmp_path / "a.webp").pixels
    assert 0 < np.ptp(pixels.astype(int), axis=-1).max() <= 1
    for depth in (pixels, pixels.astype(np.uint16) * 257, (pixels / 255).astype(np.float32)):
        assert color_kind(depth) == "gray"
    levels[..., 2] = np.maximum(levels[..., 2], 2) - 2
    assert color_kind(levels) == "tinted"


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
def test_any_size_has_an_answer(size: tuple[int, int], rng: np.random.Generator) -> None:
    assert color_kind(np.zeros(size, np.uint8)) == "gray"
    noise = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    assert color_kind(noise) in ("tinted", "color")
    assert color_kind(np.full((*size, 3), (200, 150, 100), np.uint8)) == "tinted"
    alpha = np.zeros(size, np.uint8)
    alpha[-1, -1] = 1
    assert color_kind(noise, alpha) in ("gray", "tinted")
