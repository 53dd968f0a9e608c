"""Pictures in: every kind of file, image and array that people have."""

import io
import os
import struct
import sys
import threading
import warnings
import zlib

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from pictures import (
    HEIGHT,
    LOSSLESS_WEBP,
    SEEN,
    WIDTH,
    assert_same,
    encoded,
    exif,
    levels,
    palette_image,
    saved,
    smooth,
)
from PIL import Image, ImageCms, ImageFile
from PIL.PngImagePlugin import PngInfo

from excolor.errors import PhotoError
from excolor.photo import Photo, as_photo, open_photo, read_photo

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


@pytest.mark.parametrize("suffix", [".png", ".tif", ".gif", ".bmp"])
def test_palette(tmp_path, suffix):
    image, indices, colors = palette_image()
    assert_same(read_photo(saved(image, tmp_path / f"a{suffix}")), colors[indices])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_transparent_gray_of_few_bits(tmp_path, bits):
    """By hand: Pillow writes no such file."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    steps = 1 << bits
    stored = np.arange(steps, dtype=np.uint8).repeat(8)  # one row, of whole bytes
    packed = np.packbits(np.unpackbits(stored[:, None], axis=1)[:, 8 - bits :]).tobytes()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", len(stored), 1, bits, 0, 0, 0, 0))
    expected = (stored.astype(int) * 255 // (steps - 1)).astype(np.uint8)[None]
    for level in {0, 1, steps - 1}:
        transparent = chunk(b"tRNS", struct.pack(">H", level))
        pixels = chunk(b"IDAT", zlib.compress(b"\0" + packed))
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + transparent + pixels + chunk(b"IEND", b""))
        photo = read_photo(tmp_path / "a.png")
        assert_same(photo, expected, np.where(stored == level, 0, 255).astype(np.uint8)[None])


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


# Reading: what cameras and phones write, and color spaces


def heic(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=100, chroma=444, **options)
    return buffer.getvalue()


def test_avif(tmp_path):
    path = saved(Image.fromarray(smooth()), tmp_path / "a.avif", quality=100, subsampling="4:4:4", exif=exif(6))
    photo = read_photo(path)
    np.testing.assert_allclose(photo.pixels, SEEN[6](smooth()), atol=6)
    assert (photo.format, open_photo(path).size) == ("AVIF", (WIDTH, HEIGHT))


def test_heic(tmp_path):
    path = tmp_path / "a.heic"
    large = np.kron(smooth(), np.ones((8, 8, 1), np.uint8))
    path.write_bytes(heic(Image.fromarray(large)))
    photo = read_photo(path)
    np.testing.assert_allclose(photo.pixels, large, atol=12)
    assert (photo.format, open_photo(path).size) == ("HEIF", large.shape[:2])


def test_heic_without_its_package(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    path.write_bytes(heic(Image.fromarray(smooth())))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match=r"a.heic: HEIC needs one more package; run pip install pillow-heif "):
        read_photo(path)


def test_several_pictures_in_one_jpeg(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth()).save(path, "MPO", save_all=True, append_images=[Image.fromarray(levels(3))], quality=98)
    photo = read_photo(path)
    assert photo.format == open_photo(path).format == "JPEG"
    np.testing.assert_allclose(photo.pixels, smooth(), atol=20)


def test_cmyk_and_ycck_jpeg(tmp_path):
    """Both are written inverted, with an Adobe marker that says which they are."""
    inks = Image.fromarray(smooth()).convert("CMYK")
    expected = np.array(inks.convert("RGB")).astype(int)
    plain = encoded(inks, "JPEG", quality=98, subsampling=0)
    (tmp_path / "cmyk.jpg").write_bytes(plain)
    np.testing.assert_allclose(read_photo(tmp_path / "cmyk.jpg").pixels, expected, atol=10)
    spaces = {"colorspace": "cmyk", "outcolorspace": "ycck"}
    ycck = imagecodecs.jpeg8_encode(255 - np.array(inks), level=98, subsampling="444", **spaces)
    (tmp_path / "ycck.jpg").write_bytes(ycck)
    np.testing.assert_allclose(read_photo(tmp_path / "ycck.jpg").pixels, expected, atol=10)


def test_colors_of_another_profile_come_as_srgb(tmp_path):
    adobe = imagecodecs.cms_profile("adobergb")
    path = saved(Image.fromarray(smooth()), tmp_path / "a.png", icc_profile=adobe)
    srgb = ImageCms.createProfile("sRGB")
    expected = ImageCms.profileToProfile(Image.fromarray(smooth()), io.BytesIO(adobe), srgb, renderingIntent=1)
    photo = read_photo(path)
    np.testing.assert_allclose(photo.pixels, np.array(expected), atol=2)
    assert np.abs(photo.pixels.astype(int) - smooth()).max() > 10
    assert photo.metadata.profile == adobe
    with Image.open(path) as image:
        np.testing.assert_array_equal(as_photo(image).pixels, photo.pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_gray_of_another_tone_curve_comes_as_srgbs(tmp_path, suffix):
    linear = imagecodecs.cms_profile("gray", gamma=1.0)
    ramp = np.tile(np.arange(0, 256, 15, dtype=np.uint8), (HEIGHT, 1))
    options = {"quality": 98} if suffix == ".jpg" else {}
    photo = read_photo(saved(Image.fromarray(ramp), tmp_path / f"a{suffix}", icc_profile=linear, **options))
    light = ramp / 255
    formula = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    np.testing.assert_allclose(photo.pixels, formula * 255, atol=8 if suffix == ".jpg" else 1)
    assert photo.pixels.ndim == 2
    assert photo.metadata.profile is None  # the result in color cannot have it


def test_a_damaged_profile_is_no_reason_to_refuse(tmp_path):
    path = saved(Image.fromarray(smooth()), tmp_path / "a.png", icc_profile=b"nonsense" * 40)
    assert_same(read_photo(path), smooth())
    assert read_photo(path).metadata.profile is None


def test_the_profile_of_jpeg_2000_is_honored(tmp_path):
    linear = imagecodecs.cms_profile("gray", gamma=1.0)
    data = encoded(Image.fromarray(smooth()[..., 0]), "JPEG2000", irreversible=False)
    box = struct.pack(">I4sBBB", len(linear) + 11, b"colr", 2, 0, 0) + linear
    start = data.index(b"colr") - 4
    (length,) = struct.unpack_from(">I", data, start)
    header = data.index(b"jp2h") - 4
    (whole,) = struct.unpack_from(">I", data, header)
    grown = struct.pack(">I", whole - length + len(box))
    path = tmp_path / "a.jp2"
    path.write_bytes(data[:header] + grown + data[header + 4 : start] + box + data[start + length :])
    light = smooth()[..., 0] / 255
    formula = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    np.testing.assert_allclose(read_photo(path).pixels, formula * 255, atol=1)


def test_avif_that_calls_itself_something_wider(tmp_path):
    data = encoded(Image.fromarray(smooth()), "AVIF", quality=100, subsampling="4:4:4")
    path = tmp_path / "a.avif"
    path.write_bytes(data[:8] + b"mif1" + data[12:])
    np.testing.assert_allclose(read_photo(path).pixels, smooth(), atol=6)


def test_orientation_in_the_way_of_imagemagick(tmp_path):
    """A PNG from before there was a chunk for EXIF: turned once, and told so."""
    block = exif(6).tobytes()
    text = PngInfo()
    text.add_text("Raw profile type APP1", f"\nexif\n{len(block):8}\n{block.hex()}\n")
    path = saved(Image.fromarray(smooth()), tmp_path / "a.png", pnginfo=text)
    photo = read_photo(path)
    assert_same(photo, np.ascontiguousarray(SEEN[6](smooth())))
    assert open_photo(path).size == photo.size
    again = read_photo(photo.save(tmp_path / "b.png"))
    assert_same(again, photo.pixels)


def test_long_compressed_text_is_no_damage(tmp_path):
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x>" + "a thumbnail " * 200_000 + "</x>", zip=True)
    photo = read_photo(saved(Image.fromarray(smooth()), tmp_path / "a.png", pnginfo=text))
    assert len(photo.metadata.xmp) > 2_000_000


def test_looking_into_a_png_decodes_nothing(tmp_path, monkeypatch):
    path = saved(Image.fromarray(levels(3)), tmp_path / "a.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: image.size == (1, 1) or pytest.fail("decoded"))
    assert open_photo(path).size == (HEIGHT, WIDTH)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_pipes_are_read(tmp_path, suffix):
    """As a shell gives them: `excolor colorize <(cat gray.jpg)`."""
    data = saved(Image.fromarray(smooth()), tmp_path / f"a{suffix}").read_bytes()
    expected = read_photo(tmp_path / f"a{suffix}").pixels
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (read_photo, lambda path: open_photo(path).read()):
        writer = threading.Thread(target=pipe.write_bytes, args=(data,))
        writer.start()
        photo = read(pipe)
        writer.join()
        assert photo.path == pipe
        np.testing.assert_array_equal(photo.pixels, expected)


def test_a_damaged_pipe_is_named(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"",))
    writer.start()
    with pytest.raises(PhotoError, match=f"cannot read {pipe}: the file is empty"):
        open_photo(pipe)
    writer.join()
