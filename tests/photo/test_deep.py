"""More than 8 bits a channel, in and out."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from imagecodecs import png_encode
from pictures import HEIGHT, SEEN, WIDTH, assert_same, levels, smooth
from PIL import Image

from excolor.errors import PhotoError
from excolor.photo import Photo, as_photo, read_photo

DEEP = levels(3, dtype=np.uint16)
ALPHA = levels(dtype=np.uint16)
RGBA = np.dstack([DEEP, ALPHA])


def test_16_bit_color_png(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), DEEP[..., ::-1])
    assert_same(read_photo(tmp_path / "a.png"), DEEP)
    cv2.imwrite(str(tmp_path / "b.png"), RGBA[..., [2, 1, 0, 3]])
    assert_same(read_photo(tmp_path / "b.png"), DEEP, ALPHA)


def test_16_bit_gray_png_with_alpha(tmp_path):
    (tmp_path / "a.png").write_bytes(png_encode(np.dstack([ALPHA, DEEP[..., 0]])))
    assert_same(read_photo(tmp_path / "a.png"), ALPHA, np.ascontiguousarray(DEEP[..., 0]))


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_color_of_16_bit_png(tmp_path, channels):
    array = np.ascontiguousarray(DEEP[..., 0]) if channels == 1 else DEEP
    chosen = np.atleast_1d(array[5, 6])
    body = b"tRNS" + struct.pack(f">{channels}H", *chosen.tolist())
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = png_encode(array)
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])  # behind the header
    photo = read_photo(tmp_path / "a.png")
    same = (array.reshape(HEIGHT, WIDTH, -1) == chosen).all(axis=2)
    assert_same(photo, array, np.where(same, 0, 65535).astype(np.uint16))


@pytest.mark.parametrize(
    "options", [{}, {"compression": "lzw", "predictor": True}, {"byteorder": ">"}, {"tile": (16, 16)}]
)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_color_tiff(tmp_path, options, planar):
    array = np.moveaxis(RGBA, -1, 0) if planar == "separate" else RGBA
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unassalpha"], planarconfig=planar, **options
    )
    assert_same(read_photo(tmp_path / "a.tif"), DEEP, ALPHA)
    bare = array[:3] if planar == "separate" else array[..., :3]
    tifffile.imwrite(tmp_path / "b.tif", bare, photometric="rgb", planarconfig=planar, **options)
    assert_same(read_photo(tmp_path / "b.tif"), DEEP)


def test_premultiplied_alpha_of_16_bits(tmp_path):
    alpha = np.full((HEIGHT, WIDTH), 32768, np.uint16)
    alpha[0] = 0
    halved = (DEEP * (alpha[..., None] / 65535)).round().astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([halved, alpha]), photometric="rgb", extrasamples=["assocalpha"])
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(photo.alpha, alpha)
    np.testing.assert_allclose(photo.pixels[1:].astype(int), DEEP[1:], atol=1)


def test_white_is_zero_of_deep_gray_with_alpha(tmp_path):
    array = np.dstack([65535 - ALPHA, DEEP[..., 0]])
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite", extrasamples=["unassalpha"])
    assert_same(read_photo(tmp_path / "a.tif"), ALPHA, np.ascontiguousarray(DEEP[..., 0]))


def test_float_color_tiff(tmp_path):
    unit = np.float32(smooth() / 255)
    for dtype in (np.float16, np.float32, np.float64):
        tifffile.imwrite(tmp_path / "a.tif", unit.astype(dtype), photometric="rgb")
        photo = read_photo(tmp_path / "a.tif")
        assert photo.pixels.dtype == np.float32
        np.testing.assert_allclose(photo.pixels, unit, atol=1e-3 if dtype == np.float16 else 0)
    tifffile.imwrite(tmp_path / "b.tif", np.where(unit > 0.5, np.nan, unit), photometric="rgb")
    with pytest.raises(PhotoError, match=r"b.tif: some of its levels are infinite or not numbers"):
        read_photo(tmp_path / "b.tif")


def test_cmyk_of_16_bits_is_as_pillow_has_it_with_8(tmp_path):
    inks = levels(4)
    tifffile.imwrite(tmp_path / "a.tif", inks.astype(np.uint16) * 257, photometric="separated")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.pixels.dtype == np.uint16
    expected = np.array(Image.fromarray(inks, mode=None if hasattr(Image, "_") else "CMYK").convert("RGB"))
    np.testing.assert_allclose(photo.pixels / 257, expected, atol=1.01)


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_of_deep_color(tmp_path, suffix, orientation):
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(
            path, RGBA, photometric="rgb", extrasamples=["unassalpha"], extratags=[(274, 3, 1, orientation)]
        )
    else:
        body = b"eXIfII*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 274, 3, 1, orientation, 0, 0)
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        data = png_encode(RGBA)
        path.write_bytes(data[:33] + chunk + data[33:])
    assert_same(read_photo(path), SEEN[orientation](DEEP), SEEN[orientation](ALPHA))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_floats_are_written_with_16_bits(tmp_path, suffix):
    unit = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32)
    photo = read_photo(Photo(unit, np.float32(unit[..., 0])).save(tmp_path / f"a{suffix}"))
    assert photo.pixels.dtype == photo.alpha.dtype == np.uint16
    np.testing.assert_allclose(photo.pixels / 65535, unit, atol=0.501 / 65535)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_gray_with_alpha_stays_gray(tmp_path, suffix):
    assert_same(read_photo(Photo(ALPHA, ALPHA[::-1].copy()).save(tmp_path / f"a{suffix}")), ALPHA, ALPHA[::-1].copy())


def test_16_bits_are_rounded_for_8_bit_formats(tmp_path):
    array = np.dstack([levels(dtype=np.uint16)] * 3)
    photo = read_photo(as_photo(array).save(tmp_path / "a.jpg"))
    np.testing.assert_allclose(photo.pixels[..., 0], array[..., 0] / 257, atol=8)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_white_is_zero_of_deep_gray(tmp_path, byteorder):
    tifffile.imwrite(tmp_path / "a.tif", 65535 - ALPHA, photometric="miniswhite", byteorder=byteorder)
    assert_same(read_photo(tmp_path / "a.tif"), ALPHA)
    unit = np.float32(ALPHA / 65535)
    tifffile.imwrite(tmp_path / "b.tif", 1 - unit, photometric="miniswhite", byteorder=byteorder)
    np.testing.assert_allclose(read_photo(tmp_path / "b.tif").pixels, unit, atol=1e-6)


@pytest.mark.parametrize("dtype", ["f2", "f8", "u4", "i1", "i2", "i4"])
def test_gray_of_other_numbers(tmp_path, dtype):
    """What is no float in [0, 1] is brought there, the lowest to black and the highest to white."""
    ramp = np.linspace(0, 1, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    if dtype.startswith("f"):
        array = ramp.astype(dtype)
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        array = (low + ramp * (high - low)).clip(low, high - 1024 if dtype.endswith("4") else high).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.pixels.dtype == np.float32
    np.testing.assert_allclose(photo.pixels, ramp, atol={"f2": 1e-3, "i1": 5e-3}.get(dtype, 1e-4))

    assert bool(photo.notes) == (dtype in ("i1", "i2", "i4"))


@pytest.mark.parametrize(("low", "high", "share"), [(-0.05, 1.8, 0.01), (0, 40.0, 0.04), (-0.3, 1, 0.02)])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "color"])
def test_a_few_floats_outside_of_0_to_1_are_clipped_and_noted(tmp_path, low, high, share, channels):
    """Highlights of a renderer, and what resampling adds at edges; the rest stays as it is."""
    rng = np.random.default_rng(1)
    array = rng.random((40, 50, *channels), np.float32)
    chosen = rng.random(array.shape) < share
    array[chosen] = np.where(rng.random(chosen.sum()) < 0.5, low, high)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb" if channels else "minisblack")
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(photo.pixels, array.clip(0, 1))
    (note,) = photo.notes
    assert f"{((array < 0) | (array > 1)).sum()} of its levels lie outside of 0 to 1" in note


@pytest.mark.parametrize("white", [255, 4095, 65535])
def test_floats_of_another_white_are_stretched_and_noted(tmp_path, white):
    """Also of a night, of which most is black."""
    array = np.linspace(0, white, 2000, dtype=np.float32).reshape(40, 50)
    array[:30] = 0
    tifffile.imwrite(tmp_path / "a.tif", array)
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_allclose(photo.pixels, array / white, atol=1e-6)
    assert photo.notes == (f"its levels go from 0 to {white:g}, which are taken for black and white",)


@pytest.mark.parametrize("dtype", ["u2", "u4", "i1", "i2", "i4"])
def test_integers_are_of_the_largest_of_their_type(tmp_path, dtype):
    largest = np.iinfo(dtype).max
    ramp = np.linspace(0, 0.9, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    tifffile.imwrite(tmp_path / "a.tif", (ramp * largest).astype(dtype))
    photo = read_photo(tmp_path / "a.tif")
    white = 1 if photo.pixels.dtype == np.float32 else 65535
    np.testing.assert_allclose(photo.pixels / white, ramp, atol=1e-2 if dtype == "i1" else 1e-4)
    assert photo.notes == ()


@pytest.mark.parametrize("dtype", ["u4", "i4"])
def test_16_bits_in_32_are_read_as_such(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", ALPHA.astype(dtype))
    assert_same(read_photo(tmp_path / "a.tif"), ALPHA)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "color"])
def test_a_file_that_declares_its_largest_value(tmp_path, bits, channels):
    """Tag MaxSampleValue (TIFF 6.0, section 8): cameras and scanners of fewer bits write theirs into 16."""
    white = (1 << bits) - 1
    array = (levels(*channels, dtype=np.uint16) >> (16 - bits)).astype(np.uint16)
    tags = [(281, 3, 3 if channels else 1, (white,) * 3 if channels else white)]
    photometric = "rgb" if channels else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, extratags=tags)
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_allclose(photo.pixels / 65535, array / white, atol=1 / 65535)
    assert photo.notes == ()
    tifffile.imwrite(tmp_path / "b.tif", array, photometric=photometric)
    silent = read_photo(tmp_path / "b.tif")
    assert_same(silent, array)
    assert silent.notes and f"its brightest level is {array.max()} of 65535" in silent.notes[0]


@pytest.mark.parametrize("declared", [255, 40000])
def test_a_declared_value_that_is_not_white_is_not_believed(tmp_path, declared):
    """Some writers put the largest value of the picture there, and of some the tag is of another file."""
    tifffile.imwrite(tmp_path / "a.tif", ALPHA // 2, extratags=[(281, 3, 1, declared)])
    assert_same(read_photo(tmp_path / "a.tif"), ALPHA // 2)


def test_complex_numbers_are_one_clear_sentence(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((HEIGHT, WIDTH), np.complex64))
    with pytest.raises(PhotoError, match=r"a.tif: its levels are complex64"):
        read_photo(tmp_path / "a.tif")


def test_fewer_channels_than_colors(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ALPHA)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(2)
    with pytest.raises(PhotoError, match=r"a.tif: it is damaged, with 1 channels for 3 colors"):
        read_photo(tmp_path / "a.tif")
