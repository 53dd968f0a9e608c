"""Training of the semantic net: batches of all kinds, a loss that falls, and a backbone that stays."""

from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import Generator

from excolor.imaging.color import ab_from_network
from excolor.method.semantic_hints import certainty
from excolor.networks.backbone import VARIANTS, EfficientNetLite, Levels
from excolor.networks.color_classes import soft_classes
from excolor.networks.semantic_colorization import (
    COARSE_CHANNELS,
    COSINE,
    MUTUALITY,
    Colors,
    SemanticColorizationConfig,
    SemanticColorizationNet,
    SemanticHints,
)
from excolor.training.loop import Budget, fit
from excolor.training.old_photographs import aged
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import Schedule
from excolor.training.semantic_losses import (
    ColorLossWeights,
    class_loss,
    color_loss,
    near_edges,
    reference_loss,
)
from excolor.training.semantic_pairs import draw_two_views, draw_view, similar_pictures
from excolor.training.semantic_recipes import SEMANTIC, SemanticRecipe
from excolor.training.semantic_task import SemanticTask

RECIPE = SemanticRecipe(
    width=12,
    batch=8,
    crops=(64,),
    schedule=Schedule(1e-3, clip=1.0),
    backbone="tiny",
    empty=0.25,
    similar=0.25,
    pairs=0.125,
    unrelated=0.125,
    patches=0.5,
    aged=0.5,
    spare=0.5,
)


@pytest.fixture
def task(store: PhotoStore) -> SemanticTask:
    torch.manual_seed(0)
    net = SemanticColorizationNet(SemanticColorizationConfig(RECIPE.width, RECIPE.backbone))
    return SemanticTask(RECIPE, store, net, similar_pictures(store, net.backbone, 3))


def loss(task: SemanticTask, seed: int = 0) -> torch.Tensor:
    return task.loss(64, Generator().manual_seed(seed), nullcontext())


def test_a_batch_is_the_same_for_the_same_seed_and_training_lowers_its_loss(task: SemanticTask) -> None:
    before = loss(task).item()
    assert loss(task).item() == before
    assert loss(task, seed=1).item() != before
    frozen = {name: tensor.clone() for name, tensor in task.net.backbone.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in task.modules.parameters() if p.requires_grad], lr=1e-3)
    for _ in range(5):
        optimizer.zero_grad()
        loss(task).backward()
        optimizer.step()
    assert loss(task).item() < before
    assert all(torch.equal(tensor, frozen[name]) for name, tensor in task.net.backbone.state_dict().items())


def test_validation_measures_with_and_without_references(task: SemanticTask, store: PhotoStore) -> None:
    task.modules.eval()
    numbers = task.validate(store)
    assert set(numbers) == {
        "gray_psnr",
        "none_psnr",
        "none_colorfulness",
        "mirror_psnr",
        "turned_psnr",
        "random_psnr",
    }
    assert all(value == value for value in numbers.values())


def test_each_kind_of_pair_can_be_left_out(task: SemanticTask) -> None:
    for name in (
        "empty",
        "similar",
        "pairs",
        "spare",
        "unrelated",
        "patches",
        "aged",
        "recolored",
        "own_colors",
        "mosaics",
    ):
        task.recipe = replace(RECIPE, **{name: 0.0})
        assert loss(task).isfinite()
    task.recipe = replace(RECIPE, empty=1.0, similar=0.0, pairs=0.0, unrelated=0.0)
    assert loss(task).isfinite()


def test_what_resembles_the_target_least_keeps_its_own_colors(task: SemanticTask) -> None:
    task.recipe = replace(RECIPE, own_colors=1.0)
    likeness = torch.rand(32, 1, 8, 8, generator=Generator().manual_seed(1))
    own = task._keeps_own(likeness, Generator().manual_seed(0)) > 0
    shares = own.float().mean((1, 2, 3))
    assert shares.max() <= 0.75 and shares.min() < 0.1 and shares.max() > 0.6
    for one, keeps in zip(likeness, own, strict=True):
        if keeps.any():
            assert one[keeps].max() <= one[~keeps].min()
    task.recipe = replace(RECIPE, own_colors=0.0)
    assert not task._keeps_own(likeness, Generator().manual_seed(0)).any()


def test_a_part_of_some_references_shows_something_else(task: SemanticTask) -> None:
    task.recipe = replace(RECIPE, mosaics=0.5)
    made = task._mosaics(torch.zeros(64, 3, 16, 16), torch.ones(2, 3, 16, 16), Generator().manual_seed(0))
    shares = made.mean((1, 2, 3))
    assert 0.3 < (shares > 0).float().mean() < 0.7
    assert shares.max() < 0.9
    assert set(made.unique().tolist()) == {0.0, 1.0}


def test_every_other_batch_has_half_as_many_pictures_enlarged(
    task: SemanticTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task.recipe = replace(RECIPE, enlarged=96, spare=0.0)
    seen: list[torch.Size] = []
    describe = task.net.levels

    def levels(lightness: torch.Tensor) -> Levels:
        seen.append(lightness.shape)
        return describe(lightness)

    monkeypatch.setattr(task.net, "levels", levels)
    for seed in range(16):
        assert loss(task, seed).isfinite()
    assert {shape[2:] for shape in seen} == {(64, 64), (96, 96)}
    assert all(shape[0] == (14 if shape[2] == 64 else 7) for shape in seen)  # 8 or 4 targets, and their references
    assert 3 < sum(shape[2] == 96 for shape in seen) < 13


def test_batches_of_half_as_many_pictures_count_as_such_in_the_speed(
    task: SemanticTask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    speeds = []
    for enlarged in (0, 96):
        clock = count()
        monkeypatch.setattr("excolor.training.loop.time.monotonic", clock.__next__)
        task.recipe = replace(RECIPE, enlarged=enlarged)
        fit(task, Budget(steps=1), tmp_path, on_progress=lambda progress: speeds.append(progress.images_per_second))
    assert speeds[1] == 0.75 * speeds[0] > 0


def test_the_shares_of_the_shipped_recipe_fill_its_batch() -> None:
    for recipe in (*SEMANTIC.values(), SEMANTIC["semantic"].with_enlarged):
        counts = recipe.counts()
        assert sum(counts) == recipe.batch
        assert min(counts) > 0


def test_the_loss_is_zero_at_the_truth_and_weighs_edges(store: PhotoStore) -> None:
    true = torch.zeros(2, 2, 32, 32)
    true[1, :, :, 16:] = 0.5
    exact = Colors(*(torch.nn.functional.avg_pool2d(true, factor) for factor in (2, 1)))
    follows = torch.tensor((True, False))
    assert color_loss(exact, true, follows, ColorLossWeights()).abs().max() < 1e-6
    near = near_edges(true)
    assert near[0].max() == 0
    assert near[1, 0, 8].nonzero().flatten().tolist() == list(range(11, 20))
    worse = exact._replace(full=true + 0.1)
    assert (color_loss(worse, true, follows, ColorLossWeights(gradient=0)) > 0).all()


def test_with_a_reference_of_another_scene_its_colors_are_wanted_and_stains_are_not() -> None:
    true = torch.zeros(1, 2, 64, 64)
    true[..., 32:] = 0.5
    reds = torch.full((1, 2, 32, 32), 0.3)
    trusted = torch.zeros(1, COARSE_CHANNELS, 8, 8)
    trusted[:, (COSINE, MUTUALITY)] = 1
    hints = SemanticHints(trusted, torch.cat((reds, torch.ones(1, 3, 32, 32)), dim=1), torch.zeros(1, 3, 64, 64))

    def trust_of(hints: SemanticHints) -> torch.Tensor:
        return torch.nn.functional.interpolate(certainty(hints), scale_factor=2, mode="bilinear")

    def cost(full: torch.Tensor, hints: SemanticHints = hints) -> float:
        """Beyond what classes cost that are just those of the colors."""
        colors = Colors(*(torch.nn.functional.avg_pool2d(full, factor) for factor in (2, 1)))
        quarter = torch.nn.functional.avg_pool2d(full, 4)
        entropy = class_loss(logits_of(quarter), quarter, ColorLossWeights(), trust_of(hints)).item()
        found = reference_loss(colors, logits_of(quarter), true, hints, ColorLossWeights()).item()
        return found - ColorLossWeights().classes * entropy

    followed = torch.full((1, 2, 64, 64), 0.3)
    stained, two_things = followed.clone(), followed.clone()
    stained[..., 8:24, 8:24] = 0.0
    two_things[..., 32:] = 0.0
    assert abs(cost(followed)) < 1e-6
    assert cost(true) > 0.1
    doubted = hints._replace(coarse=torch.zeros_like(trusted))
    assert abs(cost(two_things, doubted)) < 1e-6  # another color where the true one changes
    assert cost(stained, doubted) > 0.001
    even = Colors(*(torch.nn.functional.avg_pool2d(followed, factor) for factor in (2, 1)))
    whole, spotted = (
        reference_loss(even, logits_of(torch.nn.functional.avg_pool2d(ab, 4)), true, doubted, ColorLossWeights())
        for ab in (followed, stained)
    )
    assert whole.abs() < 1e-6 < 0.001 < spotted  # a stain in what is likely, too


def logits_of(ab: torch.Tensor) -> torch.Tensor:
    """Logits of just these colors, ab in network scale."""
    return soft_classes(ab_from_network(ab)).log().clamp(min=-30)


def test_classes_are_asked_for_as_often_as_they_are_true() -> None:
    """Where one thing is red or blue, the least loss is to say so, and neither to choose nor to take the mean."""
    weights = ColorLossWeights()
    red, blue = (torch.tensor(ab).view(1, 2, 1, 1).expand(1, 2, 8, 8) for ab in ((0.4, 0.2), (0.1, -0.4)))
    either = (logits_of(red).exp() + logits_of(blue).exp()).log()

    def cost(logits: torch.Tensor) -> float:
        return sum(class_loss(logits, true, weights).item() for true in (red, blue))

    assert cost(either) < min(cost(logits_of(color)) for color in (red, blue, (red + blue) / 2))
    gray = torch.zeros(1, 2, 8, 8)
    assert class_loss(logits_of(gray), red, weights) > class_loss(logits_of(red), gray, weights)  # chroma counts


def test_where_nothing_is_trusted_no_class_is_asked_for() -> None:
    true = torch.full((1, 2, 8, 8), 0.3)
    trust = torch.zeros(1, 1, 8, 8)
    trust[..., :4] = 1
    half, whole, none = (
        class_loss(logits_of(-true), true, ColorLossWeights(), mask).item() for mask in (trust, None, trust * 0)
    )
    assert none == 0 and half == pytest.approx(whole / 2)


def test_what_nobody_can_know_is_decided_rightly_and_turned_so_that_decisions_are_kept(task: SemanticTask) -> None:
    true = torch.rand(3, 2, 64, 64) - 0.5
    coarse = torch.rand(3, 2, 16, 16)
    user = torch.zeros(3, 3, 64, 64)
    user[2, :, 8, 8] = 1
    some = torch.tensor((True, False, True))
    given, wanted = task._decided(coarse, true, user, some, Generator().manual_seed(0))
    assert torch.equal(given[1], coarse[1]) and torch.equal(wanted[1], true[1])
    assert torch.equal(wanted[2], true[2])  # what a person says holds
    assert (wanted[0] - true[0]).abs().mean() > 0.05
    chroma = [ab[0].norm(dim=0) for ab in (wanted, true)]
    torch.testing.assert_close(chroma[0] / chroma[0].mean(), chroma[1] / chroma[1].mean())
    for number in (0, 2):
        torch.testing.assert_close(given[number].mean((1, 2)), wanted[number].mean((1, 2)), atol=0.02, rtol=0)


def test_fog_over_an_edge_costs_more_than_the_same_error_spread_evenly() -> None:
    true = torch.zeros(1, 2, 32, 32)
    true[..., 16:] = 0.5
    ramp = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(true, (4, 4, 0, 0), mode="replicate"), (1, 9), 1)
    even = true + (ramp - true).abs().mean()
    weights = ColorLossWeights(coarser=0, chroma=0, inventing_chroma=0)
    follows = torch.tensor((True,))
    half = torch.nn.functional.avg_pool2d(true, 2)
    fog, shift = (color_loss(Colors(half, full), true, follows, weights) for full in (ramp, even))
    assert fog > shift


def test_views_stay_within_their_pictures(store: PhotoStore) -> None:
    generator = Generator().manual_seed(0)
    index = torch.arange(6)
    view = draw_view(store, index, 16, 1.5, generator)
    pairs = draw_two_views(store, 6, 16, generator)
    for crops in (view, pairs.target, pairs.reference):
        assert (crops.top >= 0).all() and (crops.left >= 0).all()
        assert (crops.top + crops.step * 16 <= store.heights[crops.index] + 1e-3).all()
        assert (crops.left + crops.step * 16 <= store.widths[crops.index] + 1e-3).all()
    assert torch.equal(pairs.target.index, pairs.reference.index)


def test_similar_pictures_are_others_and_as_many_as_there_are(store: PhotoStore) -> None:
    torch.manual_seed(0)
    similar = similar_pictures(store, EfficientNetLite(VARIANTS["tiny"]).eval(), 24)
    assert similar.shape == (6, 5)
    assert (similar != torch.arange(6)[:, None]).all()


def test_only_the_chosen_pictures_are_aged_and_all_of_them_stay_in_range() -> None:
    generator = Generator().manual_seed(0)
    rgb, lightness = torch.rand(4, 3, 32, 32), torch.rand(4, 1, 32, 32) * 100
    chosen = torch.tensor((True, False, True, False))
    old = aged(rgb, lightness, chosen, generator)
    assert torch.equal(old[~chosen], lightness[~chosen])
    assert (old[chosen] != lightness[chosen]).any()
    assert old.min() >= 0 and old.max() <= 100
    assert aged(rgb, lightness, ~chosen & chosen, generator) is lightness
