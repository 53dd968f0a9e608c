"""The training loop: steps until a budget is used up, validation, checkpoints, and a state to go on from.

The budget is a number of steps or of minutes on the clock; the learning rate and the size of the crops follow the
share of it that is used. Step k draws from a generator seeded with (seed, k): a run that is counted in steps and
resumed ends with the same weights as one that never stopped.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch
from torch import Generator

from excolor.errors import TrainingError
from excolor.networks.checkpoint import fingerprint
from excolor.runtime.devices import out_of_memory_explained
from excolor.runtime.source_commit import commit
from excolor.settings import Precision
from excolor.training.averages import AveragedWeights
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import Schedule
from excolor.training.state import STATE, read_state, write_tensors, writing
from excolor.training.task import Task

_LOG = "training-log.jsonl"


@dataclass(frozen=True)
class Budget:
    """When training ends: after `steps` steps or `minutes` on the clock.

    Raises:
        TrainingError: not exactly one of them is given, or it is not above zero.
    """

    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = [limit for limit in (self.steps, self.minutes) if limit is not None]
        if len(given) != 1 or not 0 < given[0] < float("inf"):
            raise TrainingError("the budget is to be a number of steps or of minutes, above zero")

    def used(self, step: int, seconds: float) -> float:
        """The share that is used up, from 0; training ends at 1."""
        if self.steps is not None:
            return step / self.steps
        assert self.minutes is not None
        return seconds / (60 * self.minutes)


@dataclass(frozen=True)
class TrainingProgress:
    """How far a run is.

    Attributes:
        step: the number of steps so far.
        used: share of the budget that is used up, in [0, 1].
        loss: mean since the last progress.
        images_per_second: crops of the batches, likewise. Their references do not count, nor what is drawn beside them.
        validation: numbers of the validation, if there was one since.
    """

    step: int
    used: float
    loss: float
    images_per_second: float
    validation: dict[str, float] | None


def learning_rate(schedule: Schedule, step: int, used: float, epoch: float) -> float:
    """The rate at a step, at a share `used` of the budget in [0, 1], after `epoch` passes over the pictures."""
    warm = min(1.0, (step + 1) / schedule.warm_up) if schedule.warm_up else 1.0
    if schedule.decay == "cosine":
        return float(schedule.rate * warm * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * min(used, 1.0))).item()))
    passed = int(epoch // schedule.epochs)
    return schedule.rate * warm * schedule.factor ** (min(passed, 1) if schedule.decay == "once" else passed)


def make_output_folder(folder: Path) -> None:
    """Make the folder of a run. Raises TrainingError if that cannot be, or nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be made a folder ({error.strerror}); choose another --output") from error
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TrainingError(
            f"{folder}: cannot be written to ({error.strerror}); allow it, or choose another --output"
        ) from error


def fit(
    task: Task,
    budget: Budget,
    folder: Path,
    *,
    seed: int = 0,
    resume: bool = False,
    validation: PhotoStore | None = None,
    precision: Precision = "auto",
    progress_seconds: float = 10.0,
    save_seconds: float = 90.0,
    on_progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> list[Path]:
    """Train `task` and write its checkpoints to `folder`, with the training state beside them.

    Args:
        task: what to train.
        budget: when to stop.
        folder: gets the checkpoints, `training-state.pt` and `training-log.jsonl`.
        seed: of everything that is drawn.
        resume: continue from the state in `folder`.
        validation: photographs that are not trained on; None validates nothing.
        precision: of the networks' arithmetic; their weights are float32 always. `auto` is bfloat16 on a GPU, which
            trains as well and several times faster, and float32 on a CPU; those that have instructions for bfloat16
            (AVX512-BF16) train 1.7 times as fast with it.
        progress_seconds: between two calls of `on_progress`.
        save_seconds: between two saves (with validation); the end saves too.
        on_progress: is called with the numbers.

    Returns:
        The checkpoints.

    Raises:
        TrainingError: there is no state to resume, or it is of another recipe, seed or precision, or beside other
            frozen networks; the loss or a weight is not a number any more; or a file cannot be written.
    """
    make_output_folder(folder)
    schedule, device = task.recipe.schedule, task.photos.device
    optimizer = torch.optim.AdamW(task.modules.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    averages = AveragedWeights(task.modules, schedule.averaging)
    step, seconds_before = 0, 0.0
    frozen = {name: fingerprint(network) for name, network in task.frozen.items()}
    if resume:
        state_path = folder / STATE
        step, seconds_before = _load_state(
            state_path, _state_of(state_path, task, frozen, seed, precision), task, optimizer, averages
        )
    started = last_progress = last_save = time.monotonic()
    step_of_last_progress = step
    losses: list[torch.Tensor] = []
    task.modules.train()

    def used() -> float:
        return budget.used(step, seconds_before + time.monotonic() - started)

    def save() -> dict[str, float] | None:
        _check_weights(task, step)
        numbers = None if validation is None else _validate(task, averages, validation)
        state = {
            "recipe": json.dumps(asdict(task.recipe)),
            "seed": seed,
            "precision": precision,
            "commit": commit(),
            "step": step,
            "seconds": seconds_before + time.monotonic() - started,
            "modules": task.modules.state_dict(),
            "optimizer": optimizer.state_dict(),
            "averages": averages.state_dict(),
            "frozen": frozen,
        }
        write_tensors(folder / STATE, state)  # before the checkpoints: where these are, the run can be continued
        _export(task, averages, folder)
        return numbers

    share = used() if step else 0.0  # however short the time is, there is a step to save
    while share < 1:
        optimizer.param_groups[0]["lr"] = learning_rate(
            schedule, step, share, epoch=step * task.recipe.mean_batch / len(task.photos)
        )
        size = task.recipe.crops[int(share * len(task.recipe.crops))]
        generator = Generator(device).manual_seed(seed * 1_000_003 + step)
        optimizer.zero_grad(set_to_none=True)
        with out_of_memory_explained(device, "a recipe of smaller width, crops or batch"):
            loss = task.loss(size, generator, _arithmetic(device, precision))
            _update(task, optimizer, loss)
        averages.update(step)
        losses.append(loss.detach())
        step += 1

        now = time.monotonic()
        share = used()  # once a step, so that the last one is always reported and saved
        if now - last_progress >= progress_seconds or share >= 1:
            mean_loss = _mean(losses, step)
            numbers = None
            speed = (step - step_of_last_progress) * task.recipe.mean_batch / (now - last_progress)
            if now - last_save >= save_seconds or share >= 1:
                numbers = save()
                last_save = time.monotonic()
            progress = TrainingProgress(step, min(share, 1.0), mean_loss, speed, numbers)
            _write_log(folder / _LOG, progress)
            on_progress(progress)
            losses.clear()
            last_progress, step_of_last_progress = time.monotonic(), step
    task.modules.eval()
    return _export(task, averages, folder)


def _validate(task: Task, averages: AveragedWeights, photos: PhotoStore) -> dict[str, float]:
    task.modules.eval()
    with averages.applied(), torch.no_grad():
        numbers = task.validate(photos)
    task.modules.train()
    return numbers


def _export(task: Task, averages: AveragedWeights, folder: Path) -> list[Path]:
    with averages.applied(), writing(folder):
        return task.export(folder)


def _update(task: Task, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]
    if task.recipe.schedule.clip:
        torch.nn.utils.clip_grad_norm_(task.modules.parameters(), task.recipe.schedule.clip)
    optimizer.step()


def _mean(losses: list[torch.Tensor], step: int) -> float:
    mean = torch.stack(losses).mean().item()
    if not math.isfinite(mean):
        raise TrainingError(f"the loss became {mean} by step {step}; lower the learning rate of the recipe")
    return mean


def _check_weights(task: Task, step: int) -> None:
    """Raise TrainingError if a weight is not a number any more: losses only tell of the step before."""
    weights = [tensor for tensor in task.modules.state_dict().values() if tensor.is_floating_point()]
    if not torch.stack([weight.isfinite().all() for weight in weights]).all():
        raise TrainingError(f"weights became infinite or no numbers by step {step}; lower the recipe's learning rate")


def _write_log(path: Path, progress: TrainingProgress) -> None:
    with writing(path), path.open("a") as log:
        log.write(json.dumps(asdict(progress)) + "\n")


def _arithmetic(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    if precision == "float32" or (precision == "auto" and device.type != "cuda"):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _state_of(path: Path, task: Task, frozen: Mapping[str, str], seed: int, precision: Precision) -> dict[str, Any]:
    """The saved state, which is to be of a run like this one, beside the same `frozen` networks."""
    state = read_state(path)
    try:
        same_recipe = _is_described(task.recipe, json.loads(state["recipe"]))
        options = {"seed": (state["seed"], seed), "precision": (state["precision"], precision)}
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path}: not the whole state of a run; choose another --output") from error
    if not same_recipe:
        raise TrainingError(f"{path}: belongs to another recipe; use that of its run, or choose another --output")
    others = [f"--{name} {before}" for name, (before, now) in options.items() if before != now]
    if others:
        raise TrainingError(f"{path}: belongs to a run with {' '.join(others)}; give that, or choose another --output")
    saved = state.get("frozen", frozen)  # states of earlier versions do not say
    changed = [name for name in sorted(saved.keys() | frozen.keys()) if saved.get(name) != frozen.get(name)]
    if changed:
        told = " and ".join(_how_it_was(name, saved, frozen) for name in changed)
        ways = " and ".join(f"give its --{name}" if name in saved else f"leave out --{name}" for name in changed)
        raise TrainingError(f"{path}: belongs to a run with {told}; {ways}, or choose another --output")
    return state


def _how_it_was(name: str, saved: Mapping[str, str], frozen: Mapping[str, str]) -> str:
    """How a saved run was with a frozen network, in words."""
    if name not in saved:
        return f"no {name}"
    return f"another {name}" if name in frozen else f"a frozen {name}"


def _load_state(
    path: Path, state: Mapping[str, Any], task: Task, optimizer: torch.optim.Optimizer, averages: AveragedWeights
) -> tuple[int, float]:
    """Put the saved state back; returns the step and the seconds it was reached in."""
    try:
        task.modules.load_state_dict(state["modules"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(
            f"{path}: holds other networks than are trained here; use the options of that run"
        ) from error
    optimizer.load_state_dict(state["optimizer"])
    averages.load_state_dict(state.get("averages", {}))
    return int(state["step"]), float(state["seconds"])


def _is_described(recipe: Any, saved: Any) -> bool:
    """Whether what was saved is this recipe. States made before a field was added lack it, and mean its default."""
    if not is_dataclass(recipe):
        return bool(json.loads(json.dumps(recipe)) == saved)
    if not isinstance(saved, dict):
        return False
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    defaults = {field.name: field.default for field in fields(recipe)}
    return saved.keys() <= values.keys() and all(
        _is_described(value, saved[name]) if name in saved else value == defaults[name]
        for name, value in values.items()
    )
