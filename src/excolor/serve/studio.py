"""What is computed for a session, each step once: encoded references, the colors that they give, and those of hints.

    target ───────┐
    references ───┴─► prior ab ──────► ab with hints ─────────► preview
    (encoded once)   (the networks)   (`Colorizer.follow`)      (merged at the size of the screen)

A change recomputes from the first step that it touches. All this happens in one thread.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import torch

from excolor.batch.references import (
    BestFit,
    EncodedReference,
    ReferenceChoice,
    check_number,
    encode_file,
    join_encoded,
    with_colors_to_give,
)
from excolor.batch.stop import Stop
from excolor.errors import PhotoError
from excolor.hints import HintLayer, read_layer
from excolor.imaging.merging import merge_ab_part, with_colors
from excolor.method.reliance import followed_notes, reliance
from excolor.photo import Photo
from excolor.serve.previews import Box, shrunk
from excolor.serve.session import PictureFile, Snapshot, Target
from excolor.serve.targets import OpenTarget, open_target
from excolor.settings import ColorizeSettings

if TYPE_CHECKING:
    from excolor.imaging.working_size import Floats, NetworkInput
    from excolor.method.colorizer import Colorizer
    from excolor.method.pictures import Reference
    from excolor.method.pictures import Target as LookedAt

T = TypeVar("T")


class Stale(Exception):  # noqa: N818 - not an error
    """The person has changed something meanwhile, so that nobody waits for this result."""


@dataclass(frozen=True, eq=False)
class Colors:
    """What networks and hints say about a target.

    Attributes:
        photo: the target at full size.
        seen: its L as the networks see it.
        ab: (1, 2, h, w) for that.
        reliance: how far the references are followed, (h, w) in [0, 1]; None without any.
        notes: what the person should know.
    """

    photo: Photo
    seen: "NetworkInput"
    ab: torch.Tensor
    reliance: "Floats | None"
    notes: tuple[str, ...]

    def on(self, photo: Photo) -> Photo:
        """The target in these colors, at any size."""
        return with_colors(photo, self.seen, self.ab)

    def part(self, box: Box) -> Photo:
        """A part of the full-size target in these colors."""
        lightness, ab = self.seen.to_array(self.seen.tensor)[..., 0], self.seen.to_array(self.ab)
        rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
        return Photo(merge_ab_part(self.photo.pixels, lightness, ab, rows, columns))


@dataclass(frozen=True, eq=False)
class References:
    """The references that are switched on.

    Attributes:
        choice: as the batch takes them; None if there are none.
        features: of one, or of several as one.
        notes: what the person should know.
    """

    choice: ReferenceChoice | None
    features: "Reference | None" = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Prior:
    """Colors without hints, how far they follow the references, and what to know about that."""

    ab: torch.Tensor
    reliance: "Floats | None"
    notes: tuple[str, ...] = ()


class _Kept(Generic[T]):
    """The last few results of a step, by what they were made of."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result for a key, made if it is not there."""
        if key not in self._values:
            self._values[key] = make()
        self._values.move_to_end(key)
        while len(self._values) > self._count:
            self._values.popitem(last=False)
        return self._values[key]


class Studio:
    """The colorizer and all that is worth keeping of what it has done."""

    def __init__(self, load: "Callable[[], Colorizer]", working_size: int, max_pixels: int) -> None:
        """The model is loaded when it is first needed."""
        self.doing = ""
        """What takes so long, in words; may be read in any thread."""
        self._load = load
        self._settings = ColorizeSettings(working_size)
        self._max_pixels = max_pixels
        self._colorizer: Colorizer | None = None
        self._targets: _Kept[OpenTarget] = _Kept(1)  # they may be large
        self._small: _Kept[Photo] = _Kept(4)
        self._looked: _Kept[LookedAt] = _Kept(2)
        self._encoded: _Kept[EncodedReference] = _Kept(512)
        self._layers: _Kept[HintLayer] = _Kept(2)
        self._choices: _Kept[References] = _Kept(4)
        self._prior: _Kept[_Prior] = _Kept(8)
        self._colors: _Kept[Colors] = _Kept(1)

    @property
    def colorizer(self) -> "Colorizer":
        """Loaded. Raises CheckpointError or DeviceError."""
        if self._colorizer is None:
            with self.busy("Loading the model"):
                self._colorizer = self._load()
        return self._colorizer

    def open(self, file: PictureFile, page: int = 1) -> OpenTarget:
        """A target with its pixels. Raises PhotoError."""

        def read() -> OpenTarget:
            with self.busy(f"Reading {file.name}"):
                return open_target(file, page, self._max_pixels)

        return self._targets.get((file.id, page), read)

    def encode(self, file: PictureFile) -> EncodedReference:
        """A reference, encoded. Raises PhotoError."""
        colorizer = self.colorizer

        def encode() -> EncodedReference:
            with self.busy(f"Encoding {file.name}"):
                return encode_file(file.path, colorizer, self._settings, self._max_pixels, Stop())

        return self._encoded.get(file.id, encode)

    def fit(self, target: Target, file: PictureFile) -> float:
        """How well a reference fits a target, in [0, 1]. Raises PhotoError."""
        looked = self._look(target)
        return self.colorizer.score(looked, [self.encode(file).features])[0]

    def best(self, target: Target, files: Sequence[PictureFile]) -> tuple[PictureFile | None, dict[str, str]]:
        """The reference that fits a target best, a gray one only if all are; and why others cannot be read, by ids.

        None if no reference can be read. Raises PhotoError if the target cannot.
        """
        encoded, problems = list[tuple[PictureFile, EncodedReference]](), dict[str, str]()
        for file in files:
            try:
                encoded.append((file, self.encode(file)))
            except PhotoError as error:
                problems[file.id] = str(error)
        if not encoded:
            return None, problems
        candidates, _ = with_colors_to_give([one for _, one in encoded])
        scores = self.colorizer.score(self._look(target), [one.features for one in candidates])
        best = candidates[scores.index(max(scores))]
        return next(file for file, one in encoded if one is best), problems

    def layer(self, file: PictureFile, target: Target) -> HintLayer:
        """A painted layer of hints for a target.

        Raises:
            HintError: it has no transparency, or does not fit the target.
            PhotoError: it cannot be read.
        """
        layer = self._layers.get(file.id, lambda: read_layer(file.path, max_pixels=self._max_pixels))
        layer.check_fits(target.size)
        return layer

    def small(self, target: Target, longest: int) -> Photo:
        """The target at the size of a screen."""
        return self._small.get((_key(target), longest), lambda: shrunk(self._open(target).photo, longest))

    def references(self, snapshot: Snapshot) -> "References":
        """Those that are switched on, as the batch takes them.

        Raises:
            PhotoError: one cannot be read.
            SettingError: there are too many of them.
        """
        check_number(snapshot.used, self._settings.working_size)
        encoded = [self.encode(file) for file in snapshot.used]
        if not encoded:
            return References(None)
        candidates, notes = with_colors_to_give(encoded)

        def choose() -> References:
            if len(encoded) == 1:
                return References(BestFit(tuple(candidates)), candidates[0].features, notes)
            joined = join_encoded(candidates, self.colorizer)
            return References(joined, joined.joined, notes)

        return self._choices.get(tuple(file.id for file in snapshot.used), choose)

    def colors(self, snapshot: Snapshot, is_stale: Callable[[], bool] = lambda: False) -> Colors:
        """The colors of a session's target.

        Raises:
            Stale: `is_stale` was true between two steps.
            PhotoError: a picture cannot be read.
            HintError: a hint lies outside the picture, or a layer does not fit it.
            SettingError: there are too many references.
        """
        assert snapshot.target is not None, "there is a target"
        target, ids = snapshot.target, tuple(file.id for file in snapshot.used)
        choices = snapshot.effective
        key = _key(target), ids, choices.hints, choices.layer, choices.strength, choices.vivid, choices.hint_reach
        return self._colors.get(key, lambda: self._find(snapshot, target, is_stale))

    def _find(self, snapshot: Snapshot, target: Target, is_stale: Callable[[], bool]) -> Colors:
        def go_on() -> None:
            if is_stale():
                raise Stale

        go_on()
        photo, choices = self._open(target).photo, snapshot.effective
        colorizer = self.colorizer
        looked = self._look(target)
        go_on()
        references = self.references(snapshot)
        go_on()
        settings = replace(self._settings, strength=choices.strength)
        with self.busy("Finding colors"):

            def find() -> _Prior:
                if references.features is None:
                    return _Prior(colorizer.find_ab(looked, (), settings), None)
                stages = colorizer.find_stages(looked, references.features, settings)
                notes = followed_notes(stages.followed, references.features.name, choices.strength)
                return _Prior(stages.ab, looked.seen.to_array(reliance(stages))[..., 0], notes)

            ids = tuple(file.id for file in snapshot.used)
            prior = self._prior.get((_key(target), ids, choices.strength), find)
            go_on()
            ab, notes = prior.ab * choices.vivid, references.notes + prior.notes
            if choices.has_hints:
                settings = choices.settings(settings.working_size)
                painted = () if snapshot.layer is None else (self.layer(snapshot.layer, target),)
                hints = (*painted, *choices.hints)
                ab, more = colorizer.follow(looked, ab, hints, references.features, settings)
                notes += more
        return Colors(photo, looked.seen, ab, prior.reliance, notes)

    def _look(self, target: Target) -> "LookedAt":
        photo, colorizer = self._open(target).photo, self.colorizer
        return self._looked.get(_key(target), lambda: colorizer.look(photo, self._settings))

    def _open(self, target: Target) -> OpenTarget:
        return self.open(target.file, target.page)

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """Say what is done while the context lasts."""
        before, self.doing = self.doing, doing
        try:
            yield
        finally:
            self.doing = before


def _key(target: Target) -> tuple[str, int]:
    return target.file.id, target.page
