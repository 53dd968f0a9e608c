"""Stylization with the shipped weights, on real pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lab_of_scikit_image import lightness, mean_lab
from skimage.color import rgb2lab

from excolor import Matching, Stylizer, read_photo
from excolor.errors import DeviceError, SettingError
from excolor.models.transfer import TransferNet


@pytest.mark.parametrize("method", ["adain", "wct"])
def test_stylize_moves_the_content_toward_the_style(
    method: str, stylizer: Stylizer, reference: Path, warm: Path, cold: Path
) -> None:
    for style in (warm, cold):
        result = stylizer.stylize(reference, style, Matching(method), working_size=128)
        assert result.size == read_photo(reference).size
        before = np.linalg.norm(mean_lab(reference) - mean_lab(style))
        after = np.linalg.norm(rgb2lab(result.pixels / 255).mean((0, 1)) - mean_lab(style))
        assert after < 0.6 * before


def test_stylize_with_alpha_0_gives_the_content_back(stylizer: Stylizer, reference: Path, warm: Path) -> None:
    result = stylizer.stylize(reference, warm, Matching(alpha=0.0), working_size=256)
    content = read_photo(reference).pixels.astype(float)
    error = np.mean((result.pixels - content) ** 2)
    assert 10 * np.log10(255**2 / error) > 25  # dB: what the decoder is held to


def test_stylize_keeps_a_large_contents_detail(stylizer: Stylizer, reference: Path, warm: Path) -> None:
    """Brought up from a quarter of the size, edges are where the content has them, and as sharp."""
    result = stylizer.stylize(reference, warm, working_size=128)
    found, own = (np.diff(lightness(p), axis=1).ravel() for p in (result.pixels, read_photo(reference).pixels))
    assert np.corrcoef(found, own)[0, 1] > 0.9


def test_stylize_exactly_runs_the_network_at_full_size(stylizer: Stylizer, reference: Path, warm: Path) -> None:
    """The decoder's own answer, however small the working size: less sharp than a content that keeps its detail."""
    exact = stylizer.stylize(reference, warm, working_size=64, exact=True)
    full = stylizer.stylize(reference, warm, working_size=min(exact.size))
    np.testing.assert_array_equal(exact.pixels, full.pixels)


def test_exact_stylization_without_the_memory_names_the_way_out(
    stylizer: Stylizer, reference: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = stylizer.measure(warm, Matching(), working_size=64)
    monkeypatch.setattr(TransferNet, "forward", lambda *_: torch.empty(1 << 60))
    with pytest.raises(DeviceError, match="--exact"):
        stylizer.stylize(reference, style, exact=True)


def test_a_style_of_another_matching_is_refused(stylizer: Stylizer, target: Path, reference: Path) -> None:
    style = stylizer.measure(reference, Matching(parts=("encoder",)), working_size=64)
    with pytest.raises(SettingError, match="measure it again"):
        stylizer.stylize(target, style, Matching(parts=("skip",)), working_size=64)
