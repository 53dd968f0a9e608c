"""Color management. Second sources: the published formulas, and Pillow's ImageCms at 8 bits."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
import icc
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageCms

from excolor.photo.icc import SRGB
from excolor.photo.profiles import from_srgb, kind_of, to_srgb

SRGB_TABLE = icc.table_curve(icc.srgb_to_linear(np.linspace(0, 1, 1024)))  # as in the profile most files have
DISPLAY_P3 = icc.rgb(icc.P3, SRGB_TABLE)
ADOBE_RGB = icc.rgb(icc.ADOBE, icc.gamma_curve(563 / 256))
SOUND = {
    "display P3": DISPLAY_P3,
    "Adobe RGB": ADOBE_RGB,
    "sRGB": SRGB,
    "gray": icc.gray(icc.gamma_curve(2.2)),
    "dot gain": icc.dot_gain(0.2),
    "scanner": icc.rgb_scanner(),
    "press": icc.cmyk_press(),
}
DTYPES = [np.uint8, np.uint16, np.float32]


def white(dtype: type) -> float:
    return 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)


def levels(values: np.ndarray, dtype: type) -> np.ndarray:
    """Values in [0, 1] as pixels of that type."""
    scaled = np.asarray(values) * white(dtype)
    return (scaled if dtype == np.float32 else np.rint(scaled)).astype(dtype)


def values(pixels: np.ndarray) -> np.ndarray:
    return pixels / white(pixels.dtype.type)


def expected_srgb(matrix: np.ndarray, light: np.ndarray) -> np.ndarray:
    """By the formulas: linear `light` of a space with that matrix to XYZ, in sRGB."""
    linear = light @ (np.linalg.inv(icc.rgb_to_xyz(icc.REC709)) @ matrix).T
    return icc.linear_to_srgb(linear.clip(0, 1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("profile", "primaries", "curve"),
    [(DISPLAY_P3, icc.P3, icc.srgb_to_linear), (ADOBE_RGB, icc.ADOBE, lambda v: v ** (563 / 256))],
    ids=["display P3", "Adobe RGB"],
)
def test_rgb_profiles_follow_the_published_formulas(profile, primaries, curve, dtype, rng) -> None:
    pixels = levels(rng.random((40, 50, 3)) ** 2, dtype)
    expected = expected_srgb(icc.rgb_to_xyz(primaries), curve(values(pixels)))
    found = to_srgb(pixels, profile)
    assert found.dtype == dtype
    assert found.shape == pixels.shape
    # Numbers in a profile have 16 bits, and sRGB's curve is steep near black
    assert np.abs(values(found) - expected).max() < (1 / 255 if dtype == np.uint8 else 0.003)
    assert np.abs(values(found) - expected).mean() < (0.3 / 255 if dtype == np.uint8 else 0.0001)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [1.8, 2.2])
def test_gray_gamma_follows_its_formula(gamma: float, dtype: type) -> None:
    pixels = levels(np.linspace(0, 1, 65536).reshape(256, 256), dtype)
    exponent = round(gamma * 256) / 256  # as the profile has it
    expected = icc.linear_to_srgb(values(pixels) ** exponent)
    found = to_srgb(pixels, icc.gray(icc.gamma_curve(gamma)))
    assert found.dtype == dtype
    assert np.abs(found - expected * white(dtype)).max() <= {np.uint8: 0.6, np.uint16: 2, np.float32: 3e-5}[dtype]


def test_dot_gain_follows_its_formula() -> None:
    gray = np.arange(256, dtype=np.uint8)[None]
    ink = 1 - gray / 255
    expected = icc.linear_to_srgb(1 - (ink + 4 * 0.2 * ink * (1 - ink)).clip(0, 1)) * 255
    assert np.abs(to_srgb(gray, icc.dot_gain(0.2)) - expected).max() <= 0.6


@pytest.mark.parametrize("name", ["display P3", "Adobe RGB", "scanner", "press", "dot gain"])
def test_pillow_agrees_at_8_bits(name: str, rng) -> None:
    profile = SOUND[name]
    mode, shape = {"press": ("CMYK", (30, 40, 4)), "dot gain": ("L", (30, 40))}.get(name, ("RGB", (30, 40, 3)))
    pixels = rng.integers(0, 256, shape).astype(np.uint8)
    image = ImageCms.profileToProfile(
        Image.frombytes(mode, (40, 30), pixels.tobytes()),
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    expected = np.array(image).astype(int)
    found = to_srgb(pixels, profile).astype(int)
    assert np.abs((found[..., None] if found.ndim == 2 else found) - expected).max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_cmyk_means_0_for_no_ink(dtype: type) -> None:
    paper, black, cyan = [0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]
    pixels = levels(np.array([[paper, black, cyan]]), dtype)
    for profile in (None, SOUND["press"], b"damaged", DISPLAY_P3):
        found = values(to_srgb(pixels, profile))[0]
        np.testing.assert_allclose(found[:2], [[1, 1, 1], [0, 0, 0]], atol=0.02)
        assert found[2, 0] < 0.2 < 0.9 < found[2, 1:].min()  # cyan


def test_deep_levels_survive_cmyk(rng) -> None:
    pixels = rng.random((20, 30, 4)).astype(np.float32)
    for profile in (None, SOUND["press"]):
        fine = to_srgb(pixels, profile)
        deep = values(to_srgb(levels(pixels, np.uint16), profile))
        np.testing.assert_allclose(deep, fine, atol=0.002)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_go_there_and_back(dtype: type, rng) -> None:
    pixels = levels(rng.random((30, 40, 3)), dtype)
    for profile in (DISPLAY_P3, ADOBE_RGB):  # both hold all of sRGB
        there = from_srgb(pixels, profile)
        assert there is not None
        assert there.dtype == dtype
        back = to_srgb(there, profile)
        assert np.abs(values(back) - values(pixels)).mean() < (0.5 / 255 if dtype == np.uint8 else 0.0001)
        assert np.abs(values(there) - values(pixels)).max() > 0.05  # it did go somewhere


def test_deep_shadows_keep_their_levels() -> None:
    """Little CMS as others call it puts 16 bits through a table of few points, and black becomes blotchy."""
    shadows = np.repeat(np.arange(0, 4096, dtype=np.uint16)[None, :, None], 3, axis=2)
    expected = icc.linear_to_srgb((shadows / 65535) ** (563 / 256)) * 65535
    assert np.abs(to_srgb(shadows, ADOBE_RGB) - expected).max() < 8


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "profile",
    [SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), icc.rgb(icc.REC709, SRGB_TABLE)],
    ids=["ours", "Little CMS's", "a table"],
)
def test_srgb_in_any_words_changes_nothing(profile: bytes, dtype: type, rng) -> None:
    color, gray = levels(rng.random((5, 6, 3)), dtype), levels(rng.random((5, 6)), dtype)
    assert to_srgb(color, profile) is color
    assert from_srgb(color, profile) is color
    assert to_srgb(gray, profile) is gray


def test_gray_with_an_rgb_profile_goes_through_its_curve() -> None:
    gray = np.arange(256, dtype=np.uint8)[None]
    expected = icc.linear_to_srgb((gray / 255) ** (563 / 256)) * 255
    assert np.abs(to_srgb(gray, ADOBE_RGB) - expected).max() <= 0.6


def test_a_profile_of_other_pixels_is_ignored(rng) -> None:
    color, gray = levels(rng.random((5, 6, 3)), np.uint8), levels(rng.random((5, 6)), np.uint8)
    for profile in (SOUND["gray"], SOUND["press"], b"", None):
        assert to_srgb(color, profile) is color
    for profile in (SOUND["press"], b"", None):
        assert to_srgb(gray, profile) is gray


def test_there_is_no_way_back_through_a_scanner(rng) -> None:
    pixels = levels(rng.random((5, 6, 3)), np.uint8)
    assert not np.array_equal(to_srgb(pixels, SOUND["scanner"]), pixels)
    for name in ("scanner", "gray", "press"):
        assert from_srgb(pixels, SOUND[name]) is None
    assert from_srgb(pixels, b"damaged") is None


def test_kinds() -> None:
    found = [kind_of(profile) for profile in SOUND.values()]
    assert found == ["rgb", "rgb", "rgb", "gray", "gray", "rgb", "cmyk"]
    assert kind_of(DISPLAY_P3[:12] + b"link" + DISPLAY_P3[16:]) is None
    assert kind_of(DISPLAY_P3[:12] + b"nmcl" + DISPLAY_P3[16:]) is None


def test_our_profile_is_the_same_everywhere() -> None:
    assert SRGB[24:36] == bytes.fromhex("07d000010001000000000000")  # made on 2000-01-01, whenever that was
    assert SRGB[40:44] == SRGB[84:88] == bytes(4)  # on no platform, without an ID
    opened = ImageCms.getOpenProfile(io.BytesIO(SRGB))
    assert ImageCms.getProfileDescription(opened).strip() == "sRGB"
    red = opened.profile.red_primary
    assert red is not None
    np.testing.assert_allclose(red[1][:2], (0.64, 0.33), atol=0.01)


@settings(max_examples=150)
@given(st.data())
def test_damaged_profiles_never_get_in_the_way(data: st.DataObject) -> None:
    profile = bytearray(data.draw(st.sampled_from(list(SOUND.values()))))
    for place in data.draw(st.lists(st.integers(0, min(len(profile), 420) - 1), max_size=8)):
        profile[place] = data.draw(st.integers(0, 255))
    damaged = bytes(profile[: data.draw(st.one_of(st.none(), st.integers(0, len(profile))))])
    kind_of(damaged)
    for dtype in DTYPES:
        for shape in ((2, 3), (2, 3, 3), (2, 3, 4)):
            found = to_srgb(levels(np.linspace(0, 1, int(np.prod(shape))).reshape(shape), dtype), damaged)
            assert found.dtype == dtype
            assert found.shape == (shape if len(shape) == 2 else (2, 3, 3))
            assert 0 <= found.min() <= found.max() <= white(dtype)


@pytest.mark.parametrize("count", [0, 101, 2**31, 2**32 - 1])
def test_giant_tag_counts_are_damage(count: int) -> None:
    assert kind_of(DISPLAY_P3[:128] + count.to_bytes(4, "big") + DISPLAY_P3[132:]) is None


def test_threads_do_not_disturb_each_other(rng) -> None:
    pixels = [levels(rng.random((30, 40, 3)), dtype) for dtype in DTYPES]
    work = [(p, profile) for p in pixels for profile in (DISPLAY_P3, ADOBE_RGB, SOUND["scanner"])]
    expected = [to_srgb(*task) for task in work]
    start = threading.Barrier(2)

    def run(_: int) -> list[np.ndarray]:
        start.wait()
        return [to_srgb(*task) for task in work * 5]

    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(run, range(2)):
            for one, wanted in zip(found, expected * 5, strict=True):
                np.testing.assert_array_equal(one, wanted)


def test_strips_leave_no_seams(rng) -> None:
    wide = levels(rng.random((3, 1 << 21, 3)).astype(np.float32), np.uint8)  # several strips
    found = to_srgb(wide, ADOBE_RGB)
    np.testing.assert_array_equal(found[2:, -1000:], to_srgb(wide[2:, -1000:], ADOBE_RGB))


PROPHOTO = np.array([[0.7347, 0.2653], [0.1596, 0.8404], [0.0366, 0.0001]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("white", [icc.D65, np.array([0.3457, 0.3585]), np.array([0.3460, 0.3586])])
def test_neutral_stays_neutral(dtype, white):
    """Also where rounded primaries do not quite add up to the white: what is gray must not be called tinted."""
    gray = np.linspace(0, 1, 4096)[None] * (1 if dtype == np.float32 else np.iinfo(dtype).max)
    pixels = np.dstack([gray.astype(dtype)] * 3)
    pixels[0, ::2, 0] = 0
    profile = icc.rgb(PROPHOTO, icc.gamma_curve(1.8), white)
    found = to_srgb(pixels, profile)
    assert not np.ptp(found[0, 1::2], axis=-1).any()
    assert np.ptp(found[0, 1000::2], axis=-1).all()


def test_what_a_profile_calls_tinted_stays_tinted():
    curves = {b"rTRC": icc.gamma_curve(1.8), b"bTRC": icc.gamma_curve(2.6)}
    colorants = icc.to_d50(icc.rgb_to_xyz(icc.REC709)).T
    tags = {n: b"XYZ \0\0\0\0" + icc.fixed(*c) for n, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    toned = icc.profile(b"RGB ", tags | {b"gTRC": icc.gamma_curve(2.2)} | curves)
    pixels = np.dstack([np.arange(64, 192, dtype=np.uint8)[None]] * 3)
    assert np.ptp(to_srgb(pixels, toned), axis=-1).min() > 3
