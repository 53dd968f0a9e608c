"""Pictures out: formats, depths, names."""

import io
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from imagecodecs import cms_profile, png_decode
from pictures import HEIGHT, WIDTH, assert_same, encoded, levels, smooth
from PIL import Image, ImageCms, JpegImagePlugin

from excolor.errors import OutputError, SettingError
from excolor.photo import (
    OUTPUT_FORMATS,
    Metadata,
    Photo,
    SaveSettings,
    as_photo,
    check_fits,
    encode_photo,
    icc,
    left_out,
    read_photo,
    write_photo,
)

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


@settings(max_examples=60)
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


@pytest.mark.parametrize("suffix", OUTPUT_FORMATS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_gray_stays_gray(tmp_path, suffix, dtype):
    gray = smooth()[..., 0]
    array = {np.uint8: gray, np.uint16: gray.astype(np.uint16) * 257, np.float32: np.float32(gray / 255)}[dtype]
    photo = read_photo(as_photo(array).save(tmp_path / f"a{suffix}"))
    assert photo.is_gray
    assert photo.pixels.ndim == (3 if suffix == ".webp" else 2)  # WebP has no gray
    scale = 257 if photo.pixels.dtype == np.uint16 else 1
    assert (scale == 257) == (dtype != np.uint8 and suffix in {".png", ".tif", ".tiff"})
    plane = photo.pixels if photo.pixels.ndim == 2 else photo.pixels[..., 0]
    lossy = suffix in {".jpg", ".jpeg", ".webp"}
    np.testing.assert_allclose(plane / scale, gray, atol=4 if lossy else 1 / 257)


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


def tables(path: Path) -> list[list[int]]:
    with Image.open(path) as image:
        return [image.quantization[key] for key in sorted(image.quantization)]


def test_a_finer_jpeg_keeps_its_own_quantization(tmp_path):
    gray = Image.fromarray(levels())
    gray.save(tmp_path / "fine.jpg", quality=98)
    gray.save(tmp_path / "coarse.jpg", quality=60)
    gray.save(tmp_path / "equal.jpg", quality=95)
    Image.fromarray(levels(3)).save(tmp_path / "color.jpg", quality=99)
    for name in ("fine", "coarse", "equal", "color"):
        photo = replace(read_photo(tmp_path / f"{name}.jpg"), pixels=levels(3))
        photo.save(tmp_path / f"{name}-out.jpg")
        photo.save(tmp_path / f"{name}-asked.jpg", settings=SaveSettings(quality=80))
    fine = tables(tmp_path / "fine.jpg")
    assert tables(tmp_path / "fine-out.jpg") == [fine[0], fine[0]]
    assert tables(tmp_path / "color-out.jpg") == tables(tmp_path / "color.jpg")
    assert tables(tmp_path / "coarse-out.jpg")[0] == tables(tmp_path / "equal.jpg")[0]
    assert tables(tmp_path / "equal-out.jpg")[0] == tables(tmp_path / "equal.jpg")[0]
    Image.fromarray(levels(3)).save(tmp_path / "eighty.jpg", quality=80)
    for name in ("fine", "coarse", "color"):
        assert tables(tmp_path / f"{name}-asked.jpg") == tables(tmp_path / "eighty.jpg")


def test_quality_is_that_of_webp_too(tmp_path):
    photo = Photo(levels(3, size=(64, 64)))
    sizes = [len(encode_photo(photo, ".webp", SaveSettings(quality=q))) for q in (20, 60, 95)]
    assert sizes == sorted(set(sizes))
    assert len(encode_photo(photo, ".webp")) == sizes[-1]
    for quality in (0, 101):
        with pytest.raises(SettingError, match=f"quality is {quality} and must lie in 1 to 100"):
            SaveSettings(quality=quality)


@pytest.mark.parametrize("suffix", OUTPUT_FORMATS)
def test_an_srgb_profile_is_embedded_in_color(tmp_path, suffix):
    with Image.open(Photo(smooth()).save(tmp_path / f"color{suffix}")) as image:
        assert image.info["icc_profile"] == icc.SRGB
    with Image.open(Photo(levels()).save(tmp_path / f"gray{suffix}")) as image:
        assert "icc_profile" not in image.info


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_profile_of_the_targets_own_is_kept(tmp_path, suffix, dtype):
    """What was Adobe RGB is sRGB in memory, and Adobe RGB again in the result."""
    adobe = cms_profile("adobergb")
    pixels = levels(3, dtype=dtype) // 2 + np.iinfo(dtype).max // 4  # inside of both color spaces
    own = Photo(pixels, metadata=Metadata(profile=adobe))
    path = own.save(tmp_path / f"a{suffix}")
    with Image.open(path) as image:
        assert image.info["icc_profile"] == adobe
    again = read_photo(path)
    assert again.metadata.profile == adobe
    unit = np.iinfo(dtype).max / 255
    np.testing.assert_allclose(again.pixels / unit, pixels / unit, atol=2 if dtype == np.uint8 else 0.05)
    stored = tifffile.imread(path) if suffix == ".tif" else png_decode(path.read_bytes())
    assert np.abs(stored / unit - pixels / unit).max() > 5  # other numbers stand in the file
    converted = Image.fromarray(stored if dtype == np.uint8 else (stored / 257).round().astype(np.uint8))
    srgb = ImageCms.createProfile("sRGB")
    second = np.array(ImageCms.profileToProfile(converted, io.BytesIO(adobe), srgb, renderingIntent=1))
    np.testing.assert_allclose(second, pixels / unit, atol=2)


def test_a_stripped_picture_keeps_its_profile_only(tmp_path):
    adobe = cms_profile("adobergb")
    photo = Photo(smooth(), metadata=Metadata(profile=adobe, dpi=(300, 300), text={"Author": "A"}))
    with Image.open(photo.save(tmp_path / "a.png", settings=SaveSettings(metadata=False))) as image:
        assert image.info == {"icc_profile": adobe}


def test_webp_without_loss_stays_so(tmp_path):
    Image.fromarray(smooth()).save(tmp_path / "a.webp", lossless=True)
    Image.fromarray(smooth()).save(tmp_path / "b.webp", quality=80)
    for name, is_lossless in (("a", True), ("b", False)):
        photo = replace(read_photo(tmp_path / f"{name}.webp"), pixels=levels(3))
        again = read_photo(photo.save(tmp_path / f"{name}-out.webp"))
        assert np.array_equal(again.pixels, levels(3)) == is_lossless
    small = photo.save(tmp_path / "asked.webp", settings=SaveSettings(quality=50))
    assert not np.array_equal(read_photo(small).pixels, levels(3))


def test_color_is_never_coarser_than_quality_95(tmp_path):
    luma, chroma = [3] * 64, [200] * 64
    Image.fromarray(levels(3)).save(tmp_path / "a.jpg", qtables=[luma, chroma])
    Image.fromarray(levels(3)).save(tmp_path / "95.jpg", quality=95)
    found = tables(read_photo(tmp_path / "a.jpg").save(tmp_path / "b.jpg"))
    ours = tables(tmp_path / "95.jpg")
    assert found[0] == [min(3, value) for value in ours[0]]
    assert found[1] == ours[1]


def test_what_is_lost_is_named():
    deep = Photo(levels(3, dtype=np.uint16), metadata=Metadata(iptc=b"\x1c\x02\x50\x00\x01A"))
    assert left_out(deep, ".jpg") == ("16 bits",)
    assert left_out(deep, ".webp") == ("16 bits", "IPTC")
    assert left_out(deep, ".png") == left_out(deep, ".TIF") == ()
    described = Image.Exif()
    described[270] = "Half Dome"
    told = Metadata(exif=described.tobytes()[6:], text={"Author": "A. Adams"})
    assert left_out(Photo(levels(), metadata=told), ".tif") == ("text",)
    assert left_out(Photo(levels(), metadata=told), ".png") == ()


def test_a_resolution_without_a_unit_is_in_inches(tmp_path):
    block = Image.Exif()
    block[282] = block[283] = 300.0
    photo = Photo(levels(), metadata=Metadata(exif=block.tobytes()[6:], dpi=(300, 300)))
    with Image.open(photo.save(tmp_path / "b.tif")) as image:
        assert image.info["dpi"] == (300, 300)
