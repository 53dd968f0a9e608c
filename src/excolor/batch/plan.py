"""Which file each input becomes, settled before any work begins."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from excolor.batch.destinations import check_destination, check_folder, check_inputs_stay, check_report, named_by
from excolor.batch.jobs import STAGES, Job
from excolor.batch.report_reading import makes_way
from excolor.batch.shards import Shard
from excolor.batch.sources import STDIN, Source, is_folder_name
from excolor.errors import OutputError, PlanError
from excolor.remote import RemotePath, as_path, is_remote, typed_address


@dataclass(frozen=True)
class Outputs:
    """Where results go, and which files may make way for them.

    Attributes:
        output: a file, a folder or `-`, as it was typed: a path object would lose the slash that says "folder"; None
            is beside the input.
        format: of the results, a key of `excolor.photo.FORMATS`; None is the input's own.
        overwrite: replace files that exist.
        skip_existing: do nothing for inputs whose results exist.
        report: the file for the report.

    Raises:
        PlanError: `overwrite` and `skip_existing` at once.
    """

    output: str | None = None
    format: str | None = None
    overwrite: bool = False
    skip_existing: bool = False
    report: Path | None = None

    def __post_init__(self) -> None:
        if self.skip_existing and self.overwrite:
            raise PlanError(
                "results that exist are either skipped or replaced; ask for one of these.",
                settings=("skip_existing", "overwrite"),
            )


@dataclass(frozen=True)
class BatchPlan:
    """What a batch does: made by `plan_batch`, which has checked that its files do not get in each other's way.

    Attributes:
        jobs: the inputs with their outputs, in order.
        outputs: as they were asked for.
        earlier_results: how many inputs were skipped because another input becomes them.
        shard: the share of all inputs that `jobs` are; None is all.
    """

    jobs: tuple[Job, ...]
    outputs: Outputs
    earlier_results: int = 0
    shard: Shard | None = None

    def may_replace_report(self) -> bool:
        """Whether a file may make way for the report: with `skip_existing` that of an earlier run of these pictures.

        Raises:
            OutputError: with `skip_existing`, it is a report of other pictures.
        """
        if self.outputs.overwrite:
            return True
        path = self.outputs.report
        if path is None or not self.outputs.skip_existing or not os.path.lexists(path):
            return False
        with named_by("report"):
            return makes_way(path, {str(job.source.path) for job in self.jobs}.__contains__)


def plan_batch(
    sources: Sequence[Source],
    outputs: Outputs,
    tag: str,
    *,
    keep: Iterable[Path] = (),
    stages: Path | None = None,
    shard: Shard | None = None,
) -> BatchPlan:
    """Pair each input with its output: beside it, in the folder that is named, the file that is named, or stdout.

    No file or folder is made yet. Whether an output exists is checked when its turn comes, so that one that does stops
    no other.

    Args:
        sources: the inputs that become outputs.
        outputs: where they go.
        tag: what is added to the names.
        keep: further inputs (references, styles, lists), which no output may replace.
        stages: the folder for the steps to the results.
        shard: plan this share of the inputs alone, though all are checked: they would meet in the folder of results.

    Raises:
        PlanError: the output that is named does not go with the inputs, with the format, or with a shard.
        OutputError: a folder cannot be made, two inputs would become one file, an output is an input, or the report
            would replace one of other pictures.
    """
    for path in (outputs.report, stages):
        if path is not None and (address := typed_address(path)):
            raise PlanError(
                f"{as_path(address)} is an address: reports and stages are written on this machine; name a file here."
            )
    jobs = _with_results(sources, outputs, tag)
    if stages is not None:
        check_folder(stages)
        jobs = [replace(job, stages=_stage_paths(stages, job.source)) for job in jobs]
    place = _Places()
    left = _without_earlier_results(jobs, place) if outputs.skip_existing else jobs
    _check_apart(left, place)
    _check_inputs_stay(left, keep, outputs.report, place)
    if shard is not None and sources[0].path == STDIN:
        raise PlanError(
            "a shard is a share of many pictures, and standard input is one; ask for no shard.", settings=("shard",)
        )
    own = tuple(job for job in left if shard is None or shard.holds(job.source))
    plan = BatchPlan(own, outputs, len(jobs) - len(left), shard)
    if outputs.report is not None:
        check_report(outputs.report, overwrite=plan.may_replace_report())
    return plan


def one_name(name: str) -> str:
    """A key that is equal for names that differ only in case or in the encoding of accents."""
    return unicodedata.normalize("NFC", name).casefold()


def _with_results(sources: Sequence[Source], outputs: Outputs, tag: str) -> list[Job]:
    from excolor.photo import FORMATS, default_output

    output, suffix = outputs.output, FORMATS[outputs.format] if outputs.format else None
    from_stdin = sources[0].path == STDIN
    if output == "-" or (output is None and from_stdin):
        return [Job(_only(sources, "standard output"), None)]
    if output is not None and not is_folder_name(output):
        may_exist = outputs.overwrite or outputs.skip_existing
        return [Job(_only(sources, f"the output {output}"), _file(output, suffix, may_exist=may_exist))]
    if from_stdin:
        raise PlanError(
            f"the output {output} is a folder and a picture from standard input has no name; name a file.",
            settings=("output",),
        )
    if output is None:
        return [Job(source, default_output(source.path, tag, None, suffix)) for source in sources]
    check_folder(as_path(output))
    return [Job(source, default_output(source.path, tag, as_path(output) / source.below, suffix)) for source in sources]


def _only(sources: Sequence[Source], output: str) -> Source:
    if len(sources) > 1:
        raise PlanError(
            f"{output} is one file and there are {len(sources)} inputs; give a folder, ending in a slash.",
            settings=("output",),
        )
    return sources[0]


def _file(output: str, suffix: str | None, *, may_exist: bool) -> Path:
    from excolor.photo import OUTPUT_FORMATS, check_output

    path = as_path(output)
    check_destination(path, overwrite=may_exist) if is_remote(output) else check_output(path, overwrite=may_exist)
    if suffix is not None and OUTPUT_FORMATS[path.suffix.lower()] != OUTPUT_FORMATS[suffix]:
        raise PlanError(
            f"the output {output} and the format asked for name different formats; give only one of them.",
            settings=("output", "format"),
        )
    return path


def _stage_paths(folder: Path, source: Source) -> tuple[Path, ...]:
    stem = "stdin" if source.path == STDIN else source.path.stem
    return tuple(folder / source.below / f"{stem}-{stage}.png" for stage in STAGES)


class _Places:
    """Names in the real paths of their folders, each of which is looked up once: in an archive they hold thousands."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def __call__(self, path: Path) -> str:
        if isinstance(path, RemotePath):
            return path.address
        folder, name = os.path.split(path)
        real = self._real.get(folder)
        if real is None:
            real = self._real[folder] = os.path.realpath(folder)
        return os.path.join(real, name)  # noqa: PTH118


def _check_apart(jobs: Iterable[Job], place: _Places) -> None:
    """No two inputs become one file, nor files whose names are `one_name`.

    Results are copied to disks (of Windows, of macOS, most memory cards) where one of them would be lost.
    """
    taken: dict[str, tuple[str, Path, Source]] = {}
    for job in jobs:
        for file in job.files:
            path = place(file)
            own = path, file, job.source
            first = taken.setdefault(one_name(path), own)
            if first is own:
                continue
            if first[0] == path:
                clash = f"would both become {file}"
            else:
                clash = f"would become {first[1]} and {file}, which many file systems take for one name"
            raise OutputError(
                f"{first[2].path} and {job.source.path} {clash}; "
                "rename one, or write them to different folders, one after the other",
                settings=("output",),
            )


def _without_earlier_results(jobs: Sequence[Job], place: _Places) -> list[Job]:
    """Skip inputs that another input becomes: results of an earlier run that are beside the inputs."""
    made_from = {place(path): job for job in jobs for path in job.files}
    return [job for job in jobs if made_from.get(place(job.source.path), job) is job]


def _check_inputs_stay(jobs: Sequence[Job], keep: Iterable[Path], report: Path | None, place: _Places) -> None:
    results = {place(path) for job in jobs for path in job.files if place(path) != place(job.source.path)}
    earlier = (job.source.path for job in jobs if place(job.source.path) in results)
    outputs = [path for job in jobs for path in job.files]
    files = (*outputs, *([] if report is None else [report]))
    check_inputs_stay(files, (*(job.source.path for job in jobs), *keep), earlier)
    if report is not None and os.path.realpath(report) in {os.path.realpath(path) for path in outputs}:
        raise OutputError(f"{report} would be both a result and the report; give the report another name")
