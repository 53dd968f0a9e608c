"""The losses. Second source: the paper's formulas, pixel by pixel."""

import pytest
import torch

from excolor.training.losses import feature_loss, masked_huber, normalized_feature_loss

GENERATOR = torch.Generator().manual_seed(0)
FOUND, WANTED = (torch.randn((2, 2, 4, 5), generator=GENERATOR) for _ in range(2))
MASK = (torch.rand((2, 1, 4, 5), generator=GENERATOR) < 0.3).float()


def huber(difference: float, delta: float) -> float:
    size = abs(difference)
    return 0.5 * size**2 if size <= delta else delta * (size - 0.5 * delta)


def papers_loss(emphasis: float, delta: float) -> float:
    """Huber((1 + λM)·F(x), (1 + λM)·y), summed over a and b and averaged over pixels (section 3.3)."""
    total = 0.0
    for n in range(2):
        for y in range(4):
            for x in range(5):
                weight = 1 + emphasis * MASK[n, 0, y, x].item()
                for c in range(2):
                    difference = weight * FOUND[n, c, y, x].item() - weight * WANTED[n, c, y, x].item()
                    total += huber(difference, delta) / delta
    return total / 40


@pytest.mark.parametrize(("emphasis", "delta"), [(10, 1), (0, 1), (10, 0.1)])
def test_masked_huber_is_the_papers(emphasis: float, delta: float) -> None:
    found = masked_huber(FOUND, WANTED, MASK, emphasis=emphasis, delta=delta, rarity=0)
    assert found.item() == pytest.approx(papers_loss(emphasis, delta), rel=1e-5)


def test_hinted_pixels_weigh_more() -> None:
    plain = masked_huber(FOUND, WANTED, torch.zeros_like(MASK), emphasis=10, delta=1, rarity=0)
    assert masked_huber(FOUND, WANTED, MASK, emphasis=10, delta=1, rarity=0) > 2 * plain


def test_rarity_moves_weight_to_saturated_pixels() -> None:
    wanted = torch.zeros(1, 2, 2, 2)
    wanted[..., 0, 0] = 0.8
    nothing = torch.zeros(1, 1, 2, 2)

    def loss(error_at: int, rarity: float) -> float:
        found = wanted.clone().flatten(2)
        found[..., error_at] += 0.1
        return masked_huber(found.view_as(wanted), wanted, nothing, emphasis=10, delta=0.1, rarity=rarity).item()

    assert loss(0, 0) == pytest.approx(loss(3, 0))
    saturated = 1 + 5 * 0.8 * 2**0.5  # chroma of a = b = 0.8
    assert loss(0, 5) / loss(3, 5) == pytest.approx(saturated, rel=1e-4)
    assert loss(0, 5) + 3 * loss(3, 5) == pytest.approx(4 * loss(3, 0), rel=1e-4)  # on average nothing is added


def test_perceptual_loss_is_the_mean_over_the_named_levels() -> None:
    found = {"a": torch.ones(1, 2, 3, 3), "b": torch.full((1, 4, 2, 2), 3.0), "c": torch.full((1,), 9.0)}
    wanted = {name: torch.zeros_like(feature) for name, feature in found.items()}
    assert feature_loss(found, wanted, ("a", "b")).item() == pytest.approx((1 + 9) / 2)


def test_normalized_loss_is_one_for_the_best_constant() -> None:
    wanted = 5 * FOUND + 3
    assert normalized_feature_loss(torch.full_like(wanted, wanted.mean().item()), wanted).item() == pytest.approx(1)
    assert normalized_feature_loss(wanted, wanted).item() == 0
