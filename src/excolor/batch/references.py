"""References: found before the work, encoded once each, and chosen for every target."""

from collections.abc import Generator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from excolor.batch.events import Note
from excolor.batch.namesakes import Namesakes
from excolor.batch.sources import Source, each_once, is_folder, pictures_in
from excolor.batch.stop import Stop, StoppedError
from excolor.batch.used import UsedFile, read_used
from excolor.errors import PhotoError, SettingError
from excolor.photo import MAX_PIXELS
from excolor.settings import ColorizeSettings

if TYPE_CHECKING:
    from excolor.method.colorizer import Colorizer
    from excolor.method.pictures import Reference, Target
    from excolor.photo import Photo

Looked: TypeAlias = "Photo | Target"
"""A picture, which may have been looked at already."""

Pairing = Literal["fit", "name", "all"]

_MOST_TOGETHER = 32  # references at a working size of 256, all of whose places are compared with each of a target's
_MOST_NAMED = 3  # references that one message names


@dataclass(frozen=True, eq=False)
class EncodedReference:
    """A reference that is ready to be followed."""

    file: UsedFile
    features: "Reference"


@dataclass(frozen=True, eq=False)
class Choice:
    """The reference of a target.

    Attributes:
        features: of one picture, or of several that were joined.
        used: the files that they come from.
        score: how well it fits, in [0, 1], if several were compared.
        notes: what the user should know about the choice.
    """

    features: "Reference"
    used: tuple[UsedFile, ...]
    score: float | None = None
    notes: tuple[str, ...] = ()


class ReferenceChoice(Protocol):
    """Which reference each target gets. Implementations are frozen dataclasses."""

    @property
    def compares(self) -> bool:
        """Whether it looks at targets before it chooses."""

    def choose(self, colorizer: "Colorizer", settings: ColorizeSettings, source: Source, photo: Looked) -> Choice:
        """The reference for a target, given its source and its first page. Raises PhotoError if there is none."""


@dataclass(frozen=True)
class ReferenceFiles:
    """References as they were asked for, before they are encoded.

    Attributes:
        sources: of `find_references`.
        named: the paths that it was given. One of these that cannot be read is an error; others, found in folders, are
            skipped.
        pairing: follow the one that fits best, the one of the target's name, or all.
        max_pixels: larger references are not read.
    """

    sources: tuple[Source, ...]
    named: tuple[Path, ...] = ()
    pairing: Pairing = "fit"
    max_pixels: int = MAX_PIXELS

    def encode(
        self, colorizer: "Colorizer", settings: ColorizeSettings, stop: Stop
    ) -> Generator[Note, None, ReferenceChoice]:
        """Encode what all targets may need, and return who chooses; skip gray references if any is in color.

        Raises:
            PhotoError: a reference that was named cannot be read, or none of those found in folders.
            DeviceError: the device has too little memory for all together.
        """
        if self.pairing == "name":
            return SameName(Namesakes.of(self.sources), self.max_pixels)
        encoded: list[EncodedReference] = []
        for source in self.sources:
            if stop.asked:
                break
            try:
                encoded.append(encode_file(source.path, colorizer, settings, self.max_pixels, stop))
            except StoppedError:
                break
            except PhotoError as error:
                if source.path in self.named:
                    raise
                yield Note(f"{error}; it is not used as a reference")
        if not encoded and not stop.asked:
            raise PhotoError("none of the references can be read; give others", settings=("references",))
        candidates, notes = with_colors_to_give(encoded)
        yield from map(Note, notes)
        together = self.pairing == "all" and candidates
        return join_encoded(candidates, colorizer) if together else BestFit(tuple(candidates))


@dataclass(frozen=True, eq=False)
class BestFit:
    """Each target gets the reference that fits it best."""

    candidates: tuple[EncodedReference, ...]

    @property
    def compares(self) -> bool:
        """See `ReferenceChoice`."""
        return len(self.candidates) > 1

    def choose(self, colorizer: "Colorizer", settings: ColorizeSettings, source: Source, photo: Looked) -> Choice:
        """The one with the best score; with a single candidate nothing is compared."""
        if len(self.candidates) == 1:
            (only,) = self.candidates
            return Choice(only.features, (only.file,))
        scores = colorizer.score(photo, [one.features for one in self.candidates])
        score, best = max(zip(scores, self.candidates, strict=True), key=lambda pair: pair[0])
        return Choice(best.features, (best.file,), score, (f"{best.file.path} fits best (score {score:.2f})",))


@dataclass(frozen=True, eq=False)
class AllTogether:
    """Each target gets all references, joined: every place looks for the most similar region in any of them."""

    joined: "Reference"
    files: tuple[UsedFile, ...]
    compares = False

    def choose(self, colorizer: "Colorizer", settings: ColorizeSettings, source: Source, photo: Looked) -> Choice:
        """The same for every target."""
        return Choice(self.joined, self.files)


@dataclass(frozen=True)
class SameName:
    """Each target gets the reference of its name, which is encoded then and not kept."""

    references: Namesakes
    max_pixels: int
    compares = False

    def choose(self, colorizer: "Colorizer", settings: ColorizeSettings, source: Source, photo: Looked) -> Choice:
        """The one of that name in the same subfolder, or else beside the subfolders; see `Namesakes.find`.

        Raises:
            PhotoError: there is none, there are several, or it cannot be read.
        """
        found = self.references.find(source)
        if len(found) != 1:
            ways_out = ("pairing", "root") if found and source.root is None else ("pairing",)
            raise PhotoError(f"{source.name}: {self._problem(source, found)}", settings=ways_out)
        encoded = encode_file(found[0], colorizer, settings, self.max_pixels, Stop())
        notes = (f"{found[0]} is gray: it has no colors to give",) if encoded.features.is_gray else ()
        return Choice(encoded.features, (encoded.file,), None, notes)

    def _problem(self, source: Source, found: Sequence[Path]) -> str:
        """Why there is not one reference for a target, and the way out."""
        if found:
            # A picture of a list or glob, or alone, is in no subfolder unless it is said where they begin
            root = ", give the folder whose subfolders are those of the references" if source.root is None else ""
            several = f"several references have its name ({_listed(found)})"
            return f"{several}; rename all but one{root}, or pair them otherwise"
        elsewhere = [one.path for one in self.references.anywhere(source)]
        if not elsewhere:
            return f"no reference is named {source.path.stem}; give one that name, or pair them otherwise"
        return (
            f"the reference of its name is in another subfolder ({_listed(elsewhere)}); move it to {source.below} or "
            "beside the subfolders, or pair them otherwise"
        )


def _listed(paths: Sequence[Path]) -> str:
    more = len(paths) - _MOST_NAMED
    return ", ".join(map(str, paths[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")


def find_references(named: Sequence[Path], passed_over: set[str] | None = None) -> tuple[Source, ...]:
    """The pictures that --ref names, each once: files, and all that is in folders and their subfolders.

    What is passed over there is added to `passed_over`, as by `expand`.

    Raises:
        PhotoError: a folder has no pictures or cannot be looked into.
    """
    found: list[Source] = []
    for path in named:
        found += pictures_in(path, recursive=True, passed_over=passed_over) if is_folder(path) else [Source(path)]
    return tuple(each_once(found))


def check_number(references: Sized, working_size: int) -> None:
    """Refuse more references than can be searched together at a working size. Raises SettingError."""
    most = max(1, int(_MOST_TOGETHER * (256 / working_size) ** 2))
    if len(references) > most:
        raise SettingError(
            f"{most} references can be searched together at most at a working size of {working_size}, and "
            f"{len(references)} are given; give fewer, or use the one that fits best",
            settings=("pairing", "working_size"),
        )


def encode_file(
    path: Path, colorizer: "Colorizer", settings: ColorizeSettings, max_pixels: int, stop: Stop
) -> EncodedReference:
    """Encode one reference.

    Raises:
        PhotoError: it cannot be read.
        DeviceError: the device has too little memory.
        StoppedError: `stop` was asked while it was read.
    """
    photo, file = read_used(path, stop, max_pixels=max_pixels)
    return EncodedReference(file, colorizer.encode_reference(photo, settings))


def with_colors_to_give(encoded: Sequence[EncodedReference]) -> tuple[Sequence[EncodedReference], tuple[str, ...]]:
    """The references in color, or all if there are none such; and notes about the gray ones.

    Gray references would often win: nothing is more similar to a gray target than a gray picture.
    """
    in_color = [one for one in encoded if not one.features.is_gray]
    rest = "it is not used as a reference" if in_color else "it has no colors to give"
    gray = tuple(f"{one.file.path} is gray: {rest}" for one in encoded if one.features.is_gray)
    return in_color or encoded, gray


def join_encoded(encoded: Sequence[EncodedReference], colorizer: "Colorizer") -> AllTogether:
    """References, at least one, as one for all targets. Raises DeviceError if the device has too little memory."""
    from excolor.runtime.devices import out_of_memory_explained

    with out_of_memory_explained(colorizer.device, "fewer references"):
        joined = colorizer.join([one.features for one in encoded])
    return AllTogether(joined, tuple(one.file for one in encoded))
