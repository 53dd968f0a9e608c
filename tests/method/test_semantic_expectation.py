"""What a thing is breaks ties between matches, and overrules none that is certain; and so do the colors found."""

import torch
from torch import Tensor

from excolor.method.semantic_expectation import with_expectation, with_found
from excolor.networks.color_classes import decided_color, soft_classes


def one(a: float, b: float) -> Tensor:
    return torch.tensor([a, b]).view(1, 2, 1, 1).expand(1, 2, 4, 4)


SKIN, BLUE = one(18.0, 22.0), one(5.0, -45.0)
DOUBT = torch.ones(1, 1, 16, 16)


def logits(skin: float) -> Tensor:
    return (skin * soft_classes(SKIN) + (1 - skin) * soft_classes(BLUE) + 1e-6).log()


def color(logits: Tensor) -> Tensor:
    return decided_color(logits.softmax(1))


def test_a_hand_that_may_be_blue_by_its_matches_is_skin() -> None:
    by_matches, by_itself = logits(0.45), logits(0.95)
    blue, skin = ((color(by_matches) - of).norm(dim=1).max() for of in (BLUE, SKIN))
    assert blue < skin
    assert (color(with_expectation(by_matches, by_itself, DOUBT)) - SKIN).norm(dim=1).max() < 3


def test_what_a_match_speaks_for_stays() -> None:
    by_matches, by_itself = logits(0.02), logits(0.95)
    assert (color(with_expectation(by_matches, by_itself, DOUBT)) - BLUE).norm(dim=1).max() < 4
    certain = DOUBT.clone()
    certain[..., 8:] = 0
    found = with_expectation(logits(0.45), by_itself, certain).softmax(1)
    torch.testing.assert_close(found[..., 2:], logits(0.45).softmax(1)[..., 2:])
    assert (found - logits(0.45).softmax(1))[..., :2].abs().max() > 0.05


def test_nothing_is_forbidden_by_what_is_expected() -> None:
    """A coat may have a color that no photograph of the training has."""
    by_itself = logits(1.0) * 100
    found = with_expectation(logits(0.0), by_itself, DOUBT)
    assert (color(found) - BLUE).norm(dim=1).max() < 4


def test_trousers_that_may_be_red_like_the_carpet_are_blue_where_nothing_but_blue_is_found() -> None:
    found = BLUE.repeat_interleave(2, 2).repeat_interleave(2, 3)
    given = torch.zeros(1, 1, 16, 16)
    assert (color(logits(0.55)) - BLUE).norm(dim=1).min() > 20
    assert (color(with_found(logits(0.55), found, given)) - BLUE).norm(dim=1).max() < 8


def test_what_is_found_forbids_nothing_that_the_net_is_sure_of_and_says_nothing_where_a_person_does() -> None:
    found = BLUE.repeat_interleave(2, 2).repeat_interleave(2, 3)
    given = torch.zeros(1, 1, 16, 16)
    assert (color(with_found(logits(0.99), found, given)) - SKIN).norm(dim=1).max() < 4
    given[..., 8:] = 1
    joined = with_found(logits(0.6), found, given)
    torch.testing.assert_close(joined[..., 2:], logits(0.6)[..., 2:])
    assert not torch.allclose(joined[..., :2], logits(0.6)[..., :2], rtol=0, atol=0.1)
