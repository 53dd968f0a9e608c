"""Training of the net that describes places: batches of all kinds, a loss that falls, and what is shipped."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from interrupted_training import Interrupted, interrupt_at
from torch import Generator

from excolor.errors import TrainingError
from excolor.imaging.color import rgb_to_lab
from excolor.method.semantic_affinity import affinity, joined_rows
from excolor.method.semantic_correspondence import deep_levels
from excolor.networks.backbone import VARIANTS, EfficientNetLite
from excolor.networks.checkpoint import load_network
from excolor.networks.semantic_places import SemanticPlacesNet
from excolor.training.loop import Budget, fit
from excolor.training.photo_store import PhotoStore
from excolor.training.places_losses import Matching, affinity_loss, calibration_loss, match_loss, same_color
from excolor.training.places_start import PlacesModules, read_places_start
from excolor.training.places_task import PlacesTask
from excolor.training.semantic_pairs import similar_pictures
from excolor.training.semantic_recipes import PLACES, PlacesRecipe
from excolor.training.state import STATE

RECIPE = replace(PLACES["semantic-tiny"], views=0.25, unrelated=0.25, aged=0.5)


def make(store: PhotoStore, recipe: PlacesRecipe = RECIPE) -> PlacesTask:
    torch.manual_seed(0)
    backbone = EfficientNetLite(VARIANTS[recipe.backbone]).eval()
    similar = similar_pictures(store, backbone, 3)
    return PlacesTask(recipe, store, PlacesModules(backbone, SemanticPlacesNet(recipe.config), Matching()), similar)


@pytest.fixture
def task(store: PhotoStore) -> PlacesTask:
    return make(store)


def loss(task: PlacesTask, seed: int = 0) -> torch.Tensor:
    return task.loss(64, Generator().manual_seed(seed), nullcontext())


def test_a_batch_is_the_same_for_the_same_seed_and_training_lowers_its_loss(task: PlacesTask) -> None:
    before = loss(task).item()
    assert loss(task).item() == before
    assert loss(task, seed=1).item() != before
    frozen = {name: tensor.clone() for name, tensor in task.nets.backbone.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in task.modules.parameters() if p.requires_grad], lr=1e-3)
    for _ in range(10):
        optimizer.zero_grad()
        loss(task).backward()
        optimizer.step()
    assert loss(task).item() < before - 0.02
    assert all(torch.equal(tensor, frozen[name]) for name, tensor in task.nets.backbone.state_dict().items())


def test_everything_that_is_trained_gets_a_gradient(task: PlacesTask) -> None:
    loss(task).backward()
    for module in (task.nets.places, task.nets.matching):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_the_loss_is_of_what_is_used_and_asks_unrelated_pairs_for_no_match(task: PlacesTask) -> None:
    """Pair by pair, with the affinity as `correspond` has it."""
    batch = task.draw(64, Generator().manual_seed(0))
    found = task.losses(batch, nullcontext())
    count, recipe = len(batch.ab) // 2, task.recipe
    assert (count, recipe.counts()) == (8, (4, 2, 2))
    colors = batch.ab.flatten(2).mT
    wrong, unsure, unlike = [], [], []
    for n in range(count):
        kinds = []
        for number in (n, count + n):
            seen = batch.seen[number : number + 1]
            places = task.nets.places(deep_levels(task.nets.backbone(seen)))
            single, alike = places.kind[0].flatten(1).T, joined_rows(affinity(places.kin, seen))
            kinds.append((single, alike[0] @ single))
            unlike.append(affinity_loss(alike.log(), batch.ab[number : number + 1], recipe.same))
        cosines = [own @ other.T for own, other in zip(*kinds, strict=True)]
        same = same_color(colors[n : n + 1], colors[count + n : count + n + 1], recipe.right)
        chances = task.nets.matching.chances(*(cosine[None] for cosine in cosines))
        unsure.append(calibration_loss(task.nets.matching.rightness(*(c[None] for c in cosines)), same, chances))
        back = task.nets.matching.chances(*(cosine.T[None] for cosine in cosines))
        both = []
        for chosen, right, own, all_of in (
            (chances, same, n, colors[:count]),
            (back, same.mT, count + n, colors[count:]),
        ):
            # Places count relative to all of the batch
            mean = (0.1 + all_of.norm(dim=-1) / 20).mean() / (0.1 + colors[own].norm(dim=-1) / 20).mean()
            both.append(match_loss(chosen, right, colors[own : own + 1]) / mean)
        wrong.append(sum(both) / 2)
    for value, wanted in ((found.match, wrong[:6]), (found.calibration, unsure), (found.affinity, unlike)):
        torch.testing.assert_close(value, torch.cat(wanted).mean(), rtol=1e-3, atol=1e-4)
    total = found.match + recipe.calibration * found.calibration + recipe.affinity * found.affinity
    torch.testing.assert_close(loss(task), total)


def test_each_kind_of_pair_can_be_left_out(store: PhotoStore) -> None:
    for changes in ({"views": 0.0}, {"unrelated": 0.0}, {"aged": 0.0}, {"views": 1.0, "unrelated": 0.0}):
        assert loss(make(store, replace(RECIPE, **changes))).isfinite()


def test_the_shares_of_the_shipped_recipe_fill_its_batch() -> None:
    assert PLACES["semantic"].counts() == (15, 6, 3)
    for recipe in PLACES.values():
        assert sum(recipe.counts()) == recipe.batch
        assert min(recipe.counts()) > 0


def test_validation_measures_the_colors_found(task: PlacesTask, store: PhotoStore) -> None:
    task.modules.eval()
    numbers = task.validate(store)
    names = ("right", "grouped_db", "fine_db")
    assert set(numbers) == {f"{kind}_{name}" for kind in ("views", "related") for name in names}
    assert numbers == task.validate(store)
    for kind in ("views", "related"):
        assert 0 < numbers[f"{kind}_right"] < 1
    single = PhotoStore([_pixels(store, 0)], ["a"], torch.device("cpu"))
    assert set(task.validate(single)) == {f"views_{name}" for name in names}


def _pixels(store: PhotoStore, number: int):
    height, width = int(store.heights[number]), int(store.widths[number])
    start = int(store.offsets[number])
    return store.pixels[start : start + height * width].view(height, width, 3).numpy()


def test_a_resumed_run_equals_a_straight_one_in_weights_and_averages(store: PhotoStore, tmp_path: Path) -> None:
    straight, resumed = make(store), make(store)
    (whole,) = fit(straight, Budget(steps=4), tmp_path / "straight")
    with pytest.raises(Interrupted):
        fit(
            make(store),
            Budget(steps=4),
            tmp_path / "resumed",
            progress_seconds=0.0,
            save_seconds=0.0,
            on_progress=interrupt_at(2),
        )
    (exported,) = fit(resumed, Budget(steps=4), tmp_path / "resumed", resume=True)
    for name, tensor in straight.modules.state_dict().items():
        assert torch.equal(tensor, resumed.modules.state_dict()[name]), name
    assert exported.read_bytes() == whole.read_bytes()


def test_the_averaged_weights_are_shipped_and_gone_on_with(store: PhotoStore, tmp_path: Path) -> None:
    task = make(store)
    (path,) = fit(task, Budget(steps=3), tmp_path)
    shipped, last = load_network(path, SemanticPlacesNet), task.nets.places
    state = torch.load(tmp_path / STATE, weights_only=True)
    lab = rgb_to_lab(torch.rand(1, 3, 64, 64, generator=Generator().manual_seed(0)))
    deep = deep_levels(task.nets.backbone(lab[:, :1]))
    for name, weight in shipped.named_parameters():
        torch.testing.assert_close(weight, state["averages"][f"places.{name}"], rtol=1e-3, atol=1e-4)
    assert not torch.equal(shipped.enter.weight, last.enter.weight.half().float())
    started = read_places_start(tmp_path / STATE, RECIPE, None)
    torch.testing.assert_close(started.places(deep).kind, shipped(deep).kind, rtol=0, atol=5e-3)
    assert torch.equal(started.matching.log_scales, state["averages"]["matching.log_scales"])
    with pytest.raises(TrainingError, match="not the training state"):
        read_places_start(tmp_path / STATE, replace(RECIPE, backbone="lite0"), None)
