"""What the networks see of prints without contrast."""

import numpy as np
import pytest
import torch

from excolor.imaging.auto_levels import with_auto_levels
from excolor.imaging.working_size import NetworkInput, prepare_lightness
from excolor.photo import Photo

CPU = torch.device("cpu")


def ramp(black: float, white: float, size: tuple[int, int] = (50, 70)) -> np.ndarray:
    """Gray levels in [0, 1] between these, with a scratch that is white."""
    levels = np.linspace(black, white, size[0] * size[1], dtype=np.float32).reshape(size)
    levels[:, 3] = np.where(np.arange(size[0]) < 20, np.float32(1), levels[:, 3])
    return levels


def test_black_and_white_are_where_nearly_all_pixels_are() -> None:
    seen = prepare_lightness(Photo(ramp(0.4, 0.6)), 50, CPU)
    stretched = with_auto_levels(seen)
    assert stretched.shape == seen.tensor.shape
    visible, before = seen.unpadded(stretched)[0, 0].numpy(), seen.unpadded(seen.tensor)[0, 0].numpy()
    assert (visible.min(), visible.max()) == (0, 100)
    assert 0.005 < (visible == 0).mean() < 0.015
    assert 0.005 < (visible == 100).mean() < 0.015
    inside = (visible > 0) & (visible < 100)
    slope, offset = np.polyfit(before[inside], visible[inside], 1)
    low, high = np.percentile(before, (1, 99))
    assert slope == pytest.approx(100 / (high - low), rel=1e-3)
    assert offset == pytest.approx(-low * slope, rel=1e-2)


@pytest.mark.parametrize("contrast", [0.0, 1e-4, 0.02])
def test_what_has_hardly_any_contrast_is_not_torn_apart(contrast: float) -> None:
    seen = prepare_lightness(Photo(ramp(0.5, 0.5 + contrast)[:, 4:].copy()), 50, CPU)
    visible, before = (seen.unpadded(t)[0, 0].numpy() for t in (with_auto_levels(seen), seen.tensor))
    assert np.ptp(visible) == pytest.approx(8 * np.ptp(before), rel=0.01, abs=1e-3)
    assert visible.mean() == pytest.approx(50, abs=1)


def test_a_picture_of_full_contrast_hardly_changes() -> None:
    seen = prepare_lightness(Photo(ramp(0, 1)), 50, CPU)
    assert (with_auto_levels(seen) - seen.tensor).abs().max() < 2


@pytest.mark.parametrize("hidden", [0.0, 0.5, 1.0])
def test_what_is_transparent_has_no_contrast(hidden: float) -> None:
    """A cut-out that fills a fifth of the page is stretched as it is alone."""
    cut_out = np.linspace(0.3, 0.6, 50 * 14, dtype=np.float32).reshape(50, 14)
    page, alpha = np.full((50, 70), hidden, np.float32), np.zeros((50, 70), np.float32)
    page[:, :14], alpha[:, :14] = cut_out, 1
    stretched = with_auto_levels(prepare_lightness(Photo(page, alpha), 50, CPU))
    alone = with_auto_levels(prepare_lightness(Photo(cut_out), 50, CPU))
    torch.testing.assert_close(stretched[..., :50, :14], alone[..., :50, :14], atol=0.01, rtol=0)


def test_an_alpha_channel_in_which_all_is_opaque_changes_nothing() -> None:
    levels = ramp(0.4, 0.6)
    with_alpha, without = (
        with_auto_levels(prepare_lightness(Photo(levels, alpha), 50, CPU)) for alpha in (np.ones_like(levels), None)
    )
    assert torch.equal(with_alpha, without)


def quantile_levels(lightness: torch.Tensor) -> torch.Tensor:
    """The same contrast by torch.quantile."""
    black, white = torch.quantile(lightness.flatten(), torch.tensor((0.01, 0.99))).tolist()
    return ((lightness - (black + white) / 2) * min(100 / (white - black), 8) + 50).clamp(0, 100)


@pytest.mark.parametrize("size", [(1, 2), (16, 16), (101, 1), (57, 83), (640, 427)])
def test_small_pictures_are_those_of_torch_bit_for_bit(size: tuple[int, int]) -> None:
    lightness = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(size[1])) * 60 + 10
    assert torch.equal(with_auto_levels(NetworkInput(lightness, size)), quantile_levels(lightness))


def test_pictures_may_be_larger_than_torch_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """2^24 pixels is a working size of 3344 for a scan of 3:2. Torch 2.6 refuses more, the latest one does not."""
    real = torch.quantile

    def quantile(values: torch.Tensor, *arguments: torch.Tensor) -> torch.Tensor:
        if values.numel() > 2**24:
            raise RuntimeError("quantile() input tensor is too large")
        return real(values, *arguments)

    monkeypatch.setattr(torch, "quantile", quantile)
    row = torch.linspace(20, 80, 4104)
    stretched = with_auto_levels(NetworkInput(row.expand(1, 1, 4104, -1), (4104, 4104)))
    assert (stretched[..., :41].max(), stretched[..., -41:].min()) == (0, 100)
    torch.testing.assert_close(stretched[..., 0, :], quantile_levels(row)[None, None], atol=0.05, rtol=0)
