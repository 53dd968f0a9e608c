"""Colors that a file declares without an ICC profile. Second source: ICC profiles and formulas written in the tests."""

import struct
import zlib
from pathlib import Path

import icc
import imagecodecs
import numpy as np
import pytest
from pictures import assert_same, encoded, levels, palette_image, saved, smooth
from PIL import Image

from excolor.photo import as_photo, read_photo
from excolor.photo.declared_color import ADOBE_RGB
from excolor.photo.icc import SRGB, SRGB_CURVE, power_curve, rgb_profile, sampled_curve
from excolor.photo.profiles import kind_of, to_srgb

RAMP = np.linspace(0, 65535, 12 * 17).reshape(12, 17).astype(np.uint16)
DEEP = levels(3, dtype=np.uint16)
WHITE_AND = (0.3127, 0.3290)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def gama(gamma: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def chrm(primaries: np.ndarray, white: tuple[float, float] = WHITE_AND) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in (*white, *primaries.flat))))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, matrix, full)))


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))


SRGB_CHUNK = chunk(b"sRGB", b"\0")


def png(folder: Path, pixels: np.ndarray, *chunks: bytes) -> Path:
    whole = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
    path = folder / "a.png"
    path.write_bytes(whole[:33] + b"".join(chunks) + whole[33:])
    return path


@pytest.mark.parametrize(
    ("primaries", "white"),
    [(icc.P3, icc.D65), (icc.ADOBE, icc.D65), (icc.REC709, icc.D65), (icc.REC709, np.array([0.3457, 0.3585]))],
)
def test_profiles_are_made_of_primaries(primaries: np.ndarray, white: np.ndarray) -> None:
    ours = rgb_profile("x", [tuple(color) for color in primaries], tuple(white), power_curve(2.2))
    theirs = icc.rgb(primaries, icc.gamma_curve(2.2), white)
    unit = np.random.default_rng(0).random((20, 20, 3), np.float32)
    np.testing.assert_allclose(to_srgb(unit, ours), to_srgb(unit, theirs), atol=2e-3)


def test_the_primaries_of_srgb_make_srgb() -> None:
    ours = rgb_profile("x", [tuple(color) for color in icc.REC709], tuple(icc.D65), SRGB_CURVE)
    assert to_srgb(DEEP, ours) is DEEP
    sampled = sampled_curve(icc.srgb_to_linear(np.linspace(0, 1, 4096)))
    assert to_srgb(DEEP, rgb_profile("x", [tuple(c) for c in icc.REC709], tuple(icc.D65), sampled)) is DEEP


@pytest.mark.parametrize("primaries", [[(0.3, 0.3)] * 3, [(0.6, 0.0), (0.3, 0.6), (0.15, 0.06)]])
def test_impossible_primaries(primaries: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="primaries"):
        rgb_profile("x", primaries, (0.3127, 0.3290), SRGB_CURVE)


@pytest.mark.parametrize("gamma", [1.0, 0.5556, 0.3])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_gamma_of_a_png_is_honored(tmp_path: Path, gamma: float, depth: type, channels: int) -> None:
    white = np.iinfo(depth).max
    pixels = levels(channels, dtype=depth)
    photo = read_photo(png(tmp_path, pixels[..., 0] if channels == 1 else pixels, gama(gamma)))
    colors = pixels[..., 0] if channels < 3 else pixels[..., :3]
    expected = icc.linear_to_srgb((colors / white) ** (1 / round(gamma, 5)))
    assert photo.pixels.dtype == depth
    np.testing.assert_allclose(photo.pixels / white, expected, atol=1 / 255 if depth == np.uint8 else 2e-4)
    if channels in (2, 4):
        np.testing.assert_array_equal(photo.alpha, pixels[..., -1])
    assert photo.metadata.profile is None  # a result in 8 bits of linear light would be too coarse


def test_the_gamma_of_a_palette(tmp_path: Path) -> None:
    image, indices, colors = palette_image()
    whole = encoded(image, "PNG")
    (tmp_path / "a.png").write_bytes(whole[:33] + gama(1.0) + whole[33:])
    expected = icc.linear_to_srgb(colors[indices] / 255) * 255
    np.testing.assert_allclose(read_photo(tmp_path / "a.png").pixels, expected, atol=1)


def test_the_primaries_of_a_png_are_honored(tmp_path: Path) -> None:
    expected = to_srgb(DEEP, icc.rgb(icc.P3, icc.gamma_curve(1.8)))
    photo = read_photo(png(tmp_path, DEEP, chrm(icc.P3), gama(1 / 1.8)))
    np.testing.assert_allclose(photo.pixels.astype(int), expected, atol=400)
    assert np.abs(photo.pixels.astype(int) - DEEP).max() > 3000


@pytest.mark.parametrize(
    "chunks",
    [
        (gama(0.45455),),
        (gama(0.45455), chrm(icc.REC709)),
        (SRGB_CHUNK, gama(1.0), chrm(icc.P3)),
        (cicp(1, 13), gama(1.0)),
        (gama(0.0),),
        (chrm(np.full((3, 2), 0.3)),),
        (chrm(np.zeros((3, 2))),),
        (cicp(99, 13),),
        (cicp(9, 200),),
        (cicp(9, 13, 9),),
        (chunk(b"cICP", b"\1"),),
    ],
)
def test_srgb_and_nonsense_change_nothing(tmp_path: Path, chunks: tuple[bytes, ...]) -> None:
    assert_same(read_photo(png(tmp_path, DEEP, *chunks)), DEEP)
    assert_same(read_photo(png(tmp_path, smooth(), *chunks)), smooth())


def test_the_order_of_declarations(tmp_path: Path) -> None:
    """PNG, third edition, section 4.3: cICP, iCCP, sRGB, gAMA and cHRM."""
    adobe, linear = icc.rgb(icc.ADOBE, icc.gamma_curve(2.2)), icc.linear_to_srgb(DEEP / 65535) * 65535
    by_profile = read_photo(png(tmp_path, DEEP, iccp(adobe), gama(1.0)))
    np.testing.assert_array_equal(by_profile.pixels, to_srgb(DEEP, adobe))
    assert by_profile.metadata.profile == adobe
    np.testing.assert_allclose(read_photo(png(tmp_path, DEEP, iccp(adobe), cicp(1, 8))).pixels, linear, atol=10)
    damaged = read_photo(png(tmp_path, DEEP, iccp(b"nonsense" * 20), gama(1.0)))
    np.testing.assert_allclose(damaged.pixels, linear, atol=10)


@pytest.mark.parametrize(
    ("transfer", "light"),
    [
        (1, lambda v: np.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))),
        (4, lambda v: v**2.2),
        (8, lambda v: v),
        (13, icc.srgb_to_linear),
    ],
)
@pytest.mark.parametrize("full", [True, False])
def test_transfers_of_cicp(tmp_path: Path, transfer: int, light, full: bool) -> None:
    unit = RAMP / 65535
    if not full:
        unit = ((unit * 255 - 16) / 219).clip(0, 1)
    photo = read_photo(png(tmp_path, RAMP, cicp(1, transfer, full=full)))
    np.testing.assert_allclose(photo.pixels / 65535, icc.linear_to_srgb(light(unit)), atol=1e-3)
    assert photo.notes == ()


@pytest.mark.parametrize(("transfer", "white"), [(16, 0.5806), (18, 0.75)])  # levels of white of BT.2408
def test_hdr_has_its_white_at_white(tmp_path: Path, transfer: int, white: float) -> None:
    photo = read_photo(png(tmp_path, RAMP, cicp(9, transfer)))
    found = photo.pixels.astype(float)
    assert (np.diff(found.ravel()) >= 0).all()
    assert (found[white + 0.01 < RAMP / 65535] == 65535).all()
    assert found[white - 0.02 > RAMP / 65535].max() < 65535
    assert "HDR" in photo.notes[0]


def test_the_primaries_of_cicp(tmp_path: Path) -> None:
    expected = to_srgb(DEEP, icc.rgb(icc.P3, icc.table_curve(icc.srgb_to_linear(np.linspace(0, 1, 1024)))))
    photo = read_photo(png(tmp_path, DEEP, cicp(12, 13)))
    np.testing.assert_allclose(photo.pixels.astype(int), expected, atol=300)


def test_an_image_that_pillow_opened_is_read_alike(tmp_path: Path) -> None:
    for pixels in (smooth(), levels()):
        for chunks in ((gama(1.0),), (cicp(12, 8),)):
            path = png(tmp_path, pixels, *chunks)
            expected = read_photo(path).pixels
            with Image.open(path) as image:
                before = dict(image.info)
                np.testing.assert_array_equal(as_photo(image).pixels, expected)
                assert before.items() <= image.info.items() and "cicp" not in image.info


def camera_exif(space: int | None, index: str | None) -> Image.Exif:
    tags = Image.Exif()
    own = tags.get_ifd(0x8769)
    own[0x9000] = b"0232"
    if space is not None:
        own[0xA001] = space
    if index is not None:
        own[0xA005] = {1: index, 2: b"0100"}
    return tags


@pytest.mark.parametrize(
    ("space", "index", "is_adobe"),
    [(65535, "R03", True), (None, "R03", True), (2, None, True), (1, "R03", False), (65535, "R98", False)],
)
def test_adobe_rgb_of_cameras(tmp_path: Path, space: int | None, index: str | None, is_adobe: bool) -> None:
    """DCF 2.0: uncalibrated in EXIF, and R03 as the index of interoperability."""
    options = {"quality": 98, "subsampling": 0, "exif": camera_exif(space, index)}
    path = saved(Image.fromarray(smooth()), tmp_path / "a.jpg", **options)
    photo = read_photo(path)
    with Image.open(path) as image:
        raw = np.asarray(image)
    assert_same(photo, to_srgb(raw, icc.rgb(icc.ADOBE, icc.gamma_curve(563 / 256))) if is_adobe else raw)
    # The result says by a profile what the EXIF goes on to say
    assert photo.metadata.profile == (ADOBE_RGB if is_adobe else None)
    profile = icc.rgb(icc.P3, icc.gamma_curve(2.2))
    with_profile = read_photo(saved(Image.fromarray(smooth()), path, icc_profile=profile, **options))
    assert with_profile.metadata.profile == profile


def test_a_result_in_adobe_rgb_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert kind_of(ADOBE_RGB) == "rgb" and ADOBE_RGB != SRGB
    options = {"quality": 98, "subsampling": 0, "exif": camera_exif(65535, "R03")}
    photo = read_photo(saved(Image.fromarray(smooth()), tmp_path / "a.jpg", **options))
    again = read_photo(photo.save(tmp_path / "b.png"))
    np.testing.assert_allclose(again.pixels.astype(int), photo.pixels, atol=3)  # rounded twice
    assert again.metadata.profile == ADOBE_RGB
