import pytest
import torch

from excolor.method.architecture import Stages
from excolor.method.reliance import followed_notes, reliance


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_is_the_share_of_the_way(share: float) -> None:
    random = torch.Generator().manual_seed(0)
    invented = 10 * torch.randn((1, 2, 24, 32), generator=random)
    coarse = invented + 60 * torch.randn((1, 2, 24, 32), generator=random)
    stages = Stages(invented, coarse, coarse, invented.lerp(coarse, share))
    torch.testing.assert_close(reliance(stages), torch.full((1, 1, 24, 32), share), atol=0.01, rtol=0)


def test_where_both_have_one_color_it_is_followed() -> None:
    same = torch.full((1, 2, 16, 16), 20.0)
    assert reliance(Stages(same, same, same, same)).min() == 1


def test_sides_are_told_apart() -> None:
    invented, coarse = torch.zeros((1, 2, 32, 64)), torch.full((1, 2, 32, 64), 30.0)
    ab = invented.clone()
    ab[..., 32:] = 30
    found = reliance(Stages(invented, coarse, coarse, ab))
    assert found[..., :26].max() < 0.02
    assert found[..., 38:].min() == 1


def test_a_reference_that_is_hardly_followed_is_told_and_others_are_not() -> None:
    (note,) = followed_notes(torch.tensor([0.123]), "flower.jpg")
    assert "flower.jpg, whose colors are followed by 12%" in note and "a strength above 1 follows" in note
    assert followed_notes(torch.tensor([1.0]), "flower.jpg") == followed_notes(None, "flower.jpg") == ()


def test_notes_go_with_the_strength() -> None:
    def told(strength: float) -> tuple[str, ...]:
        return followed_notes(torch.tensor([0.5]), "flower.jpg", strength)

    assert "by 20%" in told(0.4)[0] and "above 1 follows" in told(0.4)[0]
    assert "by 50%" in told(1.5)[0] and "above 1.5 follows" in told(1.5)[0]
    assert "by 50%" in told(2.0)[0] and "strength" not in told(2.0)[0]
    assert told(0.0) == ()
