"""What the commands of `excolor train` share: the options of a run, and the run itself."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from excolor.cli.commands import INPUT, OUTPUT, RUN, TRAINING, option
from excolor.cli.options import device_option, seed_option
from excolor.cli.parameter_types import FiniteRange
from excolor.settings import PRECISIONS

if TYPE_CHECKING:
    from excolor.settings import Precision
    from excolor.training.loop import TrainingProgress
    from excolor.training.photo_store import PhotoStore
    from excolor.training.recipes import Recipe
    from excolor.training.task import Task

_PATH = click.Path(path_type=Path)

# Options that say what a run begins with, by their parameters; its training state has all of it
_BEGINNINGS = {"start": "--start", "places_path": "--places", "backbone": "--backbone"}


def run_options(recipes: tuple[str, ...], default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of all commands; a `default` of None is the first recipe of the encoder's width."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def checked(**values: Any) -> Any:
            if (values["steps"] is None) == (values["minutes"] is None):
                raise click.UsageError("give either --steps or --minutes.")
            given = [name for value, name in _BEGINNINGS.items() if values.get(value)]
            if values["resume"] and given:
                raise click.UsageError(
                    f"--resume continues the run in {values['output']}, which keeps what it began with; leave out "
                    f"{' and '.join(given)}, or, to begin another run, leave out --resume and choose another --output."
                )
            return command(**values)

        for add_option in reversed(
            (
                option(
                    "--limit",
                    type=click.IntRange(1),
                    metavar="N",
                    group=INPUT,
                    help="Read only the first N photographs.",
                ),
                option(
                    "--validate", type=_PATH, metavar="PATH", group=INPUT, help="Measure on these photographs at times."
                ),
                option(
                    "--recipe",
                    type=click.Choice(recipes),
                    default=default,
                    show_default=True if default else "by the width of the encoder",
                    group=TRAINING,
                    help="Take these hyperparameters.",
                ),
                option(
                    "--steps", type=click.IntRange(1), metavar="N", group=TRAINING, help="Train for this many steps."
                ),
                option(
                    "--minutes",
                    type=FiniteRange(0, min_open=True),
                    metavar="X",
                    group=TRAINING,
                    help="Train for this many minutes.",
                ),
                seed_option("everything that is drawn", TRAINING),
                option(
                    "--precision",
                    type=click.Choice(PRECISIONS),
                    default="auto",
                    show_default=True,
                    group=TRAINING,
                    help="Compute in this precision; auto is bfloat16 on a GPU. Some CPUs are faster with it, too.",
                ),
                option(
                    "-o",
                    "--output",
                    type=_PATH,
                    required=True,
                    metavar="FOLDER",
                    group=OUTPUT,
                    help="Write the checkpoints, the training state and a log to this folder.",
                ),
                option(
                    "--resume",
                    is_flag=True,
                    group=OUTPUT,
                    help="Continue from the training state in the output folder.",
                ),
                device_option,
                option("-q", "--quiet", is_flag=True, group=RUN, help="Show no progress."),
            )
        ):
            checked = add_option(checked)
        return click.argument("photos", type=_PATH, nargs=-1, required=True, metavar="PHOTOS...")(checked)

    return add


def of_width(width: int, recipes: "Mapping[str, Recipe]") -> str:
    """The name of the first recipe of a width; `lite` if there is none, whose error explains what does not fit."""
    return next((name for name, recipe in recipes.items() if recipe.width == width), "lite")


def encoder_file(name: str, quiet: bool) -> Path:
    """The checkpoint that --encoder names: a file, or a public one, downloaded if it is not here yet."""
    from excolor.weights import load_manifest

    public = load_manifest().public.get(name)
    if public is None or public.role != "encoder" or Path(name).exists():
        return Path(name)

    from excolor.cli.downloads import downloads
    from excolor.networks.public import obtain

    with downloads(quiet) as progress:
        return obtain(name, progress=progress)


def run_training(
    photos: tuple[Path, ...],
    photo_side: int,
    make_task: Callable[["PhotoStore"], "Task"],
    checkpoints: tuple[str, ...],
    *,
    output: Path,
    steps: int | None,
    minutes: float | None,
    resume: bool,
    validate: Path | None,
    limit: int | None,
    seed: int,
    device: str,
    precision: "Precision",
    quiet: bool,
) -> None:
    """Load the photographs, train, and print the checkpoints that were written.

    Files called like `checkpoints`, those of the task, are only replaced by the run that wrote them.
    """
    import torch

    from excolor.runtime.devices import choose_device
    from excolor.training.loading import load_photos
    from excolor.training.loop import Budget, fit, make_output_folder
    from excolor.training.state import STATE

    place = choose_device(device)
    make_output_folder(output)
    if not resume and (output / STATE).exists():
        raise click.ClickException(
            f"{output} holds a training run; continue it with --resume, or choose another --output"
        )
    kept = [name for name in checkpoints if (output / name).exists()]
    if not resume and kept:
        raise click.ClickException(
            f"{output} holds {' and '.join(kept)} already, which would be replaced; choose another --output, or move "
            "what is there elsewhere"
        )

    def show(progress: "TrainingProgress") -> None:
        if quiet:
            return
        numbers = {"loss": f"{progress.loss:.5f}", "images/s": f"{progress.images_per_second:.0f}"}
        numbers |= {name: f"{value:.3f}" for name, value in (progress.validation or {}).items()}
        shown = "  ".join(f"{name} {value}" for name, value in numbers.items())
        click.echo(f"step {progress.step}  {progress.used:4.0%}  {shown}", err=True)

    # The few first, so that what is wrong with them is found out soon
    held_out = load_photos([validate], place, shorter_side=photo_side) if validate else None
    store = load_photos(photos, place, shorter_side=photo_side, limit=limit)
    if not quiet:
        click.echo(f"{len(store)} photographs on {place}", err=True)
    torch.manual_seed(seed)  # for the networks' first weights
    budget = Budget(steps=steps, minutes=minutes)
    task = make_task(store)
    paths = fit(
        task,
        budget,
        output,
        seed=seed,
        resume=resume,
        validation=held_out,
        precision=precision,
        on_progress=show,
    )
    for path in paths:
        click.echo(os.fsencode(path))
