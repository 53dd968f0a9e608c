"""The command line: `excolor COMMAND`. One module for each command, which imports what is heavy when it runs."""

import sys
from typing import Any

import click

from excolor.cli.bench import bench
from excolor.cli.colorize import colorize
from excolor.cli.commands import Group
from excolor.cli.evaluate import evaluate
from excolor.cli.figure import figure
from excolor.cli.film import film
from excolor.cli.interruption import INTERRUPTED, ignore_signals
from excolor.cli.pre_colorize import pre_colorize
from excolor.cli.report import report
from excolor.cli.serve import serve
from excolor.cli.stylize import stylize
from excolor.cli.train import train
from excolor.cli.weights import weights
from excolor.errors import ExcolorError


class Excolor(Group):
    """Turns an interruption, and errors that no command handles, into one line on stderr; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ExcolorError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt as interruption:  # unless the command handles it
            click.echo("Interrupted.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from interruption


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from excolor import __version__

        click.echo(f"excolor {__version__}")
        ctx.exit()


@click.group(cls=Excolor, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
def main() -> None:
    """Give gray photographs the colors of a reference picture.

    \b
    Example:
        excolor colorize gray.jpg --ref reference.jpg
    """
    from excolor.runtime.memory import keep_freed_memory

    keep_freed_memory()


main.add_command(colorize)
main.add_command(stylize)
main.add_command(serve)
main.add_command(film)
main.add_command(pre_colorize)
main.add_command(train)
main.add_command(evaluate)
main.add_command(figure)
main.add_command(weights)
main.add_command(bench)
main.add_command(report)


def run(name: str | None = None) -> None:
    """`main` as a program called `name`, by default as it was started.

    When the command has ended, a signal could only interrupt Python's own cleanup, which would print a traceback. So
    signals are ignored then; the cleanup is short, since no thread of ours outlives its command.
    """
    try:
        main(prog_name=name)
    except KeyboardInterrupt:  # in between
        sys.exit(INTERRUPTED)
    finally:
        ignore_signals()
