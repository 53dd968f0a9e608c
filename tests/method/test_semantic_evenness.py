"""Similar places become alike in what is likely, and nothing else changes."""

import pytest
import torch
from torch import Tensor

from excolor.method import semantic_evenness
from excolor.method.semantic_evenness import evened, whole_affinity
from excolor.networks.color_classes import decided_color, mean_color, soft_classes

SIZE = 64, 96
LIGHTNESS = torch.full((1, 1, *SIZE), 50.0)
EVERYWHERE = torch.ones(1, 1, *SIZE)
BLUE, SKIN, GREEN = (5.0, -45.0), (18.0, 22.0), (-30.0, 30.0)
STAIN, OTHER = (..., slice(5, 7), slice(5, 7)), (..., slice(14, None))


def two_things(height: int = 8, width: int = 12) -> Tensor:
    """Descriptors of two things, of the left and the right half."""
    places = torch.zeros(1, 2, height, width)
    places[:, 0, :, : width // 2] = 1
    places[:, 1, :, width // 2 :] = 1
    return places


def color(ab: tuple[float, float]) -> Tensor:
    return torch.tensor(ab).view(1, 2, 1, 1)


def stained() -> Tensor:
    """Logits of a blue thing on the left, a part of which looks more like skin, and of a green one on the right."""
    blue, skin, green = (soft_classes(color(ab)) for ab in (BLUE, SKIN, GREEN))
    likely = (0.8 * blue + 0.2 * skin).repeat(1, 1, 16, 24)
    likely[..., 4:8, 4:8] = 0.4 * blue + 0.6 * skin
    likely[..., 12:] = green
    return (likely + 1e-9).log()


def test_a_stain_is_outvoted_by_its_thing_and_the_other_thing_keeps_its_color() -> None:
    likely = evened(stained(), two_things(), LIGHTNESS, EVERYWHERE)
    before, after = decided_color(stained().softmax(1)), decided_color(likely)
    assert (before[STAIN] - color(SKIN)).norm(dim=1).max() < 15
    assert (after[STAIN] - color(BLUE)).norm(dim=1).max() < 5
    assert (after - before)[OTHER].abs().max() < 0.01


def test_of_two_kinds_of_color_less_is_mixed_than_in_the_mean() -> None:
    """A mean of blue and skin is purple."""
    likely = evened(stained(), two_things(), LIGHTNESS, EVERYWHERE)[..., :11]
    decided, mean = (
        torch.stack([(of(likely) - color(ab)).norm(dim=1) for ab in (BLUE, SKIN)]).amin(0)
        for of in (decided_color, mean_color)
    )
    assert decided.max() < 25 and decided.mean() < 0.3 * mean.mean()


def test_where_there_is_no_doubt_little_changes() -> None:
    doubt = EVERYWHERE.clone()
    doubt[..., 24:] = 0
    result, before = evened(stained(), two_things(), LIGHTNESS, doubt), stained().softmax(1)
    changes = (result - before).abs()[:, :, 5:7, 4:8].amax((0, 1, 2))
    assert changes[:2].min() > 3 * changes[2:].max() > 0
    torch.testing.assert_close(result.sum(1), torch.ones(1, 16, 24))


def test_what_is_the_same_everywhere_stays_and_detail_stays() -> None:
    one = (soft_classes(color(BLUE)) + 1e-3).log().repeat(1, 1, 16, 24)
    torch.testing.assert_close(evened(one, two_things(), LIGHTNESS, EVERYWHERE), one.softmax(1), atol=1e-3, rtol=0)
    checks = one.clone()
    checks[..., ::2] = (soft_classes(color(GREEN)) + 1e-3).log()
    result = decided_color(evened(checks, two_things(), LIGHTNESS, EVERYWHERE))
    assert (result[..., 1::2] - color(BLUE)).norm(dim=1).max() < 3
    assert (result[..., ::2] - color(GREEN)).norm(dim=1).max() < 3


def test_many_places_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic_evenness, "_MOST_PLACES", 24)
    coarse = decided_color(evened(stained(), two_things(), LIGHTNESS, EVERYWHERE))
    assert coarse.shape == (1, 2, 16, 24)
    assert (coarse[STAIN] - color(BLUE)).norm(dim=1).max() < 12
    assert (coarse - decided_color(stained().softmax(1)))[OTHER].abs().max() < 0.01


def test_an_affinity_that_is_known_is_used_where_all_places_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    places = two_things()
    alike = whole_affinity(places, LIGHTNESS)
    assert alike is not None
    given = stained(), places, LIGHTNESS, EVERYWHERE
    assert torch.equal(evened(*given, alike), evened(*given))
    nothing = torch.eye(alike.shape[1]).expand_as(alike)
    torch.testing.assert_close(evened(*given, nothing), stained().softmax(1))
    monkeypatch.setattr(semantic_evenness, "_MOST_PLACES", 24)
    assert whole_affinity(places, LIGHTNESS) is None
