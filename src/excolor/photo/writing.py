"""Pictures to files: each is written whole, or nothing changes."""

import io
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from excolor.errors import OutputError
from excolor.photo.encoding import FORMATS, OUTPUT_FORMATS, SaveSettings, encode
from excolor.photo.files import check_place, is_folder, new_file
from excolor.photo.kinds import BEGINNING, kind_of
from excolor.photo.raster import Raster


def write_photo(
    photo: Raster | Iterable[Raster],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    settings: SaveSettings = SaveSettings(),  # noqa: B008 - frozen
    expected_bytes: int = 0,
) -> Path:
    """Write a picture in the format that the suffix says; either all of it is there afterwards, or nothing changed.

    uint16 and float32 pixels are written with 16 bits in PNG and TIFF, all else with 8. Gray stays gray, except in
    WebP, which has three equal channels instead.

    Args:
        photo: The picture; or several, which become the pages of a TIFF, each written before the next one is asked for.
        path: Where to; its suffix is one of `OUTPUT_FORMATS`.
        overwrite: Replace a file of this name. Without it a file is not replaced even if it appears while we write.
        settings: See there.
        expected_bytes: Of pages that come one by one, how many bytes their pixels have all together: a TIFF of more
            than 4 GiB begins otherwise. Not needed where they are a list.

    Returns:
        The path written.

    Raises:
        OutputError: it cannot be written there, or the format cannot hold the picture.
    """
    path = Path(path)
    check_output(path, overwrite=overwrite)
    pages = [photo] if isinstance(photo, Raster) else photo
    with new_file(path, overwrite=overwrite) as file:
        encode(file, pages, path, settings, expected_bytes)
    return path


def encode_photo(
    photo: Raster | Iterable[Raster],
    suffix: str,
    settings: SaveSettings = SaveSettings(),  # noqa: B008 - frozen
    *,
    expected_bytes: int = 0,
) -> bytes:
    """The bytes of what `write_photo` would write to a file of this suffix (".jpg", ".png", ...)."""
    buffer = io.BytesIO()
    pages = [photo] if isinstance(photo, Raster) else photo
    encode(buffer, pages, Path(f"picture{suffix}"), settings, expected_bytes)
    return buffer.getvalue()


def check_output(path: Path, *, overwrite: bool) -> None:
    """Find out before any long work whether a picture can be written to `path`.

    Raises:
        OutputError: unknown suffix, a folder, an existing file without `overwrite`, or a folder that is missing or
            that we may not write to.
    """
    if path.suffix.lower() not in OUTPUT_FORMATS and not is_folder(path):
        raise OutputError(f"cannot write {path}: end its name in one of {', '.join(OUTPUT_FORMATS)}")
    check_place(path, overwrite=overwrite)


def default_output(photo_path: Path, tag: str, folder: Path | None = None, suffix: str | None = None) -> Path:
    """NAME-tag.EXT beside the picture or in `folder`; EXT is `suffix`, or what the picture is if we write that, or png.

    What it is shows in its first bytes; where there is no such file, or only a pipe, in its own suffix, which
    is also kept if it is one of those for what the picture is.
    """
    return (folder or photo_path.parent) / f"{photo_path.stem}-{tag}{suffix or _suffix_of(photo_path)}"


def _suffix_of(path: Path) -> str:
    own = path.suffix.lower()
    kind = None
    with suppress(OSError, ValueError):  # whoever reads it will say so
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                kind = kind_of(file.read(BEGINNING))
    if kind is None or own in kind.suffixes:
        return path.suffix if own in OUTPUT_FORMATS else ".png"
    return next((suffix for suffix in FORMATS.values() if suffix in kind.suffixes), ".png")
