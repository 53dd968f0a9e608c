"""The semantic model as a whole, with random weights."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from random_networks import random_semantic
from torch import Tensor

from excolor.imaging.color import ab_to_network, rgb_to_lab
from excolor.method import semantic_exemplar
from excolor.method.hints import Hints, no_hints
from excolor.method.semantic_correspondence import Correspondences
from excolor.method.semantic_exemplar import SemanticExemplarNet
from excolor.networks.semantic_colorization import SemanticHints
from excolor.settings import ColorizeSettings


@pytest.fixture(scope="module")
def model() -> SemanticExemplarNet:
    return SemanticExemplarNet(random_semantic()).eval()


def picture(seed: int, height: int = 64, width: int = 96) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, height // 8, width // 8, generator=generator)
    return torch.nn.functional.interpolate(small, (height, width), mode="bilinear", align_corners=False)


LIGHTNESS = rgb_to_lab(picture(1))[:, :1]


def test_strength_zero_is_what_is_invented_and_more_of_it_follows_further(model: SemanticExemplarNet) -> None:
    reference = model.encode_reference(picture(2))
    none, half, full, more = (
        model(LIGHTNESS, reference, ColorizeSettings(strength=s)).ab for s in (0.0, 0.5, 1.0, 2.0)
    )
    torch.testing.assert_close(none, model.invent(LIGHTNESS))
    torch.testing.assert_close(half, (none + full) / 2)
    assert not torch.equal(more, full)
    assert full.shape == (1, 2, 64, 96)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize("with_hints", [False, True])
def test_colors_alone_are_those_of_all_stages(model: SemanticExemplarNet, strength: float, with_hints: bool) -> None:
    settings, user = ColorizeSettings(strength=strength), one_hint(30, 10) if with_hints else None
    reference = model.encode_reference(picture(2))
    alone, stages = model.colors(LIGHTNESS, reference, settings, user), model(LIGHTNESS, reference, settings, user)
    assert torch.equal(alone.ab, stages.ab)
    assert alone.followed is not None and stages.followed is not None
    assert torch.equal(alone.followed, stages.followed)


def test_a_reference_that_shows_nothing_of_the_target_is_followed_only_with_more_strength(
    model: SemanticExemplarNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = model.encode_reference(picture(2))
    score = model.score(LIGHTNESS, [reference]).item()
    monkeypatch.setattr("excolor.method.semantic_fit._UNRELATED", score)
    monkeypatch.setattr("excolor.method.semantic_fit._RELATED", 1.0)
    monkeypatch.setattr("excolor.method.semantic_fit._CHANCE", 0.0)
    unrelated = model(LIGHTNESS, reference)
    assert unrelated.followed is not None and unrelated.followed.item() == 0
    assert torch.equal(unrelated.ab, model.invent(LIGHTNESS))
    for strength in (0.5, 1.5):
        stages = model(LIGHTNESS, reference, ColorizeSettings(strength=strength))
        assert stages.followed is not None
        assert (stages.followed.item() == 0) == (strength <= 1)
        assert torch.equal(stages.ab, stages.invented) == (strength <= 1)


def test_one_reference_serves_a_batch_of_targets(model: SemanticExemplarNet) -> None:
    targets = torch.cat((LIGHTNESS, rgb_to_lab(picture(3))[:, :1]))
    reference = model.encode_reference(picture(2))
    together = model(targets, reference).ab
    torch.testing.assert_close(together[:1], model(LIGHTNESS, reference).ab, rtol=1e-3, atol=1e-2)
    assert model.score(targets, [reference, reference]).shape == (2, 2)


def test_references_of_different_sizes_join(model: SemanticExemplarNet) -> None:
    own = model.encode_reference(picture(1))
    other = model.encode_reference(picture(2, 96, 64))
    joined = model.join_references([other, own])
    assert model.score(LIGHTNESS, [joined]).item() == pytest.approx(1)
    assert model(LIGHTNESS, joined).ab.isfinite().all()
    assert model.join_references([own]) is own


def test_a_recalled_picture_is_a_reference_like_any_other(model: SemanticExemplarNet) -> None:
    lab = rgb_to_lab(picture(2))
    encoded, recalled = model.encode_reference(picture(2)), model.recall(lab[:, :1], lab[:, 1:], 1.0)
    assert torch.equal(model(LIGHTNESS, recalled).ab, model(LIGHTNESS, encoded).ab)


def test_a_recalled_picture_is_preferred_as_far_as_it_is_trusted(model: SemanticExemplarNet) -> None:
    """It is the target itself in another color, and so has the best matches if it is trusted fully."""
    reference, known = model.encode_reference(picture(2)), model.examine(LIGHTNESS)
    orange = torch.tensor((30.0, 60.0)).view(1, 2, 1, 1).expand(1, 2, 64, 96)
    plain = model(LIGHTNESS, reference, known=known).hints

    def share(trust: float) -> float:
        recalled = model.recall(LIGHTNESS, orange, trust, known)
        found = model(LIGHTNESS, model.join_references([reference, recalled]), known=known).hints
        return (1 - (found - orange).abs().mean() / (plain - orange).abs().mean()).item()

    shares = [share(trust) for trust in (0.3, 0.6, 0.8, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.2 and shares[-1] > 0.8


def one_hint(a: float, b: float) -> Hints:
    ab, mask = torch.zeros(1, 2, 64, 96), torch.zeros(1, 1, 64, 96)
    ab[:, :, 20:23, 40:43] = ab_to_network(torch.tensor((a, b)).view(1, 2, 1, 1))
    mask[:, :, 20:23, 40:43] = 1
    return Hints(ab, mask)


@pytest.mark.parametrize("with_reference", [False, True])
def test_a_hint_stands_and_serves_other_places_as_far_as_it_is_to_reach(
    model: SemanticExemplarNet, with_reference: bool
) -> None:
    reference = model.encode_reference(picture(2)) if with_reference else None
    plain = model.invent(LIGHTNESS) if reference is None else model(LIGHTNESS, reference).ab
    near, half, far = (
        model.follow(plain, LIGHTNESS, reference, ColorizeSettings(hint_reach=reach), one_hint(60, -40))
        for reach in (0.0, 0.5, 1.0)
    )
    for ab in (near, half, far):
        torch.testing.assert_close(ab[0, :, 21, 41], torch.tensor((60.0, -40.0)), atol=1e-3, rtol=0)
    beyond = (..., slice(None), slice(80, None))  # a hint without reach stays where it is
    assert (near - plain)[beyond].abs().max() < 0.5
    assert (far - plain)[beyond].abs().max() > (half - plain)[beyond].abs().max() > (near - plain)[beyond].abs().max()


def test_many_hints_are_interpolated_as_well_and_few_are_left_to_the_net(
    model: SemanticExemplarNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ab, user = model.invent(LIGHTNESS), one_hint(30, 10)
    follow = semantic_exemplar.follow_hints
    asked = []

    def asked_for(*arguments: Any, **more: Any) -> Tensor:
        asked.append(arguments[4] if len(arguments) > 4 else more["reach"])
        return follow(*arguments, **more)

    monkeypatch.setattr(semantic_exemplar, "follow_hints", asked_for)
    results = {}
    for count in (1.0, 3.0, 30.0):
        monkeypatch.setattr(semantic_exemplar, "independent_hints", lambda *_, count=count: count)
        results[count] = model.follow(ab, LIGHTNESS, None, ColorizeSettings(hint_reach=0.8), user)
    assert asked == [0, 0.8, 0, 0.8, 0]
    few, more, most = (results[count] - results[1.0] for count in (1.0, 3.0, 30.0))
    assert few.abs().max() == 0 < more.norm() < most.norm()


def test_what_resembles_no_place_with_a_hint_keeps_its_colors(model: SemanticExemplarNet) -> None:
    hint, plain = one_hint(60, -40), model.invent(LIGHTNESS)
    change = model.follow(plain, LIGHTNESS, None, ColorizeSettings(), hint) - plain
    places = model.examine(LIGHTNESS).description.places[0]  # (C, 8, 12): places of 8 pixels
    cosine = torch.einsum("chw,c->hw", places, places[:, 2, 5])  # the hint covers a part of this place
    cosine = torch.maximum(
        cosine, torch.nn.functional.max_pool2d(cosine[None], 3, 1, 1)[0]
    )  # as far as is interpolated
    unlike = (cosine < 0).repeat_interleave(8, 0).repeat_interleave(8, 1)
    unlike[:, 16:72] = False  # where it is near
    assert unlike.sum() > 100
    assert change[0, :, unlike].abs().max() < 0.5


def test_uncertain_hints_serve_no_other_places(model: SemanticExemplarNet) -> None:
    certain = one_hint(60, -40)
    doubtful = Hints(certain.ab, certain.mask * 0.9)
    none = model.invent(LIGHTNESS)
    beyond = (..., slice(80, None))
    assert (model.invent(LIGHTNESS, certain) - none)[beyond].abs().max() > 1
    assert (model.invent(LIGHTNESS, doubtful) - none)[beyond].abs().max() < 0.5


def test_hints_that_are_empty_change_nothing(model: SemanticExemplarNet) -> None:
    torch.testing.assert_close(model.invent(LIGHTNESS, no_hints(LIGHTNESS)), model.invent(LIGHTNESS))
    reference = model.encode_reference(picture(2))
    torch.testing.assert_close(
        model(LIGHTNESS, reference, user=no_hints(LIGHTNESS)).ab, model(LIGHTNESS, reference).ab, rtol=1e-3, atol=1e-2
    )


def test_pictures_of_one_gray_do_not_break_it(model: SemanticExemplarNet) -> None:
    flat = torch.full((1, 1, 32, 32), 50.0)
    assert model(flat, model.encode_reference(torch.zeros(1, 3, 32, 32))).ab.isfinite().all()


def test_what_a_person_says_reaches_the_net(model: SemanticExemplarNet) -> None:
    user = no_hints(LIGHTNESS)
    user.ab[..., 20:30, 20:30], user.mask[..., 20:30, 20:30] = 0.5, 1.0
    assert not torch.equal(model.invent(LIGHTNESS, user), model.invent(LIGHTNESS))


def both_kinds_of_targets() -> tuple[Tensor, Hints]:
    """Two targets, of which the second has a hint."""
    none, one = no_hints(LIGHTNESS), one_hint(60, -40)
    return LIGHTNESS.repeat(2, 1, 1, 1), Hints(torch.cat((none.ab, one.ab)), torch.cat((none.mask, one.mask)))


def test_what_is_invented_is_as_colorful_as_photographs_and_with_hints_as_the_net_says(
    model: SemanticExemplarNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, hints = both_kinds_of_targets()
    vivid = model.invent(targets, hints)
    torch.testing.assert_close(vivid[:1], model.invent(LIGHTNESS), rtol=1e-3, atol=1e-2)
    monkeypatch.setattr(semantic_exemplar, "_VIVID", 0.0)
    plain = model.invent(targets, hints)
    assert vivid[0].norm(dim=0).mean() > 1.15 * plain[0].norm(dim=0).mean()
    assert torch.equal(vivid[1], plain[1])


def test_what_no_match_speaks_for_is_more_colorful(model: SemanticExemplarNet, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, settings = model.encode_reference(picture(3)), ColorizeSettings(strength=2.0)
    monkeypatch.setattr(semantic_exemplar, "_VIVID_MATCHES", 0.0)
    plain = model.colors(LIGHTNESS, reference, settings)
    monkeypatch.setattr(semantic_exemplar, "_VIVID_MATCHES", 0.5)
    vivid = model.colors(LIGHTNESS, reference, settings)
    assert plain.followed is not None and plain.followed.item() == 1  # nothing of it is invented
    factor = vivid.ab.norm(dim=1) / plain.ab.norm(dim=1).clamp(min=1e-6)
    assert 0.999 < factor.min() < 1.01 and 1.2 < factor.max() < 1.501  # by how little a match speaks for the color


def test_what_is_expected_is_what_is_likely_by_hints_without_the_reference(
    model: SemanticExemplarNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, hints = both_kinds_of_targets()
    asked: list[tuple[Tensor, Tensor]] = []
    join, even = semantic_exemplar.with_expectation, semantic_exemplar.evened

    def joined(logits: Tensor, expected: Tensor, doubt: Tensor) -> Tensor:
        asked.append((expected, doubt))
        return join(logits, expected, doubt)

    def evened(logits: Tensor, *rest: Any) -> Tensor:
        alone.append(logits)
        return even(logits, *rest)

    monkeypatch.setattr(semantic_exemplar, "with_expectation", joined)
    monkeypatch.setattr(semantic_exemplar, "evened", evened)
    reference = model.encode_reference(picture(3))
    for user in (None, hints):
        alone: list[Tensor] = []
        model.invent(targets, user)
        model.colors(targets, reference, ColorizeSettings(strength=2.0), user)
        assert torch.equal(asked[-1][0], alone[0])
        doubt = asked[-1][1]
        assert doubt.shape == (2, 1, 64, 96) and doubt.min() >= 0 and doubt.max() > 0.1
    assert doubt[1, 0, 21, 41] == 0  # a person is certain
    (without, _), (with_hints, _) = asked
    assert not torch.allclose(without[1], with_hints[1], rtol=0, atol=1e-5)


def test_the_net_is_told_mostly_of_what_pixels_have_found_and_that_search_is_asked_again(
    model: SemanticExemplarNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Correspondences] = []
    told: list[SemanticHints] = []
    asked: list[tuple[Tensor, Tensor]] = []
    correspond, semantic_hints, with_found = (
        getattr(semantic_exemplar, name) for name in ("correspond", "semantic_hints", "with_found")
    )

    def corresponding(*given: Any) -> Correspondences:
        found.append(result := correspond(*given))
        return result

    def telling(*given: Any) -> SemanticHints:
        told.append(result := semantic_hints(*given))
        return result

    def asking(logits: Tensor, found_ab: Tensor, given: Tensor) -> Tensor:
        asked.append((found_ab, given))
        return with_found(logits, found_ab, given)

    for name, spy in (("correspond", corresponding), ("semantic_hints", telling), ("with_found", asking)):
        monkeypatch.setattr(semantic_exemplar, name, spy)
    user = one_hint(30, 10)
    stages = model(LIGHTNESS, model.encode_reference(picture(3)), user=user)
    of_things, of_pixels = found[-1].grouped_ab, F.avg_pool2d(found[-1].fine_ab, 4)
    assert (of_things - of_pixels).abs().max() > 1
    torch.testing.assert_close(told[-1].coarse[:, :2], ab_to_network(0.3 * of_things + 0.7 * of_pixels))
    whole = F.interpolate(of_things, (64, 96), mode="bilinear", align_corners=False)
    torch.testing.assert_close(stages.coarse, whole)
    ((asked_ab, given),) = asked
    assert torch.equal(asked_ab, found[-1].fine_ab)
    assert torch.equal(given, user.mask)


def test_what_is_likely_with_the_expectation_is_evened_where_there_is_doubt_and_then_decided_for(
    model: SemanticExemplarNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[Tensor]] = {name: [] for name in ("joined", "found", "given", "doubts", "evened", "decided")}
    join, find, even, decide = (
        getattr(semantic_exemplar, name) for name in ("with_expectation", "with_found", "evened", "decided_color")
    )

    def joined(logits: Tensor, expected: Tensor, doubt: Tensor) -> Tensor:
        seen["doubts"].append(doubt)
        seen["joined"].append(found := join(logits, expected, doubt))
        return found

    def with_found(logits: Tensor, found_ab: Tensor, given: Tensor) -> Tensor:
        assert torch.equal(logits, seen["joined"][0])
        seen["found"].append(found := find(logits, found_ab, given))
        return found

    def evened(logits: Tensor, kin: Tensor, lightness: Tensor, doubt: Tensor, alike: Tensor | None) -> Tensor:
        seen["given"].append(logits)
        seen["doubts"].append(doubt)
        seen["evened"].append(found := even(logits, kin, lightness, doubt, alike))
        return found

    def decided(likely: Tensor) -> Tensor:
        seen["decided"].append(likely)
        return decide(likely)

    for name, spy in (
        ("with_expectation", joined),
        ("with_found", with_found),
        ("evened", evened),
        ("decided_color", decided),
    ):
        monkeypatch.setattr(semantic_exemplar, name, spy)
    reference = model.encode_reference(picture(3))
    model.colors(LIGHTNESS, reference, ColorizeSettings(strength=2.0))
    assert torch.equal(seen["found"][0], seen["given"][0])
    assert not torch.equal(seen["joined"][0], seen["found"][0])
    assert torch.equal(*seen["doubts"][:2])
    assert torch.equal(seen["evened"][0], seen["decided"][0])
    assert not torch.equal(seen["evened"][0], seen["given"][0].softmax(1))
