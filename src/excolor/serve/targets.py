"""Pictures to colorize: which there are in a folder, and what must be known of one before it is worked on."""

from dataclasses import dataclass
from pathlib import Path

from excolor.batch.sources import pictures_in
from excolor.imaging.tint import color_kind
from excolor.photo import Photo, open_photo
from excolor.serve.session import PictureFile, Target

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class OpenTarget:
    """A target with its pixels, which may be many.

    Attributes:
        target: what the session knows of it.
        photo: decoded.
    """

    target: Target
    photo: Photo


def open_target(file: PictureFile, page: int, max_pixels: int) -> OpenTarget:
    """Decode a page of a picture, from 1. Raises PhotoError if it cannot be read or has no such page."""
    opened = open_photo(file.path, max_pixels=max_pixels, label=file.name)
    photo = opened.read(page)
    kind = color_kind(photo.pixels, photo.alpha)
    note = {
        "gray": (),
        "tinted": ("is tinted: treated as gray",),
        "color": ("is in color: only its lightness is used",),
    }
    notes = (*photo.notes, *note[kind])
    return OpenTarget(Target(file, page, opened.pages, photo.size, kind == "color", notes), photo)


def list_folder(path: Path) -> dict[str, PictureFile]:
    """The pictures of a folder by their ids, in natural order. Raises PhotoError if there are none."""
    files = [PictureFile.of(source.path) for source in pictures_in(path, recursive=False)]
    return {file.id: file for file in files}


def example_pair() -> tuple[PictureFile, PictureFile] | None:
    """A target and a reference to try the page with: in the package, or at the top of a checkout that is used in place.

    None where the package was built without them.
    """
    for folder in (_PACKAGE / "examples", _PACKAGE.parents[2] / "examples"):
        target, reference = folder / "target.jpg", folder / "reference.jpg"
        if target.is_file() and reference.is_file():
            return PictureFile.of(target), PictureFile.of(reference)
    return None
