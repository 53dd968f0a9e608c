"""What `excolor evaluate colorize` and `stylize` share: the options, and measuring with a state that can be resumed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from excolor.cli.commands import INPUT, MEASURING, OUTPUT, option
from excolor.cli.options import ModelChoice, check_apart, model_options, packing, quiet_option, seed_option
from excolor.errors import DeviceError, PhotoError
from excolor.settings import SMALLEST_SIZE

if TYPE_CHECKING:
    from PIL.Image import Image

    from excolor.cli.progress import Display
    from excolor.evaluation.hint_measuring import HintMeasurement
    from excolor.evaluation.measuring import Measurement
    from excolor.evaluation.photo_set import PhotoSet
    from excolor.evaluation.protocols import Case, Plan
    from excolor.evaluation.state import State
    from excolor.evaluation.style_measuring import StyleMeasurement

M = TypeVar("M", "Measurement", "StyleMeasurement", "HintMeasurement")

FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True)
class Evaluation:
    """What is measured on, and where the numbers go: the options of both commands."""

    photos: Path
    pairs: Path | None
    frames: tuple[str, ...]
    leave_out: tuple[str, ...]
    limit: int | None
    seed: int
    side: int
    working_size: int | None
    json_file: Path | None
    csv_file: Path | None
    sheet_file: Path | None
    sheet_count: int
    resume: Path | None
    model: ModelChoice
    device: str
    force: bool
    quiet: bool
    plot_file: Path | None = None

    def __post_init__(self) -> None:
        files = self.json_file, self.csv_file, self.sheet_file, self.plot_file
        check_apart(self.photos, self.pairs, self.resume, *files)

    def plan(self, protocols: tuple[str, ...] | None, columns: tuple[str, str]) -> "Plan":
        """What to measure; `columns` head the table of pairs."""
        from excolor.evaluation.protocols import Plan, read_pairs

        pairs = read_pairs(self.pairs, columns) if self.pairs else ()
        return Plan(protocols, self.limit, self.seed, self.frames, pairs)

    def cases(self, plan: "Plan") -> "tuple[PhotoSet, list[Case]]":
        """The photographs, and what of them is measured. Errors as in `PhotoSet` and `Plan.cases`.

        Raises:
            OutputError: a file that is asked for cannot be written.
        """
        from excolor.evaluation.photo_set import PhotoSet

        self._check_outputs()
        beside = self.pairs.parent if self.pairs else None
        pictures = PhotoSet(self.photos, side=self.side, leave_out=self.leave_out, beside=beside)
        cases = plan.cases(pictures.names, pictures.title)
        self._check_inputs_stay(pictures, cases)
        return pictures, cases

    def finish(
        self,
        show: Callable[[], None],
        *,
        json: Callable[[], str],
        csv: Callable[[], str],
        sheet: "Callable[[], Image]",
        failures: Sequence[str],
        plot: Callable[[], bytes] | None = None,
    ) -> None:
        """Print what was found and write the files that are asked for; see `end` for `failures`."""
        try:  # first, since it took long and what follows may fail
            show()
        finally:  # nor are files lost if nobody reads the table
            if self.json_file:
                self._write(json(), self.json_file)
            if self.csv_file:
                self._write(csv(), self.csv_file)
            if self.plot_file and plot is not None:
                self._write(plot(), self.plot_file)
            self._write_sheet(sheet)
        end(failures)

    def _write(self, data: str | bytes, path: Path) -> None:
        """Write a file, as far as --force allows."""
        from excolor.photo import write_bytes

        # Names of pictures need not be UTF-8, and are written as they are
        content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        write_bytes(content, path, overwrite=self.force)

    def _write_sheet(self, make: "Callable[[], Image]") -> None:
        """Make the contact sheet, if one is asked for."""
        from excolor.cli.progress import open_display
        from excolor.photo import as_photo

        if self.sheet_file:
            with open_display(self.quiet) as display:
                display.expect(1, "Making the sheet")
                as_photo(make()).save(self.sheet_file, overwrite=self.force)

    def _check_outputs(self) -> None:
        """Find out before any long work whether the files can be written."""
        from excolor.photo import check_output
        from excolor.photo.files import check_place

        for path in filter(None, (self.json_file, self.csv_file, self.plot_file)):
            check_place(path, overwrite=self.force)
        if self.sheet_file:
            check_output(self.sheet_file, overwrite=self.force)

    def _check_inputs_stay(self, pictures: "PhotoSet", cases: "Sequence[Case]") -> None:
        """Find out whether a picture that is measured on would be replaced, with --force."""
        from excolor.batch.destinations import check_inputs_stay

        in_cases = (name for case in cases for name in (case.target, case.reference) if name is not None)
        files = (pictures.file(name) for name in {*pictures.names, *in_cases})
        outputs = filter(None, (self.json_file, self.csv_file, self.plot_file, self.sheet_file))
        check_inputs_stay(outputs, filter(None, files), what="one of the pictures")


def evaluation_options(
    columns: str, side: int, working_size: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of `Evaluation`, given to a command as `options`.

    Args:
        columns: of the table of pairs.
        side: the default of --side.
        working_size: the default of --working-size, in words.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        packed = model_options(packing(command, options=Evaluation))
        for add_option in reversed(
            (
                option(
                    "--pairs",
                    type=FILE,
                    metavar="FILE.csv",
                    group=INPUT,
                    help=f"Read rows of {columns} from this table: names in PHOTOS, or paths from the table's folder.",
                ),
                option(
                    "--frames",
                    multiple=True,
                    metavar="PREFIX",
                    group=INPUT,
                    help="Take these folders in PHOTOS for frames in order, besides frames, *_frames and *-frames.",
                ),
                option(
                    "--leave-out",
                    multiple=True,
                    metavar="PREFIX",
                    group=INPUT,
                    help="Skip pictures in PHOTOS whose names begin like this.",
                ),
                option(
                    "--limit",
                    type=click.IntRange(1),
                    metavar="N",
                    group=INPUT,
                    help="Use only N pictures of each protocol, chosen by the seed.",
                ),
                option(
                    "--side",
                    type=click.IntRange(32, 4096),
                    metavar="N",
                    default=side,
                    show_default=True,
                    group=INPUT,
                    help="Shrink pictures to this many pixels on the shorter side first.",
                ),
                seed_option("everything that is chosen", MEASURING),
                option(
                    "--working-size",
                    type=click.IntRange(SMALLEST_SIZE, 4096),
                    metavar="N",
                    group=MEASURING,
                    help=f"Run the networks at this many pixels on the shorter side.  [default: {working_size}]",
                ),
                option(
                    "--json", "json_file", type=FILE, metavar="FILE", group=OUTPUT, help="Write settings and means."
                ),
                option(
                    "--csv", "csv_file", type=FILE, metavar="FILE", group=OUTPUT, help="Write each picture's numbers."
                ),
                option(
                    "--sheet",
                    "sheet_file",
                    type=FILE,
                    metavar="FILE.png",
                    group=OUTPUT,
                    help="Write a contact sheet of some pictures.",
                ),
                option(
                    "--sheet-count",
                    type=click.IntRange(1, 200),
                    metavar="N",
                    default=12,
                    show_default=True,
                    group=OUTPUT,
                    help="Show this many pictures on the sheet.",
                ),
                option(
                    "--resume",
                    type=FILE,
                    metavar="STATE",
                    group=OUTPUT,
                    help="Keep measurements in this file as they are made, and skip those that it holds already.",
                ),
                option("-f", "--force", is_flag=True, group=OUTPUT, help="Replace files that exist."),
                quiet_option,
            )
        ):
            packed = add_option(packed)
        return click.argument("photos", type=click.Path(path_type=Path))(packed)

    return add


def measure_all(
    photos: Path,
    cases: "Sequence[Case]",
    measure: "Callable[[Case], M | None]",
    state: "State[M]",
    display: "Display",
    unmeasured: "Callable[[Case], str]",
) -> tuple[list[M], list[str]]:
    """Measure what `state` does not hold yet; returns all measurements, and what went wrong, each picture once.

    What went wrong is shown as it happens, and so is, in the words of `unmeasured`, what has nothing to measure.

    Raises:
        click.ClickException: nothing could be measured.
    """
    failures: dict[str, str] = {}
    display.expect(len(cases), "Evaluating")
    for case in cases:
        if case not in state.measurements:
            try:
                measurement = measure(case)
            except PhotoError as error:
                _fail(failures, str(error), str(error), display)
            except DeviceError as error:  # others may need less, and those before are measured
                _fail(failures, case.target, f"{case.target}: {error}", display)
            else:
                if measurement is None:
                    display.note(unmeasured(case))
                else:
                    state.add(measurement)
        display.advance()
    measurements = [state.measurements[case] for case in cases if case in state.measurements]
    if not measurements:
        raise click.ClickException(f"{photos}: none of its pictures could be measured")
    return measurements, list(failures.values())


def _fail(failures: dict[str, str], about: str, error: str, display: "Display") -> None:
    """Show an error and keep it, unless there is one `about` the same."""
    if about not in failures:
        display.error(f"{error}; it is skipped")
        failures[about] = error


def end(failures: Sequence[str], what: str = "pictures") -> None:
    """Exit code 1 if pictures, or `what` else was measured, failed."""
    if failures:
        click.echo(f"Error: {what} that could not be used: {len(failures)}", err=True)
        raise click.exceptions.Exit(1)
