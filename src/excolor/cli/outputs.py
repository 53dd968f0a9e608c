"""Which file each input becomes, settled before any work begins."""

import os
import stat
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.outcomes import is_report
from excolor.cli.progress import Reporter, is_terminal
from excolor.cli.sources import STDIN, Source, is_folder_name
from excolor.errors import OutputError

if TYPE_CHECKING:
    from excolor.cli.options import FileOptions

STAGES = ("precolor", "coarse", "hints", "result")
"""The steps to a result (the paper's Figure 4), by their names in `excolor.Stages`."""


@dataclass(frozen=True)
class Job:
    """An input and the files that come of it."""

    source: Source
    destination: Path | None
    """None is standard output."""
    stages: tuple[Path, ...] = ()
    """Where the steps to the result go, in the order of `STAGES`; empty if they are not asked for."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is written."""
        return self.stages if self.destination is None else (self.destination, *self.stages)


def plan_outputs(
    sources: Sequence[Source],
    options: "FileOptions",
    tag: str,
    *,
    keep: Iterable[Path] = (),
    stages: Path | None = None,
) -> list[Job]:
    """Pair each input with its output: beside it, in the folder that -o names, the file that it names, or stdout.

    Nothing is made yet. Whether an output exists already is looked at when its turn comes, so that one that does stops
    no other.

    Args:
        sources: the inputs that become outputs.
        options: of the command.
        tag: what is added to the names.
        keep: further inputs (references, styles, lists), which no output may replace.
        stages: the folder for the steps to the results.

    Raises:
        click.UsageError: what -o names does not go with the inputs or with the other options.
        OutputError: a folder cannot be made, two inputs would become one file, or an output is an input.
    """
    jobs = _with_results(sources, options, tag)
    if stages is not None:
        check_folder(stages)
        jobs = [replace(job, stages=_stage_paths(stages, job.source)) for job in jobs]
    if options.skip_existing:
        jobs = _without_earlier_results(jobs, Reporter(None, options.quiet))
    _check_apart(jobs)
    _check_inputs_stay(jobs, keep, options.report)
    if options.report is not None:
        check_report(options.report, overwrite=may_replace_report(options.report, options))
    return jobs


def check_destination(path: Path, *, overwrite: bool) -> None:
    """Find out, as far as can be, whether a picture can be written to `path`, whose folder may have to be made.

    Raises:
        OutputError: it cannot.
    """
    from excolor.photo import check_output

    if os.path.lexists(path.parent):
        check_output(path, overwrite=overwrite)
    else:
        check_folder(path.parent)


def may_replace_report(path: Path, options: "FileOptions") -> bool:
    """Whether a file may make way for the report: with --skip-existing that of the run that is completed."""
    return options.force or (options.skip_existing and is_report(path))


def check_report(path: Path, *, overwrite: bool) -> None:
    """Likewise, for a file of any kind."""
    from excolor.photo.files import check_place

    if os.path.lexists(path.parent):
        check_place(path, overwrite=overwrite)
    else:
        check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Find out whether files can be put in a folder, which is made with the first of them. OutputError if not."""
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        check_folder(folder.parent)
        return
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another one") from error
    if not stat.S_ISDIR(mode):
        raise OutputError(f"{folder}: cannot be made a folder (it is a file); choose another one")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to the folder {folder}: it is not writable; choose another one with -o")


def one_name(name: str) -> str:
    """A key that is the same for names that differ in case or in the way of writing accents alone."""
    return unicodedata.normalize("NFC", name).casefold()


def make_folder(folder: Path) -> None:
    """Make a folder for results. Raises OutputError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another one") from error


def _with_results(sources: Sequence[Source], options: "FileOptions", tag: str) -> list[Job]:
    from excolor.photo import FORMATS, default_output

    output, suffix = options.output, FORMATS[options.format] if options.format else None
    from_stdin = sources[0].path == STDIN
    if output == "-" or (output is None and from_stdin):
        if is_terminal(sys.stdout):
            raise click.UsageError("a picture would be written to the terminal; redirect it, or name a file with -o.")
        return [Job(_only(sources, "-o -"), None)]
    if output is not None and not is_folder_name(output):
        return [
            Job(_only(sources, f"-o {output}"), _file(output, suffix, may_exist=options.force or options.skip_existing))
        ]
    if from_stdin:
        raise click.UsageError(f"-o {output} is a folder and a picture from standard input has no name; name a file.")
    if output is None:
        return [Job(source, default_output(source.path, tag, None, suffix)) for source in sources]
    check_folder(Path(output))
    return [Job(source, default_output(source.path, tag, Path(output) / source.below, suffix)) for source in sources]


def _only(sources: Sequence[Source], output: str) -> Source:
    if len(sources) > 1:
        raise click.UsageError(
            f"{output} is one file and there are {len(sources)} inputs; give a folder, ending in a slash."
        )
    return sources[0]


def _file(output: str, suffix: str | None, *, may_exist: bool) -> Path:
    from excolor.photo import OUTPUT_FORMATS, check_output

    path = Path(output)
    check_output(path, overwrite=may_exist)
    if suffix is not None and OUTPUT_FORMATS[path.suffix.lower()] != OUTPUT_FORMATS[suffix]:
        raise click.UsageError(f"-o {output} and --format say different things; leave one away.")
    return path


def _stage_paths(folder: Path, source: Source) -> tuple[Path, ...]:
    stem = "stdin" if source.path == STDIN else source.path.stem
    return tuple(folder / source.below / f"{stem}-{stage}.png" for stage in STAGES)


def _check_apart(jobs: Iterable[Job]) -> None:
    """No two inputs become one file, nor files of what is `one_name`, wherever they are.

    Results are carried to disks (of Windows, of macOS, most memory cards) where one of them would be lost.
    """
    taken: dict[str, tuple[Path, Path, Source]] = {}
    real: dict[Path, Path] = {}
    for job in jobs:
        for file in job.files:
            if file.parent not in real:
                real[file.parent] = Path(os.path.realpath(file.parent))
            path = real[file.parent] / file.name
            own = path, file, job.source
            first = taken.setdefault(one_name(str(path)), own)
            if first is own:
                continue
            if first[0] == path:
                clash = f"would both become {file}"
            else:
                clash = f"would become {first[1]} and {file}, which many file systems take for one name"
            raise OutputError(
                f"{first[2].path} and {job.source.path} {clash}; "
                "rename one, or write them to different folders with -o, one after the other"
            )


def _without_earlier_results(jobs: Sequence[Job], report: Reporter) -> list[Job]:
    """Leave out inputs that another input becomes: results of an earlier run, where they lie beside the inputs."""
    made_from = {_place(path): job for job in jobs for path in job.files}
    left = [job for job in jobs if made_from.get(_place(job.source.path), job) is job]
    if number := len(jobs) - len(left):
        report.note(f"inputs left out, since they are results of others: {number}")
    return left


def _place(path: Path) -> str:
    """A name, by whatever way to its folder."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118


def _check_inputs_stay(jobs: Sequence[Job], keep: Iterable[Path], report: Path | None) -> None:
    results = {_place(path) for job in jobs for path in job.files if _place(path) != _place(job.source.path)}
    earlier = {_identity(job.source.path) for job in jobs if _place(job.source.path) in results}
    inputs = {identity for path in (*(job.source.path for job in jobs), *keep) if (identity := _identity(path))}
    outputs = [path for job in jobs for path in job.files]
    for path in (*outputs, *([] if report is None else [report])):
        if _identity(path) in inputs:
            way_out = ", or leave earlier results out with --skip-existing" if _identity(path) in earlier else ""
            raise OutputError(f"{path} is an input and would be replaced; write elsewhere with -o{way_out}")
    if report is not None and os.path.realpath(report) in {os.path.realpath(path) for path in outputs}:
        raise OutputError(f"{report} would be both a result and the report; give the report another name")


def _identity(path: Path) -> tuple[int, int] | None:
    """What a file is, by whatever name or link; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
