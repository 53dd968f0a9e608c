"""The loop: a run that was interrupted ends as one that was not, within its budget, and says what went wrong."""

import json
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from interrupted_training import Interrupted, interrupt_at

from excolor.errors import TrainingError
from excolor.networks.checkpoint import load_colorizer
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.matcher import Matcher, MatcherConfig
from excolor.networks.transfer import TransferNet
from excolor.training import validation
from excolor.training.colorizer_task import ColorizerTask
from excolor.training.loop import Budget, TrainingProgress, fit, learning_rate, make_output_folder
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import COLORIZER, DECODER, ColorizerRecipe, Schedule
from excolor.training.state import STATE, read_tensors, write_tensors


@pytest.fixture
def make_task(store: PhotoStore, transfer_net: TransferNet, colorizer_recipe: ColorizerRecipe):
    """New tasks that start from the same weights."""

    def make(**changes: object) -> ColorizerTask:
        torch.manual_seed(0)
        return ColorizerTask(replace(colorizer_recipe, **changes), store, transfer_net)

    return make


@pytest.fixture
def make_quick_task(store: PhotoStore, patches_recipe: ColorizerRecipe):
    """Likewise, without coarse maps."""

    def make(**changes: object) -> ColorizerTask:
        torch.manual_seed(0)
        return ColorizerTask(replace(patches_recipe, **changes), store, None)

    return make


def test_a_resumed_run_equals_a_straight_one(make_task, store: PhotoStore, tmp_path: Path) -> None:
    """Bit for bit: weights, norms and what is exported; with a schedule and crops that follow the budget."""
    straight = make_task()
    fit(straight, Budget(steps=4), tmp_path / "straight")

    every_step = {"progress_seconds": 0.0, "save_seconds": 0.0}
    with pytest.raises(Interrupted):
        fit(make_task(), Budget(steps=4), tmp_path / "resumed", on_progress=interrupt_at(2), **every_step)
    resumed = make_task()
    (exported,) = fit(resumed, Budget(steps=4), tmp_path / "resumed", resume=True)

    for name, tensor in straight.modules.state_dict().items():
        assert torch.equal(tensor, resumed.modules.state_dict()[name]), name
    assert exported.read_bytes() == (tmp_path / "straight" / exported.name).read_bytes()
    load_colorizer(exported)


def test_a_run_without_stop_leaves_checkpoint_state_and_log(
    make_quick_task, store: PhotoStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "_SIZE", 32)
    reports: list[TrainingProgress] = []
    paths = fit(
        make_quick_task(), Budget(steps=3), tmp_path / "new" / "run", validation=store, on_progress=reports.append
    )
    assert paths == [tmp_path / "new" / "run" / "colorizer.safetensors"]
    assert {path.name for path in paths[0].parent.iterdir()} == {paths[0].name, STATE, "training-log.jsonl"}
    (last,) = reports
    assert (last.step, last.used) == (3, 1.0)
    assert last.validation is not None and last.validation["none_psnr"] > 0
    logged = (paths[0].parent / "training-log.jsonl").read_text().splitlines()
    assert json.loads(logged[-1])["step"] == 3


def test_seeds_give_different_runs(make_quick_task, tmp_path: Path) -> None:
    a, b = make_quick_task(), make_quick_task()
    fit(a, Budget(steps=1), tmp_path / "a", seed=1)
    fit(b, Budget(steps=1), tmp_path / "b", seed=2)
    assert not torch.equal(a.net.out.weight, b.net.out.weight)


@pytest.mark.parametrize("change", ["recipe", "seed", "precision", "no state"])
def test_a_state_of_another_run_is_refused(make_quick_task, tmp_path: Path, change: str) -> None:
    if change != "no state":
        fit(make_quick_task(), Budget(steps=1), tmp_path)
    task = make_quick_task(emphasis=3.0) if change == "recipe" else make_quick_task()
    told = {
        "recipe": "belongs to another recipe",
        "seed": "belongs to a run with --seed 0; give that, or",
        "precision": "belongs to a run with --precision auto; give that, or",
        "no state": "no training state there",
    }
    with pytest.raises(TrainingError, match=f"{STATE}: {told[change]}"):
        precision = "bfloat16" if change == "precision" else "auto"
        fit(task, Budget(steps=2), tmp_path, resume=True, seed=int(change == "seed"), precision=precision)


def test_a_state_from_before_a_field_was_added_is_gone_on_with(make_quick_task, tmp_path: Path) -> None:
    """It was written by a version that had neither averages nor a weight decay, and so means none."""
    fit(make_quick_task(), Budget(steps=1), tmp_path)
    state = torch.load(tmp_path / STATE, weights_only=True)
    recipe = json.loads(state["recipe"])
    for name in ("weight_decay", "averaging"):
        del recipe["schedule"][name]
    del state["averages"]

    def resumed(recipe: dict[str, object], schedule: Schedule) -> None:
        torch.save(state | {"recipe": json.dumps(recipe)}, tmp_path / STATE)
        fit(make_quick_task(schedule=schedule), Budget(steps=2), tmp_path, resume=True)

    resumed(recipe, Schedule(1e-3))
    for schedule in (Schedule(1e-3, weight_decay=0.1), Schedule(1e-3, averaging=0.1)):
        with pytest.raises(TrainingError, match="another recipe"):
            resumed(recipe, schedule)
    with pytest.raises(TrainingError, match="another recipe"):
        resumed(recipe | {"more": 1}, Schedule(1e-3))


def test_weights_decay_by_the_rate(make_quick_task, tmp_path: Path) -> None:
    """By rate × decay beside the step itself (Loshchilov & Hutter 2019)."""
    plain, decayed = make_quick_task(), make_quick_task(schedule=Schedule(1e-3, weight_decay=50.0))
    before = {name: weight.clone() for name, weight in plain.modules.state_dict().items()}
    fit(plain, Budget(steps=1), tmp_path / "plain")
    fit(decayed, Budget(steps=1), tmp_path / "decayed")
    for name, weight in plain.net.named_parameters():
        wanted = weight - 1e-3 * 50 * before[f"colorizer.{name}"]
        torch.testing.assert_close(decayed.net.get_parameter(name), wanted, rtol=1e-3, atol=1e-5)


def test_a_loss_that_is_no_number_stops_and_saves_nothing(make_quick_task, tmp_path: Path) -> None:
    task = make_quick_task()
    with torch.no_grad():
        task.net.out.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match="nan by step 1"):
        fit(task, Budget(steps=1), tmp_path)
    assert not (tmp_path / STATE).exists()


def test_minutes_end_a_run_and_it_is_saved(make_quick_task, tmp_path: Path) -> None:
    reports: list[TrainingProgress] = []
    fit(make_quick_task(), Budget(minutes=0.005), tmp_path, on_progress=reports.append)
    assert [report.used for report in reports] == [1.0]
    assert reports[0].step >= 1
    assert torch.load(tmp_path / STATE, weights_only=True)["step"] == reports[0].step


def test_a_run_of_hardly_any_time_makes_a_step_and_is_saved(make_quick_task, tmp_path: Path) -> None:
    fit(make_quick_task(), Budget(minutes=1e-12), tmp_path)
    assert torch.load(tmp_path / STATE, weights_only=True)["step"] == 1
    fit(make_quick_task(), Budget(minutes=1e-12), tmp_path, resume=True)
    assert torch.load(tmp_path / STATE, weights_only=True)["step"] == 1


def test_a_last_step_that_spoils_the_weights_saves_nothing(
    make_quick_task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss is that from before the step, and a number."""
    fit(make_quick_task(), Budget(steps=1), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    task = make_quick_task()
    monkeypatch.setattr(task, "loss", lambda *_: (0 * task.net.out.weight).abs().sum().sqrt())  # of infinite slope
    with pytest.raises(TrainingError, match=r"weights became .* by step 2; lower"):
        fit(task, Budget(steps=2), tmp_path, resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_budgets() -> None:
    assert Budget(steps=200).used(50, seconds=1e9) == 0.25
    assert Budget(minutes=2).used(10**9, seconds=30) == 0.25


def test_cosine_schedule() -> None:
    schedule = Schedule(0.4, warm_up=10)
    rates = [learning_rate(schedule, 100, used, epoch=3) for used in (0, 0.5, 1, 1.2)]
    assert rates == pytest.approx([0.4, 0.2, 0, 0], abs=1e-7)
    assert learning_rate(schedule, 4, 0, 0) == pytest.approx(0.2)  # the fifth of ten steps up
    assert learning_rate(schedule, 9, 0, 0) == pytest.approx(0.4)


def test_step_schedule_is_the_papers() -> None:
    halved_every_five = DECODER["paper"].schedule
    rates = [learning_rate(halved_every_five, 0, 0.9, epoch) for epoch in (0, 4.99, 5, 9.9, 10)]
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 5e-5, 2.5e-5])
    divided_after_ten = COLORIZER["paper"].schedule
    rates = [learning_rate(divided_after_ten, 0, 0.9, epoch) for epoch in (0, 9.9, 10, 25)]
    assert rates == pytest.approx([1e-5, 1e-5, 1e-6, 1e-6])


@pytest.mark.parametrize("budget", [{}, {"steps": 1, "minutes": 1.0}, {"steps": 0}, {"minutes": float("nan")}])
def test_a_budget_is_one_positive_number(budget: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="budget"):
        Budget(**budget)


def test_a_damaged_state_is_named(make_quick_task, tmp_path: Path) -> None:
    fit(make_quick_task(), Budget(steps=1), tmp_path)
    state = tmp_path / STATE
    state.write_bytes(state.read_bytes()[:5000])
    with pytest.raises(TrainingError, match="not a readable training state"):
        fit(make_quick_task(), Budget(steps=2), tmp_path, resume=True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (Fraction(1, 2), "not a readable training state"),  # for which torch would have to run code
        ([torch.zeros(1)], "not a readable training state"),
        ({"weight": torch.zeros(1)}, "not a readable training state"),
        ({"modules": {}}, "not the whole state"),
        ({"modules": {}, "recipe": "3", "seed": 0, "precision": "auto"}, "another recipe"),
    ],
    ids=["an object", "a list", "tensors", "a part", "no recipe"],
)
def test_what_is_no_state_is_one_sentence(make_quick_task, tmp_path: Path, content: object, told: str) -> None:
    torch.save(content, tmp_path / STATE)
    with pytest.raises(TrainingError, match=f"{STATE}: .*{told}") as error:
        fit(make_quick_task(), Budget(steps=2), tmp_path, resume=True)
    assert "\n" not in str(error.value) and "weights_only" not in str(error.value)
    assert "delete" not in str(error.value)  # given by --start, it may be anything


def test_other_frozen_networks_are_refused_where_a_run_is_continued(
    store: PhotoStore, transfer_net: TransferNet, patches_recipe: ColorizerRecipe, tmp_path: Path
) -> None:
    other = TransferNet(Encoder(EncoderConfig(8)), transfer_net.decoder)
    matcher = Matcher(MatcherConfig(8, 16))

    def run(transfer: TransferNet | None, matcher: Matcher | None, steps: int, *, resume: bool = True) -> None:
        task = ColorizerTask(patches_recipe, store, transfer, None, matcher)
        fit(task, Budget(steps=steps), tmp_path, resume=resume)

    run(transfer_net, None, 1, resume=False)
    for transfer, found_matcher, words in (
        (other, None, "a run with another encoder; give its --encoder, or"),
        (None, None, "a frozen decoder and a frozen encoder; give its --decoder and give its --encoder"),
        (transfer_net, matcher, "a run with no matcher; leave out --matcher, or"),
    ):
        with pytest.raises(TrainingError, match=f"{STATE}: belongs to .*{words}"):
            run(transfer, found_matcher, 2)
    run(transfer_net, None, 2)

    state = torch.load(tmp_path / STATE, weights_only=True)
    del state["frozen"]  # as in states of earlier versions
    torch.save(state, tmp_path / STATE)
    run(other, matcher, 3)


def test_two_that_write_a_state_at_once_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, save = tmp_path / STATE, torch.save

    def save_after_another(content: dict[str, int], file: object) -> None:
        if content["number"] == 1:
            write_tensors(path, {"number": 2})
        save(content, file)

    monkeypatch.setattr("torch.save", save_after_another)
    write_tensors(path, {"number": 1})
    assert read_tensors(path) == {"number": 1}
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_a_sentence_and_leaves_what_was_saved_before(make_quick_task, tmp_path: Path) -> None:
    fit(make_quick_task(), Budget(steps=1), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    checkpoint = len(before["colorizer.safetensors"])
    assert checkpoint < len(before[STATE])
    for size, named in ((checkpoint // 2, STATE), (len(before[STATE]) - 10, STATE)):
        with full_disk(size), pytest.raises(TrainingError, match=rf"{named}: cannot be written \(File too large\)"):
            fit(make_quick_task(), Budget(steps=2), tmp_path, resume=True)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    fit(make_quick_task(), Budget(steps=2), tmp_path, resume=True)


def test_a_checkpoint_or_a_log_that_cannot_be_written_is_named_and_the_state_is_kept(
    make_quick_task, tmp_path: Path
) -> None:
    for name, told in (("colorizer.safetensors/full", "a"), ("training-log.jsonl", "b/training-log.jsonl")):
        folder = tmp_path / told[0]
        (folder / name).mkdir(parents=True)
        with pytest.raises(TrainingError, match=rf"{told}: cannot be written .*--resume"):
            fit(make_quick_task(), Budget(steps=1), folder)
        shutil.rmtree(folder / Path(name).parts[0])
        fit(make_quick_task(), Budget(steps=2), folder, resume=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that nobody can write to, root included")
def test_a_folder_that_cannot_be_written_to_is_found_out_at_once() -> None:
    with pytest.raises(TrainingError, match=r"/proc: cannot be written to .*--output"):
        make_output_folder(Path("/proc"))


def test_bfloat16_learns_what_float32_does(make_task, tmp_path: Path) -> None:
    reports: dict[str, list[TrainingProgress]] = {"float32": [], "bfloat16": []}
    for precision, told in reports.items():
        fit(make_task(), Budget(steps=3), tmp_path / precision, precision=precision, on_progress=told.append)
    exact, rough = (told[-1].loss for told in reports.values())
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.1)
