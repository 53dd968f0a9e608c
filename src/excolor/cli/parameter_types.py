"""The types of what is typed: files, places, numbers and lists."""

import math
from pathlib import Path
from typing import Any

import click

from excolor.batch.shards import Shard, parse_shard
from excolor.errors import PlanError

# Whether a file exists and can be read is checked by the library, in the same words for the API and the command line
PHOTO = click.Path(path_type=Path)


class LocationType(click.Path):
    """A path, or an address of an object store or a web server."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        from excolor.remote import as_path

        return as_path(value) if isinstance(value, str) else super().convert(value, param, ctx)


LOCATION = LocationType(path_type=Path)

# As typed: a file, a folder, a glob, @LIST or -; see `batch.sources`
PICTURES = click.Path(allow_dash=True)

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


class ShardType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """K/N, or the name of a scheduler."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        """Parse, or fail as a usage error."""
        try:
            return parse_shard(value)
        except PlanError as error:
            self.fail(str(error), param, ctx)
