"""Colors of similar places become alike, and nothing else changes."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.method import semantic_evenness
from excolor.method.semantic_evenness import evened, whole_affinity

SIZE = 64, 96
LIGHTNESS = torch.full((1, 1, *SIZE), 50.0)


def two_things(height: int = 8, width: int = 12) -> Tensor:
    """Descriptors of two things, of the left and the right half."""
    places = torch.zeros(1, 2, height, width)
    places[:, 0, :, : width // 2] = 1
    places[:, 1, :, width // 2 :] = 1
    return places


def stained() -> Tensor:
    ab = torch.zeros(1, 2, *SIZE)
    ab[:, 0, :, 48:] = 40
    ab[:, 1, 16:32, 16:32] = 30  # a stain on the left thing
    return ab


def test_a_stain_fades_into_its_thing_and_the_other_thing_keeps_its_color() -> None:
    result = evened(stained(), two_things(), LIGHTNESS)
    assert result[0, 1, 20:28, 20:28].max() < 15
    assert (result[..., 60:] - stained()[..., 60:]).abs().max() < 3
    torch.testing.assert_close(
        result[:, :, :, :48].mean((2, 3)), stained()[:, :, :, :48].mean((2, 3)), atol=1.5, rtol=0
    )


def test_very_different_colors_of_one_thing_are_not_mixed() -> None:
    """Blue trousers on a red carpet that looks like them stay blue; a stain of a similar color fades."""
    ab = torch.zeros(1, 2, *SIZE)
    ab[:, 0] = 50.0
    ab[:, :, 16:48, 16:48] = torch.tensor([10.0, -50.0]).view(1, 2, 1, 1)
    ab[:, 1, 16:32, 64:80] = 15.0
    result = evened(ab, torch.ones(1, 1, 8, 12), LIGHTNESS)
    assert (result - ab)[..., 16:48, 16:48].abs().max() < 2
    assert result[0, 1, 20:28, 68:76].max() < 6


def test_where_nothing_takes_part_nothing_changes() -> None:
    share = torch.zeros(1, 1, *SIZE)
    share[..., :40] = 1
    result = evened(stained(), two_things(), LIGHTNESS, share)
    assert torch.equal(result[..., 40:], stained()[..., 40:])
    assert not torch.equal(result[..., :40], stained()[..., :40])


def test_one_color_stays_and_detail_stays() -> None:
    ab = torch.full((1, 2, *SIZE), 12.0)
    torch.testing.assert_close(evened(ab, two_things(), LIGHTNESS), ab, atol=1e-3, rtol=0)
    checks = ab.clone()
    checks[..., ::2] += 5
    checks[..., 1::2] -= 5
    torch.testing.assert_close(evened(checks, two_things(), LIGHTNESS), checks, atol=1e-3, rtol=0)


def test_many_places_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = evened(stained(), two_things(), LIGHTNESS)
    monkeypatch.setattr(semantic_evenness, "_MOST_PLACES", 24)
    coarse = evened(stained(), two_things(), LIGHTNESS)
    assert coarse.shape == fine.shape
    assert (F.avg_pool2d(coarse - fine, 16)).abs().max() < 10
    assert coarse[0, 1, 20:28, 20:28].max() < 20


def test_an_affinity_that_is_known_is_used_where_all_places_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    places = two_things()
    alike = whole_affinity(places, LIGHTNESS)
    assert alike is not None
    assert torch.equal(evened(stained(), places, LIGHTNESS, alike=alike), evened(stained(), places, LIGHTNESS))
    nothing = torch.eye(alike.shape[1]).expand_as(alike)
    assert torch.equal(evened(stained(), places, LIGHTNESS, alike=nothing), stained())
    monkeypatch.setattr(semantic_evenness, "_MOST_PLACES", 24)
    assert whole_affinity(places, LIGHTNESS) is None
