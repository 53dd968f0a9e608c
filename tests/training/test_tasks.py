"""The four tasks: each learns, from the batch that its generator draws, and leaves alone what is frozen."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Generator

from excolor.errors import CheckpointError, TrainingError
from excolor.imaging.color import rgb_to_lab
from excolor.method.coarse import ReferenceFeatures
from excolor.method.exemplar import ExemplarNet
from excolor.networks.checkpoint import load_colorizer, load_decoder, load_encoder, load_matcher
from excolor.networks.colorization import ColorizationConfig, ColorizationNet
from excolor.networks.encoder import EncoderConfig
from excolor.networks.transfer import TransferNet
from excolor.training import colorizer_task, validation
from excolor.training.colorizer_task import ColorizerTask, read_start
from excolor.training.decoder_task import DecoderTask
from excolor.training.encoder_task import EncoderTask
from excolor.training.loop import Budget, fit
from excolor.training.matcher_task import MatcherTask
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import (
    COLORIZER,
    DECODER,
    ENCODER,
    MATCHER,
    ColorizerRecipe,
    DecoderRecipe,
    EncoderRecipe,
    MatcherRecipe,
    Schedule,
)
from excolor.training.state import STATE
from excolor.training.task import Task
from excolor.training.teacher import Teacher


@pytest.fixture(params=["encoder", "decoder", "matcher", "colorizer"])
def task(
    request: pytest.FixtureRequest,
    store: PhotoStore,
    transfer_net: TransferNet,
    encoder_recipe: EncoderRecipe,
    decoder_recipe: DecoderRecipe,
    matcher_recipe: MatcherRecipe,
    colorizer_recipe: ColorizerRecipe,
) -> Task:
    torch.manual_seed(0)
    if request.param == "encoder":
        return EncoderTask(encoder_recipe, store, None)
    if request.param == "decoder":
        return DecoderTask(decoder_recipe, store, transfer_net.encoder, None)
    if request.param == "matcher":
        return MatcherTask(matcher_recipe, store, transfer_net.encoder)
    return ColorizerTask(colorizer_recipe, store, transfer_net)


def loss(task: Task, seed: int = 0, size: int = 16) -> torch.Tensor:
    return task.loss(size, Generator().manual_seed(seed), nullcontext())


def train(task: Task, steps: int) -> None:
    optimizer = torch.optim.Adam(task.modules.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(task).backward()
        optimizer.step()


def test_one_step_lowers_the_loss_of_the_same_batch(task: Task) -> None:
    task.modules.train()
    before = loss(task).item()
    train(task, 1)
    assert loss(task).item() < before


def test_the_generator_decides_the_batch(task: Task) -> None:
    task.modules.eval()  # or batch norm would remember the first
    assert loss(task, 3).item() == loss(task, 3).item()
    assert loss(task, 3).item() != loss(task, 4).item()


def test_every_parameter_is_trained(task: Task) -> None:
    task.modules.train()
    loss(task).backward()
    unused = [name for name, p in task.modules.named_parameters() if p.grad is None or not p.grad.any()]
    assert unused == []


def test_validation_gives_numbers(task: Task, store: PhotoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "_SIZE", 32)
    task.modules.eval()
    with torch.no_grad():
        numbers = task.validate(store)
        assert numbers == task.validate(store)
    assert numbers and all(torch.tensor(value).isfinite() for value in numbers.values())


def test_decoder_training_leaves_the_encoder_unchanged(
    store: PhotoStore, transfer_net: TransferNet, decoder_recipe: DecoderRecipe
) -> None:
    task = DecoderTask(decoder_recipe, store, transfer_net.encoder, None)
    encoder = {name: tensor.clone() for name, tensor in transfer_net.encoder.state_dict().items()}
    decoder = {name: tensor.clone() for name, tensor in task.decoder.state_dict().items()}
    train(task, 2)
    assert all(torch.equal(tensor, encoder[name]) for name, tensor in transfer_net.encoder.state_dict().items())
    assert not any(torch.equal(tensor, decoder[name]) for name, tensor in task.decoder.state_dict().items())


def test_matcher_training_leaves_the_encoder_unchanged(
    store: PhotoStore, transfer_net: TransferNet, matcher_recipe: MatcherRecipe, tmp_path: Path
) -> None:
    before = {name: tensor.clone() for name, tensor in transfer_net.encoder.state_dict().items()}
    task = MatcherTask(matcher_recipe, store, transfer_net.encoder)
    train(task, 2)
    assert all(torch.equal(tensor, task.encoder.state_dict()[name]) for name, tensor in before.items())

    (path,) = task.export(tmp_path)
    loaded = load_matcher(path, task.encoder)
    with torch.no_grad():
        features = task.encoder(torch.rand(1, 3, 32, 32))
        torch.testing.assert_close(loaded(features), task.matcher(features), atol=2e-2, rtol=0)  # float16 in the file


def test_a_matcher_learns_to_foresee_its_error(
    store: PhotoStore, transfer_net: TransferNet, matcher_recipe: MatcherRecipe
) -> None:
    torch.manual_seed(0)
    task = MatcherTask(replace(matcher_recipe, judging=1.0, schedule=Schedule(1e-2)), store, transfer_net.encoder)
    optimizer = torch.optim.Adam(task.modules.parameters(), lr=1e-2)
    with torch.no_grad():
        before = task.validate(store)
    for step in range(60):
        optimizer.zero_grad()
        loss(task, step, size=32).backward()
        optimizer.step()
    with torch.no_grad():
        after = task.validate(store)

    def missed(numbers: dict[str, float]) -> float:
        return abs(numbers["random_foreseen"] / numbers["random_error"] - 1)

    assert missed(after) < min(missed(before), 0.5)


@pytest.mark.parametrize("gated", [False, True])
def test_colorizer_training_goes_on_from_a_checkpoint(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe, gated: bool
) -> None:
    torch.manual_seed(0)
    start = ColorizationNet(ColorizationConfig(8, gated=gated)).eval().folded()
    weights = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    task = ColorizerTask(colorizer_recipe, store, transfer_net, start)
    assert task.net.gate is not None  # the recipe wants one
    assert all(torch.equal(task.net.state_dict()[name], tensor) for name, tensor in weights.items())
    before = loss(task).item()
    train(task, 3)
    assert loss(task).item() < before
    with pytest.raises(TrainingError, match="width 8"):
        ColorizerTask(replace(colorizer_recipe, width=16), store, transfer_net, start)


def trained_state(task: ColorizerTask, folder: Path, steps: int = 2) -> Path:
    fit(task, Budget(steps=steps), folder)
    return folder / STATE


@pytest.mark.parametrize("folded", [False, True])
def test_a_run_starts_from_the_state_of_another(
    store: PhotoStore, patches_recipe: ColorizerRecipe, tmp_path: Path, folded: bool
) -> None:
    """Of another recipe, too: the gate is added. A run that began with a checkpoint has its batch norms folded."""
    torch.manual_seed(0)
    plain = replace(patches_recipe, gated=False)
    begun = ColorizationNet(ColorizationConfig(8)).eval().folded() if folded else None
    earlier = ColorizerTask(plain, store, None, begun)
    start = read_start(trained_state(earlier, tmp_path / "first"))
    assert start.config.folded == folded and start.gate is None
    later = ColorizerTask(patches_recipe, store, None, start)
    assert later.net.gate is not None
    expected = earlier.net.state_dict()
    assert all(torch.equal(later.net.state_dict()[name], tensor) for name, tensor in expected.items())
    resumed = ColorizerTask(patches_recipe, store, None, read_start(trained_state(later, tmp_path / "second")))
    fit(resumed, Budget(steps=3), tmp_path / "second", resume=True)


def test_what_is_no_colorizer_is_no_start(store: PhotoStore, encoder_recipe: EncoderRecipe, tmp_path: Path) -> None:
    fit(EncoderTask(encoder_recipe, store, None), Budget(steps=1), tmp_path)
    with pytest.raises(TrainingError, match="not the training state of a colorizer"):
        read_start(tmp_path / STATE)
    with pytest.raises(CheckpointError, match="colorizer"):
        read_start(tmp_path / "encoder.safetensors")


def test_photographs_of_one_class_teach_none(store: PhotoStore, encoder_recipe: EncoderRecipe) -> None:
    with pytest.raises(TrainingError, match="a sheet of tiles, for each class"):
        EncoderTask(encoder_recipe, store, None, PhotoStore([np.zeros((64, 64, 3), np.uint8)], ["all"], store.device))


def test_colorizer_training_leaves_the_transfer_net_unchanged(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe
) -> None:
    task = ColorizerTask(colorizer_recipe, store, transfer_net)
    before = {name: tensor.clone() for name, tensor in transfer_net.state_dict().items()}
    train(task, 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in transfer_net.state_dict().items())


def test_colorizer_is_shown_all_kinds_of_hints(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One picture of six without hints, two with true patches, three with coarse maps: the recipe's shares."""
    task = ColorizerTask(replace(colorizer_recipe, crops=(24,)), store, transfer_net)
    seen: list[tuple[torch.Tensor, ...]] = []
    task.net.register_forward_pre_hook(lambda module, args: seen.append(args))
    task.modules.train()
    loss(task, size=24)
    (invented,) = seen[:-1]  # the pre-coloring of those three, without hints
    lightness, ab, mask = seen[-1]
    assert invented[0].shape[0] == 3 and not invented[2].any()
    assert lightness.shape[0] == 6 and lightness.abs().max() <= 0.5
    assert not mask[0].any() and not ab[0].any()
    assert set(mask[1:3].unique().tolist()) <= {0.0, 1.0}
    assert all(0 < m.max() <= 1 and m.unique().numel() > 2 for m in mask[3:])
    assert ((mask == 0) & (ab != 0)).sum() == 0


def test_more_color_is_wanted_where_less_is_known(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without hints the truth's chroma times the vividness, at true hints the truth, under coarse maps in between."""
    wanted: list[torch.Tensor] = []

    def record(found: torch.Tensor, truth: torch.Tensor, *args: object, **options: object) -> torch.Tensor:
        wanted.append(truth)
        return found.sum()

    monkeypatch.setattr(colorizer_task, "masked_huber", record)
    for vividness in (1.0, 1.5):
        loss(ColorizerTask(replace(colorizer_recipe, vividness=vividness), store, transfer_net))
    ratio = wanted[1].norm(dim=1) / wanted[0].norm(dim=1)
    assert torch.allclose(ratio[0], torch.tensor(1.5))
    assert torch.allclose(ratio[1:3], torch.tensor(1.0))
    assert ratio[3:].min() > 1 and ratio[3:].max() < 1.5


def test_the_critic_sees_what_was_invented(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the six pictures it is given the one without hints, as the net colored it, and the truth of that."""
    task = ColorizerTask(replace(colorizer_recipe, realism=0.7, vividness=1.5), store, transfer_net)
    assert task.critic is not None
    answers: list[tuple[torch.Tensor, torch.Tensor]] = []
    truths: list[torch.Tensor] = []
    given: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]] = []

    def record(*arguments: Any) -> torch.Tensor:
        given.append(arguments)
        return torch.tensor(100.0)

    def compare(found: torch.Tensor, wanted: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        truths.append(wanted)
        return found.sum() * 0

    task.net.register_forward_hook(lambda module, args, out: answers.append((args[0], out)))
    monkeypatch.setattr(task.critic, "loss", record)
    monkeypatch.setattr(colorizer_task, "masked_huber", compare)
    assert loss(task).item() == 100
    [(lightness, invented, true, weight)] = given
    asked_lightness, asked = answers[-1]
    assert torch.equal(lightness, asked_lightness[:1]) and torch.equal(invented, asked[:1])
    torch.testing.assert_close(true, truths[0][:1] / 1.5)
    assert weight == 0.7


def test_without_realism_there_is_no_critic(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe
) -> None:
    task = ColorizerTask(replace(colorizer_recipe, realism=0.0), store, transfer_net)
    assert set(task.modules) == {"colorizer"}
    loss(task).backward()


def test_darkened_targets_keep_their_references(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe
) -> None:
    seen: list[torch.Tensor] = []
    for darkened in (0.0, 1.0):
        task = ColorizerTask(replace(colorizer_recipe, darkened=darkened), store, transfer_net)
        task.net.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
        loss(task)
    (_, light), (_, dark) = seen[:2], seen[2:]
    assert torch.equal(dark[:3], light[:3])  # without hints, or with true ones
    assert (dark[3:].mean((1, 2, 3)) < light[3:].mean((1, 2, 3))).all()


def test_dulled_references_are_as_dull_as_their_targets(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    chroma: list[torch.Tensor] = []

    real = ExemplarNet.encode_reference

    def record(net: ExemplarNet, rgb: torch.Tensor) -> ReferenceFeatures:
        chroma.append(rgb_to_lab(rgb)[:, 1:].norm(dim=1).mean((1, 2)))
        return real(net, rgb)

    wanted: list[torch.Tensor] = []

    def keep(found: torch.Tensor, truth: torch.Tensor, *args: object, **options: object) -> torch.Tensor:
        wanted.append(truth.norm(dim=1).mean((1, 2))[3:])
        return found.sum()

    monkeypatch.setattr(ExemplarNet, "encode_reference", record)
    monkeypatch.setattr(colorizer_task, "masked_huber", keep)
    for dulled in (0.0, 1.0):
        loss(ColorizerTask(replace(colorizer_recipe, dulled=dulled, recolored=0.0), store, transfer_net))
    of_references, of_targets = chroma[1] / chroma[0], wanted[1] / wanted[0]
    assert of_references.max() < 1
    assert torch.allclose(of_references, of_targets, rtol=0.1)  # up to what sRGB cannot show in another tone


def test_pre_coloring_leaves_the_batch_norms_alone(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe
) -> None:
    task = ColorizerTask(colorizer_recipe, store, transfer_net)
    task.modules.train()
    loss(task)
    assert task.net.training
    assert task.net.block1.norm.num_batches_tracked == 1


def test_exported_checkpoints_are_what_was_trained(
    store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    task = ColorizerTask(colorizer_recipe, store, transfer_net)
    train(task, 2)
    task.modules.eval()
    (path,) = task.export(tmp_path)
    loaded = load_colorizer(path)
    assert loaded.config.folded
    inputs = [torch.rand(1, channels, 16, 16) for channels in (1, 2, 1)]
    with torch.no_grad():
        torch.testing.assert_close(loaded(*inputs), task.net(*inputs), atol=5e-3, rtol=0)  # float16 in the file


def test_encoder_and_decoder_are_exported(store: PhotoStore, encoder_recipe: EncoderRecipe, tmp_path: Path) -> None:
    task = EncoderTask(encoder_recipe, store, None)
    encoder, decoder = task.export(tmp_path)
    reloaded = TransferNet(load_encoder(encoder), load_decoder(decoder))
    rgb = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        expected = task.decoder(task.encoder(rgb))
        torch.testing.assert_close(reloaded.reconstruct(rgb), expected, atol=5e-3, rtol=0)


def test_decoder_training_goes_on_from_a_start(
    store: PhotoStore, transfer_net: TransferNet, decoder_recipe: DecoderRecipe
) -> None:
    task = DecoderTask(decoder_recipe, store, transfer_net.encoder, transfer_net.decoder)
    assert task.decoder is transfer_net.decoder


def save_teacher(path: Path) -> None:
    """Random weights in the form of the distilled VGG19: 16, 32, 64 and 128 channels."""
    torch.manual_seed(0)
    widths = [3, 16, 16, 32, 32, 64, 64, 64, 64, 128]
    names = ("11", "12", "21", "22", "31", "32", "33", "34", "41")
    tensors = {"conv0.weight": torch.eye(3).view(3, 3, 1, 1), "conv0.bias": torch.zeros(3)}
    for name, inputs, outputs in zip(names, widths, widths[1:], strict=False):
        tensors[f"conv{name}.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        tensors[f"conv{name}.bias"] = torch.zeros(outputs)
    save_file(tensors, path)


def test_a_teacher_is_learned_from(store: PhotoStore, encoder_recipe: EncoderRecipe, tmp_path: Path) -> None:
    save_teacher(tmp_path / "teacher.safetensors")
    teacher = Teacher(tmp_path / "teacher.safetensors")
    shapes = {name: tuple(f.shape[1:]) for name, f in teacher(torch.rand(1, 3, 16, 24)).items()}
    assert shapes == {
        "relu1_1": (16, 16, 24),
        "relu2_1": (32, 8, 12),
        "relu3_1": (64, 4, 6),
        "relu4_1": (128, 2, 3),
    }
    torch.manual_seed(0)
    task = EncoderTask(replace(encoder_recipe, reconstruction=0.0), store, teacher)
    before = loss(task).item()
    assert 0.5 * encoder_recipe.distillation < before  # the teacher alone makes the loss
    train(task, 2)
    assert loss(task).item() < before


def test_an_encoder_learns_to_tell_classes_apart(
    store: PhotoStore, encoder_recipe: EncoderRecipe, tmp_path: Path
) -> None:
    """Dark pictures and light ones; one of 25 is held out, and counted in top1."""
    rng = np.random.default_rng(0)
    pictures = [
        rng.integers(128 * kind, 128 * kind + 100, (64, 64, 3), dtype=np.uint8) for kind in (0, 1) for _ in range(50)
    ]
    classes = PhotoStore(pictures, ["dark"] * 50 + ["light"] * 50, store.device)
    torch.manual_seed(0)
    recipe = replace(encoder_recipe, reconstruction=0.0, classification=1.0)
    task = EncoderTask(recipe, store, None, classes)
    before = loss(task).item()
    train(task, 30)
    assert loss(task).item() < 0.7 * before
    assert task.validate(store)["top1"] == 1
    encoder, _ = task.export(tmp_path)
    assert load_encoder(encoder).config == EncoderConfig(8)  # without what classified


@pytest.mark.parametrize("content", ["text", "another network"])
def test_a_wrong_teacher_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "teacher.safetensors"
    if content == "text":
        path.write_text("no teacher " * 20)
    else:
        save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(TrainingError, match=r"teacher\.safetensors"):
        Teacher(path)


def test_the_papers_recipes_are_the_papers() -> None:
    decoder, colorizer = DECODER["paper"], COLORIZER["paper"]
    assert (decoder.reconstruction, decoder.perceptual, decoder.gray_share) == (0.8, 0.2, 0)
    assert (decoder.schedule.rate, decoder.schedule.epochs, decoder.schedule.factor) == (1e-4, 5, 0.5)
    assert (colorizer.emphasis, colorizer.delta, colorizer.rarity, colorizer.vividness) == (10, 1, 0, 1)
    assert (colorizer.empty, colorizer.patches, colorizer.realism, colorizer.gated) == (0, 1, 0, False)
    assert (colorizer.empty, colorizer.patches) == (0, 1)
    assert (colorizer.schedule.rate, colorizer.schedule.epochs, colorizer.schedule.factor) == (1e-5, 10, 0.1)
    assert {decoder.width, colorizer.width} == {64}


@pytest.mark.parametrize("name", ["lite", "base"])
def test_recipes_of_a_model_fit_together(name: str) -> None:
    assert ENCODER[name].width == DECODER[name].width
    assert ENCODER[name].width == MATCHER[name].width
    for recipe in (ENCODER[name], DECODER[name], MATCHER[name], COLORIZER[name]):
        assert all(size % 8 == 0 for size in recipe.crops)
    assert COLORIZER[name].empty + COLORIZER[name].patches < 1  # it learns to disbelieve
