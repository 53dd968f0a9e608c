"""`excolor bench`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from excolor.cli.commands import MEASURING, OUTPUT, Command, option
from excolor.cli.options import check_apart, device_option, ending_in, quiet_option
from excolor.cli.parameter_types import FiniteRange
from excolor.cli.progress import is_terminal
from excolor.cli.tables import print_table
from excolor.settings import COLORIZE_SIZE, PRECISIONS, SMALLEST_SIZE

if TYPE_CHECKING:
    from excolor.bench.comparison import Change
    from excolor.bench.results import Results
    from excolor.bench.tasks import BenchTask, Conditions
    from excolor.cli.progress import Display
    from excolor.settings import Precision

T = TypeVar("T")

_FILE = click.Path(path_type=Path, dir_okay=False)
_BUSY = 0.5  # cores that others use


class Sizes(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Sides of square pictures in pixels, separated by commas."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parse "512,256" to (256, 512)."""
        if isinstance(value, tuple):
            return value
        from excolor.imaging.working_size import MULTIPLE

        for word in value.split(","):
            if not word.strip().isdecimal() or int(word) < SMALLEST_SIZE or int(word) % MULTIPLE:
                self.fail(f"{word!r} is not a multiple of {MULTIPLE} from {SMALLEST_SIZE} on.", param, ctx)
        return tuple(sorted({int(word) for word in value.split(",")}))


@click.command(cls=Command)
@option(
    "--sizes",
    type=Sizes(),
    default="256,512,1024",
    show_default=True,
    metavar="N,N,...",
    group=MEASURING,
    help="Time square pictures with sides of these many pixels.",
)
@option(
    "--models",
    metavar="NAME,...",
    group=MEASURING,
    help="Time these models of weights.toml or folders of checkpoints.  [default: those of the package]",
)
@option(
    "--precision",
    type=click.Choice([*PRECISIONS, "float16"]),
    default="auto",
    show_default=True,
    group=MEASURING,
    help="Run networks in this precision; auto takes what other commands take. float16 is for the named size alone.",
)
@option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    group=MEASURING,
    help="Give torch N threads for everything.  [default: all; what is timed as used takes as many as colorize]",
)
@option(
    "--repeat",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    group=MEASURING,
    help="Time each at least N times, and for N/5 s.",
)
@option("--compile", "compiled", is_flag=True, group=MEASURING, help="Time the networks through torch.compile as well.")
@option(
    "--compare",
    type=_FILE,
    metavar="OLD.json",
    group=MEASURING,
    help="Print ratios to an earlier run, and exit with 1 if this one is slower.",
)
@option(
    "--threshold",
    type=FiniteRange(0),
    metavar="X",
    default=0.1,
    show_default=True,
    group=MEASURING,
    help="Accept medians that are slower by this share, with --compare.",
)
@option("--json", "json_file", type=_FILE, metavar="FILE", group=OUTPUT, help="Write everything, for --compare.")
@option("--csv", "csv_file", type=_FILE, metavar="FILE", group=OUTPUT, help="Write a line for each time.")
@option("--markdown", "markdown_file", type=_FILE, metavar="FILE", group=OUTPUT, help="Write the tables.")
@option(
    "--plot",
    "plot_file",
    type=_FILE,
    callback=ending_in(".png", ".svg"),
    metavar="FILE.png|svg",
    group=OUTPUT,
    help="Plot time against megapixels.",
)
@option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace files that exist.")
@device_option
@quiet_option
def bench(
    sizes: tuple[int, ...],
    models: str | None,
    device: str,
    precision: "Precision | Literal['float16']",
    threads: int | None,
    repeat: int,
    compiled: bool,
    json_file: Path | None,
    csv_file: Path | None,
    markdown_file: Path | None,
    plot_file: Path | None,
    compare: Path | None,
    threshold: float,
    force: bool,
    quiet: bool,
) -> None:
    """Measure the paper's table of runtimes on this machine.

    It times the networks at the full named size, as in the paper; all that colorize does, as used; WCT in place of
    AdaIN; and the classical methods of Welsh et al. 2002 and Reinhard et al. 2001. The seconds that the paper gives are
    printed beside them, in a table of their own. Let nothing else run meanwhile.

    \b
    Example:
        excolor bench --sizes 256,512 --json now.json --plot now.png
    """
    outputs = [path for path in (json_file, csv_file, markdown_file, plot_file) if path is not None]
    check_apart(*outputs, compare)

    from excolor.cli.progress import open_display

    with open_display(quiet) as display:
        display.expect(1, "Looking at the machine", rated=False)
        from excolor.bench.comparison import check_comparable, compare_results, other_weights
        from excolor.bench.machine import describe_run
        from excolor.bench.results import Results
        from excolor.bench.tasks import plan
        from excolor.photo.files import check_place
        from excolor.reporting.plotting import check_plotting
        from excolor.weights import load_manifest

        for path in outputs:
            check_place(path, overwrite=force)
        if plot_file:
            check_plotting()
        names = load_manifest().shipped() if models is None else [name.strip() for name in models.split(",")]
        conditions = _conditions(device, precision, threads, compiled)
        tasks = plan(names, sizes, conditions)
        run = describe_run(names, sizes, repeat, conditions)
        if (run["load"] or 0) > _BUSY:
            display.note(f"This machine is busy already (load {run['load']}): times may come out too long")
        before = None if compare is None else Results.read(compare)
        if before is not None:
            check_comparable(tasks, run["device_name"], before)
            for name in other_weights(before, run):
                display.note(f"{name} had other weights in {compare}")
        results = _measure(tasks, run, names, conditions, repeat, display)
    try:  # first, since it took long and what follows may fail
        _print_results(results)
    finally:  # nor are files lost if nobody reads the tables
        _write(results, json_file, csv_file, markdown_file, plot_file, force)
    if before is not None:
        _print_changes(compare_results(before, results), threshold)


def _conditions(
    device: str, precision: "Precision | Literal['float16']", threads: int | None, compiled: bool
) -> "Conditions":
    import torch

    from excolor.bench.tasks import Conditions
    from excolor.runtime.devices import choose_device, choose_dtype
    from excolor.runtime.threads import threads_for

    place = choose_device(device)
    own_dtype = str(choose_dtype(place, "auto" if precision == "float16" else precision)).removeprefix("torch.")
    return Conditions(
        device=str(place),
        dtype="float16" if precision == "float16" else own_dtype,
        own_dtype=own_dtype,
        threads=threads or torch.get_num_threads(),
        threads_as_used=threads or threads_for(COLORIZE_SIZE, torch.get_num_threads()),
        compiled=compiled,
    )


def _measure(
    tasks: "Sequence[BenchTask]",
    run: dict[str, Any],
    models: Sequence[str],
    conditions: "Conditions",
    repeat: int,
    display: "Display",
) -> "Results":
    from excolor.bench.results import Results
    from excolor.bench.running import run_product_rate, run_start_up, run_task
    from excolor.networks.models import find_model

    display.expect(len(tasks) + len(models) + 1, "Measuring", rated=False)

    def counted(value: T) -> T:
        display.advance()
        return value

    cells = tuple(counted(run_task(task, repeat)) for task in tasks)
    start_up = {find_model(model).name: counted(run_start_up(model, conditions.device, repeat)) for model in models}
    rate = counted(run_product_rate(conditions.device, conditions.dtype, conditions.threads, repeat))
    return Results(run, start_up, rate, cells)


def _print_results(results: "Results") -> None:
    """The tables and how to read them, to stdout: drawn on a terminal, in Markdown otherwise."""
    from excolor.bench.table import how_to_read, markdown, tables

    if not is_terminal(sys.stdout):
        click.echo(markdown(results), nl=False)
        return
    from rich.console import Console

    for table in tables(results):
        print_table(table)
    for paragraph in how_to_read(results):
        Console().print(paragraph, "", sep="\n", highlight=False, markup=False)


def _write(
    results: "Results",
    json_file: Path | None,
    csv_file: Path | None,
    markdown_file: Path | None,
    plot_file: Path | None,
    force: bool,
) -> None:
    from excolor.bench.results import to_csv
    from excolor.bench.table import markdown
    from excolor.photo import write_bytes

    if json_file:
        write_bytes(results.to_json().encode(), json_file, overwrite=force)
    if csv_file:
        write_bytes(to_csv(results).encode(), csv_file, overwrite=force)
    if markdown_file:
        write_bytes(markdown(results).encode(), markdown_file, overwrite=force)
    if plot_file:
        from excolor.bench.plot import plot

        write_bytes(plot(results, plot_file.suffix.lower().removeprefix(".")), plot_file, overwrite=force)


def _print_changes(changes: "Sequence[Change]", threshold: float) -> None:
    """Print the ratios; exit code 1 if any is a regression."""
    from excolor.bench.comparison import comparison_table

    if not is_terminal(sys.stdout):
        click.echo()
    print_table(comparison_table(changes, threshold))
    slower = sum(change.is_regression(threshold) for change in changes)
    if slower:
        click.echo(f"Error: {slower} of {len(changes)} times are slower by more than {100 * threshold:g} %", err=True)
        raise click.exceptions.Exit(1)
