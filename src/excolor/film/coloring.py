"""A clip in, a clip in color out: surveyed, colored shot by shot, and written as a whole at the end.

There is no terminal in it: what happens comes as events.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from excolor.batch.stop import Stop
from excolor.errors import FilmError, OutputError, PlanError
from excolor.film.clip import Clip, DecodedFrame, interlaced, is_after, is_before, unordered
from excolor.film.damage import Damage
from excolor.film.encoding import Encoding, Target
from excolor.film.frames import read_frames, time_slice
from excolor.film.key_frames import HintedFrame, KeyFrame, key_frame
from excolor.film.output import write
from excolor.film.references import FilmReference, best
from excolor.film.shots import Shot, find_shots
from excolor.film.steady import ColoredFrame, Frame, ShotColorizer, Steadiness
from excolor.film.store import Keep, ShotStore, has_shots
from excolor.film.trial import find_layout
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
    """Which part of a clip is colored: what is shown from `start` on and before `end`.

    Both are in seconds from the first frame of the clip.
    """

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            raise PlanError("the part ends before it begins; give a later end", settings=("start", "end"))

    def __contains__(self, seconds: float) -> bool:
        """Whether what is shown from this time on is colored."""
        return not is_before(seconds, self.start) and not is_after(seconds, self.end)


@dataclass(frozen=True, eq=False)
class FilmReferences:
    """The references of a clip.

    Attributes:
        anywhere: of which each shot follows the one that fits best.
        at: references with times in seconds, in any order; the shot shown at that time follows it. Several may be for
            one time.
        hinted: frames for which there are hints, which become key frames when the shots are known.
        key_frames: frames in colors of a person. Their shots follow them, and no other shot does.
    """

    anywhere: Sequence[FilmReference]
    at: Sequence[tuple[float, FilmReference]] = ()
    hinted: Sequence[HintedFrame] = ()
    key_frames: Sequence[KeyFrame] = ()

    @property
    def need_shots(self) -> bool:
        """Whether which one a frame follows depends on the shot that it is in, not on what it shows alone."""
        return bool(self.at or self.hinted)

    def of(self, shot: Shot | None, photo: Photo, colorizer: Colorizer) -> FilmReference | None:
        """The reference of a shot that begins with a photo; None if there is none, so that colors are invented.

        Of several for times in the shot, the motion is followed from the first, and the networks see all. Key frames
        come before all others, of which they have their colors where a person gave none. None is no shot at all.
        """
        own = [one for one in self.key_frames if shot is not None and one.seconds in shot]
        own.sort(key=lambda one: one.seconds)
        return _joined([one.reference for one in own], colorizer) if own else self.without_hints(shot, photo, colorizer)

    def without_hints(self, shot: Shot | None, photo: Photo, colorizer: Colorizer) -> FilmReference | None:
        """The same, were there no key frames."""
        own = [one for one in sorted(self.at, key=lambda one: one[0]) if shot is not None and one[0] in shot]
        if own:
            return _joined([reference for _, reference in own], colorizer)
        candidates = self.anywhere or [reference for _, reference in self.at]
        return best(photo, candidates, colorizer) if candidates else None


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
            references: colors are invented where there is none.
            settings: how pictures are colored.
            steadiness: how colors are kept steady.
            stop: ends the work soon, between frames; what is finished is kept.
        """
        self._colorizer = colorizer
        self._references = references
        self._settings = settings
        self._steadiness = steadiness
        self._stop = stop or Stop()
        self.finished = 0
        """Shots of the clip in work that are finished and kept, by this run or by one that it continues."""

    @property
    def needs_shots(self) -> bool:
        """Whether `preview` has to know the shots; see `FilmReferences`."""
        return self._references.need_shots

    def with_key_frames(self, shots: Sequence[Shot]) -> Generator[Note, None, FilmReferences]:
        """Color the frames for which there are hints, as far as they are in one of the shots.

        They take all other colors from what their shots would follow without hints.

        Returns:
            The references for these shots.
        """
        key_frames = []
        for hinted in self._references.hinted:
            frame = hinted.frame
            shot = next((one for one in shots if frame.seconds in one), None)
            if shot is None:  # nothing follows it
                continue
            reference = self._references.without_hints(shot, frame.photo, self._colorizer)
            made = key_frame(hinted, reference, self._colorizer, self._settings)
            key_frames.append(made)
            yield from (Note(f"{hinted.path}: {note}") for note in made.notes)
        return replace(self._references, key_frames=key_frames)

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
            FilmError: the clip is interlaced further on, has no frames in this part, or changes meanwhile.
            StoppedError: a stop was asked for before the result was whole; shots that are finished are kept.
            PlanError: codec and container do not go together, or with the clip.
            OutputError: it cannot be written there.
        """
        layout, notes = find_layout(clip, output, encoding, start=part.start, end=part.end)
        form = layout.form
        yield from (Note(f"{clip.path}: {note}") for note in (*clip.notes, *notes))
        yield Step("Looking for cuts", None)
        shots = yield from self._shots(clip, part, can_stand_still=layout.can_stand_still)
        store = ShotStore(output, self._record(made_of, part, shots) | {"form": str(form)})
        store.begin()
        decoded = clip.frames(part.start, part.end, stop=self._stop)
        frames = (upright(clip, frame, index) for index, frame in enumerate(decoded))
        finished = {number for number in range(len(shots)) if number in store}
        references = yield from self.with_key_frames(shots)
        yield from self._color(
            shots, references, finished, store, frames, lambda one, keep: keep(self._planes(clip, form, one))
        )
        yield Step("Writing", sum(map(len, shots)))
        chroma = (planes for number in range(len(shots)) for planes in store.frames(number))
        lost: Counter[tuple[int, str]] = Counter()
        written = write(
            layout, chroma, output, start=part.start, end=part.end, overwrite=overwrite, lost=lost, stop=self._stop
        )
        yield from map(Advanced, written)
        for (number, kind), count in lost.items():
            packets = "1 packet" if count == 1 else f"{count} packets"
            yield Note(f"{clip.path}: {packets} of its stream {number} ({kind}) could not be copied and left out")
        store.remove()

    def folder(
        self, files: tuple[Path, ...], folder: Path, part: Part = Part(), *, made_of: Mapping[str, Any], overwrite: bool
    ) -> Iterator[Event]:
        """Color a folder of frames; results have the names of the frames.

        Arguments and errors as of `clip`, and PhotoError if a frame cannot be read.
        """
        chosen = files[time_slice(len(files), part.start, part.end)]
        taken = None if overwrite else next((path for one in chosen if (path := folder / one.name).exists()), None)
        shots_of = folder / "frames"
        if taken is not None and not has_shots(shots_of):
            raise _exists(taken)
        yield Step("Looking for cuts", None)
        frames = self._stop.heeded(read_frames(files, part.start, part.end))
        shots = shots_of_photos(frames, part)
        if not shots:
            raise FilmError("there are no frames in this part of the clip; choose another", settings=("start", "end"))
        store = ShotStore(shots_of, self._record(made_of, part, shots))
        if taken is not None and not store.taken_up:
            raise _exists(taken)
        store.begin()
        # The store knows of no pixels here: frames that were removed since are colored anew
        are_there = [(folder / one.name).is_file() for one in chosen]
        finished = {
            number for number, shot in enumerate(shots) if number in store and all(are_there[shot.first : shot.end])
        }
        frames = self._stop.heeded(read_frames(files, part.start, part.end))
        references = yield from self.with_key_frames(shots)
        yield from self._color(shots, references, finished, store, frames, lambda one, _: _save(one, folder))
        store.remove()

    def preview(
        self, frames: Iterator[Frame], wanted: Sequence[int], shots: Sequence[Shot], references: FilmReferences
    ) -> Iterator[tuple[Frame, Photo]]:
        """Some frames, each colored alone.

        Args:
            frames: of a part of a clip.
            wanted: their numbers in ascending order.
            shots: of the part; none unless it `needs_shots`.
            references: of `with_key_frames`.

        Raises:
            StoppedError: a stop was asked for.
        """
        left = iter(wanted)
        number = next(left, None)
        for frame in self._stop.heeded(frames):
            if frame.index != number:
                continue
            shot = next((one for one in shots if one.first <= number < one.end), None)
            reference = references.of(shot, frame.photo, self._colorizer)
            encoded = () if reference is None else reference.encoded
            yield frame, self._colorizer.colorize(frame.photo, encoded, self._settings)
            number = next(left, None)
            if number is None:
                return

    def _record(self, made_of: Mapping[str, Any], part: Part, shots: Sequence[Shot]) -> dict[str, Any]:
        """What shots of an earlier run must have been made of to be used."""
        how = {"settings": asdict(self._settings), "steadiness": asdict(self._steadiness), "part": asdict(part)}
        return {**made_of, **how, "shots": [(shot.first, shot.end) for shot in shots]}

    def _color(
        self,
        shots: Sequence[Shot],
        references: FilmReferences,
        finished: Set[int],
        store: ShotStore,
        frames: Iterator[Frame],
        put: Callable[[ColoredFrame, Keep], None],
    ) -> Iterator[Event]:
        """Color all shots but those that are finished.

        Args:
            shots: of the clip.
            references: of `with_key_frames`.
            finished: numbers of those that an earlier run has colored, and of which nothing is missing.
            store: where the others are kept.
            frames: of all shots.
            put: called with each frame in color, and the function by which the store keeps planes with its shot.

        Raises:
            FilmError: there are fewer frames than the shots have.
            StoppedError: the shot in which the work was stopped is not in the store.
        """
        self.finished = len(finished)
        if finished:
            yield Note(f"{len(finished)} of {len(shots)} shots were finished by an earlier run")
        yield Step("Coloring", sum(map(len, shots)))
        for number, shot in enumerate(shots):
            own = islice(frames, len(shot))
            if number in finished:
                for _ in own:
                    yield Advanced()
                continue
            with store.shot(number) as keep:
                count = 0
                for one in self._stop.heeded(self._colored(own, shot, references)):
                    put(one, keep)
                    count += 1
                    yield Advanced()
                if count != len(shot):
                    raise FilmError("the clip has fewer frames than when cuts were looked for: color it again")
            self.finished += 1

    def _shots(self, clip: Clip, part: Part, *, can_stand_still: bool) -> Generator[Event, None, list[Shot]]:
        """Find the shots of a clip, and its damage. Raises FilmError if times cannot be written."""
        count = 0
        last: int | None = None
        damage = Damage(clip.begin)

        def frames() -> Iterator[tuple[float, Floats]]:
            nonlocal count, last
            for frame in clip.frames(part.start, part.end, stop=self._stop, damage=damage):
                if frame.interlaced:
                    raise FilmError(interlaced(clip.path))
                if last is not None and (frame.pts < last or (frame.pts == last and not can_stand_still)):
                    raise FilmError(unordered(clip, frame.seconds))
                count, last = count + 1, frame.pts
                yield frame.seconds, clip.planes.luma(frame.samples)

        shots = list(find_shots(frames(), part.start, part.end))
        yield from (Note(f"{clip.path}: {note}") for note in damage.notes())
        if not shots:
            raise FilmError(
                f"{clip.path}: there are no frames in this part of it; choose another", settings=("start", "end")
            )
        yield Advanced(count)
        return shots

    def _colored(self, frames: Iterator[Frame], shot: Shot, references: FilmReferences) -> Iterator[ColoredFrame]:
        """The frames of a shot in color, by the reference that fits the first of them."""
        first = next(frames, None)
        if first is None:
            return
        reference = references.of(shot, first.photo, self._colorizer)

        def all_frames() -> Iterator[Frame]:
            yield first
            yield from frames

        shot_colorizer = ShotColorizer(self._colorizer, self._settings, self._steadiness)
        yield from shot_colorizer.colorize(all_frames(), reference)

    @staticmethod
    def _planes(clip: Clip, form: Target, one: ColoredFrame) -> tuple[np.ndarray, np.ndarray]:
        """U and V of a colored frame, as the clip stores it."""
        lightness = one.seen.to_array(one.seen.tensor)[..., 0]
        luma, lightness, ab = (clip.orientation.stored(array) for array in (one.frame.photo.pixels, lightness, one.ab))
        return form.planes.chroma(luma, lightness, ab)


def _joined(references: Sequence[FilmReference], colorizer: Colorizer) -> FilmReference:
    """Several references of a shot as one: the motion is followed from the first."""
    first = references[0]
    if len(references) == 1:
        return first
    return replace(first, encoded=colorizer.join([one.encoded for one in references]))


def _exists(path: Path) -> OutputError:
    return OutputError(f"{path} exists already: replace it, or write elsewhere", settings=("overwrite", "output"))


def _save(one: ColoredFrame, folder: Path) -> None:
    """Write a frame of a folder in color, under its own name."""
    photo = one.frame.photo
    assert photo.path is not None
    with_colors(photo, one.seen, one.tensor).save(folder / photo.path.name, overwrite=True)


def shots_of_photos(frames: Iterator[Frame], part: Part) -> list[Shot]:
    """The shots of frames of a part, which are photographs and have no luma of their own."""
    return list(find_shots(((frame.seconds, _brightness(frame.photo)) for frame in frames), part.start, part.end))


def _brightness(photo: Photo) -> Floats:
    """L (H, W) scaled to [0, 1]."""
    scaled: Floats = np.divide(lightness_of(photo.pixels)[0].numpy(), np.float32(100), dtype=np.float32)
    return scaled


def upright(clip: Clip, frame: DecodedFrame, index: int) -> Frame:
    """A decoded frame as it is shown."""
    luma = clip.orientation.upright(clip.planes.luma(frame.samples))
    return Frame(index, frame.seconds, Photo(luma))
