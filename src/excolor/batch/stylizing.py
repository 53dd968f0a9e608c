"""The work of `excolor stylize` on a picture."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from excolor.batch.events import Note
from excolor.batch.namesakes import Namesakes
from excolor.batch.sources import Source, is_folder, pictures_in
from excolor.batch.stop import Stop, StoppedError
from excolor.batch.used import UsedFile, read_used
from excolor.batch.work import PageResult, provenance
from excolor.errors import PhotoError, PlanError
from excolor.settings import Precision, StylizeSettings

if TYPE_CHECKING:
    from excolor.method.regions import Regions
    from excolor.method.stylizer import Look, Stylizer
    from excolor.networks.models import ModelFiles
    from excolor.photo import Photo, Provenance


@dataclass(frozen=True)
class StyleFile:
    """A style and its share among several."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True)
class ContentMasks:
    """The masks of contents: made by `find_content_masks`.

    Attributes:
        masks: the picture of labels, or all those in the folder.
        folder: where each content has a mask of its own name; None if there is a single one.
        by_name: the masks.
    """

    masks: tuple[Source, ...]
    folder: Path | None
    by_name: Namesakes

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [mask.path for mask in self.masks]

    @property
    def only(self) -> Path | None:
        """The one mask, if there is no folder."""
        return self.masks[0].path if self.folder is None else None

    def mask_of(self, content: Source) -> Path:
        """The one of a content: of its name in the same subfolder, or else beside them; see `Namesakes.find`.

        Raises:
            PhotoError: there is none, or there are several.
        """
        if self.folder is None:
            return self.masks[0].path
        found = self.by_name.find(content)
        if len(found) != 1:
            number = "no mask is" if not found else f"{len(found)} masks are"
            own = "" if content.below == Path() else f"{self.folder / content.below} or "
            name = content.path.stem
            raise PhotoError(f"{content.name}: {number} named {name} in {own}{self.folder}; give one mask that name")
        return found[0]


def find_content_masks(path: Path, contents: Sequence[Source]) -> ContentMasks:
    """The masks that `path` names: a picture for a single content, or a folder.

    Raises:
        PlanError: it is a picture, and there are several contents.
        PhotoError: the folder has no pictures or cannot be looked into.
    """
    if is_folder(path):
        masks = tuple(pictures_in(path, recursive=True))
        return ContentMasks(masks, path, Namesakes.of(masks))
    if len(contents) > 1:
        raise PlanError(
            f"the content mask {path} is one picture and there are {len(contents)} contents; "
            "give a folder with a mask of each one's name.",
            settings=("content_mask",),
        )
    return ContentMasks((Source(path),), None, Namesakes.of(()))


@dataclass(frozen=True)
class StylizeWork:
    """Give contents the look of styles; see `Work`.

    Attributes:
        settings: how.
        styles: at least one.
        style_masks: one for each style, in their order, or none.
        content_masks: the masks of the contents, if the styles have any.
        max_pixels: larger styles and masks are not read.
        look: of the styles together, once the work is prepared.
        used: the files of styles and their masks, once the work is prepared.
        only_content_mask: the content mask, if there is a single one, once the work is prepared.
        precision: as in `Stylizer.load`.
    """

    model: "ModelFiles"
    device: str
    settings: StylizeSettings
    styles: tuple[StyleFile, ...]
    style_masks: tuple[Path, ...]
    content_masks: ContentMasks | None
    max_pixels: int
    look: "Look | None" = None
    used: tuple[UsedFile, ...] = ()
    only_content_mask: "tuple[Regions, UsedFile] | None" = None
    precision: Precision = "auto"

    @property
    def working_size(self) -> int | None:
        """See `Work`."""
        return None if self.settings.exact else self.settings.working_size

    def load(self) -> "Stylizer":
        """See `Work`."""
        from excolor.method.stylizer import Stylizer

        return Stylizer.load(self.model, device=self.device, precision=self.precision)

    def prepare(self, networks: "Stylizer", stop: Stop) -> Generator[Note, None, "StylizeWork"]:
        """Measure the styles.

        Raises:
            PhotoError: a style or mask cannot be read, or they do not belong together.
            DeviceError: the device has too little memory.
        """
        from excolor.method.stylizer import Style

        yield from ()
        try:
            pictures = [read_used(style.path, stop, max_pixels=self.max_pixels) for style in self.styles]
            masks = [self._read_mask(path, stop) for path in self.style_masks]
            only = self.content_masks and self.content_masks.only
            content_mask = self._read_mask(only, stop) if only else None
        except StoppedError:
            return self
        styles = [
            Style(picture, style.weight, mask and mask[0])
            for style, (picture, _), mask in zip_longest(self.styles, pictures, masks)
        ]
        look = networks.measure(styles, self.settings)
        used = tuple(file for _, file in (*pictures, *masks))
        return replace(self, look=look, used=used, only_content_mask=content_mask)

    def results(self, networks: "Stylizer", source: Source, pages: "Iterable[Photo]") -> Iterator[PageResult]:
        """See `Work`."""
        assert self.look is not None, "the work is not prepared"
        mask, used = None, self.used
        notes: tuple[str, ...] = ()
        if self.content_masks is not None:
            mask, file = self.only_content_mask or self._read_mask(self.content_masks.mask_of(source), Stop())
            used = (*used, file)
            if missing := self.look.missing(mask):
                notes = (f"no style has the labels {', '.join(missing)} of {file.path}: they follow the whole style",)
        for photo in pages:
            result = networks.stylize(photo, self.look, self.settings, mask=mask)
            yield PageResult(result, used=used, notes=notes)

    def provenance(self) -> "Provenance":
        """See `Work`."""
        used = asdict(self.settings)
        del used["working_size" if self.settings.exact else "exact"]
        settings = {"command": "stylize", **used, **self._styles_recorded()}
        return provenance(self.model, settings)

    def _styles_recorded(self) -> dict[str, str]:
        """What is recorded of several styles and of masks, besides the files themselves, which are references."""
        recorded = {}
        if len(self.styles) > 1:
            largest = max(style.weight for style in self.styles)
            weights = [style.weight / largest for style in self.styles]  # whose sum is finite, however large they were
            recorded["weights"] = ", ".join(f"{weight / sum(weights):.4g}" for weight in weights)
        if self.style_masks:
            recorded["style_masks"] = ", ".join(mask.name for mask in self.style_masks)
        return recorded

    def _read_mask(self, path: Path, stop: Stop) -> "tuple[Regions, UsedFile]":
        from excolor.method.regions import as_regions

        photo, file = read_used(path, stop, max_pixels=self.max_pixels)
        return as_regions(photo), file
