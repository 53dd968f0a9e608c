"""How commands meet the user: help in groups of options, and mistakes in a request as usage errors."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from excolor.errors import ExcolorError, PlanError

_OPTIONS = {
    "chroma": "--chroma",
    "codec": "--codec",
    "content_mask": "--content-mask",
    "crf": "--crf",
    "device": "--device",
    "end": "--end",
    "exact": "--exact",
    "force_hints": "--force-hints",
    "format": "--format",
    "hint_share": "--hint-share",
    "hints": "--hints",
    "match": "--match",
    "max_pixels": "--max-megapixels",
    "model": "--model",
    "models": "--models",
    "output": "-o",
    "overwrite": "--force",
    "page": "--page",
    "pairing": "--pair",
    "points": "--hint",
    "precision": "--precision",
    "recursive": "--recursive",
    "references": "--ref",
    "report": "--report",
    "retry": "--retry",
    "root": "--root",
    "shard": "--shard",
    "side": "--side",
    "sizes": "--sizes",
    "skip_existing": "--skip-existing",
    "start": "--start",
    "threads": "--threads",
    "treat_as_gray": "--treat-as-gray",
    "working_size": "--working-size",
}
"""What the library calls what can be set (`ExcolorError.settings`), and what the command line calls it."""

F = TypeVar("F", bound=Callable[..., Any])

INPUT, REFERENCES, HINTS, QUALITY = "Input", "References", "Hints", "Quality"
TRAINING, MEASURING = "Training", "Measuring"
OUTPUT, RUN = "Output", "Run"
_GROUPS = (INPUT, REFERENCES, HINTS, QUALITY, TRAINING, MEASURING, OUTPUT, RUN)
"""The groups of options in the help, in this order."""

_WIDEST = 28  # characters: longer names of options have a line of their own


class GroupedOption(click.Option):
    """An option that has a place in the help."""

    def __init__(self, *args: Any, group: str, **attributes: Any) -> None:
        """Belong to `group`, one of those above; all else as in click."""
        super().__init__(*args, **attributes)
        self.group = group


def with_options(text: str, settings: Sequence[str]) -> str:
    """An error's sentence with the options of the current command that set these things."""
    context = click.get_current_context(silent=True)
    known = {name for parameter in context.command.params for name in parameter.opts} if context else set()
    options = [_OPTIONS[setting] for setting in settings if _OPTIONS.get(setting) in known]
    if not options:
        return text
    return f"{text.removesuffix('.')} ({', '.join(options)}){'.' if text.endswith('.') else ''}"


def option(*declarations: str, group: str, **attributes: Any) -> Callable[[F], F]:
    """`click.option` in a group of the help."""
    return click.option(*declarations, cls=GroupedOption, group=group, **attributes)


class Command(click.Command):
    """Shows options by group, if they have any, and turns errors into messages: of exit code 2 a PlanError."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PlanError as error:
            raise click.UsageError(with_options(str(error), error.settings), ctx) from error
        except ExcolorError as error:
            raise click.ClickException(with_options(str(error), error.settings)) from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by group; those without one, such as --help, come last."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                rows.setdefault(getattr(parameter, "group", RUN), []).append(record)
        if len(rows) == 1:
            super().format_options(ctx, formatter)
            return
        names = [len(name) for records in rows.values() for name, _ in records]
        width = max((length for length in names if length <= _WIDEST), default=0)
        for group in (name for name in _GROUPS if name in rows):
            (name, text), *others = rows[group]
            with formatter.section(group):  # all groups have their texts in the same column
                formatter.write_dl([(name.ljust(width), text), *others], col_max=width)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type  # groups in groups are of this class, too
