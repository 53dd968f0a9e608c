"""Colors as classes: what is given comes back, and of two kinds of color one is decided for."""

import math

import pytest
import torch
from torch import Tensor

from excolor.networks.color_classes import CLASSES, class_colors, closeness, decided_color, mean_color, soft_classes


def one(a: float, b: float) -> Tensor:
    return torch.tensor([a, b], dtype=torch.float32).view(1, 2, 1, 1)


def test_classes_are_distinct_and_denser_around_gray() -> None:
    colors = class_colors()
    assert colors.shape == (CLASSES, 2)
    assert colors[0].tolist() == [0, 0]
    distance = torch.cdist(colors, colors) + torch.eye(CLASSES) * 1e3
    nearest = distance.amin(1)
    assert nearest.min() > 4  # none twice
    near_gray, vivid = nearest[colors.norm(dim=1) < 20], nearest[colors.norm(dim=1) > 45]
    assert near_gray.max() < vivid.min()


@pytest.mark.parametrize("decision", [0.0, 2.0, 8.0])
def test_a_color_comes_back_within_what_can_just_be_seen(decision: float) -> None:
    generator = torch.Generator().manual_seed(0)
    ab = torch.randn(1, 2, 32, 32, generator=generator) * 15
    likely = soft_classes(ab)
    torch.testing.assert_close(likely.sum(1), torch.ones(1, 32, 32))
    assert likely.min() >= 0
    error = (decided_color(likely, decision) - ab).norm(dim=1)
    assert error.mean() < 1.5 and error.max() < 6


def test_of_skin_and_blue_one_is_decided_for_and_their_mean_is_neither() -> None:
    skin, blue = one(18, 22), one(5, -45)
    likely = 0.55 * soft_classes(skin) + 0.45 * soft_classes(blue)
    mean = mean_color(likely)
    torch.testing.assert_close(mean, 0.55 * skin + 0.45 * blue, atol=2, rtol=0)
    torch.testing.assert_close(decided_color(likely, 0.0), mean)
    assert (decided_color(likely, 40.0) - skin).norm() < 4
    distances = [(decided_color(likely, decision) - skin).norm().item() for decision in (0.0, 2.0, 5.0, 10.0, 40.0)]
    assert distances == sorted(distances, reverse=True)


def test_many_shades_of_one_kind_outweigh_one_shade_that_is_likelier_than_each() -> None:
    shades = [one(-30 + 4 * number, 25 - 3 * number) for number in range(6)]
    likely = sum((0.11 * soft_classes(shade) for shade in shades), start=0.34 * soft_classes(one(55, 10)))
    assert (decided_color(likely, 12.0) - one(-20, 17.5)).norm() < 10


def test_places_are_decided_for_one_by_one() -> None:
    likely = torch.rand(2, CLASSES, 3, 5).softmax(1)
    whole = decided_color(likely, 2.0)
    assert whole.shape == (2, 2, 3, 5)
    torch.testing.assert_close(decided_color(likely[1:, :, 1:2, 2:3], 2.0), whole[1:, :, 1:2, 2:3])


def test_closeness_is_a_gaussian_of_the_distance() -> None:
    colors = class_colors()
    ab = colors[:6].T.reshape(1, 2, 2, 3) + torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    close = closeness(ab, 10.0)
    assert close.shape == (1, len(colors), 2, 3)
    for number in range(6):
        assert close[0, number].flatten()[number].item() == pytest.approx(math.exp(-25 / 200))
    far = (colors[7] - ab[0, :, 1, 2]).norm().item()
    assert close[0, 7, 1, 2].item() == pytest.approx(math.exp(-(far**2) / 200), rel=1e-4)
