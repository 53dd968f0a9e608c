"""How far a reference is followed as a whole."""

import torch

from excolor.method.semantic_fit import places_shown, share_followed


def share(cosine: float, places: float = 640) -> float:
    return share_followed(torch.full((1, 1, 4, 5), cosine), torch.tensor([places])).item()


def test_what_chance_finds_is_not_followed_and_what_fits_is() -> None:
    assert share(0.3) == share(0.34) == 0
    assert share(0.42) == share(0.9) == 1
    assert 0 < share(0.37) < share(0.39) < 1


def test_among_more_places_chance_finds_better_ones() -> None:
    assert share(0.39, places=640) > share(0.39, places=1280) > 0 == share(0.39, places=2560)
    assert share(0.39, places=100) == 1


def test_each_target_of_a_batch_has_its_own_share() -> None:
    cosine = torch.tensor([0.2, 0.5]).view(2, 1, 1, 1).expand(2, 1, 3, 3)
    assert share_followed(cosine, torch.full((2,), 640.0)).tolist() == [0, 1]


def test_only_places_that_show_count() -> None:
    ab, hidden = torch.zeros(2, 2, 4, 6), torch.zeros(2, 1, 4, 6, dtype=torch.bool)
    hidden[1, 0, :3] = True
    assert places_shown(ab, None).tolist() == [24, 24]
    assert places_shown(ab, hidden).tolist() == [24, 6]
    assert places_shown(ab, torch.ones_like(hidden)).tolist() == [1, 1]
