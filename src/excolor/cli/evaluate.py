"""`excolor evaluate colorize|stylize`."""

import click

from excolor.cli.commands import Group
from excolor.cli.evaluate_colorize import evaluate_colorize
from excolor.cli.evaluate_stylize import evaluate_stylize


@click.group(cls=Group)
def evaluate() -> None:
    """Measure on your photographs how good results are.

    Classical methods are measured beside excolor.

    \b
    Example:
        excolor evaluate colorize photos/ --limit 100 --sheet sheet.png
        excolor evaluate stylize photos/ --limit 40 --plot tradeoff.png
    """


evaluate.add_command(evaluate_colorize)
evaluate.add_command(evaluate_stylize)
