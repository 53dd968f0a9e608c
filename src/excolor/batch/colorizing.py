"""The work of `excolor colorize` and `excolor pre-colorize` on a picture."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from excolor.batch.events import Note
from excolor.batch.grayness import check_gray
from excolor.batch.hints import ChosenHints, HintChoice
from excolor.batch.references import Choice, Looked, ReferenceChoice, ReferenceFiles
from excolor.batch.sources import Source
from excolor.batch.stop import Stop
from excolor.batch.work import PageResult, provenance
from excolor.settings import ColorizeSettings, Precision

if TYPE_CHECKING:
    from excolor.method.colorizer import Colorizer
    from excolor.networks.models import ModelFiles
    from excolor.photo import Photo, Provenance


@dataclass(frozen=True)
class ColorizeWork:
    """Give targets the colors of references; see `Work`.

    Attributes:
        settings: how.
        references: files until the work is prepared, which encodes them; None is no reference.
        treat_as_gray: which targets are accepted; see `check_gray`.
        with_stages: keep the steps to each result, which there are with a reference.
        hints: of a person, if there are any.
        precision: as in `Colorizer.load`.
    """

    model: "ModelFiles"
    device: str
    settings: ColorizeSettings
    references: ReferenceFiles | ReferenceChoice | None
    treat_as_gray: bool | None = None
    with_stages: bool = False
    hints: HintChoice | None = None
    precision: Precision = "auto"

    @property
    def working_size(self) -> int:
        """See `Work`."""
        return self.settings.working_size

    def load(self) -> "Colorizer":
        """See `Work`."""
        from excolor.method.colorizer import Colorizer

        return Colorizer.load(self.model, device=self.device, precision=self.precision)

    def prepare(self, networks: "Colorizer", stop: Stop) -> Generator[Note, None, "ColorizeWork"]:
        """Encode the references; errors as in `ReferenceFiles.encode`."""
        if not isinstance(self.references, ReferenceFiles):
            return self
        return replace(self, references=(yield from self.references.encode(networks, self.settings, stop)))

    def results(self, networks: "Colorizer", source: Source, pages: "Iterable[Photo]") -> Iterator[PageResult]:
        """See `Work`; all pages follow the reference of the first one."""
        assert not isinstance(self.references, ReferenceFiles), "the work is not prepared"
        choice: Choice | None = None
        for photo in pages:
            notes = check_gray(photo, source.name, self.treat_as_gray)
            target: Looked = photo
            if self.references is not None and choice is None:
                if self.references.compares:
                    target = networks.look(photo, self.settings)
                choice = self.references.choose(networks, self.settings, source, target)
            hints = self.hints.of(source, photo) if self.hints else ChosenHints()
            if self.hints and not hints.hints:
                notes += ("there are no hints for it",)
            steps: tuple[Photo, ...] = ()
            features = choice.features if choice else ()
            if self.with_stages:
                stages = networks.colorize_stages(target, features, self.settings, hints=hints.hints)
                steps = stages.precolor, stages.coarse, stages.hints, stages.result
                result = stages.result
            else:
                result = networks.colorize(target, features, self.settings, hints=hints.hints)
            notes += tuple(note for note in result.notes if note not in photo.notes)
            if choice:
                yield PageResult(result, steps, choice.used, choice.score, notes + choice.notes, hints.recorded)
            else:
                yield PageResult(result, steps, notes=notes, recorded=hints.recorded)

    def provenance(self) -> "Provenance":
        """See `Work`."""
        settings = {"command": "colorize", **asdict(self.settings)}
        if self.hints is None:
            del settings["hint_reach"]
        if not self.settings.auto_levels:
            del settings["auto_levels"]
        if self.references is None:  # nothing was done by those
            for name in ("strength", "match", "hint_share", "seed"):
                del settings[name]
        return provenance(self.model, settings)


@dataclass(frozen=True)
class PrecolorizeWork:
    """Invent colors for targets, without a reference; see `Work`.

    `treat_as_gray` is as in `check_gray`, `precision` as in `Colorizer.load`, all else as in `ColorizeSettings`.
    """

    model: "ModelFiles"
    device: str
    working_size: int
    treat_as_gray: bool | None = None
    vivid: float = ColorizeSettings.vivid
    auto_levels: bool = ColorizeSettings.auto_levels
    precision: Precision = "auto"

    def load(self) -> "Colorizer":
        """See `Work`."""
        from excolor.method.colorizer import Colorizer

        return Colorizer.load(self.model, device=self.device, precision=self.precision)

    def prepare(self, networks: "Colorizer", stop: Stop) -> Generator[Note, None, "PrecolorizeWork"]:
        """There is nothing to prepare."""
        yield from ()
        return self

    def results(self, networks: "Colorizer", source: Source, pages: "Iterable[Photo]") -> Iterator[PageResult]:
        """See `Work`."""
        for photo in pages:
            notes = check_gray(photo, source.name, self.treat_as_gray)
            settings = ColorizeSettings(self.working_size, vivid=self.vivid, auto_levels=self.auto_levels)
            yield PageResult(networks.colorize(photo, settings=settings), notes=notes)

    def provenance(self) -> "Provenance":
        """See `Work`."""
        settings: dict[str, object] = {"command": "pre-colorize", "working_size": self.working_size}
        if self.vivid != ColorizeSettings.vivid:
            settings["vivid"] = self.vivid
        if self.auto_levels:
            settings["auto_levels"] = True
        return provenance(self.model, settings)
