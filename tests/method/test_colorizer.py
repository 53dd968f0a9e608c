"""The whole pipeline with the shipped weights, on real pictures and on awkward ones."""

from dataclasses import replace
from pathlib import Path

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from lab_of_scikit_image import lightness, mean_lab
from PIL import Image
from skimage.color import rgb2gray, rgb2lab

from excolor import Colorizer, ColorizeSettings, Photo, Stylizer, StylizeSettings, read_photo
from excolor.errors import CheckpointError, DeviceError, PhotoError, SettingError, UnknownModelError
from excolor.evaluation.metrics import colorfulness, psnr
from excolor.hints import Hint
from excolor.method.pictures import Reference
from excolor.networks.checkpoint import load_encoder, save_network
from excolor.networks.models import ModelIdentity, find_model
from excolor.photo import as_photo
from excolor.runtime.devices import choose_device, out_of_memory_explained

SMALL = ColorizeSettings(working_size=64)


def test_result_has_the_targets_size_and_lightness(colorizer: Colorizer, target: Path, reference: Path) -> None:
    result = colorizer.colorize(target, reference)
    original = read_photo(target)
    assert result.size == original.size
    assert result.pixels.dtype == np.uint8
    assert np.abs(lightness(result.pixels) - lightness(original.pixels)).mean() < 0.5


def test_result_is_in_color_and_follows_the_reference(
    colorizer: Colorizer, target: Path, warm: Path, cold: Path
) -> None:
    results = [colorizer.colorize(target, reference).pixels / 255 for reference in (warm, cold)]
    assert all(colorfulness(result) > 8 for result in results)
    # b of Lab runs from blue to yellow: the two references are some 50 units apart in it
    warm_b, cold_b = (rgb2lab(result)[..., 2].mean() for result in results)
    assert mean_lab(warm)[2] - mean_lab(cold)[2] > 30
    assert warm_b - cold_b > 8


def test_each_place_takes_its_color_from_the_reference_that_knows_it(colorizer: Colorizer, reference: Path) -> None:
    """Two references show a half of the picture each: together they are better than either."""
    truth = read_photo(reference).pixels[::2, ::2]
    middle = truth.shape[1] // 2
    halves = [colorizer.encode_reference(np.ascontiguousarray(half)) for half in (truth[:, :middle], truth[:, middle:])]

    def likeness(followed: Reference | list[Reference]) -> float:
        gray = np.rint(rgb2gray(truth) * 255).astype(np.uint8)
        return psnr(colorizer.colorize(gray, followed).pixels / 255, truth / 255)

    joined = likeness(colorizer.join(halves))
    assert joined > max(map(likeness, halves)) + 0.5
    assert likeness(halves) == joined
    assert likeness(colorizer.join(halves[:1])) == likeness(halves[:1]) == likeness(halves[0])


def test_precolor_is_in_color_without_a_reference(colorizer: Colorizer, target: Path) -> None:
    assert colorfulness(colorizer.colorize(target).pixels / 255) > 3


def test_strength_runs_from_the_precolored_picture_to_the_result(
    colorizer: Colorizer, target: Path, warm: Path
) -> None:
    invented = colorizer.colorize(target, settings=SMALL).pixels
    none, half, full = (
        colorizer.colorize(target, warm, ColorizeSettings(working_size=64, strength=s)).pixels.astype(float)
        for s in (0.0, 0.5, 1.0)
    )
    np.testing.assert_array_equal(none, invented)
    assert 0.3 < np.abs(half - none).mean() / np.abs(full - none).mean() < 0.7


def test_more_strength_follows_doubtful_matches_and_vivid_scales_chroma(
    colorizer: Colorizer, target: Path, reference: Path
) -> None:
    full, more, pale, none = (
        colorizer.colorize(target, reference, ColorizeSettings(working_size=64, **chosen)).pixels / 255
        for chosen in ({}, {"strength": 2.0}, {"vivid": 0.5}, {"vivid": 0.0})
    )
    assert np.abs(more - full).mean() > 0.002
    assert colorfulness(pale) == pytest.approx(colorfulness(full) / 2, rel=0.15)  # some of it fits no gamut
    assert colorfulness(none) < 1


def test_auto_levels_finds_the_colors_of_the_full_contrast_and_keeps_the_lightness(
    colorizer: Colorizer, target: Path, reference: Path
) -> None:
    full = read_photo(target).pixels
    full = np.asarray(Image.fromarray(full).convert("L"), dtype=np.float32)[::2, ::2] / 255
    faded = np.ascontiguousarray(0.4 + 0.2 * full)
    choices = ColorizeSettings(working_size=96), ColorizeSettings(working_size=96, auto_levels=True)
    for followed in (reference, ()):
        (as_is, stretched), right = (
            [colorizer.colorize(gray, followed, choice).pixels for choice in chosen]
            for gray, chosen in ((faded, choices), (full, choices[:1]))
        )
        assert np.abs(lightness(stretched) - lightness(faded)).max() < 0.1
        truth = rgb2lab(right[0])[..., 1:]
        errors = [np.abs(rgb2lab(result)[..., 1:] - truth).mean() for result in (as_is, stretched)]
        assert errors[1] < 0.8 * errors[0]
    encoded = colorizer.encode_reference(reference, choices[0])
    seen = colorizer.prepare(faded, choices[1])
    assert not torch.equal(*(colorizer.find_ab(seen, encoded, choice) for choice in choices))
    (alike,), (unlike,), (expected,) = (
        colorizer.score(colorizer.look(gray, choice), [encoded])
        for gray, choice in ((faded, choices[1]), (faded, choices[0]), (full, choices[0]))
    )
    assert abs(alike - expected) < abs(unlike - expected)


def test_same_input_gives_the_same_bits(colorizer: Colorizer, target: Path, reference: Path) -> None:
    settings = ColorizeSettings(working_size=96, hint_share=0.3, seed=5)
    first, second = (colorizer.colorize(target, reference, settings).pixels for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_seed_moves_sparse_hints(colorizer: Colorizer, target: Path, reference: Path) -> None:
    first, second = (
        colorizer.colorize(target, reference, ColorizeSettings(working_size=96, hint_share=0.05, seed=s)).pixels
        for s in (1, 2)
    )
    assert (first != second).any()


def test_an_encoded_reference_serves_as_well_as_a_fresh_one(colorizer: Colorizer, target: Path, warm: Path) -> None:
    encoded = colorizer.encode_reference(warm, SMALL)
    for _ in range(2):
        reused = colorizer.colorize(target, encoded, SMALL).pixels
        np.testing.assert_array_equal(reused, colorizer.colorize(target, warm, SMALL).pixels)


def test_a_reference_of_another_model_is_refused(colorizer: Colorizer, target: Path, warm: Path) -> None:
    own = colorizer.encode_reference(warm, SMALL)
    foreign = replace(own, model=ModelIdentity("0" * 64, "another"))
    for use in (
        lambda: colorizer.colorize(target, foreign, SMALL),
        lambda: colorizer.colorize(target, [own, foreign], SMALL),
        lambda: colorizer.score(target, [own, foreign]),
        lambda: colorizer.join([own, foreign]),
    ):
        with pytest.raises(SettingError, match=r"another.*lite.*encode it again"):
            use()


def test_models_are_told_apart_by_what_encodes(colorizer: Colorizer, target: Path, warm: Path, tmp_path: Path) -> None:
    """Two folders of one name, of which one holds the shipped model and the other a changed encoder."""
    files = find_model("lite").files
    for run in ("a", "b"):
        (tmp_path / run / "model").mkdir(parents=True)
        for role, path in files.items():
            (tmp_path / run / "model" / f"{role}.safetensors").write_bytes(path.read_bytes())
    encoder = load_encoder(files["encoder"])
    encoder.conv4_1.bias.data += 0.01
    save_network(encoder, tmp_path / "b" / "model" / "encoder.safetensors")
    same, changed = (Colorizer.load(tmp_path / run / "model", device="cpu") for run in ("a", "b"))
    encoded = same.encode_reference(warm, SMALL)
    colorizer.colorize(target, encoded, SMALL)
    with pytest.raises(SettingError, match=r"by the model model \(sha256 .*…\), and this is model \(sha256"):
        changed.colorize(target, encoded, SMALL)


def test_pre_coloring_needs_the_colorizer_alone(colorizer: Colorizer, target: Path, warm: Path, tmp_path: Path) -> None:
    (tmp_path / "colorizer.safetensors").write_bytes(find_model("lite").path("colorizer").read_bytes())
    alone = Colorizer.load(find_model(tmp_path, "pre-colorize"), device="cpu")
    found, wanted = (one.colorize(target, settings=SMALL) for one in (alone, colorizer))
    np.testing.assert_array_equal(found.pixels, wanted.pixels)
    with pytest.raises(SettingError, match="only what pre-coloring needs was loaded"):
        alone.colorize(target, warm, SMALL)


def test_a_reference_of_another_working_size_is_refused(colorizer: Colorizer, target: Path, warm: Path) -> None:
    small, large = colorizer.encode_reference(warm, SMALL), colorizer.encode_reference(warm)
    for use in (
        lambda: colorizer.colorize(target, small),
        lambda: colorizer.score(target, [small, large]),
        lambda: colorizer.join([small, large]),
    ):
        with pytest.raises(SettingError, match=r"at a working size of \d+ pixels and is used at \d+"):
            use()


def test_no_reference_has_no_steps_and_nothing_to_join(colorizer: Colorizer, target: Path) -> None:
    with pytest.raises(SettingError, match="at least one"):
        colorizer.join([])
    with pytest.raises(SettingError, match="at least one"):
        colorizer.colorize_stages(target, [])
    assert colorizer.score(target, []) == []


def test_matches_differ(colorizer: Colorizer, target: Path, reference: Path) -> None:
    results = [
        colorizer.colorize(target, reference, ColorizeSettings(working_size=96, match=match)).pixels.astype(float)
        for match in ("statistics", "semantic", "both")
    ]
    for i, first in enumerate(results):
        for second in results[:i]:
            assert np.abs(first - second).mean() > 0.2


def test_every_kind_of_source_is_taken(colorizer: Colorizer, target: Path, reference: Path) -> None:
    pixels = np.asarray(Image.open(target))
    expected = colorizer.colorize(target, reference, SMALL).pixels
    for source in (str(target), Image.open(target), pixels, np.dstack([pixels] * 3), read_photo(target)):
        found = colorizer.colorize(source, reference, SMALL).pixels
        assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_depth_is_kept(
    colorizer: Colorizer, reference: Path, rng: np.random.Generator, dtype: type, scale: int
) -> None:
    gray = np.linspace(0, scale, 40 * 50).reshape(40, 50).astype(dtype)
    result = colorizer.colorize(gray, reference, SMALL)
    assert result.pixels.dtype == dtype
    np.testing.assert_allclose(lightness(result.pixels), lightness(gray), atol=0.01 if scale != 255 else 0.8)


def test_alpha_is_kept(colorizer: Colorizer, reference: Path, rng: np.random.Generator) -> None:
    rgba = rng.integers(0, 256, (30, 40, 4), dtype=np.uint8)
    result = colorizer.colorize(Image.fromarray(rgba), reference, SMALL)
    assert result.alpha is not None
    np.testing.assert_array_equal(result.alpha, rgba[..., 3])
    assert result.to_pil().mode == "RGBA"


@pytest.fixture(scope="module")
def small_reference(colorizer: Colorizer, reference: Path) -> Reference:
    return colorizer.encode_reference(reference, SMALL)


def check_any(
    colorizer: Colorizer,
    stylizer: Stylizer,
    small_reference: Reference,
    size: tuple[int, int],
    channels: int,
    dtype: type,
) -> None:
    """All three jobs on noise of this kind: size, dtype and alpha are kept, and lightness where it must be."""
    noise = np.random.default_rng(0).random((*size, channels), dtype=np.float32)
    pixels = noise if dtype == np.float32 else (noise * np.iinfo(dtype).max).astype(dtype)
    pixels.flags.writeable = False
    original = as_photo(pixels)
    colored = colorizer.colorize(pixels, small_reference, SMALL)
    invented = colorizer.colorize(pixels, settings=SMALL)
    styled = stylizer.stylize(pixels, np.full((20, 20, 3), 99, np.uint8), StylizeSettings(working_size=64))
    for result in (colored, invented, styled):
        assert result.pixels.shape == (*size, 3) and result.pixels.dtype == dtype
        assert (result.alpha is None) == (channels < 4)
        if result.alpha is not None:
            np.testing.assert_array_equal(result.alpha, original.alpha)
        if dtype == np.float32:
            assert result.pixels.min() >= 0 and result.pixels.max() <= 1
    assert np.abs(lightness(colored.pixels) - lightness(original.pixels)).mean() < 0.5


@given(
    size=st.tuples(st.integers(1, 100), st.integers(1, 100)),
    channels=st.sampled_from([1, 3, 4]),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
)
@settings(max_examples=25)
def test_any_size_and_kind_works(
    colorizer: Colorizer,
    stylizer: Stylizer,
    small_reference: Reference,
    size: tuple[int, int],
    channels: int,
    dtype: type,
) -> None:
    check_any(colorizer, stylizer, small_reference, size, channels, dtype)


@pytest.mark.parametrize(
    ("size", "channels", "dtype"),
    [
        ((65500, 16), 1, np.uint8),
        ((16, 65500), 3, np.uint8),
        ((1, 5000), 1, np.uint16),
        ((5000, 1), 4, np.uint16),
        ((5000, 2), 3, np.float32),
        ((1, 1), 1, np.float32),
    ],
)
def test_the_longest_and_the_smallest_work(
    colorizer: Colorizer,
    stylizer: Stylizer,
    small_reference: Reference,
    size: tuple[int, int],
    channels: int,
    dtype: type,
) -> None:
    check_any(colorizer, stylizer, small_reference, size, channels, dtype)


def test_a_reference_of_one_pixel_works(colorizer: Colorizer, target: Path) -> None:
    red = np.array([[[200, 40, 30]]], np.uint8)
    assert colorizer.colorize(target, red, SMALL).size == read_photo(target).size


def test_score_prefers_the_picture_itself(colorizer: Colorizer, target: Path, rng: np.random.Generator) -> None:
    references = [
        colorizer.encode_reference(picture)
        for picture in (rng.integers(0, 256, (80, 80, 3), dtype=np.uint8), read_photo(target))
    ]
    noise, itself = colorizer.score(target, references)
    assert 0 <= noise < itself <= 1


def test_stages_show_the_way(colorizer: Colorizer, target: Path, warm: Path) -> None:
    stages = colorizer.colorize_stages(target, warm, ColorizeSettings(working_size=96, hint_share=0.1))
    assert stages.precolor.size == stages.coarse.size == stages.hints.size == (112, 96)
    vivid = {name: colorfulness(getattr(stages, name).pixels / 255) for name in ("coarse", "hints")}
    assert vivid["coarse"] > vivid["hints"] > 0  # hints are the coarse map with nine tenths taken away
    np.testing.assert_array_equal(
        stages.result.pixels, colorizer.colorize(target, warm, ColorizeSettings(working_size=96, hint_share=0.1)).pixels
    )


@pytest.mark.parametrize(
    "bad", [{"working_size": 8}, {"strength": 2.5}, {"vivid": -0.5}, {"hint_share": 0.0}, {"match": "magic"}]
)
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(bad))):
        ColorizeSettings(**bad)


def test_a_working_size_without_a_pixel_is_refused() -> None:
    with pytest.raises(SettingError, match="working_size"):
        ColorizeSettings(working_size=-5)


def test_running_out_of_memory_is_explained() -> None:
    cpu = torch.device("cpu")
    with pytest.raises(DeviceError, match="a smaller working size, or another device"), out_of_memory_explained(cpu):
        torch.empty(1 << 60)  # torch's own complaint
    with pytest.raises(DeviceError, match="a smaller working size, or another device"), out_of_memory_explained(cpu):
        np.empty(1 << 55)
    with pytest.raises(DeviceError, match="a smaller working size, or another device"), out_of_memory_explained(cpu):
        cv2.resize(np.zeros((1, 1), np.uint8), (1 << 20, 1 << 30))
    with pytest.raises(DeviceError, match="a smaller working size, or another device"), out_of_memory_explained(cpu):
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate")  # on Windows
    with pytest.raises(cv2.error), out_of_memory_explained(cpu):
        cv2.resize(np.zeros((0, 0), np.uint8), (1, 1))
    with pytest.raises(RuntimeError, match="a bug"), out_of_memory_explained(cpu):
        raise RuntimeError("a bug")


def test_unknown_model_lists_the_known() -> None:
    with pytest.raises(UnknownModelError, match="lite"):
        Colorizer.load("nonesuch")


def test_a_folder_without_checkpoints_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"encoder\.safetensors|colorizer\.safetensors"):
        Colorizer.load(tmp_path)


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(DeviceError, match="abacus"):
        choose_device("abacus")
    if not torch.cuda.is_available():
        assert choose_device("auto").type == "cpu"
        with pytest.raises(DeviceError, match="use the device cpu"):
            choose_device("cuda")


def test_bad_pictures_are_refused(colorizer: Colorizer, target: Path, tmp_path: Path) -> None:
    with pytest.raises(PhotoError):
        colorizer.colorize(np.zeros((0, 5), np.uint8), target)
    with pytest.raises(PhotoError):
        colorizer.colorize(target, tmp_path / "missing.jpg")


def test_photo_is_what_colorize_returns(colorizer: Colorizer, target: Path, reference: Path, tmp_path: Path) -> None:
    result = colorizer.colorize(target, reference, SMALL)
    assert isinstance(result, Photo)
    saved = result.save(tmp_path / "out.png")
    np.testing.assert_array_equal(np.asarray(Image.open(saved)), result.pixels)


@pytest.mark.parametrize("match", ["both", "statistics", "semantic"])
def test_what_transparent_pixels_hide_changes_nothing(
    match: str, colorizer: Colorizer, target: Path, reference: Path
) -> None:
    """A cut-out gives only the colors that show of it, and takes none from what it hides."""
    visible = np.zeros((200, 160), np.uint8)
    visible[30:170, 20:130] = 255
    visible[30, 20:130] = 128  # a soft edge
    results = []
    for hidden in ((255, 255, 255), (0, 90, 10)):
        cut_outs = []
        for source in (reference, target):
            rgb = np.asarray(Image.open(source).convert("RGB").resize((160, 200)))
            cut_outs.append(np.dstack((np.where(visible[..., None] > 0, rgb, np.uint8(hidden)), visible)))
        settings = ColorizeSettings(working_size=96, match=match)  # type: ignore[arg-type]
        results.append(colorizer.colorize(cut_outs[1], cut_outs[0], settings).pixels[visible > 128])
    assert colorfulness(results[0][None] / 255) > 5
    np.testing.assert_allclose(results[0].astype(int), results[1], atol=1)


def test_what_was_looked_at_is_colorized_with_the_levels_it_was_looked_at_with(
    colorizer: Colorizer, target: Path, warm: Path
) -> None:
    encoded = colorizer.encode_reference(warm)
    for seen in (False, True):
        looked = colorizer.look(target, ColorizeSettings(auto_levels=seen))
        assert colorizer.score(looked, [encoded])
        colorizer.colorize(looked, encoded, ColorizeSettings(auto_levels=seen))
        with pytest.raises(SettingError, match=r"auto levels.*look again"):
            colorizer.colorize(looked, encoded, ColorizeSettings(auto_levels=not seen))


def test_what_was_looked_at_otherwise_is_refused_wherever_it_is_used(
    colorizer: Colorizer, target: Path, warm: Path
) -> None:
    """It has other colors for other places, and only sometimes another shape."""
    looked, other = colorizer.look(target, SMALL), ColorizeSettings(working_size=72)
    ab, hint = colorizer.find_ab(looked, (), SMALL), [Hint(0.5, 0.5, "red")]
    with pytest.raises(SettingError, match="look again"):
        colorizer.find_ab(looked, (), other)
    with pytest.raises(SettingError, match="look again"):
        colorizer.follow(looked, ab, hint, settings=other)
    encoded = colorizer.encode_reference(warm, other)
    with pytest.raises(SettingError, match="encode it again"):
        colorizer.follow(looked, ab, hint, encoded, SMALL)


def test_references_can_be_found_in_a_list(colorizer: Colorizer, warm: Path, cold: Path) -> None:
    one, other = (colorizer.encode_reference(picture, SMALL) for picture in (warm, cold))
    assert [one, other].index(other) == 1


def test_a_picture_in_its_own_colors_is_a_further_reference(colorizer: Colorizer, target: Path, warm: Path) -> None:
    semantic = Colorizer.load("semantic", device="cpu")
    looked, encoded = semantic.look(target), semantic.encode_reference(warm)
    ab = looked.seen.unpadded(semantic.find_ab(looked, encoded))
    recalled = semantic.recall(looked, ab)
    assert recalled is not None and recalled.working_size == encoded.working_size
    again = looked.seen.unpadded(semantic.find_ab(looked, [encoded, recalled]))
    assert (again - ab).abs().mean() < 0.5 * (looked.seen.unpadded(semantic.find_ab(looked)) - ab).abs().mean()
    assert colorizer.recall(colorizer.look(target), ab) is None  # the paper's topology gains nothing by it
    with pytest.raises(SettingError, match="look again"):
        semantic.recall(colorizer.look(target), ab)
