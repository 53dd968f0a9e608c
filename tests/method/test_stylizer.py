"""Stylization with the shipped weights, on real pictures."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lab_of_scikit_image import lightness, mean_lab
from skimage.color import rgb2lab

from excolor import Style, Stylizer, StylizeSettings, read_photo
from excolor.errors import DeviceError, SettingError
from excolor.method.regions import as_regions
from excolor.networks.checkpoint import load_transfer
from excolor.networks.models import ModelIdentity, find_model
from excolor.networks.transfer import TransferNet
from excolor.photo import Photo
from excolor.runtime.devices import free_memory


@pytest.mark.parametrize("method", ["adain", "wct"])
def test_stylize_moves_the_content_toward_the_style(
    method: str, stylizer: Stylizer, reference: Path, warm: Path, cold: Path
) -> None:
    for style in (warm, cold):
        result = stylizer.stylize(reference, style, StylizeSettings(method, working_size=128))
        assert result.size == read_photo(reference).size
        before = np.linalg.norm(mean_lab(reference) - mean_lab(style))
        after = np.linalg.norm(rgb2lab(result.pixels / 255).mean((0, 1)) - mean_lab(style))
        assert after < 0.6 * before


def test_stylize_with_alpha_0_gives_the_content_back(stylizer: Stylizer, reference: Path, warm: Path) -> None:
    result = stylizer.stylize(reference, warm, StylizeSettings(alpha=0.0, working_size=256))
    content = read_photo(reference).pixels.astype(float)
    error = np.mean((result.pixels - content) ** 2)
    assert 10 * np.log10(255**2 / error) > 25  # dB: what the decoder is held to


def test_stylize_keeps_a_large_contents_detail(stylizer: Stylizer, reference: Path, warm: Path) -> None:
    """Brought up from a quarter of the size, edges are where the content has them, and as sharp."""
    result = stylizer.stylize(reference, warm, StylizeSettings(working_size=128))
    found, own = (np.diff(lightness(p), axis=1).ravel() for p in (result.pixels, read_photo(reference).pixels))
    assert np.corrcoef(found, own)[0, 1] > 0.9


@pytest.mark.parametrize("method", ["adain", "wct"])
def test_stylize_exactly_gives_the_networks_own_answer(
    method: str, stylizer: Stylizer, reference: Path, warm: Path
) -> None:
    """At full size, however small the working size. Equal content and style, or alpha 0, is the reconstruction."""
    files = find_model("lite")
    net = load_transfer(files.path("encoder"), files.path("decoder"))
    content, style = (read_photo(path).pixels[100:164, 200:280] for path in (reference, warm))
    x, y = (torch.from_numpy(p).permute(2, 0, 1)[None] / 255 for p in (content, style))
    matching = StylizeSettings(method)
    with torch.inference_mode():
        styled = net(x, net.measure(y, matching), matching)
        kept = net.reconstruct(x).clamp(0, 1)
    calls = {
        "styled": (style, matching, styled),
        "alpha 0": (style, StylizeSettings(method, alpha=0), kept),
        "own style": (content, matching, kept),
    }
    for name, (look, how, expected) in calls.items():
        found = stylizer.stylize(content, look, replace(how, working_size=32, exact=True)).pixels
        wanted = (expected[0].permute(1, 2, 0) * 255).round().numpy()
        assert np.abs(found - wanted).max() <= 1, name


@pytest.mark.parametrize("keep", ["nothing", "luminance", "color"])
@pytest.mark.parametrize("method", ["adain", "wct"])
def test_edges_have_fainter_halos_than_the_network_draws(
    method: str, keep: str, stylizer: Stylizer, cold: Path
) -> None:
    """A dark and a light house before an even sky: how far the sky beside them is from what it is elsewhere."""
    content = np.full((160, 200, 3), (140, 170, 210), np.uint8)
    content[60:, 40:80], content[60:, 120:160] = (60, 45, 40), (235, 230, 220)
    content[140:] = np.random.default_rng(0).integers(0, 256, (20, 200, 3))

    def halo(**how: object) -> float:
        row = stylizer.stylize(content, cold, StylizeSettings(method, **how)).pixels[90:110].astype(float).mean(0)
        sky = np.concatenate((row[28:40], row[80:92], row[108:120], row[160:172]))
        return np.abs(sky - np.median(sky, axis=0)).max()

    assert halo(keep=keep) < 0.5 * halo(exact=True)


def test_exact_stylization_without_the_memory_names_the_way_out(
    stylizer: Stylizer, reference: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = stylizer.measure(warm, StylizeSettings(exact=True))
    monkeypatch.setattr(TransferNet, "forward", lambda *_: torch.empty(1 << 60))
    with pytest.raises(DeviceError, match="a working size instead of the size of the picture"):
        stylizer.stylize(reference, style, StylizeSettings(exact=True))


def test_what_the_memory_cannot_hold_is_not_begun(
    stylizer: Stylizer, reference: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux would end the process without a word."""
    style, small = stylizer.measure(warm, StylizeSettings(exact=True)), StylizeSettings(working_size=64)
    monkeypatch.setattr("excolor.runtime.devices.free_memory", lambda: 100_000_000)
    with pytest.raises(DeviceError, match=r"0\.2 GB of memory .* and 0\.1 GB are free; use a working size instead"):
        stylizer.stylize(reference, style, StylizeSettings(exact=True))
    assert stylizer.stylize(reference, warm, small).size == read_photo(reference).size
    monkeypatch.setattr("excolor.runtime.devices.free_memory", lambda: None)
    assert stylizer.stylize(reference, style, StylizeSettings(exact=True)).size == read_photo(reference).size


def test_a_style_that_the_memory_cannot_hold_is_not_begun(
    stylizer: Stylizer, reference: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("excolor.runtime.devices.free_memory", lambda: 50_000_000)
    with pytest.raises(DeviceError, match=r"0\.1 GB of memory .* are free; use a working size instead"):
        stylizer.measure(reference, StylizeSettings(exact=True))
    stylizer.measure(reference, StylizeSettings(working_size=64))


@pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that tells")
def test_free_memory_is_what_the_machine_can_have() -> None:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = free_memory()
    assert free is not None
    assert 0.01 * pages < free < 4 * pages


def test_a_style_of_another_matching_is_refused(stylizer: Stylizer, target: Path, reference: Path) -> None:
    style = stylizer.measure(reference, StylizeSettings(parts=("encoder",), working_size=64))
    with pytest.raises(SettingError, match="measure it again"):
        stylizer.stylize(target, style, StylizeSettings(parts=("skip",), working_size=64))


def test_a_style_of_another_model_is_refused(stylizer: Stylizer, target: Path, reference: Path) -> None:
    style = replace(
        stylizer.measure(reference, StylizeSettings(working_size=64)), model=ModelIdentity("0" * 64, "another")
    )
    with pytest.raises(SettingError, match=r"another.*lite.*measure it again"):
        stylizer.stylize(target, style, StylizeSettings(working_size=64))


def test_several_styles_share_by_their_weights(stylizer: Stylizer, reference: Path, warm: Path, cold: Path) -> None:
    """The more the warm one weighs, the redder it gets; the weights are relative."""
    reds = []
    for weight in (0.25, 1, 4):
        result = stylizer.stylize(reference, [Style(warm, weight), Style(cold)], StylizeSettings(working_size=64))
        reds.append((result.pixels[..., 0].astype(float) - result.pixels[..., 2]).mean())
    assert reds[0] < reds[1] - 5 and reds[1] < reds[2] - 5
    for scale in (2, 0.4e308):  # of such large ones the sum is infinite
        same = stylizer.stylize(
            reference, [Style(warm, 4 * scale), Style(cold, scale)], StylizeSettings(working_size=64)
        )
        np.testing.assert_array_equal(same.pixels, result.pixels)


def test_pictures_themselves_are_styles_of_equal_weight(
    stylizer: Stylizer, reference: Path, warm: Path, cold: Path
) -> None:
    found = stylizer.stylize(reference, [warm, cold], StylizeSettings(working_size=64))
    expected = stylizer.stylize(reference, [Style(warm), Style(cold)], StylizeSettings(working_size=64))
    np.testing.assert_array_equal(found.pixels, expected.pixels)


@pytest.mark.parametrize("method", ["adain", "wct"])
def test_a_look_measured_once_serves_any_alpha(method: str, stylizer: Stylizer, reference: Path, warm: Path) -> None:
    look = stylizer.measure(warm, StylizeSettings(method, working_size=64))
    for alpha in (0.4, 1):
        settings = StylizeSettings(method, ("encoder",), alpha, working_size=64)
        found = stylizer.stylize(reference, look, settings)
        np.testing.assert_array_equal(found.pixels, stylizer.stylize(reference, warm, settings).pixels)


def test_a_look_of_another_working_size_is_refused(stylizer: Stylizer, target: Path, reference: Path) -> None:
    look = stylizer.measure(reference, StylizeSettings(working_size=64))
    for settings in (StylizeSettings(working_size=96), StylizeSettings(working_size=64, exact=True)):
        with pytest.raises(SettingError, match="at another working size"):
            stylizer.stylize(target, look, settings)


def test_a_style_of_another_method_is_refused(stylizer: Stylizer, target: Path, reference: Path) -> None:
    look = stylizer.measure(reference, StylizeSettings("wct", working_size=64))
    with pytest.raises(SettingError, match="measure it again"):
        stylizer.stylize(target, look, StylizeSettings("adain", working_size=64))


@pytest.mark.parametrize("working_size", [96, 512])
def test_luminance_is_kept(working_size: int, stylizer: Stylizer, reference: Path, cold: Path) -> None:
    result = stylizer.stylize(reference, cold, StylizeSettings(working_size=working_size, keep="luminance"))
    own = read_photo(reference).pixels
    assert np.abs(lightness(result.pixels) - lightness(own)).mean() < 0.3  # rounding to 8 bits
    assert result.pixels[..., 2].mean() > own[..., 2].mean() + 5


@pytest.mark.parametrize("working_size", [96, 512])
def test_color_is_kept(working_size: int, stylizer: Stylizer, reference: Path, target: Path) -> None:
    """The style is a darker portrait: the luminance moves toward it, ab stays where sRGB can show it."""
    style = Path(target)
    result = stylizer.stylize(reference, style, StylizeSettings(working_size=working_size, keep="color"))
    own = read_photo(reference).pixels
    before, after = rgb2lab(own / 255), rgb2lab(result.pixels / 255)
    goal = lightness(read_photo(style).pixels).mean()
    assert abs(after[..., 0].mean() - goal) < 0.5 * abs(before[..., 0].mean() - goal)
    is_shown = (result.pixels.min(-1) > 2) & (result.pixels.max(-1) < 253)  # elsewhere chroma gives way
    assert is_shown.mean() > 0.5
    assert np.abs(after - before)[is_shown][:, 1:].mean() < 0.5  # rounding to 8 bits


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("working_size", [16, 64])
def test_gray_stays_gray_when_color_is_kept(
    working_size: int, channels: tuple[int, ...], dtype: type, stylizer: Stylizer, warm: Path
) -> None:
    gray = np.linspace(0, 1, 40 * 48).reshape(40, 48) ** 2
    if channels:
        gray = np.stack([gray] * 3, axis=-1)
    pixels = gray.astype(dtype) if dtype == np.float32 else (gray * np.iinfo(dtype).max).astype(dtype)
    result = stylizer.stylize(pixels, warm, StylizeSettings(working_size=working_size, keep="color"))
    assert result.pixels.dtype == dtype and result.is_gray
    assert np.ptp(result.pixels) > 0


def halves(height: int, width: int) -> np.ndarray:
    return np.broadcast_to((np.arange(width) >= width // 2) * 7, (height, width))


@pytest.mark.parametrize("method", ["adain", "wct"])
def test_each_region_takes_the_colors_of_its_like(method: str, stylizer: Stylizer, target: Path) -> None:
    style = np.zeros((64, 80, 3), np.uint8)
    style[:, :40], style[:, 40:] = (200, 60, 40), (40, 70, 200)
    style += np.random.default_rng(0).integers(0, 40, style.shape, dtype=np.uint8)
    content = read_photo(target)
    for mask, flip in ((halves(64, 80), False), (halves(64, 80)[:, ::-1], True)):
        result = stylizer.stylize(
            content, Style(style, mask=mask), StylizeSettings(method, working_size=128), mask=halves(*content.size)
        )
        red = result.pixels[..., 0].astype(float) - result.pixels[..., 2]
        left, right = red[:, : red.shape[1] // 3].mean(), red[:, -red.shape[1] // 3 :].mean()
        assert (left < -40 and right > 40) if flip else (left > 40 and right < -40), (left, right)


def test_a_label_that_no_style_has_follows_the_whole(stylizer: Stylizer, target: Path, reference: Path) -> None:
    content, style = read_photo(target), read_photo(reference)
    look = stylizer.measure(Style(style, mask=halves(*style.size)), StylizeSettings(working_size=96))
    other = as_regions(np.full(content.size, 3))
    assert look.missing(other) == ("3",)
    assert look.missing(as_regions(halves(*content.size))) == ()
    found = stylizer.stylize(content, look, StylizeSettings(working_size=96), mask=other)
    whole = stylizer.stylize(content, style, StylizeSettings(working_size=96))
    assert np.abs(found.pixels.astype(int) - whole.pixels).max() <= 1


def test_of_several_styles_those_that_have_a_label_count(
    stylizer: Stylizer, target: Path, warm: Path, cold: Path
) -> None:
    content, size = read_photo(target), read_photo(warm).size
    here, there = np.zeros(size, np.uint8), np.ones(size, np.uint8)
    everywhere = np.ones(content.size, np.uint8)
    both = [Style(warm, mask=here), Style(cold, mask=there)]
    found = stylizer.stylize(content, both, StylizeSettings(working_size=96), mask=everywhere)
    alone = stylizer.stylize(content, Style(cold, mask=there), StylizeSettings(working_size=96), mask=everywhere)
    np.testing.assert_array_equal(found.pixels, alone.pixels)


def test_a_label_of_a_few_pixels_does_no_harm(target: Path, reference: Path) -> None:
    stylizer = Stylizer.load(device="cpu", precision="float32")  # what is rounded differs between processors
    content, style = read_photo(target), read_photo(reference)
    few, some = np.zeros(content.size, np.uint8), np.zeros(style.size, np.uint8)
    few[5, 5] = some[9:11, 9:11] = 1
    for method in ("adain", "wct"):
        found = stylizer.stylize(content, Style(style, mask=some), StylizeSettings(method, working_size=96), mask=few)
        whole = stylizer.stylize(content, style, StylizeSettings(method, working_size=96))
        assert np.abs(found.pixels.astype(int) - whole.pixels)[64:].max() <= 2, method


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s, p: s.stylize(p, p, StylizeSettings(keep="all", working_size=16)), "keep"),
        (lambda s, p: s.stylize(p, [], StylizeSettings(working_size=16)), "no style"),
        (lambda s, p: s.stylize(p, p, StylizeSettings(working_size=16), mask=halves(9, 9)), "style has none"),
        (lambda s, p: s.stylize(p, Style(p, mask=halves(9, 9)), StylizeSettings(working_size=16)), "content has none"),
        (
            lambda s, p: s.measure([Style(p, mask=halves(9, 9)), Style(p)], StylizeSettings(working_size=16)),
            "all of them",
        ),
        (lambda s, p: Style(p, weight=0), "weight"),
        (lambda s, p: Style(p, weight=float("inf")), "weight"),
    ],
)
def test_what_does_not_go_together_is_refused(call, message: str, stylizer: Stylizer) -> None:
    with pytest.raises(SettingError, match=message):
        call(stylizer, np.zeros((20, 20), np.uint8))


@pytest.mark.parametrize("method", ["adain", "wct"])
@pytest.mark.parametrize("with_masks", [False, True])
def test_what_transparent_pixels_hide_is_no_part_of_a_look(
    method: str, with_masks: bool, stylizer: Stylizer, reference: Path, warm: Path
) -> None:
    """Behind a cut-out, of style or content, black and white make no difference to what can be seen."""
    box = slice(32, 96), slice(32, 96)

    def cut_out(path: Path, hidden: int) -> Photo:
        picture = read_photo(path).pixels[:128, :128]
        pixels, alpha = np.full_like(picture, hidden), np.zeros(picture.shape[:2], np.uint8)
        pixels[box], alpha[box] = picture[box], 255
        return Photo(pixels, alpha)

    labels = halves(128, 128) if with_masks else None
    means = [
        stylizer.stylize(
            cut_out(reference, behind),
            Style(cut_out(warm, behind_style), mask=labels),
            StylizeSettings(method, working_size=128),
            mask=labels,
        )
        .pixels[box]
        .mean((0, 1))
        for behind in (0, 255)
        for behind_style in (0, 255)
    ]
    assert np.ptp(means, axis=0).max() < 1


@pytest.mark.parametrize("method", ["adain", "wct"])
def test_a_label_that_is_all_transparent_does_no_harm(
    method: str, stylizer: Stylizer, reference: Path, warm: Path
) -> None:
    """In the style its like follows the whole; in the content it is measured as it is."""
    content, style = (read_photo(path).pixels[:128, :128] for path in (reference, warm))
    alpha = (halves(128, 128) == 0).astype(np.uint8) * 255
    labels = halves(128, 128)
    look = stylizer.measure(Style(Photo(style, alpha), mask=labels), StylizeSettings(method, working_size=128))
    assert look.missing(as_regions(labels)) == ("7",)
    whole = stylizer.measure(Photo(style, alpha), StylizeSettings(method, working_size=128))
    for found, shows in ((content, alpha >= 0), (Photo(content, alpha), alpha > 0)):
        expected = stylizer.stylize(found, whole, StylizeSettings(method, working_size=128)).pixels[shows].astype(float)
        result = stylizer.stylize(found, look, StylizeSettings(method, working_size=128), mask=labels).pixels[shows]
        assert np.abs(result.mean(0) - expected.mean(0)).max() < 20
        assert result.std() < 1.5 * expected.std()
