"""A file goes in gray and comes out in color, and is otherwise the same file: through the real commands."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import Result
from imagecodecs import cms_profile
from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo
from skimage.color import rgb2lab

from excolor.photo import Metadata, Photo, icc, read_photo, read_provenance

Run = Callable[..., Result]

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="Box 12, 1931"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
IPTC = b"\x1c\x02\x50\x00\x08A. Adams"  # dataset 2:80, the author
TAKEN, ARTIST, ORIENTATION = 36867, 315, 274


def crop(target: Path) -> np.ndarray:
    """A part of the gray photograph, (120, 160) uint8."""
    with Image.open(target) as image:
        return np.array(image.convert("L"))[100:220, 150:310]


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[ARTIST], tags[ORIENTATION] = "A. Adams", orientation
    tags.get_ifd(34665)[TAKEN] = "1931:07:04 10:00:00"
    return tags


def scan(path: Path, gray: np.ndarray, orientation: int = 1) -> Path:
    """The picture as an archive has it: with everything told that the format can tell."""
    suffix = path.suffix
    if suffix == ".tif":
        tags = [(ARTIST, "s", 0, "A. Adams", True), (700, 1, len(XMP), XMP, True), (33723, 7, len(IPTC), IPTC, True)]
        tags.append((ORIENTATION, 3, 1, orientation, True))
        tifffile.imwrite(
            path, gray, resolution=(600, 600), resolutionunit=2, metadata=None, software=False, extratags=tags
        )
        return path
    options = {"exif": exif(orientation), "dpi": (600, 600), "xmp": XMP}
    if suffix == ".png":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"].add_text("Title", "Half Dome")
    if gray.dtype == np.uint16:
        Image.fromarray(gray).save(path, **options)  # mode I;16
    else:
        Image.fromarray(gray).save(path, quality=98, **options)
    return path


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("command", ["colorize", "pre-colorize", "stylize"])
def test_what_a_file_tells_is_kept(
    command: str, suffix: str, orientation: int, target: Path, reference: Path, tmp_path: Path, excolor: Run
) -> None:
    source, output = scan(tmp_path / f"scan{suffix}", crop(target), orientation), tmp_path / f"out{suffix}"
    others = {"colorize": ["--ref", reference], "pre-colorize": [], "stylize": [reference]}[command]
    done = excolor(command, source, *others, "-o", output)
    assert done.exit_code == 0, done.output
    given, made = read_photo(source), read_photo(output)
    assert made.size == given.size == ((120, 160) if orientation == 1 else (160, 120))
    with Image.open(output) as image:
        assert image.mode == "RGB"
        assert image.getexif().get(ORIENTATION, 1) == 1
        assert image.getexif()[ARTIST] == "A. Adams"
        if suffix != ".tif":
            assert image.getexif().get_ifd(34665)[TAKEN] == "1931:07:04 10:00:00"
        if suffix == ".png":
            assert image.text["Title"] == "Half Dome"
        assert image.info["icc_profile"] == icc.SRGB
        if suffix != ".webp":
            assert image.info["dpi"] == pytest.approx((600, 600), abs=0.02)
    assert b"Box 12, 1931" in made.metadata.xmp
    if suffix == ".tif":
        assert made.metadata.iptc == IPTC
    told = read_provenance(made.metadata)
    assert told is not None
    assert [name for name, _ in told.references] == ([] if command == "pre-colorize" else [reference.name])


def lightness(pixels: np.ndarray) -> np.ndarray:
    """By scikit-image, (H, W) in [0, 100]."""
    unit = pixels / (1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max)
    return rgb2lab(unit if unit.ndim == 3 else np.dstack([unit] * 3))[..., 0]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_really_used(suffix: str, target: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    """A ramp finer than 8 bits can tell, and the lightness of the result follows it."""
    ramp = np.linspace(20000, 24000, 160)[None] + np.linspace(0, 40000, 120)[:, None]
    gray = ramp.astype(np.uint16)
    source, output = scan(tmp_path / f"scan{suffix}", gray), tmp_path / f"out{suffix}"
    assert excolor("colorize", source, "--ref", reference, "-o", output).exit_code == 0
    made = read_photo(output)
    assert made.pixels.dtype == np.uint16
    assert made.pixels.shape == (120, 160, 3)
    error = np.abs(lightness(made.pixels) - lightness(gray))
    assert error.max() < 0.01, "8 bits would be wrong by up to 0.2"


def test_8_bits_stay_8_bits_and_lightness_stays(target: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    source = scan(tmp_path / "scan.png", crop(target))
    assert excolor("colorize", source, "--ref", reference, "-o", tmp_path / "out.png").exit_code == 0
    made = read_photo(tmp_path / "out.png")
    assert made.pixels.dtype == np.uint8
    error = np.abs(lightness(made.pixels) - lightness(crop(target)))
    assert error.max() < 1, "rounding three channels to 8 bits moves L by less than one"
    assert error.mean() < 0.15


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_target_of_another_color_space_keeps_it(
    suffix: str, target: Path, reference: Path, tmp_path: Path, excolor: Run
) -> None:
    """A gray picture stored as Adobe RGB: its tones are read by that profile, and the result is Adobe RGB again."""
    adobe = cms_profile("adobergb")
    seen = np.dstack([crop(target)] * 3)
    source = Photo(seen, metadata=Metadata(profile=adobe)).save(tmp_path / f"scan{suffix}")
    output = tmp_path / f"out{suffix}"
    assert excolor("colorize", source, "--ref", reference, "-o", output).exit_code == 0
    with Image.open(output) as image:
        assert image.info["icc_profile"] == adobe
    assert np.abs(lightness(read_photo(output).pixels) - lightness(seen)).max() < 1.5


def test_a_gray_profile_is_read_and_not_handed_on(target: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    linear = cms_profile("gray", gamma=1.0)
    source, output = tmp_path / "scan.tif", tmp_path / "out.tif"
    unit = crop(target) / 255
    light = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    levels = (light * 65535).round().astype(np.uint16)
    tifffile.imwrite(source, levels, iccprofile=linear)
    assert excolor("colorize", source, "--ref", reference, "-o", output).exit_code == 0
    with Image.open(output) as image:
        assert image.info["icc_profile"] == icc.SRGB
    error = np.abs(lightness(read_photo(output).pixels) - lightness(crop(target)))
    assert error.max() < 0.1


def test_a_profile_of_the_reference_is_honored(target: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    """The same colors, once as sRGB and once as Adobe RGB, give the same result."""
    photo = read_photo(reference)
    wide = Photo(photo.pixels, metadata=Metadata(profile=cms_profile("adobergb"))).save(tmp_path / "wide.png")
    plain = Photo(photo.pixels).save(tmp_path / "plain.png")
    source = scan(tmp_path / "scan.png", crop(target))
    for name, ref in (("a.png", plain), ("b.png", wide)):
        assert excolor("colorize", source, "--ref", ref, "-o", tmp_path / name).exit_code == 0
    found, expected = (read_photo(tmp_path / name).pixels.astype(int) for name in ("b.png", "a.png"))
    assert np.abs(found - expected).mean() < 0.5


def test_alpha_is_copied(target: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    alpha = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
    for dtype, suffix in ((np.uint8, ".png"), (np.uint16, ".png"), (np.uint16, ".tif"), (np.uint8, ".tif")):
        scale = 257 if dtype == np.uint16 else 1
        source = tmp_path / f"scan{dtype.__name__}{suffix}"
        Photo(crop(target).astype(dtype) * scale, alpha.astype(dtype) * scale).save(source)
        output = tmp_path / f"out{dtype.__name__}{suffix}"
        assert excolor("colorize", source, "--ref", reference, "-o", output).exit_code == 0
        made = read_photo(output)
        assert made.alpha is not None
        np.testing.assert_array_equal(made.alpha, alpha.astype(dtype) * scale)


def test_a_finer_jpeg_stays_as_fine(target: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    source, output = scan(tmp_path / "scan.jpg", crop(target)), tmp_path / "out.jpg"
    assert excolor("colorize", source, "--ref", reference, "-o", output).exit_code == 0
    with Image.open(source) as given, Image.open(output) as made:
        assert made.quantization[0] == given.quantization[0]
        assert made.layer[1][1:3] == (1, 1), "4:4:4"


def test_tags_of_tiff_are_those_of_the_target(target: Path, reference: Path, tmp_path: Path, excolor: Run) -> None:
    """Nothing is left of how the pixels were stored, and nothing of how the writer would sign."""
    source, output = scan(tmp_path / "scan.tif", crop(target)), tmp_path / "out.tif"
    assert excolor("colorize", source, "--ref", reference, "-o", output, "--no-provenance").exit_code == 0
    with tifffile.TiffFile(output) as file:
        tags = file.pages.first.tags
        assert tags["PhotometricInterpretation"].value == 2
        assert tags[ARTIST].value == "A. Adams"
        assert "Software" not in tags
        assert tags["XMP"].value == XMP
    with Image.open(output) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert image.info["dpi"] == (600, 600)


def test_stripped_stages_tell_nothing_either(excolor: Run, target: Path, reference: Path, tmp_path: Path) -> None:
    path, stages = scan(tmp_path / "scan.jpg", crop(target)), tmp_path / "stages"
    command = ("colorize", path, "--ref", reference, "--model", "lite", "--working-size", 32, "--save-stages", stages)
    for options, telling in (((), {"scan-result.png"}), (("--strip", "--force"), set())):
        run = excolor(*command, "-o", tmp_path / "out.jpg", *options)
        assert run.exit_code == 0, run.output
        assert {made.name for made in stages.iterdir() if b"A. Adams" in made.read_bytes()} == telling
