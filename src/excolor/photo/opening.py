"""Opening files with Pillow: how large, and what to say of those that are no pictures or of kinds that are not read."""

from typing import Any, BinaryIO

from PIL import Image

from excolor.errors import PhotoError, how_to_install
from excolor.photo import gif, jpeg, jpeg_2000, png
from excolor.photo.guard import guarded
from excolor.photo.kinds import BEGINNING, HEIC, JPEG, KINDS, Kind, kind_of, other_kind_of

# Listed so that no malicious file reaches a reader that runs programs (EPS) or is little tested
_PILLOW_FORMATS = tuple(kind.pillow for kind in KINDS if kind.pillow is not None)


def check_kind(file: BinaryIO, name: str) -> Kind:
    """The kind of a file. `name` is what messages call it.

    Raises:
        PhotoError: it is of none that is read; the message names what it is, if that is known.
    """
    file.seek(0)
    start = file.read(BEGINNING)
    if not start:
        raise PhotoError(f"cannot read {name}: the file is empty; copy it again from its source")
    if (other := other_kind_of(start)) is not None:
        raise PhotoError(f"cannot read {name}: {other}")
    kind = kind_of(start)
    if kind is not None:
        return kind
    if not any(start):
        raise PhotoError(f"cannot read {name}: it begins with zeros, so that its content is lost; copy it again")
    raise PhotoError(
        f"cannot read {name}: it is not a picture of a kind that can be read ({', '.join(k.name for k in KINDS)}), "
        "or its beginning is damaged; convert it to PNG or TIFF, or copy it again from its source"
    )


def open_image(file: BinaryIO, name: str, max_pixels: int) -> Image.Image:
    """Open with Pillow, in time to refuse a picture that is too large.

    Raises:
        PhotoError: as `check_kind`; or it is damaged, or has more than `max_pixels`.
    """
    kind = check_kind(file, name)
    if kind is JPEG and jpeg.is_ls(file):
        raise PhotoError(f"cannot read {name}: it is JPEG-LS; convert it to PNG, TIFF or JPEG")
    file.seek(0)
    if kind is HEIC:
        image = _open_heic(file, name)
    else:
        with guarded(name, kind.name):
            Image.init()
            image = Image.open(file, formats=[known for known in _PILLOW_FORMATS if known in Image.OPEN])
            for key, value in _beyond_pillow(file, image).items():
                image.info[key] = value
    check_size(*image.size, name, max_pixels)
    return image


def _beyond_pillow(file: BinaryIO, image: Image.Image) -> dict[str, Any]:
    """What Pillow does not read, or wrongly, of what stands beside the pixels, under the names that it has for this."""
    match image.format:
        case "JPEG2000":
            return jpeg_2000.read_boxes(file)
        case "GIF":
            return {"xmp": gif.read_xmp(file)}
        case "PNG" if image.mode == "L":
            return png.transparent_level(file, image.info.get("transparency"))
        case _:
            return {}


def _open_heic(file: BinaryIO, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise PhotoError(
            f"cannot read {name}: HEIC needs one more package; {how_to_install('heic', 'pillow-heif')}, "
            "or convert it to JPEG"
        ) from error
    with guarded(name, HEIC.name):
        image: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]
        return image


def check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """Refuse a picture that has too many pixels, before they are decoded.

    Raises:
        PhotoError: it has.
    """
    if width * height > max_pixels:
        raise PhotoError(
            f"cannot read {name}: it has {width * height / 1e6:.1f} megapixels and the limit is {max_pixels / 1e6:g}; "
            "raise the limit if you trust the file, or scale it down first",
            settings=("max_pixels",),
        )
