"""Photo files in and out: every kind that people have, and every way in which a file can be wrong."""

import errno
import io
import os
import random
import stat
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, JpegImagePlugin

from excolor import photo as photo_module
from excolor.errors import OutputError, PhotoError
from excolor.photo import Photo, as_photo, check_fits, check_output, default_output, read_photo, write_photo

HEIGHT, WIDTH = 12, 17  # unequal and odd, so that a swapped side or a padded row shows
LOSSLESS_WEBP = {"lossless": True, "exact": True}


def levels(*channels: int, dtype: type = np.uint8, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    return np.random.default_rng(7).integers(0, np.iinfo(dtype).max, (*size, *channels), dtype, endpoint=True)


def smooth() -> np.ndarray:
    """Colors that JPEG keeps within a few levels, different in all four corners."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] * 10.0
    return np.stack([60 + x, 40 + y, 240 - x - y / 2], axis=2).astype(np.uint8)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def encoded(image: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_same(photo: Photo, pixels: np.ndarray, alpha: np.ndarray | None = None) -> None:
    assert photo.pixels.dtype == pixels.dtype
    assert photo.pixels.flags.c_contiguous
    np.testing.assert_array_equal(photo.pixels, pixels)
    if alpha is None:
        assert photo.alpha is None
    else:
        assert photo.alpha is not None
        assert photo.alpha.dtype == pixels.dtype
        np.testing.assert_array_equal(photo.alpha, alpha)


# Reading: modes and containers


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,)], ids=["L", "LA", "RGB", "RGBA"])
def test_lossless_files_are_read_exactly(tmp_path, suffix, channels):
    array = levels(*channels)
    photo = read_photo(saved(Image.fromarray(array), tmp_path / f"a{suffix}"))
    match channels:
        case ():
            assert_same(photo, array)
        case (2,):
            assert_same(photo, array[..., 0], array[..., 1])
        case (3,):
            assert_same(photo, array)
        case (4,):
            assert_same(photo, array[..., :3], array[..., 3])
    assert photo.size == (HEIGHT, WIDTH)
    assert photo.path == tmp_path / f"a{suffix}"
    assert photo.format == {".png": "PNG", ".tif": "TIFF"}[suffix]


@pytest.mark.parametrize("channels", [(3,), (4,)])
def test_webp(tmp_path, channels):
    array = levels(*channels)
    photo = read_photo(saved(Image.fromarray(array), tmp_path / "a.webp", **LOSSLESS_WEBP))
    assert_same(photo, array[..., :3], array[..., 3] if channels == (4,) else None)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg(tmp_path, options):
    color = read_photo(saved(Image.fromarray(smooth()), tmp_path / "a.jpg", quality=98, subsampling=0, **options))
    np.testing.assert_allclose(color.pixels, smooth(), atol=6)
    gray = read_photo(saved(Image.fromarray(smooth()[..., 0]), tmp_path / "g.jpg", quality=98, **options))
    assert gray.pixels.ndim == 2
    np.testing.assert_allclose(gray.pixels, smooth()[..., 0], atol=3)


@pytest.mark.parametrize(("suffix", "options"), [(".bmp", {}), (".ppm", {}), (".jp2", {"irreversible": False})])
def test_other_containers(tmp_path, suffix, options):
    assert_same(read_photo(saved(Image.fromarray(levels(3)), tmp_path / f"a{suffix}", **options)), levels(3))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit(tmp_path, suffix):
    bits = levels() > 127
    assert_same(read_photo(saved(Image.fromarray(bits), tmp_path / f"a{suffix}")), np.where(bits, 255, 0).astype("u1"))


def palette_image() -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """A palette image, its indices and the colors (256, 3)."""
    indices, colors = levels() % 8, levels(3, size=(16, 16)).reshape(256, 3)
    image = Image.fromarray(indices)
    image.putpalette(colors.tobytes())
    assert image.mode == "P"
    return image, indices, colors


@pytest.mark.parametrize("suffix", [".png", ".tif", ".gif", ".bmp"])
def test_palette(tmp_path, suffix):
    image, indices, colors = palette_image()
    assert_same(read_photo(saved(image, tmp_path / f"a{suffix}")), colors[indices])


@pytest.mark.parametrize("transparency", [3, bytes(range(0, 256, 32))], ids=["one index", "a value each"])
def test_palette_with_transparency(tmp_path, transparency):
    image, indices, colors = palette_image()
    table = np.full(256, 255, np.uint8)
    if isinstance(transparency, bytes):
        table[: len(transparency)] = list(transparency)
    else:
        table[transparency] = 0
    photo = read_photo(saved(image, tmp_path / "a.png", transparency=transparency))
    assert_same(photo, colors[indices], table[indices])


def test_transparent_color_of_png(tmp_path):
    gray, color = levels(), levels(3)
    photo = read_photo(saved(Image.fromarray(gray), tmp_path / "g.png", transparency=int(gray[2, 3])))
    assert_same(photo, gray, np.where(gray == gray[2, 3], 0, 255).astype(np.uint8))
    photo = read_photo(saved(Image.fromarray(color), tmp_path / "c.png", transparency=tuple(color[2, 3].tolist())))
    assert photo.alpha is not None
    assert photo.alpha[2, 3] == 0
    assert np.count_nonzero(photo.alpha == 0) == 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_gray(tmp_path, suffix):
    array = levels(dtype=np.uint16)
    assert_same(read_photo(saved(Image.fromarray(array), tmp_path / f"a{suffix}")), array)


def test_16_bit_gray_of_the_other_byte_order(tmp_path):
    array = levels(dtype=np.uint16)
    image = Image.frombytes("I;16B", (WIDTH, HEIGHT), array.astype(">u2").tobytes())
    assert_same(read_photo(saved(image, tmp_path / "a.tif")), array)
    assert_same(as_photo(image), array)


def test_32_bit_integers(tmp_path):
    array = levels(dtype=np.uint16).astype(np.int32)
    assert_same(read_photo(saved(Image.fromarray(array), tmp_path / "a.tif")), array.astype(np.uint16))
    for other in (array * 3, array // 2 - 1000):  # above 16 bits, below zero
        photo = as_photo(Image.fromarray(other))
        assert photo.pixels.dtype == np.float32
        np.testing.assert_allclose(photo.pixels, (other - other.min()) / np.ptp(other), atol=1e-6)


def test_float_tiff(tmp_path):
    unit = np.random.default_rng(1).random((HEIGHT, WIDTH), np.float32)
    assert_same(read_photo(saved(Image.fromarray(unit), tmp_path / "unit.tif")), unit)
    photo = read_photo(saved(Image.fromarray(unit * 500 - 20), tmp_path / "wide.tif"))
    np.testing.assert_allclose(photo.pixels, (unit - unit.min()) / (unit.max() - unit.min()), atol=1e-5)
    flat = read_photo(saved(Image.fromarray(np.full((2, 3), 7, np.float32)), tmp_path / "flat.tif"))
    assert_same(flat, np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk(tmp_path, suffix):
    inks = np.dstack([smooth(), np.full((HEIGHT, WIDTH), 40, np.uint8)])
    image = Image.frombytes("CMYK", (WIDTH, HEIGHT), inks.tobytes())
    photo = read_photo(saved(image, tmp_path / f"a{suffix}", **({"quality": 98} if suffix == ".jpg" else {})))
    expected = (1 - inks[..., :3] / 255.0) * (1 - 40 / 255.0) * 255  # paper white times what each ink lets through
    np.testing.assert_allclose(photo.pixels, expected, atol=6 if suffix == ".jpg" else 1)


def test_lab_tiff(tmp_path):
    lab = np.dstack([levels(), np.full((HEIGHT, WIDTH, 2), 0, np.uint8)])  # a = b = 0: neutral
    photo = read_photo(saved(Image.frombytes("LAB", (WIDTH, HEIGHT), lab.tobytes()), tmp_path / "a.tif"))
    assert photo.pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.ptp(photo.pixels.astype(int), axis=2).max() <= 3
    assert np.corrcoef(photo.pixels[..., 1].ravel(), lab[..., 0].ravel())[0, 1] > 0.98


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "RGBX"])
def test_other_color_modes(mode):
    photo = as_photo(Image.fromarray(smooth()).convert(mode))
    assert photo.alpha is None
    np.testing.assert_allclose(photo.pixels, smooth(), atol=6)  # HSV has few bits


def test_premultiplied_and_palette_alpha():
    opaque = np.full((HEIGHT, WIDTH), 255, np.uint8)
    rgba = Image.fromarray(np.dstack([smooth(), opaque]))
    assert_same(as_photo(rgba.convert("RGBa")), smooth(), opaque)
    gray_alpha = Image.fromarray(np.dstack([smooth()[..., 0], opaque]))
    assert_same(as_photo(gray_alpha.convert("La")), smooth()[..., 0], opaque)
    image, indices, colors = palette_image()
    image = image.convert("PA")
    image.putalpha(Image.fromarray(levels()))
    assert_same(as_photo(image), colors[indices], levels())


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp", ".png"])
def test_first_frame_of_several(tmp_path, suffix):
    first, second = Image.fromarray(smooth()), Image.fromarray(255 - smooth())
    path = saved(first, tmp_path / f"a{suffix}", save_all=True, append_images=[second])
    atol = 40 if suffix in {".gif", ".webp"} else 0
    np.testing.assert_allclose(read_photo(path).pixels.astype(int), smooth(), atol=atol)


# Reading: orientation and EXIF

# What a viewer shows for each EXIF orientation (EXIF 2.32, tag 274: where row 0 and column 0 of the file are seen)
SEEN = {
    1: lambda a: a,  # top, left
    2: lambda a: a[:, ::-1],  # top, right
    3: lambda a: a[::-1, ::-1],  # bottom, right
    4: lambda a: a[::-1],  # bottom, left
    5: lambda a: a.swapaxes(0, 1),  # left, top
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],  # right, top: a quarter turn clockwise
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),  # right, bottom
    8: lambda a: a.swapaxes(0, 1)[::-1],  # left, bottom: a quarter turn counterclockwise
}


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_orientation(tmp_path, suffix, orientation):
    options = {".jpg": {"quality": 98, "subsampling": 0}, ".webp": LOSSLESS_WEBP}.get(suffix, {})
    path = saved(Image.fromarray(smooth()), tmp_path / f"a{suffix}", exif=exif(orientation), **options)
    expected = SEEN[orientation](smooth())
    photo = read_photo(path)
    assert photo.size == expected.shape[:2]
    assert photo.pixels.flags.c_contiguous
    np.testing.assert_allclose(photo.pixels, expected, atol=6 if suffix == ".jpg" else 0)
    with Image.open(path) as image:
        np.testing.assert_array_equal(as_photo(image).pixels, photo.pixels)


@pytest.mark.parametrize("orientation", SEEN)
def test_orientation_turns_alpha_and_16_bit_too(tmp_path, orientation):
    rgba, deep = levels(4), levels(dtype=np.uint16)
    seen = SEEN[orientation](rgba)
    photo = read_photo(saved(Image.fromarray(rgba), tmp_path / "a.png", exif=exif(orientation)))
    assert_same(photo, seen[..., :3], seen[..., 3])
    photo = read_photo(saved(Image.fromarray(deep), tmp_path / "b.png", exif=exif(orientation)))
    assert_same(photo, SEEN[orientation](deep))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_is_upright(tmp_path, orientation):
    assert_same(read_photo(saved(Image.fromarray(levels()), tmp_path / "a.png", exif=exif(orientation))), levels())


# Little-endian EXIF of two tags: the maker's name, wrongly a float (Pillow cannot write it again), and orientation 6
MISTYPED_EXIF = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHIfHHIII", 2, 0x010F, 11, 1, 1.5, 0x0112, 3, 1, 6, 0)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize(
    "damaged", [b"Exif\0\0", b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", exif(6).tobytes()[:-7]]
)
def test_damaged_exif_does_not_fail_the_picture(tmp_path, suffix, damaged):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo(saved(Image.fromarray(smooth()), tmp_path / f"a{suffix}", exif=damaged)).pixels.ndim == 3


def test_orientation_is_applied_although_another_tag_is_damaged(tmp_path):
    path = saved(Image.fromarray(levels()), tmp_path / "a.png", exif=MISTYPED_EXIF)
    assert_same(read_photo(path), SEEN[6](levels()))


# Arrays


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_arrays(dtype, channels):
    integers = levels(*channels)
    array = (integers / 255).astype(dtype) if dtype == np.float32 else integers.astype(dtype)
    before = array.copy()
    photo = as_photo(array)
    pixels = array[..., 0] if channels == (1,) else array[..., :3] if channels == (4,) else array
    assert_same(photo, pixels, array[..., 3] if channels == (4,) else None)
    assert np.shares_memory(photo.pixels, array) == (channels != (4,)), "copied only where it must be"
    np.testing.assert_array_equal(array, before)
    assert (photo.path, photo.format, photo.name) == (None, None, "picture")


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_float_arrays_become_float32(dtype):
    array = (levels(3) / 255).astype(dtype)
    assert_same(as_photo(array), array.astype(np.float32))


def test_bool_and_foreign_byte_order_and_strides():
    bits = levels() > 127
    assert_same(as_photo(bits), np.where(bits, 255, 0).astype(np.uint8))
    deep = levels(3, dtype=np.uint16)
    assert_same(as_photo(deep.astype(">u2")), deep)
    assert_same(as_photo(deep[::-2, ::3]), deep[::-2, ::3])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5, np.uint8), r"shape \(5,\).*give \(H, W\)"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(1, 4, 4, 3\)"),
        (np.zeros((0, 4), np.uint8), "no pixels"),
        (np.zeros((4, 0, 3), np.float32), "no pixels"),
        (np.zeros((4, 4), np.int64), "int64.*give bool, uint8, uint16, or float"),
        (np.zeros((4, 4), np.complex64), "complex64"),
        (np.zeros((4, 4), object), "object"),
        (np.array([[0.0, 255.0]]), "from 0 to 255.*divide by the value of white"),
        (np.array([[-0.1, 1.0]], np.float32), "from -0.1 to 1 "),
        (np.array([[0.5, np.nan]], np.float16), "nan"),
        (np.array([[0.5, np.inf]]), "inf"),
    ],
)
def test_unusable_arrays(array, message):
    with pytest.raises(PhotoError, match=message):
        as_photo(array)


def test_unusable_objects():
    with pytest.raises(PhotoError, match="cannot use a list as a picture: give a path, a PIL image or a numpy array"):
        as_photo([[1, 2], [3, 4]])
    with pytest.raises(PhotoError, match=r"no pixels \(0×3\)"):
        as_photo(Image.new("RGB", (0, 3)))
    with pytest.raises(PhotoError, match="NaN"):
        as_photo(Image.fromarray(np.array([[0.5, np.nan]], np.float32)))


def test_paths_and_pil_images_and_photos(tmp_path):
    path = saved(Image.fromarray(levels(4)), tmp_path / "a.png")
    for source in (path, str(path), Image.fromarray(levels(4)), as_photo(path)):
        assert_same(as_photo(source), levels(4)[..., :3], levels(4)[..., 3])
    assert read_photo(path).name == str(path)


def test_a_pil_image_is_left_as_it_was():
    image = Image.fromarray(levels(4))
    image.getexif()[0x0112] = 6
    as_photo(image)
    assert (image.mode, image.size, image.getexif()[0x0112]) == ("RGBA", (WIDTH, HEIGHT), 6)
    np.testing.assert_array_equal(np.asarray(image), levels(4))


# Photo


def test_is_gray():
    gray = levels()
    assert as_photo(gray).is_gray
    assert as_photo(np.dstack([gray] * 3)).is_gray
    assert not as_photo(levels(3)).is_gray


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_colored_pixel_in_the_last_strip_is_color(channel):
    pixels = np.zeros((1200, 1000, 3), np.uint8)
    assert as_photo(pixels).is_gray
    pixels[-1, -1, channel] = 1
    assert not as_photo(pixels).is_gray


@pytest.mark.parametrize(("channels", "mode"), [((), "L"), ((3,), "RGB"), ((4,), "RGBA")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_to_pil(channels, mode, dtype):
    integers = levels(*channels, dtype=np.uint16 if dtype == np.uint16 else np.uint8)
    array = np.float32(integers / 255) if dtype == np.float32 else integers
    image = as_photo(array).to_pil()
    assert image.mode == mode
    expected = np.rint(integers / 257.0) if dtype == np.uint16 else integers
    np.testing.assert_array_equal(np.asarray(image), expected)


def test_to_pil_gray_alpha_and_all_16_bit_levels():
    image = Photo(levels(), levels()).to_pil()
    assert image.mode == "LA"
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(np.asarray(as_photo(every).to_pil()), np.rint(every / 257.0))


def test_floats_slightly_outside_are_clipped_not_wrapped():
    pixels = np.array([[-0.01, 1.01]], np.float32)
    np.testing.assert_array_equal(np.asarray(Photo(pixels).to_pil()), [[0, 255]])


def test_floats_are_rounded_to_nearest():
    pixels = np.array([[1.4, 1.6, 254.4, 254.6]], np.float32) / np.float32(255)
    np.testing.assert_array_equal(np.asarray(Photo(pixels).to_pil()), [[1, 2, 254, 255]])


# Writing


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".TIF"])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_lossless_round_trip(tmp_path, suffix, channels):
    written = as_photo(levels(*channels))
    path = written.save(tmp_path / f"a{suffix}")
    assert path == tmp_path / f"a{suffix}"
    assert_same(read_photo(path), written.pixels, written.alpha)


@st.composite
def photos(draw: st.DrawFn) -> Photo:
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    dtype, channels = draw(st.sampled_from([(np.uint8, ()), (np.uint8, (3,)), (np.uint16, ())]))
    pixels = draw(hnp.arrays(dtype, (height, width, *channels)))
    has_alpha = dtype == np.uint8 and draw(st.booleans())
    return Photo(pixels, draw(hnp.arrays(dtype, (height, width))) if has_alpha else None)


@settings(max_examples=60, deadline=None)
@given(photo=photos(), suffix=st.sampled_from([".png", ".tif"]))
def test_what_is_written_is_read_back(photo, suffix):
    with tempfile.TemporaryDirectory() as folder:
        assert_same(read_photo(write_photo(photo, Path(folder) / f"a{suffix}")), photo.pixels, photo.alpha)


def test_jpeg_is_quality_95_without_subsampling(tmp_path):
    path = as_photo(levels(3)).save(tmp_path / "a.jpg")
    reference = Image.open(io.BytesIO(encoded(Image.fromarray(levels(3)), "JPEG", quality=95)))
    with Image.open(path) as image:
        assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
        assert image.quantization == reference.quantization


def test_tiff_is_compressed_without_loss(tmp_path):
    with Image.open(as_photo(smooth()).save(tmp_path / "a.tif")) as image:
        assert image.info["compression"] == "tiff_lzw"
        assert image.tag_v2[317] == 2  # differences of neighbors


def test_webp_keeps_colors_and_alpha(tmp_path):
    alpha = levels()
    photo = read_photo(Photo(smooth(), alpha).save(tmp_path / "a.webp"))
    np.testing.assert_array_equal(photo.alpha, alpha)
    opaque = read_photo(as_photo(smooth()).save(tmp_path / "b.webp"))
    np.testing.assert_allclose(opaque.pixels, smooth(), atol=20)  # WebP halves the resolution of color


@pytest.mark.parametrize("suffix", photo_module.OUTPUT_FORMATS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_gray_stays_gray(tmp_path, suffix, dtype):
    gray = smooth()[..., 0]
    array = {np.uint8: gray, np.uint16: gray.astype(np.uint16) * 257, np.float32: np.float32(gray / 255)}[dtype]
    photo = read_photo(as_photo(array).save(tmp_path / f"a{suffix}"))
    assert photo.is_gray
    assert photo.pixels.ndim == (3 if suffix == ".webp" else 2)  # WebP has no gray
    scale = 257 if photo.pixels.dtype == np.uint16 else 1
    assert (scale == 257) == (dtype == np.uint16 and suffix in {".png", ".tif", ".tiff"})
    plane = photo.pixels if photo.pixels.ndim == 2 else photo.pixels[..., 0]
    np.testing.assert_allclose(plane / scale, gray, atol=4 if suffix in {".jpg", ".jpeg", ".webp"} else 0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_16_bits_are_written_as_opencv_reads_them(tmp_path, suffix, channels):
    import cv2

    array = levels(*channels, dtype=np.uint16)
    path = as_photo(array).save(tmp_path / f"a{suffix}")
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint16
    order = {(): ..., (3,): (..., [2, 1, 0]), (4,): (..., [2, 1, 0, 3])}[channels]
    np.testing.assert_array_equal(found[order], array)


def test_16_bit_gray_with_alpha_is_written_as_equal_channels(tmp_path):
    import cv2

    gray, alpha = levels(dtype=np.uint16), levels(dtype=np.uint16)[::-1]
    path = Photo(gray, alpha).save(tmp_path / "a.png")
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found, np.dstack([gray, gray, gray, alpha]))


def test_jpeg_refuses_transparency_but_not_opaque_alpha(tmp_path):
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535), (np.float32, 1)):
        alpha = np.full((HEIGHT, WIDTH), white, dtype)
        photo = Photo(np.zeros((HEIGHT, WIDTH, 3), dtype), alpha)
        assert read_photo(photo.save(tmp_path / f"opaque-{white}.jpg")).pixels.ndim == 3
        gray = Photo(photo.pixels[..., 0].copy(), alpha)
        assert read_photo(gray.save(tmp_path / f"opaque-gray-{white}.jpg")).pixels.ndim == 2
        alpha[3, 4] -= dtype(white / 2)
        with pytest.raises(
            OutputError, match=r"a.jpg: JPEG cannot hold the picture's transparency; write PNG, TIFF or"
        ):
            photo.save(tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()


@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 65501), (".webp", 16384), (".png", 1_000_001)])
def test_too_large_for_the_format(tmp_path, suffix, side):
    with pytest.raises(OutputError, match=rf"at most {side - 1} pixels a side and the picture is 1×{side}; write TIFF"):
        as_photo(np.zeros((side, 1), np.uint16)).save(tmp_path / f"a{suffix}")
    fits = as_photo(np.zeros((1, side - 1), np.uint16)).save(tmp_path / f"b{suffix}")
    assert read_photo(fits).size == (1, side - 1)
    check_fits(as_photo(np.zeros((side, 1), np.uint8)), tmp_path / "a.tif")


# Writing: safely


@pytest.fixture
def folder(tmp_path):
    """A folder with one picture `old.png` in it."""
    as_photo(levels()).save(tmp_path / "old.png")
    return tmp_path


def failing(error: BaseException):
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("functions", [["os.fsync"], ["os.link", "pathlib.Path.replace"]], ids=["write", "rename"])
@pytest.mark.parametrize("error", [DISK_FULL, KeyboardInterrupt()], ids=["disk full", "interrupt"])
@pytest.mark.parametrize("name", ["old.png", "new.png"])
def test_failure_leaves_no_file_behind(folder, monkeypatch, functions, error, name):
    before = (folder / "old.png").read_bytes()
    for function in functions:
        monkeypatch.setattr(function, failing(error))
    with pytest.raises((OutputError, KeyboardInterrupt)) as caught:
        as_photo(levels(3)).save(folder / name, overwrite=name == "old.png")
    if error is DISK_FULL:
        assert str(caught.value) == (
            f"cannot write {folder / name}: No space left on device; make room or use -o to write elsewhere"
        )
    assert names(folder) == ["old.png"]
    assert (folder / "old.png").read_bytes() == before


def test_failure_while_encoding_leaves_no_file_behind(folder, monkeypatch):
    monkeypatch.setattr(Image.Image, "save", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        as_photo(levels(3)).save(folder / "new.png")
    assert names(folder) == ["old.png"]


def test_disk_full_while_the_file_is_half_written(folder, monkeypatch):
    real_open = Path.open

    class HalfFull(io.FileIO):
        def write(self, data: bytes) -> int:
            super().write(data[: len(data) // 2])
            raise DISK_FULL

    def open_path(path: Path, mode: str = "r", *args: object) -> object:
        return HalfFull(path, mode) if "x" in mode else real_open(path, mode, *args)

    monkeypatch.setattr(Path, "open", open_path)
    with pytest.raises(OutputError, match=r"new.jpg: No space left on device"):
        as_photo(levels(3)).save(folder / "new.jpg")
    assert names(folder) == ["old.png"]


def test_the_temporary_file_is_beside_the_output_and_hidden(folder, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.extend(p.name for p in folder.iterdir()))
    as_photo(levels()).save(folder / "new.png")
    (temporary,) = set(seen) - {"old.png"}
    assert temporary.startswith(".new.png-")
    assert temporary.endswith(".tmp")
    assert names(folder) == ["new.png", "old.png"]


def test_overwrite(folder):
    with pytest.raises(OutputError, match=r"old.png exists already: use --force to replace it, or -o to write elsewhe"):
        as_photo(levels(3)).save(folder / "old.png")
    assert_same(read_photo(folder / "old.png"), levels())
    as_photo(levels(3)).save(folder / "old.png", overwrite=True)
    assert_same(read_photo(folder / "old.png"), levels(3))


def test_the_input_can_be_the_output_with_overwrite_only(folder):
    photo = read_photo(folder / "old.png")
    with pytest.raises(OutputError, match="exists already"):
        photo.save(folder / "old.png")
    photo.save(folder / "old.png", overwrite=True)
    assert_same(read_photo(folder / "old.png"), levels())


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(folder, monkeypatch, has_links):
    def encode(*args: object) -> bytes:
        (folder / "new.png").write_text("somebody else's")
        return b"ours"

    monkeypatch.setattr(photo_module, "_encode", encode)
    if not has_links:
        monkeypatch.setattr(os, "link", failing(PermissionError(errno.EPERM, "no links on FAT")))
    with pytest.raises(OutputError, match=r"new.png appeared while it was being written: use --force"):
        as_photo(levels()).save(folder / "new.png")
    assert (folder / "new.png").read_text() == "somebody else's"
    assert names(folder) == ["new.png", "old.png"]


def test_without_hard_links(folder, monkeypatch):
    monkeypatch.setattr(os, "link", failing(PermissionError(errno.EPERM, "no links on FAT")))
    as_photo(levels(3)).save(folder / "new.png")
    assert_same(read_photo(folder / "new.png"), levels(3))
    assert names(folder) == ["new.png", "old.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_mode_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        path = as_photo(levels()).save(tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_long_names_can_be_written(tmp_path):
    name = "é" * 120 + ".png"  # 244 bytes of the 255 that most file systems allow
    assert as_photo(levels()).save(tmp_path / name).name == name


def test_name_too_long_for_the_file_system(tmp_path):
    with pytest.raises(OutputError, match="File name too long"):
        as_photo(levels()).save(tmp_path / ("a" * 300 + ".png"))


def test_check_output(folder, monkeypatch):
    check_output(folder / "new.webp", overwrite=False)
    check_output(folder / "old.png", overwrite=True)
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    for name, overwrite, message in [
        ("old.png", False, "exists already: use --force to replace it, or -o to write elsewhere"),
        ("dangling.png", False, "exists already"),
        ("folder.png", True, "it is a folder; add a file name"),
        ("a.gif", False, "end its name in one of .jpg, .jpeg, .png, .tif, .tiff, .webp"),
        ("a", False, "end its name in one of"),
        ("missing/a.png", False, f"there is no folder {folder / 'missing'}; create it first"),
        ("old.png/a.png", False, f"there is no folder {folder / 'old.png'}"),
    ]:
        with pytest.raises(OutputError) as caught:
            check_output(folder / name, overwrite=overwrite)
        assert message in str(caught.value)
        assert str(folder / name) in str(caught.value)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    with pytest.raises(OutputError, match=r"the folder .* is not writable; use -o to write elsewhere"):
        check_output(folder / "new.png", overwrite=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scans/a.jpg", "scans/a-color.jpg"),
        ("a.JPEG", "a-color.JPEG"),
        ("a.b.tiff", "a.b-color.tiff"),
        ("a.webp", "a-color.webp"),
        ("a.gif", "a-color.png"),
        ("a.bmp", "a-color.png"),
        ("a", "a-color.png"),
    ],
)
def test_default_output(name, expected):
    assert default_output(Path(name), "color") == Path(expected)
    assert default_output(Path(name), "color", Path("out")) == Path("out") / Path(expected).name


# Bad input


def png(header: bytes) -> bytes:
    """A PNG of this header, without pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def png_header(width: int, height: int) -> bytes:
    return struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)


def mistyped_tiff() -> bytes:
    """A TIFF that gives the place of its pixels (tag 273) as a float (type 11) instead of an integer (type 4)."""
    good = encoded(Image.fromarray(levels(3)), "TIFF")
    bad = good.replace(struct.pack("<HH", 273, 4), struct.pack("<HH", 273, 11))
    assert bad != good
    return bad


def assert_refused(path: Path, message: str) -> None:
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    assert str(caught.value).startswith(f"cannot read {path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    assert_refused(tmp_path / "a.jpg", "there is no such file; check its name and folder")
    assert_refused(tmp_path, "it is a folder; name a picture file in it")
    saved(Image.fromarray(levels()), tmp_path / "a.png")
    assert_refused(tmp_path / "a.png" / "b.png", "there is no such file")
    assert_refused(tmp_path / ("a" * 300), "File name too long")


def test_unreadable_file(tmp_path, monkeypatch):
    path = saved(Image.fromarray(levels()), tmp_path / "a.png")
    # Not by chmod: root, as whom tests run in containers, may read everything.
    monkeypatch.setattr(Path, "open", failing(PermissionError(errno.EACCES, "Permission denied")))
    assert_refused(path, "Permission denied; check that you may read this file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; copy it again"),
        (b"Dear Sir or Madam,\n" * 50, "it is no picture of a kind read here (JPEG, PNG, TIFF, WEBP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is no picture"),
        (png(png_header(0, 5)), "it is no picture"),
        (b"P6 0 5 255\n", "it is no picture"),
        (png(png_header(30_000, 20_000)), "more than 500 megapixels; scale it down or cut it first"),
        (png(png_header(2, 2)), "damaged or cut short"),
        (png(png_header(2, 2)[:7]), "damaged or cut short"),
        (mistyped_tiff(), "damaged or cut short"),
    ],
    ids=["empty", "text", "eps", "no pixels png", "no pixels ppm", "bomb", "no data", "short header", "mistyped tag"],
)
def test_files_that_are_no_pictures(tmp_path, content, message):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert_refused(path, message)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.9])
@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {}),
    ],
)
def test_truncated_files(tmp_path, format, options, share):  # noqa: A002
    data = encoded(Image.fromarray(levels(3, size=(64, 64))), format, **options)
    path = tmp_path / "a.bin"
    path.write_bytes(data[: max(1, int(len(data) * share))])
    assert_refused(path, "copy it again from where it came")
    path.write_bytes(data)
    assert read_photo(path).size == (64, 64)


def test_truncated_pil_image_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(levels(3)), "PNG")[:300])
    with Image.open(path) as image, pytest.raises(PhotoError, match=r"cannot read .*a.png: the file is damaged"):
        as_photo(image)


def seeds() -> list[bytes]:
    rgb, rgba = Image.fromarray(levels(3)), Image.fromarray(levels(4))
    gray, deep = Image.fromarray(levels()), Image.fromarray(levels(dtype=np.uint16))
    tags = exif(6)
    tags[0x010F] = "maker"
    return [
        encoded(rgb, "JPEG", exif=tags),
        encoded(gray, "JPEG", progressive=True),
        encoded(rgb.convert("CMYK"), "JPEG"),
        encoded(rgb, "PNG", exif=tags),
        encoded(palette_image()[0], "PNG", transparency=bytes(range(8))),
        encoded(deep, "PNG"),
        encoded(rgb, "TIFF", exif=tags),
        encoded(rgba, "TIFF", compression="packbits"),
        encoded(Image.fromarray(levels() > 99), "TIFF"),
        encoded(Image.fromarray(np.float32(levels())), "TIFF"),
        encoded(rgb, "WEBP", exif=tags),
        encoded(rgba, "WEBP", lossless=True),
    ]


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Cut short, or a few bytes changed, mostly in the headers."""
    if dice.random() < 0.25:
        return data[: dice.randrange(1, len(data))]
    changed = bytearray(data)
    for _ in range(dice.choice([1, 2, 4, 16])):
        where = dice.randrange(dice.choice([40, 250, len(data)]))
        changed[where % len(data)] = dice.choice([0, 255, dice.randrange(256)])
    return bytes(changed)


def test_mutated_files_are_a_photo_or_a_photo_error(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_module, "MAX_PIXELS", 4_000_000)  # a header may lie; keep the test quick
    dice, files, path = random.Random(0), seeds(), tmp_path / "a.bin"
    outcomes = []
    for _ in range(240):
        path.write_bytes(mutated(dice.choice(files), dice))
        try:
            photo = read_photo(path)
        except PhotoError:
            outcomes.append("refused")
        else:
            outcomes.append("read")
            assert min(photo.size) >= 1
            assert photo.pixels.dtype in (np.uint8, np.uint16, np.float32)
    assert min(outcomes.count("refused"), outcomes.count("read")) > 20, "the mutations are too strong or too weak"


# Pillow's process-wide settings and the user's files are left alone


def test_pixel_limit_is_ours_and_pillows_is_put_back(tmp_path, monkeypatch):
    path = saved(Image.fromarray(levels(3)), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow by itself would refuse
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)
    assert_same(read_photo(path), levels(3))
    assert Image.MAX_IMAGE_PIXELS == 10
    monkeypatch.setattr(photo_module, "MAX_PIXELS", HEIGHT * WIDTH)
    read_photo(path)
    monkeypatch.setattr(photo_module, "MAX_PIXELS", HEIGHT * WIDTH - 2)
    assert_refused(path, "megapixels")
    assert Image.MAX_IMAGE_PIXELS == 10


def test_reading_in_threads_leaves_limit_and_warnings_alone(tmp_path):
    good = saved(Image.fromarray(levels(3)), tmp_path / "a.png", exif=exif(6))
    bad = saved(Image.fromarray(levels(3)), tmp_path / "b.jpg", exif=exif(6).tobytes()[:-7])
    filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(lambda path: read_photo(path).size, [good, bad] * 40))
    assert sizes[::2] == [(WIDTH, HEIGHT)] * 40
    assert warnings.filters == filters
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="needs a list of open files")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".gif", ".bmp"])
def test_no_file_is_kept_open_or_changed(tmp_path, suffix):
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - smooth())]}
    options = frames if suffix in {".tif", ".webp", ".gif"} else {}
    path = saved(Image.fromarray(smooth()), tmp_path / f"a{suffix}", **options)
    before, opened = path.read_bytes(), names(Path("/dev/fd"))
    photo = read_photo(path)
    photo.save(tmp_path / "b.png")
    assert names(Path("/dev/fd")) == opened
    assert path.read_bytes() == before


def test_importing_photo_leaves_torch_and_cv2_out():
    code = "import excolor.photo, sys; sys.exit(bool({'torch', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
