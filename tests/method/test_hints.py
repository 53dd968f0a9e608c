"""Hints: what the colorization net is told of the colors, and where."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Generator, Tensor

from excolor.method.hints import HINT_SIDE, Hints, geometric_patches, no_hints, scatter


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def color_map(n: int, height: int, width: int) -> Tensor:
    """ab in network scale, never zero."""
    return torch.rand((n, 2, height, width), generator=seeded(7)) + 0.1


def same(found: Hints, expected: Hints) -> bool:
    return torch.equal(found.ab, expected.ab) and torch.equal(found.mask, expected.mask)


def test_no_hints_are_empty() -> None:
    hints = no_hints(torch.ones(2, 1, 8, 16))
    assert hints.ab.shape == (2, 2, 8, 16) and hints.mask.shape == (2, 1, 8, 16)
    assert not hints.ab.any() and not hints.mask.any()


def test_all_cells_show_their_own_means() -> None:
    ab, confidence = color_map(2, 8, 12), torch.rand((2, 1, 8, 12), generator=seeded())
    hints = scatter(ab, confidence, 1.0, seeded())
    for top in range(0, 8, HINT_SIDE):
        for left in range(0, 12, HINT_SIDE):
            cell = (..., slice(top, top + HINT_SIDE), slice(left, left + HINT_SIDE))
            for found, given_map in ((hints.ab, ab), (hints.mask, confidence)):
                mean = given_map[cell].mean((2, 3), keepdim=True)
                torch.testing.assert_close(found[cell], mean.expand(-1, -1, HINT_SIDE, HINT_SIDE))


def test_share_is_kept_on_average_and_cells_are_whole() -> None:
    hints = scatter(color_map(4, 160, 160), torch.full((4, 1, 160, 160), 0.5), 0.25, seeded())
    assert set(hints.mask.unique().tolist()) == {0.0, 0.5}
    shown = hints.mask.view(4, 1, 40, HINT_SIDE, 40, HINT_SIDE)
    assert torch.equal(shown.amax((3, 5)), shown.amin((3, 5)))
    share = (hints.mask > 0).float().mean().item()
    assert abs(share - 0.25) < 0.03  # 6400 cells: a deviation of 0.005


def test_each_picture_has_its_own_share() -> None:
    hints = scatter(color_map(3, 80, 80), torch.ones(3, 1, 80, 80), torch.tensor([0.0, 0.5, 1.0]), seeded())
    shares = hints.mask.mean((1, 2, 3))
    assert shares[0] == 0 and 0.4 < shares[1] < 0.6 and shares[2] == 1


def test_the_seed_decides() -> None:
    ab, confidence = color_map(1, 40, 40), torch.ones(1, 1, 40, 40)
    assert same(scatter(ab, confidence, 0.5, seeded(3)), scatter(ab, confidence, 0.5, seeded(3)))
    assert not same(scatter(ab, confidence, 0.5, seeded(3)), scatter(ab, confidence, 0.5, seeded(4)))
    assert same(geometric_patches(ab, seeded(3)), geometric_patches(ab, seeded(3)))


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_colors_are_zero_outside_the_mask(share: float) -> None:
    confidence = (torch.rand((1, 1, 10, 10), generator=seeded(1)) > 0.5).float().repeat_interleave(4, 2)
    hints = scatter(color_map(1, 40, 40), confidence.repeat_interleave(4, 3), share, seeded())
    assert ((hints.mask == 0) & (hints.ab != 0)).sum() == 0
    assert 0 < hints.mask.mean() < 1


def test_global_randomness_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    scatter(color_map(1, 16, 16), torch.ones(1, 1, 16, 16), 0.5, seeded())
    geometric_patches(color_map(1, 16, 16), seeded())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_patch_counts_are_geometric() -> None:
    # Each patch has another mean, so that colors count them. From 0 with p = 1/8: none in 1 of 8 pictures, 7 on average
    hints = geometric_patches(color_map(200, 48, 48), seeded())
    counts = torch.tensor([len(ab.flatten(1).T.unique(dim=0)) - 1 for ab in hints.ab]).float()
    assert abs((counts == 0).float().mean().item() - 1 / 8) < 0.07  # three deviations
    assert 5 < counts.mean() < 8.5  # deviation 0.5; now and then one hides another
    assert counts.max() > 20  # a long tail


@given(st.integers(1, 24), st.integers(1, 24), st.integers(0, 1000))
@settings(max_examples=25)
def test_patches_fit_any_picture(height: int, width: int, seed: int) -> None:
    ab = color_map(3, height, width)
    hints = geometric_patches(ab, seeded(seed))
    assert hints.ab.shape == ab.shape and hints.mask.shape == (3, 1, height, width)
    assert set(hints.mask.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal((hints.ab != 0).all(1, keepdim=True), hints.mask > 0)


def test_patches_show_their_own_means() -> None:
    """Second source: the mean of the map under each connected piece that is a full square."""
    ab = color_map(40, 64, 64)
    hints = geometric_patches(ab, seeded())
    checked = 0
    for i in range(40):
        for color in hints.ab[i].flatten(1).T.unique(dim=0):
            where = (hints.ab[i] == color[:, None, None]).all(0)
            rows, columns = (where.any(axis).nonzero().flatten() for axis in (1, 0))
            side = len(rows)
            if not color.any() or side != len(columns) or where.sum() != side * side:
                continue  # none, or overlapped by another patch
            assert side <= 9
            mean = ab[i][:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean((1, 2))
            torch.testing.assert_close(color, mean, atol=1e-5, rtol=1e-5)
            checked += 1
    assert checked > 50
