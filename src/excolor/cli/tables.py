"""Tables on stdout: drawn on a terminal, plain otherwise."""

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import click

from excolor.cli.progress import is_terminal

if TYPE_CHECKING:
    from excolor.reporting.table import Table


def print_table(table: "Table") -> None:
    """Print a table: drawn on a terminal, in Markdown otherwise."""
    if is_terminal(sys.stdout):
        draw(table.headings, table.rows, range(table.text_columns, len(table.headings)), table.title)
    else:
        click.echo(table.markdown())


def draw(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int], title: str | None = None
) -> None:
    """Draw a table on the terminal; the columns of the numbers `right` are aligned there."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Drawn

    drawn = Drawn(title=title, title_justify="left")
    for i, heading in enumerate(headings):
        drawn.add_column(heading, justify="right" if i in right else "left", overflow="fold")  # nothing is cut away
    for row in rows:
        drawn.add_row(*map(escape, row))
    Console().print(drawn)
