"""One picture from its file to the file of its result, as part of a batch."""

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Generic

from excolor.batch.budget import Budget
from excolor.batch.destinations import check_destination, exists, make_folder
from excolor.batch.events import Finished, Outcome
from excolor.batch.jobs import Job
from excolor.batch.pipes import is_pipe, read_pipe, read_stream
from excolor.batch.plan import Outputs
from excolor.batch.sources import STDIN
from excolor.batch.stop import Stop, StoppedError
from excolor.batch.work import N, PageResult, Work
from excolor.errors import ExcolorError, OutputError, PhotoError
from excolor.photo import (
    FORMATS,
    MAX_PIXELS,
    Photo,
    PhotoFile,
    Provenance,
    SaveSettings,
    check_fits,
    encode_photo,
    left_out,
    open_photo,
    write_photo,
)
from excolor.photo.files import temporary_folder
from excolor.remote import RemotePath, read, upload

_CHANNELS = 3  # of a result, whose pages are of the target's sizes and depths


@dataclass(frozen=True)
class FileSettings:
    """How the pictures of a batch are read and written.

    Attributes:
        page: the only page of a TIFF to work on, from 1; None is all.
        max_pixels: larger pictures are refused.
        save: how results are encoded.
        provenance: record in the metadata how results were made, if they have metadata.
    """

    page: int | None = None
    max_pixels: int = MAX_PIXELS
    save: SaveSettings = SaveSettings()  # noqa: RUF009 - frozen
    provenance: bool = True


@dataclass(frozen=True)
class Processor(Generic[N]):
    """Makes pictures, one at a time in any number of threads.

    Attributes:
        work: what is done to each, prepared.
        networks: that `work` has loaded.
        made_by: recorded in the results.
        outputs: which files may be replaced, and in which format a result goes to standard output.
        files: how pictures are read and written.
        stdin: where the picture called `-` comes from.
        temporary: the folder for results that go to an object store until they are there; None is the system's.
    """

    work: Work[N]
    networks: N
    made_by: Provenance
    outputs: Outputs
    files: FileSettings
    stdin: BinaryIO | None = None
    temporary: Path | None = None

    def process(self, job: Job, outcome: Outcome, budget: Budget, stop: Stop) -> Finished:
        """Make the files of a job. Whatever goes wrong with this picture is in the outcome; nothing is raised.

        Args:
            job: what to make.
            outcome: as far as it is known.
            budget: is waited for before the picture is decoded.
            stop: if it was asked meanwhile, nothing is made.
        """
        attempt = _Attempt(self, job, outcome)
        data, bug = b"", None
        cause: ExcolorError | None = None
        is_begun = False
        try:
            if attempt.is_done_elsewhere():
                return attempt.skipped()
            is_begun = True
            data = attempt.make(budget, stop)
        except ExcolorError as error:
            if is_begun and isinstance(error, OutputError) and attempt.was_done_meanwhile():
                return attempt.skipped()
            cause = error
            name, message = job.source.name, str(error)
            attempt.fail(message if name in message else f"{name}: {message}")
        except MemoryError:
            way_out = "work on fewer pictures at a time, or scale it down first"
            attempt.fail(f"{job.source.name}: there is not enough memory; {way_out}")
        except Exception as error:
            bug = error
            attempt.fail(f"{job.source.name}: {type(error).__name__}: {error}")
        return Finished(job, attempt.outcome, data, cause, bug)


class _Attempt(Generic[N]):
    """The work on one picture, and what is known of it so far."""

    def __init__(self, processor: Processor[N], job: Job, outcome: Outcome) -> None:
        self.outcome = outcome
        self._processor = processor
        self._outputs = processor.outputs
        self._files = processor.files
        self._job = job

    def fail(self, error: str) -> None:
        """Note why there is no result."""
        self.outcome = replace(self.outcome, status="failed", error=error)

    def is_done_elsewhere(self) -> bool:
        """Whether another process has made the result since the batch began, and results that exist are skipped.

        Raises OutputError if an object store does not tell.
        """
        destination = self._job.destination
        return self._outputs.skip_existing and destination is not None and exists(destination)

    def was_done_meanwhile(self) -> bool:
        """The same after the result could not be written; False if an object store does not tell."""
        try:
            return self.is_done_elsewhere()
        except OutputError:  # the store may be what the first failure was about, too, and that one is reported
            return False

    def skipped(self) -> Finished:
        """What became of a picture that `is_done_elsewhere`."""
        return Finished(self._job, Outcome(self.outcome.input, self.outcome.output, "skipped"))

    def make(self, budget: Budget, stop: Stop) -> bytes:
        """Make the files; returns the bytes for standard output, if the result goes there."""
        if stop.asked:
            return b""
        for path in self._job.files:
            check_destination(path, overwrite=self._may_replace(path))
        try:
            file = self._open(stop)
        except StoppedError:
            return b""
        height, width = file.size
        self.outcome = replace(self.outcome, height=height, width=width)
        numbers = range(1, file.pages + 1) if self._files.page is None else (self._files.page,)
        suffix = self._suffix(file)
        self._check_pages(len(numbers), suffix)
        with budget.hold(file.load / 1e6):
            if stop.asked:
                return b""
            began = time.monotonic()
            try:
                data = self._write(file, numbers, suffix)
            finally:
                self.outcome = replace(self.outcome, seconds=round(time.monotonic() - began, 3))
        self.outcome = replace(self.outcome, status="written")
        return data

    def _may_replace(self, path: Path) -> bool:
        """With `skip_existing`, which looks at results alone, stages that were left without theirs make way."""
        unfinished = self._outputs.skip_existing and self._job.destination is not None and path in self._job.stages
        return self._outputs.overwrite or unfinished

    def _open(self, stop: Stop) -> PhotoFile:
        path, stdin = self._job.source.path, self._processor.stdin
        source: Path | BinaryIO = path
        if path == STDIN:
            if stdin is None:
                raise PhotoError("cannot read standard input: it is closed; send a picture there")
            source = stdin if stdin.seekable() else io.BytesIO(read_stream(stdin, stop))
        elif isinstance(path, RemotePath):
            source = io.BytesIO(read(path))
        elif is_pipe(path):
            source = io.BytesIO(read_pipe(path, stop))
        return open_photo(source, max_pixels=self._files.max_pixels, label=self._job.source.name)

    def _suffix(self, file: PhotoFile) -> str:
        """In which format the result is written, as a suffix."""
        if self._job.destination is not None:
            return self._job.destination.suffix.lower()
        return FORMATS.get(self._outputs.format or file.format.lower(), FORMATS["png"])

    def _check_pages(self, pages: int, suffix: str) -> None:
        if pages == 1:
            return
        name = self._job.source.name
        if suffix not in (".tif", ".tiff"):
            raise OutputError(
                f"{name} has {pages} pages and a {suffix} file holds one: choose one of them, or write TIFF",
                settings=("page", "format"),
            )
        if self._job.stages:
            raise OutputError(f"{name} has {pages} pages: choose one to save its stages", settings=("page",))

    def _write(self, file: PhotoFile, numbers: Sequence[int], suffix: str) -> bytes:
        work, networks = self._processor.work, self._processor.networks
        results = work.results(networks, self._job.source, self._read(file, numbers))
        first = next(results)
        rest = (self._finish(result, suffix) for result in results)
        photo = self._finish(first, suffix)
        is_one = len(numbers) == 1
        photos = photo if is_one else chain((photo,), rest)
        expected = 0 if is_one else len(numbers) * file.load * _CHANNELS
        destination, settings = self._job.destination, self._files.save
        for path, stage in zip(self._job.stages, first.stages, strict=True):
            make_folder(path.parent)
            stage.save(path, overwrite=self._may_replace(path), settings=settings)
        # The result comes last, since it is what `skip_existing` looks for
        if destination is None:
            return encode_photo(photos, suffix, settings, expected_bytes=expected)
        if isinstance(destination, RemotePath):
            with temporary_folder(self._processor.temporary) as folder:
                file_here = write_photo(photos, folder / destination.name, settings=settings, expected_bytes=expected)
                upload(file_here, destination, overwrite=self._outputs.overwrite)
            return b""
        make_folder(destination.parent)
        write_photo(photos, destination, overwrite=self._outputs.overwrite, settings=settings, expected_bytes=expected)
        return b""

    def _read(self, file: PhotoFile, numbers: Sequence[int]) -> Iterator[Photo]:
        """The pages that are wanted, each when the one before is done."""
        for number in numbers:
            photo = file.read(number)
            if photo.path is None and self._job.source.path != STDIN:  # it came through a pipe
                photo = replace(photo, path=self._job.source.path)
            self.outcome = replace(self.outcome, notes=self.outcome.notes + photo.notes)
            if self._job.destination is not None:
                check_fits(photo, self._job.destination)
            yield photo

    def _finish(self, result: PageResult, suffix: str) -> Photo:
        """The result as it is written; notes are taken to the outcome, each once for all pages."""
        photo, notes = result.photo, [*self.outcome.notes, *result.notes]
        if self._files.save.metadata:
            if self._files.provenance:
                references = tuple((file.path.name, file.sha256) for file in result.used)
                made_by = self._processor.made_by
                settings = {**made_by.settings, **result.recorded}
                recorded = photo.with_provenance(replace(made_by, references=references, settings=settings))
                if "XMP" in left_out(recorded, suffix) and "XMP" not in left_out(photo, suffix):
                    notes.append(
                        f"not kept in a {suffix} file: the record of how it was made, for which its XMP has no room"
                    )
                else:
                    photo = recorded
            if lost := left_out(photo, suffix):
                notes.append(f"not kept in a {suffix} file: its {', '.join(lost)}")
        reference = ", ".join(str(file.path) for file in result.used) or None
        self.outcome = replace(self.outcome, notes=tuple(dict.fromkeys(notes)), reference=reference, score=result.score)
        return photo
