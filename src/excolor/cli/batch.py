"""The engine of the commands: many pictures at a time, in bounded memory, past failures, to a clean end.

A command gives a plan (`Job`s) and a function that paints: it is handed one `Picture`, reads its pages and yields a
result for each. All else is done here: what is written where, what is told, and what is left when something fails.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from excolor.cli.interruption import INTERRUPTED, Interruption
from excolor.cli.options import FileOptions
from excolor.cli.outcomes import Outcome, report_content, summary
from excolor.cli.outputs import Job, check_destination, make_folder, may_replace_report
from excolor.cli.progress import Reporter, reporter
from excolor.cli.room import Room
from excolor.cli.sources import STDIN
from excolor.errors import ExcolorError, OutputError, PhotoError

if TYPE_CHECKING:
    import torch

    from excolor.photo import Photo, PhotoFile, Provenance
    from excolor.weights import ModelFiles

MEGAPIXELS_IN_WORK = 150  # of pictures that are in memory together
_MOST_JOBS = 8
_MOST_JOBS_ON_GPU = 4  # decoding and encoding overlap with the networks; more would only fill its memory

_SMALL = 512  # pixels: working size up to which several pictures at a time gain more than several threads for one

Paint: TypeAlias = "Callable[[Picture], Iterator[Photo]]"


class Picture:
    """A picture in work, as the function that paints it sees it."""

    def __init__(self, job: Job, file: "PhotoFile", outcome: Outcome, numbers: Sequence[int]):
        self.job = job
        self.stages: tuple[Photo, ...] = ()
        """The steps to the result, to be written to `job.stages` before it."""
        self.references: tuple[tuple[str, str], ...] = ()
        """File name and sha256 of what gave its colors."""
        self._file = file
        self._outcome = outcome
        self._numbers = numbers

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self.job.source.name

    def pages(self) -> "Iterator[Photo]":
        """Read the pages that are wanted, one when the one before is done."""
        from excolor.photo import check_fits

        for number in self._numbers:
            photo = self._file.read(number)
            if self.job.destination is not None:
                check_fits(photo, self.job.destination)
            yield photo

    def note(self, message: str) -> None:
        """Tell something about it that the user should know; told once, not for every page."""
        if message not in self._outcome.notes:
            self._outcome.notes.append(message)

    def follows(self, path: Path, sha256: str, score: float | None = None) -> None:
        """Keep which picture gives the colors, and how well it fits."""
        self.references = ((path.name, sha256),)
        self._outcome.reference = str(path)
        self._outcome.score = score

    def follows_all(self, paths: Sequence[Path], checksums: Sequence[str]) -> None:
        """Keep which pictures give the colors together, with the sha256 of each."""
        self.references = tuple((path.name, sha256) for path, sha256 in zip(paths, checksums, strict=True))
        self._outcome.reference = ", ".join(map(str, paths))


class Batch:
    """The work on a plan; made by `batch`."""

    def __init__(self, jobs: Sequence[Job], options: FileOptions, threads: int, report: Reporter, stop: Interruption):
        self.report = report
        self.stop = stop
        self._jobs = jobs
        self._options = options
        self._threads = threads
        self._room = Room(MEGAPIXELS_IN_WORK)
        self._bug: Exception | None = None
        self._lost: OSError | None = None

    def run(self, paint: Paint, made_by: "Provenance", device: "torch.device", what: str) -> None:
        """Paint every picture of the plan, tell of each when it is done, and of all at the end.

        Args:
            paint: see the head of this module; it is called from several threads.
            made_by: model and settings, for the results and the report.
            device: where the networks run.
            what: is done, for the progress bar.

        Raises:
            click.exceptions.Exit: 1 if any picture failed, 130 if it was interrupted.
            Exception: a bug in the work on one picture, after all else is told.
        """
        from excolor.photo.files import remove_unfinished

        began = time.monotonic()
        by_job = {job: self._expected(job) for job in self._jobs}
        to_do = [job for job, outcome in by_job.items() if outcome.status == "not begun"]
        workers = _workers(len(to_do), self._options.jobs, device, self._threads)
        self.report.expect(len(to_do), what)
        outcomes = list(by_job.values())

        def conclude() -> bool:
            """Write the report and tell the summary; whether all went well."""
            seconds = time.monotonic() - began
            run = {"device": str(device), "jobs": workers, "interrupted": self.stop.by_signal}
            written = self._write_report(report_content(outcomes, seconds, made_by, run))
            self.stop.end_at_once = None  # from here on a signal has nothing to save
            self._tell_all(outcomes, seconds)
            return written and not any(outcome.status == "failed" for outcome in outcomes)

        def end_at_once() -> None:
            """End without waiting for the threads, which nothing can stop while a network runs."""
            try:
                conclude()
                self.report.end()
            finally:
                remove_unfinished()
                os._exit(INTERRUPTED)

        self.stop.end_at_once = end_at_once
        self._work(to_do, by_job, workers, paint, made_by)
        self._end(conclude())

    def _expected(self, job: Job) -> Outcome:
        output = "-" if job.destination is None else str(job.destination)
        outcome = Outcome(str(job.source.path), output)
        if self._options.skip_existing and job.destination is not None and os.path.lexists(job.destination):
            outcome.status = "skipped"
        return outcome

    def _work(
        self, to_do: Sequence[Job], outcomes: dict[Job, Outcome], workers: int, paint: Paint, made_by: "Provenance"
    ) -> None:
        import torch

        # Each thread has to be told how many of torch's own it may use
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(self._threads,)) as pool:
            begun = [pool.submit(self._try, job, outcomes[job], paint, made_by) for job in to_do]
            try:
                for done in as_completed(begun):
                    self._tell(*done.result())
            except BaseException:
                self.stop.asked = True  # or the pool would go on to the end, and nobody be told
                raise

    def _try(self, job: Job, outcome: Outcome, paint: Paint, made_by: "Provenance") -> tuple[Outcome, Job, bytes]:
        """Make one picture; returns with the bytes for standard output, if they go there."""
        data = b""
        try:
            if not self.stop.asked:
                data = self._make(job, outcome, paint, made_by)
        except ExcolorError as error:
            name, message = job.source.name, str(error)
            outcome.status, outcome.error = "failed", message if name in message else f"{name}: {message}"
        except MemoryError:
            outcome.status = "failed"
            outcome.error = f"{job.source.name}: there is not enough memory; use fewer --jobs or scale it down first"
        except Exception as bug:  # raised again when the others are done
            outcome.status, outcome.error = "failed", f"{job.source.name}: {type(bug).__name__}: {bug}"
            self._bug = bug
            self.stop.asked = True
        return outcome, job, data

    def _make(self, job: Job, outcome: Outcome, paint: Paint, made_by: "Provenance") -> bytes:
        for path in job.files:
            check_destination(path, overwrite=self._may_replace(job, path))
        file = self._open(job)
        outcome.height, outcome.width = file.size
        pages = range(1, file.pages + 1) if self._options.page is None else (self._options.page,)
        suffix = _suffix(job, file, self._options)
        _check_pages(job, len(pages), suffix)
        with self._room.hold(file.load / 1e6):
            if self.stop.asked:
                return b""
            began = time.monotonic()
            try:
                picture = Picture(job, file, outcome, pages)
                data = self._write(picture, paint(picture), len(pages), suffix, made_by)
            finally:
                outcome.seconds = round(time.monotonic() - began, 3)
        outcome.status = "written"
        return data

    def _may_replace(self, job: Job, path: Path) -> bool:
        """With --skip-existing, which goes by the results, stages that were left without theirs make way."""
        unfinished = self._options.skip_existing and job.destination is not None and path in job.stages
        return self._options.force or unfinished

    def _open(self, job: Job) -> "PhotoFile":
        from excolor.photo import open_photo

        if job.source.path != STDIN:
            return open_photo(job.source.path, max_pixels=self._options.max_pixels)
        if sys.stdin is None:
            raise PhotoError("cannot read standard input: it is closed; send a picture there")
        return open_photo(sys.stdin.buffer, max_pixels=self._options.max_pixels)

    def _write(
        self, picture: Picture, results: "Iterator[Photo]", pages: int, suffix: str, made_by: "Provenance"
    ) -> bytes:
        from excolor.photo import encode_photo, write_photo

        finished = (self._finish(photo, picture, suffix, made_by) for photo in results)
        first = next(finished)
        photos = first if pages == 1 else _Pages(chain((first,), finished), pages)
        for path, stage in zip(picture.job.stages, picture.stages, strict=False):
            make_folder(path.parent)
            stage.save(path, overwrite=self._may_replace(picture.job, path))
        # The result comes last, since it is what --skip-existing looks for
        settings, destination = self._options.save_settings, picture.job.destination
        if destination is None:
            return encode_photo(photos, suffix, settings)
        make_folder(destination.parent)
        write_photo(photos, destination, overwrite=self._options.force, settings=settings)
        return b""

    def _finish(self, photo: "Photo", picture: Picture, suffix: str, made_by: "Provenance") -> "Photo":
        from excolor.photo import left_out

        if self._options.strip:
            return photo
        if self._options.provenance:
            photo = photo.with_provenance(replace(made_by, references=picture.references))
        if lost := left_out(photo, suffix):
            picture.note(f"not kept in a {suffix} file: its {', '.join(lost)}")
        return photo

    def _tell(self, outcome: Outcome, job: Job, data: bytes) -> None:
        for note in outcome.notes:
            self.report.note(f"{job.source.name}: {note}")
        if outcome.status == "failed":
            self.report.error(str(outcome.error))
        elif outcome.status == "written" and self._lost is None:
            try:
                if job.destination is None:
                    self.report.data(data)
                else:
                    self.report.result(job.destination)
            except OSError as error:  # whoever read the paths has read enough, or nobody can
                self._lost = error
                self.stop.asked = True
                if job.destination is None:
                    outcome.status, outcome.error = "failed", str(_lost_output(error))
        if outcome.status != "not begun":
            self.report.advance()

    def _tell_all(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        for line in summary(outcomes, seconds) if len(outcomes) > 1 else ():
            self.report.note(line)

    def _write_report(self, content: dict[str, Any]) -> bool:
        """Whether the report could be written, if one is asked for."""
        from excolor.photo import write_bytes

        path = self._options.report
        if path is None:
            return True
        text = json.dumps(content, indent=2, ensure_ascii=False)
        try:
            make_folder(path.parent)
            # Names that are no text have lone surrogates, which become JSON's own escapes in this way
            data = text.encode("utf-8", "backslashreplace")
            write_bytes(data, path, overwrite=may_replace_report(path, self._options))
        except OutputError as error:
            self.report.error(str(error))
            return False
        return True

    def _end(self, went_well: bool) -> None:
        if self._bug is not None:
            raise self._bug
        if self._lost is not None and not isinstance(self._lost, BrokenPipeError):
            raise _lost_output(self._lost)
        if self._lost is not None:
            raise click.exceptions.Exit(1)
        if self.stop.by_signal:
            raise click.exceptions.Exit(INTERRUPTED)
        if not went_well:
            raise click.exceptions.Exit(1)


@contextmanager
def batch(jobs: Sequence[Job], options: FileOptions, working_size: int | None) -> Iterator[Batch]:
    """Everything that is around the work on a plan: the progress bar, the signals, and torch's threads.

    How many threads torch gives to one picture changes the last bits of its sums. So that number depends on nothing
    but the settings and the machine, never on --jobs or on how many pictures there are: a picture becomes the same
    alone and among others. `working_size` None means that networks run at the pictures' full size.
    """
    # The outer one, so that a second signal while the progress bar is taken away ends as one at any other time
    with Interruption() as stop, reporter(options.quiet) as report:
        report.expect(len(jobs), "Loading the model")
        import torch

        before = torch.get_num_threads()
        threads = threads_for(working_size, before)
        torch.set_num_threads(threads)
        try:
            yield Batch(jobs, options, threads, report, stop)
        finally:
            torch.set_num_threads(before)


def threads_for(working_size: int | None, most: int) -> int:
    """How many of torch's threads, `most` at most, a picture gets whose networks see `working_size`."""
    return 1 if working_size is not None and working_size <= _SMALL else most


def provenance(model: "ModelFiles", networks: Sequence[str], settings: dict[str, Any]) -> "Provenance":
    """What the results tell of how they were made, without their references."""
    from excolor import __version__
    from excolor.photo import Provenance

    checkpoints = {network: model.sha256(network) for network in networks}
    return Provenance(__version__, model.name, checkpoints, (), {name: str(value) for name, value in settings.items()})


def _lost_output(error: OSError) -> OutputError:
    return OutputError(f"cannot write to standard output: {error.strerror or error}; send it elsewhere")


class _Pages:
    """Pages as they are made, and how many there will be: a TIFF of more than 4 GB begins otherwise."""

    def __init__(self, pages: "Iterator[Photo]", count: int) -> None:
        self._pages = pages
        self._count = count

    def __iter__(self) -> "Iterator[Photo]":
        return self._pages

    def __length_hint__(self) -> int:
        return self._count


def _workers(pictures: int, asked: int | None, device: "torch.device", threads: int) -> int:
    from excolor.runtime.devices import cores

    if pictures <= 1:
        return 1
    if asked is not None:
        return asked
    if device.type == "cuda":
        return min(_MOST_JOBS_ON_GPU, cores())
    return max(1, min(_MOST_JOBS, cores() // threads))


def _suffix(job: Job, file: "PhotoFile", options: FileOptions) -> str:
    """Which format the result is written in, as a suffix."""
    from excolor.photo import FORMATS

    if job.destination is not None:
        return job.destination.suffix.lower()
    return FORMATS.get(options.format or file.format.lower(), FORMATS["png"])


def _check_pages(job: Job, pages: int, suffix: str) -> None:
    if pages == 1:
        return
    if suffix not in (".tif", ".tiff"):
        raise OutputError(
            f"{job.source.name} has {pages} pages and a {suffix} file holds one: choose one with --page, "
            "or write --format tiff"
        )
    if job.stages:
        raise OutputError(f"{job.source.name} has {pages} pages: choose one with --page to save its stages")
