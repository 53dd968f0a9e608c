"""`excolor evaluate colorize|stylize|film`."""

import click

from excolor.cli.commands import Group
from excolor.cli.evaluate_colorize import evaluate_colorize
from excolor.cli.evaluate_film import evaluate_film
from excolor.cli.evaluate_stylize import evaluate_stylize


@click.group(cls=Group)
def evaluate() -> None:
    """Measure on your photographs and clips how good results are.

    Classical methods are measured beside excolor.

    \b
    Example:
        excolor evaluate colorize photos/ --limit 100 --sheet sheet.png
        excolor evaluate stylize photos/ --limit 40 --plot tradeoff.png
        excolor evaluate film clips/garden/
    """


evaluate.add_command(evaluate_colorize)
evaluate.add_command(evaluate_stylize)
evaluate.add_command(evaluate_film)
