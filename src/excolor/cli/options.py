"""Options that several commands share, and the types of their values."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

# Whether a file exists and can be read is said by the library, in the same words for the API and the command line
PHOTO = click.Path(path_type=Path)


SEED = click.IntRange(0, 2**32 - 1)


class FiniteRange(click.FloatRange):
    """A range of numbers that "nan", which compares with nothing, is not in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse and check."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class CommaList(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Some of a few words, separated by commas, each at most once."""

    name = "list"

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Parse "a,b" to ("a", "b"), in the order of the choices."""
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in value.split(",")]
        unknown = [word for word in words if word not in self.choices]
        if unknown:
            self.fail(f"{unknown[0]!r} is not one of {', '.join(self.choices)}.", param, ctx)
        return tuple(choice for choice in self.choices if choice in words)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Show the choices in the help."""
        return ",".join(self.choices)


def output_options(command: F) -> F:
    """-o, --force and --quiet."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No notes and no progress bar."),
        click.option("-f", "--force", is_flag=True, help="Replace files that exist."),
        click.option(
            "-o",
            "--output",
            type=click.Path(),  # as it was typed: a path object would lose the slash that says "folder"
            metavar="FILE|FOLDER",
            help="Where to write; beside the input by default.",
        ),
    ):
        command = option(command)
    return command


def model_options(command: F) -> F:
    """--model and --device."""
    for option in (
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
        click.option("--model", help="A model of weights.toml or a folder of checkpoints.  [default: the shipped one]"),
    ):
        command = option(command)
    return command


def working_size_option(default: int) -> Callable[[F], F]:
    """--working-size."""
    return click.option(
        "--working-size",
        type=click.IntRange(16, 4096),
        default=default,
        show_default=True,
        help="Pixels of the shorter side that the networks see.",
    )
