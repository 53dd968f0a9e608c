"""TIFF of every layout, color space and compression that people have. Second sources: Pillow, scikit-image, arrays."""

import numpy as np
import pytest
import tifffile
from icc import REC709, linear_to_srgb, rgb_to_xyz, srgb_to_linear, to_d50
from pictures import HEIGHT, SEEN, WIDTH, assert_same, levels, palette_image, saved, smooth
from PIL import Image
from skimage.color import lab2xyz, xyz2lab
from ycbcr_tiff import ycbcr_tiff

from excolor.errors import PhotoError
from excolor.photo import open_photo, read_photo
from excolor.photo.tags import SHORT, Tag, TagReader, add_tags

ALPHA = levels()
LOSSLESS = (None, "lzw", "deflate", "packbits", "zstd", "lzma", "jpegxl")


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("compression", LOSSLESS)
def test_layouts_and_compressions_of_rgb(tmp_path, planar, tile, compression):
    pixels = smooth() if planar == "contig" else np.ascontiguousarray(np.moveaxis(smooth(), -1, 0))
    options = {"planarconfig": planar, "tile": tile, "compression": compression}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **options)
    assert_same(read_photo(tmp_path / "a.tif"), smooth())


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossy_compressions(tmp_path, compression, channels):
    if (compression, channels) == ("webp", 1):
        pytest.skip("WebP has no gray")
    pixels = smooth() if channels == 3 else smooth()[..., 0]
    options = {"photometric": "rgb" if channels == 3 else "minisblack", "compression": compression}
    tifffile.imwrite(tmp_path / "a.tif", pixels, compressionargs={"level": 95}, **options)
    np.testing.assert_allclose(read_photo(tmp_path / "a.tif").pixels.astype(int), pixels, atol=16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize(("photometric", "channels"), [("minisblack", 1), ("rgb", 3), ("separated", 4)])
def test_alpha_of_every_kind(tmp_path, dtype, planar, photometric, channels):
    pixels, alpha = levels(channels, dtype=dtype), levels(dtype=dtype)
    stored = np.dstack([pixels, alpha])
    if planar == "separate":
        stored = np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    options = {"photometric": photometric, "extrasamples": ["unassalpha"], "planarconfig": planar}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(photo.alpha, alpha)
    if channels != 4:
        assert_same(photo, pixels[..., 0] if channels == 1 else pixels, alpha)


def test_channels_that_mean_nothing_are_left_out(tmp_path):
    options = {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([smooth(), 255 - ALPHA, ALPHA]), **options)
    photo = read_photo(tmp_path / "a.tif")
    assert_same(photo, smooth(), ALPHA)
    assert photo.notes == ("it has 1 more channel, which is neither color nor transparency and not kept",)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_channels_that_are_not_kept_are_noted(tmp_path, photometric, planar):
    """Such as the infrared that scanners see dust by."""
    colors = 3 if photometric == "rgb" else 1
    stored = levels(colors + 2, dtype=np.uint16)
    options = {"photometric": photometric, "extrasamples": ["unspecified"] * 2, "planarconfig": planar}
    in_planes = np.ascontiguousarray(np.moveaxis(stored, -1, 0)) if planar == "separate" else stored
    tifffile.imwrite(tmp_path / "a.tif", in_planes, **options)
    photo = read_photo(tmp_path / "a.tif")
    assert_same(photo, np.ascontiguousarray(stored[..., :3] if colors == 3 else stored[..., 0]))
    assert photo.notes == ("it has 2 more channels, which are neither color nor transparency and not kept",)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_few_bits(tmp_path, bits, photometric):
    stored = levels() >> (8 - bits)
    tifffile.imwrite(
        tmp_path / "a.tif", stored.astype(bool) if bits == 1 else stored, photometric=photometric, bitspersample=bits
    )
    expected = (stored.astype(int) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    assert_same(read_photo(tmp_path / "a.tif"), expected if photometric == "minisblack" else 255 - expected)


@pytest.mark.parametrize("compression", ["group3", "group4", "packbits", None])
def test_line_art(tmp_path, compression):
    image = Image.fromarray(smooth()).convert("1")
    options = {} if compression is None else {"compression": compression}
    path = saved(image, tmp_path / "a.tif", **options)
    assert_same(read_photo(path), np.array(image.convert("L")))


@pytest.mark.parametrize("shift", [0, 8])
def test_palettes_of_8_and_16_bits(tmp_path, shift):
    image, indices, colors = palette_image()
    colormap = (colors.T.astype(np.uint16) << shift) | (colors.T if shift else 0)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=colormap)
    assert_same(read_photo(tmp_path / "a.tif"), colors[indices])
    assert_same(read_photo(saved(image, tmp_path / "b.tif")), colors[indices])


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "jpeg"])
def test_ycbcr(tmp_path, compression):
    options = {} if compression is None else {"compression": compression}
    path = saved(Image.fromarray(smooth()).convert("YCbCr"), tmp_path / "a.tif", **options)
    with Image.open(path) as image:
        np.testing.assert_allclose(read_photo(path).pixels.astype(int), np.array(image.convert("RGB")), atol=2)
    np.testing.assert_allclose(read_photo(path).pixels.astype(int), smooth(), atol=16 if compression == "jpeg" else 3)


@pytest.mark.parametrize("tile", [None, (16, 16)], ids=["strips", "tiles"])
@pytest.mark.parametrize(("across", "down"), [(2, 2), (2, 1), (1, 2), (4, 2), (4, 4), (4, 1)])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("reference", [None, (16, 235, 128, 240, 128, 240)], ids=["full", "video"])
def test_ycbcr_with_fewer_colors_than_lightness(tmp_path, tile, across, down, packed, reference):
    ycbcr = np.array(Image.fromarray(smooth()).convert("YCbCr"))
    data, kept = ycbcr_tiff(ycbcr, across, down, tile=tile, packed=packed, reference=reference)
    (tmp_path / "a.tif").write_bytes(data)
    full = kept.astype(float)
    if reference:
        full = (full - reference[::2]) / (np.array(reference[1::2]) - reference[::2]) * (255, 127, 127) + (0, 128, 128)
    y, cb, cr = np.moveaxis(full, -1, 0)
    expected = np.stack([y + 1.402 * (cr - 128), 0 * y, y + 1.772 * (cb - 128)], -1)
    expected[..., 1] = (y - 0.299 * expected[..., 0] - 0.114 * expected[..., 2]) / 0.587
    assert_same(read_photo(tmp_path / "a.tif"), np.rint(expected.clip(0, 255)).astype(np.uint8))
    cut, _ = ycbcr_tiff(ycbcr, across, down, tile=tile, packed=packed, reference=reference, share=0.5)
    (tmp_path / "b.tif").write_bytes(cut)
    with pytest.raises(PhotoError, match=r"b.tif: the TIFF is damaged"):
        read_photo(tmp_path / "b.tif")


def lab_of(pixels: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D50) of sRGB in [0, 1]."""
    return xyz2lab(srgb_to_linear(pixels) @ to_d50(rgb_to_xyz(REC709)).T, illuminant="D50")


@pytest.mark.parametrize("kind", ["cielab", "icclab"])
@pytest.mark.parametrize("bits", [8, 16])
def test_lab(tmp_path, kind, bits):
    pixels = smooth() / 255
    pixels[:3] = pixels[:3, :, :1]  # neutral
    lab = lab_of(pixels)
    lab[:3, :, 1:] = 0  # but for the rounding of its white
    unit = 1 << (bits - 8)
    white = 0xFF00 if (kind, bits) == ("icclab", 16) else (1 << bits) - 1
    ab = lab[..., 1:] * unit
    stored = np.dstack([lab[..., 0] / 100 * white, ab + 128 * unit if kind == "icclab" else ab % (256 * unit)])
    stored = (np.rint(stored) % (1 << bits)).astype(f"u{bits // 8}")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=kind)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.pixels.dtype == stored.dtype
    np.testing.assert_allclose(photo.pixels / ((1 << bits) - 1), pixels, atol=0.02 if bits == 8 else 1e-3)
    assert not np.ptp(photo.pixels[:3].astype(int), axis=-1).any()
    alpha = levels(dtype=stored.dtype.type)
    tifffile.imwrite(tmp_path / "b.tif", np.dstack([stored, alpha]), photometric=kind, extrasamples=["unassalpha"])
    assert_same(read_photo(tmp_path / "b.tif"), photo.pixels, alpha)
    back = lab2xyz(np.array([[[50.0, 0, 0]]]), illuminant="D50")  # the second source knows where neutral is
    np.testing.assert_allclose(back / back[..., 1:2], np.array([[[0.9642, 1, 0.8249]]]), atol=1e-3)


def test_inks_that_are_not_cmyk_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", levels(4), photometric="separated")
    with (tmp_path / "a.tif").open("r+b") as file:
        add_tags(file, 4, {332: Tag(SHORT, 1, b"\2\0")})
    with pytest.raises(PhotoError, match=r"a.tif: its colors are SEPARATED of 4 channels; convert it"):
        read_photo(tmp_path / "a.tif")


def test_a_compression_that_nobody_knows_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", levels(), compression="packbits")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages.first.tags["Compression"].overwrite(34661)  # JBIG
    with pytest.raises(PhotoError, match=r"a.tif: it is compressed as JBIG; convert it to a TIFF"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "color"])
def test_a_picture_behind_a_thumbnail(tmp_path, dtype, channels):
    """Scanners' DNG and TIFF/EP: the thumbnail comes first, and SubIFDs lead to previews and the picture."""
    pixels = levels(*channels, dtype=dtype, size=(40, 60))
    photometric = "rgb" if channels else "minisblack"
    tags = [(271, "s", 0, "Scanner", True), (274, 3, 1, 6)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(levels(3, size=(10, 15)), photometric="rgb", subfiletype=1, subifds=3, extratags=tags)
        writer.write(levels(3, size=(20, 30)), photometric="rgb", subfiletype=1)
        writer.write(levels(size=(8, 8)), subfiletype=0)
        writer.write(pixels, photometric=photometric, subfiletype=0)
    file = open_photo(tmp_path / "a.tif")
    assert (file.pages, file.size, file.load) == (1, (60, 40), 2400 * pixels.itemsize)
    photo = file.read()
    assert_same(photo, np.ascontiguousarray(np.rot90(pixels, -1)))
    assert b"Scanner" in photo.metadata.exif


def test_a_picture_is_turned_as_its_own_directory_says(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        tags = [(274, 3, 1, 1)]
        writer.write(levels(3, size=(10, 15)), photometric="rgb", subfiletype=1, subifds=1, extratags=tags)
        writer.write(levels(size=(40, 60)), subfiletype=0, extratags=[(274, 3, 1, 6)], resolution=(300, 150))
    photo = read_photo(tmp_path / "a.tif")
    assert_same(photo, np.ascontiguousarray(np.rot90(levels(size=(40, 60)), -1)))
    assert open_photo(tmp_path / "a.tif").size == photo.size
    assert photo.metadata.dpi == (150, 300)


@pytest.mark.parametrize("unit", [2, 3, None], ids=["inches", "centimeters", "no resolution"])
def test_the_resolution_behind_a_thumbnail_is_that_of_the_picture(tmp_path, unit):
    own = {} if unit is None else {"resolution": (240, 240), "resolutionunit": unit}
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        thumbnail = {"subfiletype": 1, "subifds": 1, "resolution": (72, 72), "resolutionunit": 2}
        writer.write(levels(3, size=(10, 15)), photometric="rgb", **thumbnail)
        writer.write(levels(size=(40, 60)), subfiletype=0, **own)
    if unit is None:  # tifffile writes one in any case
        with (tmp_path / "a.tif").open("r+b") as file:
            reader = TagReader(file)
            directory = reader.directory(reader.integer(reader.directory(reader.first), 330))
            for tag in (282, 283, 296):
                file.seek(directory.entries[tag].position)
                file.write(b"\xff\xff")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.metadata.dpi == {2: (240, 240), 3: (pytest.approx(609.6), pytest.approx(609.6)), None: None}[unit]
    saved_again = photo.save(tmp_path / "b.tif")
    assert read_photo(saved_again).metadata.dpi == photo.metadata.dpi


@pytest.mark.parametrize("is_big", [False, True])
def test_an_orientation_in_xmp_alone(tmp_path, is_big):
    """As everywhere else: EXIF's counts, and where it says nothing that of the XMP."""
    packet = b'<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    for said, turn in ((None, 6), (1, 1), (8, 8)):
        tags = [(700, 1, len(packet), packet, True)] + ([(274, 3, 1, said)] if said else [])
        tifffile.imwrite(
            tmp_path / "a.tif",
            levels(3),
            photometric="rgb",
            extratags=tags,
            resolution=(300, 150),
            resolutionunit=2,
            bigtiff=is_big,
        )
        photo = read_photo(tmp_path / "a.tif")
        assert_same(photo, np.ascontiguousarray(SEEN[turn](levels(3))))
        assert open_photo(tmp_path / "a.tif").size == photo.size
        assert photo.metadata.dpi == ((300, 150) if turn == 1 else (150, 300))
        assert b'tiff:Orientation="1"' in photo.metadata.xmp


def test_a_picture_before_its_smaller_copies(tmp_path):
    """Pyramids, whose smaller copies may lack the mark of such."""
    for kind in (0, 1):
        with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
            writer.write(levels(size=(40, 60)), subifds=2)
            writer.write(levels(size=(20, 30)), subfiletype=kind)
            writer.write(levels(size=(10, 15)), subfiletype=kind)
        assert_same(read_photo(tmp_path / "a.tif"), levels(size=(40, 60)))


def test_damaged_subordinate_directories_do_no_harm(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(levels(size=(40, 60)), subifds=1)
        writer.write(levels(size=(20, 30)), subfiletype=1)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages.first.tags["SubIFDs"].overwrite(10**8)
    assert_same(read_photo(tmp_path / "a.tif"), levels(size=(40, 60)))


def test_raw_files_of_cameras_are_named(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.dng") as writer:
        writer.write(levels(3, size=(10, 15)), photometric="rgb", subfiletype=1, subifds=1)
        writer.write(levels(dtype=np.uint16, size=(40, 60)), photometric="cfa", subfiletype=0)
    with pytest.raises(PhotoError, match=r"a.dng: it is the raw file of a camera, .*develop it"):
        read_photo(tmp_path / "a.dng")


@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "color"])
def test_linear_dng_of_scanners(tmp_path, channels):
    unit = np.random.default_rng(0).random((HEIGHT, WIDTH, *channels))
    stored = (np.rint(unit * (16000 - 500)) + 500).astype(np.uint16)
    tags = [(50714, 5, 1, (500, 1)), (50717, 4, 1, 16000)]
    with tifffile.TiffWriter(tmp_path / "a.dng") as writer:
        writer.write(stored, photometric="rgb" if channels else "minisblack", extratags=tags)
    with tifffile.TiffFile(tmp_path / "a.dng", mode="r+b") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(34892)
    photo = read_photo(tmp_path / "a.dng")
    np.testing.assert_allclose(photo.pixels / 65535, linear_to_srgb(unit), atol=2e-3)
    assert "linear light" in photo.notes[0]
