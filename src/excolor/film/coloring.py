"""A clip in, a clip in color out: surveyed, colored shot by shot, and written as a whole at the end.

There is no terminal in it: what happens comes as events.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from excolor.batch.stop import Stop
from excolor.errors import FilmError, OutputError, PlanError
from excolor.film.clip import Clip, DecodedFrame, interlaced
from excolor.film.frames import read_frames, time_slice
from excolor.film.output import Encoding, Target, target, write
from excolor.film.references import FilmReference, best
from excolor.film.shots import Shot, find_shots
from excolor.film.steady import ColoredFrame, Frame, ShotColorizer, Steadiness
from excolor.film.store import ShotStore
from excolor.imaging.merging import with_colors
from excolor.imaging.working_size import Floats, lightness_of
from excolor.method.colorizer import Colorizer
from excolor.photo import Photo
from excolor.settings import ColorizeSettings


@dataclass(frozen=True)
class Note:
    """Something that the user should know."""

    message: str


@dataclass(frozen=True)
class Step:
    """A part of the work begins.

    Attributes:
        doing: what.
        total: frames; None if it is not known.
    """

    doing: str
    total: int | None


@dataclass(frozen=True)
class Advanced:
    """Frames that are done, of the last `Step`."""

    frames: int = 1


Event: TypeAlias = Note | Step | Advanced


@dataclass(frozen=True)
class Part:
    """Which part of a clip is colored: what is shown from `start` on and before `end`, in seconds."""

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            raise PlanError("--end is not after --start; give a later time")


@dataclass(frozen=True, eq=False)
class FilmReferences:
    """The references of a clip.

    Attributes:
        anywhere: of which each shot follows the one that fits best.
        at: references by times in seconds; the shot shown at that time follows it.
    """

    anywhere: Sequence[FilmReference]
    at: Mapping[float, FilmReference]

    def of(self, shot: Shot, until: float, photo: Photo, colorizer: Colorizer) -> FilmReference:
        """The reference of a shot that ends before the time `until` and begins with a photo.

        Of several for times in the shot, the motion is followed from the first, and the networks see all.
        """
        own = [
            reference
            for seconds, reference in sorted(self.at.items(), key=lambda pair: pair[0])
            if shot.seconds <= seconds < until
        ]
        if own:
            encoded = colorizer.join([one.encoded for one in own]) if len(own) > 1 else own[0].encoded
            return replace(own[0], encoded=encoded)
        candidates = self.anywhere or tuple(self.at.values())
        return best(photo, candidates, colorizer)


class _StoppedError(Exception):
    """The work was stopped in the middle of a shot."""


class FilmColorizer:
    """Colors clips and folders of frames with one model and one set of references."""

    def __init__(
        self,
        colorizer: Colorizer,
        references: FilmReferences,
        settings: ColorizeSettings,
        steadiness: Steadiness = Steadiness(),
        stop: Stop | None = None,
    ) -> None:
        """See `clip` and `folder`.

        Args:
            colorizer: the networks.
            references: at least one.
            settings: how pictures are colored.
            steadiness: how colors are kept steady.
            stop: ends the work soon, between frames; what is finished is kept.
        """
        self._colorizer = colorizer
        self._references = references
        self._settings = settings
        self._steadiness = steadiness
        self._stop = stop or Stop()

    def clip(
        self,
        clip: Clip,
        output: Path,
        encoding: Encoding,
        part: Part = Part(),
        *,
        made_of: Mapping[str, Any],
        overwrite: bool,
    ) -> Iterator[Event]:
        """Color a clip.

        Args:
            clip: it.
            output: the file to write.
            encoding: how.
            part: of the clip.
            made_of: what identifies model and references; shots that an earlier run finished are used if it and all
                settings are the same.
            overwrite: replace a file of this name.

        Raises:
            FilmError: the clip is interlaced further on, or has no frames in this part.
            PlanError: codec and container do not go together, or with the clip.
            OutputError: it cannot be written there.
        """
        form = target(clip, encoding, output)
        yield from (Note(f"{clip.path}: {note}") for note in clip.notes)
        yield Step("Looking for cuts", None)
        shots = yield from self._shots(clip, part)
        count = sum(map(len, shots))
        record = {**made_of, "settings": asdict(self._settings), "steadiness": asdict(self._steadiness)}
        record |= {"form": str(form), "part": asdict(part), "shots": [(shot.first, shot.end) for shot in shots]}
        store = ShotStore(output, record)
        done = [number for number in range(len(shots)) if number in store]
        if done:
            yield Note(f"{len(done)} of {len(shots)} shots were finished by an earlier run")
        yield Step("Coloring", count)
        coming = clip.frames(part.start, part.end)
        for number, shot in enumerate(shots):
            own = islice(coming, len(shot))
            if number in done:
                for _ in own:
                    yield Advanced()
                continue
            until = shots[number + 1].seconds if number + 1 < len(shots) else float("inf")
            frames = (upright(clip, frame, index) for index, frame in enumerate(own, shot.first))
            try:
                with store.shot(number) as keep:
                    for one in self._colored(frames, shot, until):
                        keep(self._planes(clip, form, one))
                        yield Advanced()
                        self._check_stop()
            except _StoppedError:
                return
        yield Step("Writing", count)
        chroma = (planes for number in range(len(shots)) for planes in store.frames(number))
        for said in write(clip, chroma, output, encoding, start=part.start, end=part.end, overwrite=overwrite):
            yield Advanced(said) if isinstance(said, int) else Note(f"{clip.path}: {said}")
        store.remove()

    def folder(
        self, files: tuple[Path, ...], folder: Path, part: Part = Part(), *, made_of: Mapping[str, Any], overwrite: bool
    ) -> Iterator[Event]:
        """Color a folder of frames; results have the names of the frames.

        Arguments and errors as of `clip`, and PhotoError if a frame cannot be read.
        """
        yield Step("Looking for cuts", None)
        shots = list(
            find_shots((frame.seconds, _brightness(frame.photo)) for frame in read_frames(files, part.start, part.end))
        )
        if not shots:
            raise FilmError("there are no frames in this part of the clip; check --start and --end")
        record = {**made_of, "settings": asdict(self._settings), "steadiness": asdict(self._steadiness)}
        record |= {"part": asdict(part), "shots": [(shot.first, shot.end) for shot in shots]}
        store = ShotStore(folder / "frames", record)
        chosen = files[time_slice(len(files), part.start, part.end)]
        if not overwrite and not store.taken_up:
            taken = next((path for one in chosen if (path := folder / one.name).exists()), None)
            if taken is not None:
                store.remove()
                raise OutputError(f"{taken} exists already: use --force to replace it, or -o to write elsewhere")
        yield Step("Coloring", sum(map(len, shots)))
        coming = read_frames(files, part.start, part.end)
        for number, shot in enumerate(shots):
            own = islice(coming, len(shot))
            if number in store:
                for _ in own:
                    yield Advanced()
                continue
            until = shots[number + 1].seconds if number + 1 < len(shots) else float("inf")
            try:
                with store.shot(number):
                    for one in self._colored(own, shot, until):
                        photo = one.frame.photo
                        assert photo.path is not None
                        result = with_colors(photo, one.seen, one.tensor)
                        result.save(folder / photo.path.name, overwrite=True)
                        yield Advanced()
                        self._check_stop()
            except _StoppedError:
                return
        store.remove()

    def preview(self, frames: Iterator[Frame], wanted: Sequence[int]) -> Iterator[tuple[Frame, Photo]]:
        """Some frames, given by their numbers in ascending order, each colored alone."""
        left = iter(wanted)
        number = next(left, None)
        for frame in frames:
            if frame.index != number:
                continue
            reference = self._references.of(
                Shot(number, number + 1, frame.seconds), frame.seconds + 1, frame.photo, self._colorizer
            )
            yield frame, self._colorizer.colorize(frame.photo, reference.encoded, self._settings)
            number = next(left, None)
            if number is None:
                return

    def _check_stop(self) -> None:
        if self._stop.asked:
            raise _StoppedError

    @staticmethod
    def _shots(clip: Clip, part: Part) -> Generator[Event, None, list[Shot]]:
        """Find the shots of a clip."""
        count = 0

        def frames() -> Iterator[tuple[float, Floats]]:
            nonlocal count
            for frame in clip.frames(part.start, part.end):
                if frame.interlaced:
                    raise FilmError(interlaced(clip.path))
                count += 1
                yield frame.seconds, clip.planes.luma(frame.samples)

        shots = list(find_shots(frames()))
        if not shots:
            raise FilmError(f"{clip.path}: there are no frames in this part of it; check --start and --end")
        yield Advanced(count)
        return shots

    def _colored(self, frames: Iterator[Frame], shot: Shot, until: float) -> Iterator[ColoredFrame]:
        """The frames of a shot in color, by the reference that fits the first of them."""
        first = next(frames, None)
        if first is None:
            return
        reference = self._references.of(shot, until, first.photo, self._colorizer)

        def all_frames() -> Iterator[Frame]:
            yield first
            yield from frames

        shot_colorizer = ShotColorizer(self._colorizer, self._settings, self._steadiness)
        yield from shot_colorizer.colorize(all_frames(), reference)

    @staticmethod
    def _planes(clip: Clip, form: Target, one: ColoredFrame) -> tuple[np.ndarray, np.ndarray]:
        """U and V of a colored frame, as the clip stores it."""
        lightness = one.seen.to_array(one.seen.tensor)[..., 0]
        luma, lightness, ab = (
            np.ascontiguousarray(np.rot90(array, -clip.turns)) for array in (one.frame.photo.pixels, lightness, one.ab)
        )
        return form.planes.chroma(luma, lightness, ab)


def _brightness(photo: Photo) -> Floats:
    """L (H, W) scaled to [0, 1]."""
    brightness: Floats = np.divide(lightness_of(photo.pixels)[0].numpy(), np.float32(100), dtype=np.float32)
    return brightness


def upright(clip: Clip, frame: DecodedFrame, index: int) -> Frame:
    """A decoded frame as it is shown."""
    luma = np.ascontiguousarray(np.rot90(clip.planes.luma(frame.samples), clip.turns))
    return Frame(index, frame.seconds, Photo(luma))
