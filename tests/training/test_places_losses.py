"""The losses of the net that describes places, against the same formulas written out place by place."""

import math

import pytest
import torch
from torch import Tensor

from excolor.training.places_losses import Matching, affinity_loss, calibration_loss, match_loss, same_color


def uniform(*shape: int, low: float = 0.0, high: float = 1.0, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * (high - low) + low


def test_the_same_color_is_one_and_falls_with_the_distance() -> None:
    ab, other = uniform(2, 5, 2, low=-40, high=40), uniform(2, 7, 2, low=-40, high=40, seed=1)
    found = same_color(ab, other, 12.0)
    for n in range(2):
        for p in range(5):
            for q in range(7):
                distance = math.dist(ab[n, p].tolist(), other[n, q].tolist())
                assert found[n, p, q].item() == pytest.approx(math.exp(-(distance**2) / (2 * 12**2)), abs=1e-5)
    torch.testing.assert_close(same_color(ab, ab, 6.0).diagonal(dim1=1, dim2=2), torch.ones(2, 5), atol=1e-4, rtol=0)


def test_chances_and_rightness_are_of_both_cosines() -> None:
    matching = Matching()
    with torch.no_grad():
        matching.log_scales.copy_(torch.tensor((math.log(5.0), math.log(9.0))))
        matching.calibration.copy_(torch.tensor((3.0, -1.5)))
    single, grouped = uniform(1, 4, 6, low=-1), uniform(1, 4, 6, low=-1, seed=1)
    chances, rightness = matching.chances(single, grouped), matching.rightness(single, grouped)
    for p in range(4):
        powers = [math.exp(5 * single[0, p, q].item() + 9 * grouped[0, p, q].item()) for q in range(6)]
        for q in range(6):
            assert chances[0, p, q].item() == pytest.approx(powers[q] / sum(powers), rel=1e-4)
            score = single[0, p, q].item() / 2 + 2 * grouped[0, p, q].item()
            assert rightness[0, p, q].item() == pytest.approx(3 * score - 1.5, abs=1e-5)


def test_matches_are_right_by_chance_and_colorful_places_count_more() -> None:
    ab = uniform(2, 5, 2, low=-60, high=60)
    same, chances = uniform(2, 5, 7), uniform(2, 5, 7, seed=1).softmax(-1)
    found = match_loss(chances, same, ab)
    weight = [[0.1 + math.hypot(*ab[n, p].tolist()) / 20 for p in range(5)] for n in range(2)]
    mean = sum(map(sum, weight)) / 10
    for n in range(2):
        right = [sum(chances[n, p, q].item() * same[n, p, q].item() for q in range(7)) for p in range(5)]
        wanted = sum(w * (1 - r) for w, r in zip(weight[n], right, strict=True)) / 5 / mean
        assert found[n].item() == pytest.approx(wanted, rel=1e-4)


def test_calibration_is_least_where_the_chance_is_the_true_one_and_moves_no_matches() -> None:
    same, chances = uniform(2, 5, 7), uniform(2, 5, 7, seed=1).softmax(-1).requires_grad_()
    rightness = uniform(2, 5, 7, low=-2, high=2, seed=2).requires_grad_()
    found = calibration_loss(rightness, same, chances)
    wanted = [0.0, 0.0]
    for n in range(2):
        for p in range(5):
            for q in range(7):
                sure, k = 1 / (1 + math.exp(-rightness[n, p, q].item())), same[n, p, q].item()
                entropy = -k * math.log(sure) - (1 - k) * math.log(1 - sure)
                wanted[n] += chances[n, p, q].item() * entropy / 5
    assert found.tolist() == pytest.approx(wanted, rel=1e-4)
    found.sum().backward()
    assert chances.grad is None
    assert rightness.grad is not None
    assert calibration_loss((same / (1 - same)).log(), same, chances).sum() < found.sum()


def test_affinity_is_to_be_that_of_near_places_of_one_color() -> None:
    h, w = 3, 4
    ab = uniform(2, 2, h, w, low=-20, high=20)
    log_affinity = uniform(2, h * w, h * w, low=-3, seed=1).log_softmax(-1)
    found = affinity_loss(log_affinity, ab, 6.0)
    for n in range(2):
        wanted = 0.0
        for p in range(h * w):
            likeness = []
            for q in range(h * w):
                color = math.dist(ab[n, :, p // w, p % w].tolist(), ab[n, :, q // w, q % w].tolist())
                place = math.hypot(p // w - q // w, p % w - q % w)  # its deviation is 4 / 4
                likeness.append(math.exp(-(color**2) / (2 * 6**2)) * math.exp(-(place**2) / 2))
            for q in range(h * w):
                share = likeness[q] / sum(likeness)
                wanted += share * (math.log(share + 1e-9) - log_affinity[n, p, q].item()) / (h * w)
        assert found[n].item() == pytest.approx(wanted, rel=1e-3)


def test_the_affinity_that_is_wanted_costs_nothing_and_none_costs_less() -> None:
    even = torch.zeros(1, 2, 2, 2)
    uneven = even.clone()
    uneven[..., 0] = 100.0
    # 2 × 2 places of one color, whose distances are 0, 1 and √2, in units of half a place
    near = (-torch.tensor(((0, 1, 1, 2), (1, 0, 2, 1), (1, 2, 0, 1), (2, 1, 1, 0))) * 4 / 2.0).exp()
    wanted = (near / near.sum(-1, keepdim=True)).log()[None]
    assert affinity_loss(wanted, even, 6.0).item() == pytest.approx(0, abs=1e-6)
    assert affinity_loss(torch.full((1, 4, 4), 0.25).log(), even, 6.0) > 0.1
    assert affinity_loss(wanted, uneven, 6.0) > 0.01
