"""What is asked for: a clip or a folder of frames, where its result goes, and what identifies it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from excolor.batch.destinations import check_destination, check_folder, check_inputs_stay, make_folder
from excolor.batch.stop import Stop
from excolor.errors import FilmError, PlanError
from excolor.film.clip import Clip, DecodedFrame
from excolor.film.coloring import Advanced, Event, FilmColorizer, Part, Step, shots_of_photos, upright
from excolor.film.encoding import Encoding, target
from excolor.film.frames import find_frames, is_folder_of_frames, read_frames, time_slice
from excolor.film.shots import Shot, find_shots
from excolor.film.steady import Frame
from excolor.photo import as_photo
from excolor.photo.files import check_place
from excolor.reporting.sheet import Row, Tile, contact_sheet, tile_size

_COLUMNS = 4  # of a preview
_LAST = 1.0  # second: how long a last frame is taken to be shown at most
_TILE = 320  # pixels: side of a square of a tile's area


class Job(ABC):
    """A clip and its destination, both checked."""

    output: Path
    overwrite: bool

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What tells this clip from another, or from itself after a change."""

    @abstractmethod
    def color(self, colorizer: FilmColorizer, part: Part, made_of: Mapping[str, Any]) -> Iterator[Event]:
        """Do it; see `FilmColorizer`."""

    @abstractmethod
    def frames(self, part: Part, stop: Stop) -> Iterator[Frame]:
        """The frames of a part, upright. Raises StoppedError."""

    @abstractmethod
    def shots(self, part: Part, stop: Stop) -> Sequence[Shot]:
        """The shots of a part, as they are when it is colored. Raises StoppedError."""

    @abstractmethod
    def count(self, part: Part, stop: Stop) -> int:
        """How many frames a part has. Raises StoppedError."""

    @abstractmethod
    def _all_frames(self, stop: Stop) -> Iterator[Frame]:
        """All frames, also of a clip that is a part of its file. Raises StoppedError."""

    @abstractmethod
    def _check_end(self) -> None:
        """Raise FilmError if more follows in the file than the clip."""

    def frames_at(self, times: Iterable[float], stop: Stop) -> Mapping[float, Frame]:
        """The frames that are shown at some times, in seconds.

        Raises:
            FilmError: none is at one of them.
            StoppedError: a stop was asked for.
        """
        found: dict[float, Frame] = {}
        left = sorted(set(times), reverse=True)
        shown = None
        frames = self._all_frames(stop) if left else iter(())
        for frame in frames:
            while left and shown is not None and frame.seconds > left[-1]:
                found[left.pop()] = shown
            if not left:
                return found
            shown = frame
        for seconds in reversed(left):
            if shown is None or seconds > shown.seconds + _LAST:
                self._check_end()  # it may be a time in what follows
                raise FilmError(f"no frame of the clip is shown at {seconds:g} s; give a time within it")
            found[seconds] = shown
        return found

    @abstractmethod
    def inputs(self) -> Sequence[Path]:
        """The clip, or the frames."""

    @abstractmethod
    def results(self, part: Part) -> Sequence[Path]:
        """The files that become of a part."""

    def check_inputs_stay(self, others: Iterable[Path], files: Iterable[Path]) -> None:
        """Find out before any work whether an input would be replaced.

        Args:
            others: inputs beside the clip: references and hints.
            files: that are to be written.

        Raises:
            OutputError: one of them is an input.
        """
        check_inputs_stay(files, (*self.inputs(), *others))

    @property
    def preview_file(self) -> Path:
        """Where a preview goes."""
        # The folders `.` and `..` have names elsewhere
        output = self.output.resolve() if self.output.name in ("", "..") else self.output
        return output.parent / f"{output.stem}-preview.png"

    def preview(
        self, colorizer: FilmColorizer, part: Part, number: int, stop: Stop, *, overwrite: bool
    ) -> Iterator[Event]:
        """Write a contact sheet of `number` frames, spread over a part, to `preview_file`.

        Raises:
            FilmError: there are none in it.
            OutputError: it cannot be written there.
            StoppedError: a stop was asked for.
        """
        shots: Sequence[Shot] = ()
        if colorizer.needs_shots:
            yield Step("Looking for cuts", None)
            shots = self.shots(part, stop)
        count = self.count(part, stop)
        if not count:
            raise FilmError("there are no frames in this part of the clip; choose another", settings=("start", "end"))
        number = min(number, count)
        wanted = [int((i + 0.5) * count / number) for i in range(number)]
        yield Step("Coloring a preview", number)
        references = yield from colorizer.with_key_frames(shots)
        tiles = []
        for frame, photo in colorizer.preview(self.frames(part, stop), wanted, shots, references):
            minutes, seconds = divmod(frame.seconds, 60)
            tiles.append(Tile(photo.to_rgb(), f"{int(minutes):02}:{seconds:05.2f}"))
            yield Advanced()
        rows = [Row(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
        sheet = contact_sheet(rows, tile_size(tiles[0].picture.shape[:2], _TILE))
        as_photo(sheet).save(self.preview_file, overwrite=overwrite)


@dataclass(frozen=True)
class ClipJob(Job):
    """A video file to a video file."""

    clip: Clip
    output: Path
    encoding: Encoding
    overwrite: bool

    @property
    def identity(self) -> Mapping[str, Any]:
        status = self.clip.path.stat()
        return {"clip": str(self.clip.path.resolve()), "size": status.st_size, "changed": status.st_mtime_ns}

    def inputs(self) -> Sequence[Path]:
        return (self.clip.path,)

    def results(self, part: Part) -> Sequence[Path]:
        return (self.output,)

    def color(self, colorizer: FilmColorizer, part: Part, made_of: Mapping[str, Any]) -> Iterator[Event]:
        made_of = {**self.identity, **made_of}
        return colorizer.clip(self.clip, self.output, self.encoding, part, made_of=made_of, overwrite=self.overwrite)

    def frames(self, part: Part, stop: Stop) -> Iterator[Frame]:
        return self._upright(self.clip.frames(part.start, part.end, stop=stop))

    def _all_frames(self, stop: Stop) -> Iterator[Frame]:
        return self._upright(self.clip.frames(stop=stop, may_go_on=True))

    def _upright(self, frames: Iterable[DecodedFrame]) -> Iterator[Frame]:
        return (upright(self.clip, frame, index) for index, frame in enumerate(frames))

    def _check_end(self) -> None:
        self.clip.check_end()

    def shots(self, part: Part, stop: Stop) -> Sequence[Shot]:
        frames, planes = self.clip.frames(part.start, part.end, stop=stop), self.clip.planes
        return list(find_shots(((frame.seconds, planes.luma(frame.samples)) for frame in frames), part.start, part.end))

    def count(self, part: Part, stop: Stop) -> int:
        return sum(1 for _ in self.clip.frames(part.start, part.end, stop=stop))


@dataclass(frozen=True)
class FramesJob(Job):
    """Frames to a folder of frames."""

    files: tuple[Path, ...]
    output: Path
    overwrite: bool

    @property
    def identity(self) -> Mapping[str, Any]:
        changed = [(str(path.resolve()), path.stat().st_mtime_ns) for path in self.files]
        return {"frames": changed}

    def inputs(self) -> Sequence[Path]:
        return self.files

    def results(self, part: Part) -> Sequence[Path]:
        return tuple(self.output / path.name for path in self.files[time_slice(len(self.files), part.start, part.end)])

    def color(self, colorizer: FilmColorizer, part: Part, made_of: Mapping[str, Any]) -> Iterator[Event]:
        make_folder(self.output)
        return colorizer.folder(
            self.files, self.output, part, made_of={**self.identity, **made_of}, overwrite=self.overwrite
        )

    def frames(self, part: Part, stop: Stop) -> Iterator[Frame]:
        return stop.heeded(read_frames(self.files, part.start, part.end))

    def _all_frames(self, stop: Stop) -> Iterator[Frame]:
        return self.frames(Part(), stop)

    def _check_end(self) -> None:
        """A folder has no end that something could follow."""

    def shots(self, part: Part, stop: Stop) -> Sequence[Shot]:
        return shots_of_photos(self.frames(part, stop), part)

    def count(self, part: Part, stop: Stop) -> int:
        return len(self.files[time_slice(len(self.files), part.start, part.end)])


def open_job(name: Path, output: Path, encoding: Encoding | None, *, overwrite: bool) -> Job:
    """Look at a clip, or at a folder of frames, and at where the result is to go.

    Args:
        name: of a clip, a folder, or frames.
        output: the file or folder to write.
        encoding: how a clip is encoded, None for the default; frames have none.
        overwrite: replace files that exist.

    Raises:
        MissingPackageError: PyAV is not installed and needed.
        FilmError: it cannot be read, or not be colored.
        OutputError: the result cannot be written there.
        PlanError: the codec or the container does not go with the clip, or frames are to have one.
    """
    if is_folder_of_frames(name):
        if encoding is not None:
            raise PlanError(
                "frames are written as pictures, which have no codec or chroma of a video; leave these out",
                settings=("codec", "chroma"),
            )
        files = find_frames(name)
        if output.is_file() or output.suffix.lower() in (".mkv", ".mov", ".mp4", ".webm", ".nut", ".avi"):
            raise PlanError(f"{name} are frames, and {output} is a file; name a folder", settings=("output",))
        check_inputs_stay((output / path.name for path in files), files)
        check_folder(output)
        for path in files:
            check_destination(output / path.name, overwrite=True)
        return FramesJob(files, output, overwrite)
    clip, encoding = Clip.open(name), encoding or Encoding()
    check_inputs_stay([output], [name])  # or a name that is taken would be said to be free with --force
    target(clip, encoding, output)
    check_place(output, overwrite=overwrite)
    return ClipJob(clip, output, encoding, overwrite)
