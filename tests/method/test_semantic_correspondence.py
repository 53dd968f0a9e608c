"""Colors found by what things are: exact where the reference is the picture itself, and each picture by itself."""

import pytest
import torch
import torch.nn.functional as F
from random_networks import random_semantic
from torch import Tensor

from excolor.method import semantic_affinity, semantic_correspondence
from excolor.method.semantic_affinity import affinity, put_rows
from excolor.method.semantic_correspondence import (
    Correspondences,
    Description,
    correspond,
    deep_levels,
    describe,
    fit,
    reference_colors,
    side_by_side,
)
from excolor.networks.semantic_places import PlaceDescriptors

NET = random_semantic()


def picture(seed: int, height: int = 64, width: int = 96) -> Tensor:
    """A smooth Lab picture (1, 3, H, W) with something everywhere."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, height // 4, width // 4, generator=generator)
    smooth = F.interpolate(small, (height, width), mode="bilinear", align_corners=False)
    return torch.cat((smooth[:, :1] * 100, smooth[:, 1:] * 80 - 40), dim=1)


def described(lab: Tensor) -> Description:
    return describe(NET, NET.levels(lab[:, :1]), lab[:, :1])


def found(target: Tensor, reference: Tensor) -> Correspondences:
    return correspond(described(target), reference_colors(described(reference), reference[:, 1:]))


def test_a_picture_finds_its_own_pixels_in_itself() -> None:
    lab = picture(1)
    result = found(lab, lab)
    true = F.avg_pool2d(lab[:, 1:], 2)
    assert result.fine_ab.shape == true.shape
    spread = (true - true.mean((2, 3), keepdim=True)).abs().mean()
    assert (result.fine_ab - true).abs().mean() < 0.35 * spread
    assert result.cosine.mean() > 0.99  # a place of the same thing may be taken for it
    assert result.mutuality.max() <= 1


def test_a_reference_of_one_color_gives_it_everywhere() -> None:
    reference = picture(2, 96, 64)
    reference[:, 1:] = torch.tensor((20.0, -30.0)).view(1, 2, 1, 1)
    result = found(picture(1), reference)
    for ab in (result.grouped_ab, result.fine_ab):
        torch.testing.assert_close(ab, torch.tensor((20.0, -30.0)).view(1, 2, 1, 1).expand_as(ab))
    assert result.spread.max() < 0.1


def assert_same_but_for_rounding(value: torch.Tensor, wanted: torch.Tensor) -> None:
    """The same up to the order of sums, which depends on the shapes and the processor.

    A softmax over cosines by a low temperature magnifies their last digits, and where two candidates are as good as
    equal it may decide between them: a place in a hundred may differ.
    """
    differs = (value - wanted).abs() > 1e-2  # ab units, or cosines
    assert differs.float().mean() < 0.01


def test_a_batch_equals_its_pictures() -> None:
    targets, references = (torch.cat([picture(seed) for seed in seeds]) for seeds in ((1, 2), (3, 4)))
    together = found(targets, references)
    for n in range(2):
        alone = found(targets[n : n + 1], references[n : n + 1])
        for name, value in vars(alone).items():
            assert_same_but_for_rounding(getattr(together, name)[n : n + 1], value)


def test_hidden_places_are_not_found_and_references_can_be_joined() -> None:
    lab, other = picture(1), picture(2, 96, 64)
    target = described(lab)
    visible = torch.ones(1, 1, 64, 96)
    visible[..., 48:] = 0
    left = torch.cat((torch.full((1, 1, 64, 48), 30.0), torch.full((1, 1, 64, 48), -30.0)), dim=3)
    reference = reference_colors(target, left.expand(-1, 2, -1, -1), visible)
    found = correspond(target, reference)
    torch.testing.assert_close(found.grouped_ab, torch.full_like(found.grouped_ab, 30.0))
    torch.testing.assert_close(found.fine_ab, torch.full_like(found.fine_ab, 30.0))

    own = reference_colors(target, lab[:, 1:])
    strange = reference_colors(described(other), other[:, 1:])
    joined = correspond(target, side_by_side([strange, own]))
    assert joined.cosine.mean() > 0.99
    assert (joined.fine_ab - correspond(target, own).fine_ab).abs().mean() < 1
    assert fit(target, own) == pytest.approx(1)
    assert fit(target, strange) < fit(target, side_by_side([strange, own]))


def test_the_size_of_the_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found(picture(1), picture(2))
    monkeypatch.setattr(semantic_affinity, "_AT_ONCE", 1000)
    for name, value in vars(found(picture(1), picture(2))).items():
        assert_same_but_for_rounding(value, getattr(whole, name))


def test_rows_are_put_in_place_and_all_at_once_are_not_copied() -> None:
    rows = torch.rand(2, 5, 3)
    assert put_rows(None, slice(0, 5), rows, 5) is rows
    first = put_rows(None, slice(0, 2), rows[:, :2], 5)
    whole = put_rows(first, slice(2, 5), rows[:, 2:], 5)
    assert whole is first
    torch.testing.assert_close(whole, rows, rtol=0, atol=0)


def kin_of(lab: Tensor) -> Tensor:
    places: PlaceDescriptors = NET.places(deep_levels(NET.levels(lab[:, :1])))
    return places.kin


def test_affinity_weighs_all_places_and_prefers_similar_ones() -> None:
    lab = picture(5)
    weights = torch.cat(list(affinity(kin_of(lab), lab[:, :1])), dim=1)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert (weights.argmax(-1) == torch.arange(weights.shape[1])).all()


def test_affinity_falls_with_the_squared_distance_of_place_and_lightness() -> None:
    lab = picture(5)
    kin = kin_of(lab)
    h, w = kin.shape[2:]
    flat = kin[0].flatten(1).T.double()
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    form = semantic_affinity.AffinityForm()
    tone = F.avg_pool2d(lab[:, :1], 8).flatten() / form.lightness
    reach = w * form.reach
    where = torch.stack((rows.flatten() / reach, columns.flatten() / reach, tone), dim=1).double()
    wanted = (flat @ flat.T / form.temperature - torch.cdist(where, where) ** 2).softmax(-1)
    weights = torch.cat(list(affinity(kin, lab[:, :1])), dim=1)[0]
    torch.testing.assert_close(weights, wanted.float(), atol=1e-6, rtol=1e-3)


def test_the_fine_search_finds_what_a_search_pixel_by_pixel_finds() -> None:
    """The same formulas, written place by place and candidate by candidate in double precision."""
    target, reference = picture(1, 32, 64), picture(2, 64, 32)
    of_target, of_reference = (described(lab) for lab in (target, reference))
    result = correspond(of_target, reference_colors(of_reference, reference[:, 1:]))

    places, things = (
        (getattr(of_target, name)[0].flatten(1).T @ getattr(of_reference, name)[0].flatten(1)).double()
        for name in ("places", "grouped")
    )
    score, width = places + semantic_correspondence._GROUPED_SHARE * things, of_reference.places.shape[3]
    h, w = of_target.places.shape[2:]

    weights = zip(semantic_correspondence._FINE_WEIGHT, semantic_correspondence._FINE_LIGHTNESS, strict=True)
    of_level = dict(zip(("quarter", "half"), weights, strict=True))

    def rated(level: str, own: tuple[int, int], other: tuple[int, int]) -> float:
        weight, by_lightness = of_level[level]
        a = getattr(of_target, level)[0, :, own[0], own[1]].double()
        b = getattr(of_reference, level)[0, :, other[0], other[1]].double()
        return float(weight * (a[:-1] @ b[:-1]) - by_lightness * (a[-1] - b[-1]) ** 2)

    def neighbors(y: int, x: int, size: tuple[int, int], diagonal: bool) -> list[tuple[int, int]]:
        around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if diagonal or 0 in (dy, dx)]
        return [(min(max(y + dy, 0), size[0] - 1), min(max(x + dx, 0), size[1] - 1)) for dy, dx in around]

    def quarters(match: tuple[int, int]) -> list[tuple[int, int]]:
        return [(2 * match[0] + dy, 2 * match[1] + dx) for dy in (0, 1) for dx in (0, 1)]

    def coarse(match: tuple[int, int], factor: int) -> int:
        return match[0] // factor * width + match[1] // factor

    best = score.argmax(-1).view(h, w)
    matched = {}
    for y in range(2 * h):
        for x in range(2 * w):
            found = [divmod(int(best[place]), width) for place in neighbors(y // 2, x // 2, (h, w), True)]
            matched[y, x] = max(
                (candidate for match in found for candidate in quarters(match)),
                key=lambda c: rated("quarter", (y, x), c) + score[y // 2 * w + x // 2, coarse(c, 2)],
            )
    ab = F.avg_pool2d(reference[:, 1:], 2)[0].double()
    fine = torch.zeros(4, 4 * h, 4 * w, dtype=torch.double)
    for y in range(4 * h):
        for x in range(4 * w):
            found = [matched[place] for place in neighbors(y // 2, x // 2, (2 * h, 2 * w), False)]
            candidates = [candidate for match in found for candidate in quarters(match)]
            own = y // 4 * w + x // 4
            rates = torch.tensor([rated("half", (y, x), c) for c in candidates], dtype=torch.double)
            priors, likeness = (torch.stack([of[own, coarse(c, 4)] for c in candidates]) for of in (score, places))
            weight = ((rates + priors) / semantic_correspondence._FINE_TEMPERATURE).softmax(0)
            colors = torch.stack([ab[:, c[0], c[1]] for c in candidates])
            fine[:, y, x] = torch.cat((weight @ colors, torch.stack((weight @ likeness, weight @ rates))))
    for value, wanted in ((result.fine_ab, fine[:2]), (result.fine_cosine, fine[2:3]), (result.fine_score, fine[3:])):
        assert_same_but_for_rounding(value[0], wanted.float())
