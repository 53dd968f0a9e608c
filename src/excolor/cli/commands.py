"""How commands meet the user: help in groups of options, and mistakes in a request as usage errors."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from excolor.errors import PlanError

F = TypeVar("F", bound=Callable[..., Any])

INPUT, REFERENCES, QUALITY, OUTPUT, RUN = "Input", "References", "Quality", "Output", "Run"
_GROUPS = (INPUT, REFERENCES, QUALITY, OUTPUT, RUN)
"""The groups of options in the help, in this order."""


class GroupedOption(click.Option):
    """An option that has a place in the help."""

    def __init__(self, *args: Any, group: str, **attributes: Any) -> None:
        """Belong to `group`, one of those above; all else as in click."""
        super().__init__(*args, **attributes)
        self.group = group


def option(*declarations: str, group: str, **attributes: Any) -> Callable[[F], F]:
    """`click.option` in a group of the help."""
    return click.option(*declarations, cls=GroupedOption, group=group, **attributes)


class Command(click.Command):
    """Shows options by group, if they have any, and turns a PlanError into a usage error with exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PlanError as error:
            raise click.UsageError(str(error), ctx) from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by group; those without one, such as --help, come last."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                rows.setdefault(getattr(parameter, "group", RUN), []).append(record)
        if len(rows) == 1:
            super().format_options(ctx, formatter)
            return
        for group in _GROUPS:
            if group in rows:
                with formatter.section(group):
                    formatter.write_dl(rows[group])


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type  # groups in groups are of this class, too
