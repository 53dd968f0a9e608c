"""What metadata say of the pixels and of the file's other bytes, made right for the picture that is written."""

import struct
from dataclasses import replace

from excolor.photo.metadata.exif import EXIF, first_directory
from excolor.photo.metadata.record import Metadata
from excolor.photo.metadata.xmp import Name, with_properties
from excolor.photo.tags import LONG, SHORT, Directory

_EXIF_XMP, _TIFF_XMP = "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"
_PHOTOSHOP_XMP = "http://ns.adobe.com/photoshop/1.0/"
_CAMERA_XMP = "http://ns.google.com/photos/1.0/camera/"

# Whole namespaces that describe what is behind a picture in its file, or in segments that are not carried: further
# pictures and videos, gain maps, depth maps, sound (Google's and Apple's); the rest of a long packet (XMP, part 3)
_OTHER_BYTES = frozenset(
    (
        "http://ns.google.com/photos/1.0/container/",
        "http://ns.google.com/photos/1.0/container/item/",
        "http://ns.adobe.com/hdr-gain-map/1.0/",
        "http://ns.apple.com/HDRGainMap/1.0/",
        "http://ns.apple.com/pixeldatainfo/1.0/",
        "http://ns.google.com/photos/1.0/depthmap/",
        "http://ns.google.com/photos/1.0/image/",
        "http://ns.google.com/photos/1.0/audio/",
        "http://ns.google.com/photos/dd/1.0/device/",
        "http://ns.xiaomi.com/photos/1.0/camera/",
        "http://ns.adobe.com/xmp/note/",
    )
)
_MOTION = ("MotionPhoto", "MicroVideo")  # how the names of such properties of cameras begin

# How the old pixels were stored (XMP specification, part 2, section 3.2), which the file itself says of the new ones
_OLD_STORAGE = (
    *("BitsPerSample", "Compression", "PhotometricInterpretation", "SamplesPerPixel", "PlanarConfiguration"),
    *("YCbCrSubSampling", "YCbCrPositioning", "TransferFunction"),
)
_RGB_MODE = "3"  # of photoshop:ColorMode

_WIDTH, _HEIGHT, _PHOTOMETRIC, _SAMPLES = 256, 257, 262, 277
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_PHOTOMETRIC_RGB, _RGB_SAMPLES = 2, 3


def describing(metadata: Metadata, size: tuple[int, int], *, in_color: bool, profile: str | None) -> Metadata:
    """The metadata with what they say of pixels, if anything, true of these.

    What describes bytes that no result has (the video of a motion photo, gain maps, extended XMP) is removed.

    Args:
        metadata: of the picture, upright.
        size: (height, width).
        in_color: the pixels are RGB, not gray.
        profile: the name of the ICC profile that is embedded; None if there is none.
    """
    height, width = size
    values: dict[Name, str | None] = {
        (_EXIF_XMP, "PixelXDimension"): str(width),
        (_EXIF_XMP, "PixelYDimension"): str(height),
        (_TIFF_XMP, "ImageWidth"): str(width),
        (_TIFF_XMP, "ImageLength"): str(height),
        (_PHOTOSHOP_XMP, "ICCProfile"): profile,
    }
    values |= {(_TIFF_XMP, name): None for name in _OLD_STORAGE}
    if in_color:
        values[_PHOTOSHOP_XMP, "ColorMode"] = _RGB_MODE

    def rule(name: Name) -> str | None:
        namespace, local = name
        if namespace in _OTHER_BYTES or (namespace == _CAMERA_XMP and local.startswith(_MOTION)):
            return None
        return values[name]

    xmp = with_properties(metadata.xmp, rule, _OTHER_BYTES)
    return replace(metadata, xmp=xmp, exif=_exif_describing(metadata.exif, size, in_color))


def _exif_describing(exif: bytes, size: tuple[int, int], in_color: bool) -> bytes:
    """Changed in place, so that every offset in it stays valid."""
    found = first_directory(exif)
    if found is None:
        return exif
    reader, directory = found
    height, width = size
    block = bytearray(exif)
    values = {_WIDTH: width, _HEIGHT: height}
    if in_color:
        values |= {_PHOTOMETRIC: _PHOTOMETRIC_RGB, _SAMPLES: _RGB_SAMPLES}
    _put(block, reader.order, directory, values)
    pointer = reader.integer(directory, EXIF)
    if pointer is not None:
        try:
            own = reader.directory(pointer)
        except ValueError:
            return bytes(block)
        _put(block, reader.order, own, {_EXIF_WIDTH: width, _EXIF_HEIGHT: height})
    return bytes(block)


def _put(block: bytearray, order: str, directory: Directory, values: dict[int, int]) -> None:
    """Give tags that are there, as one whole number each, these values."""
    for tag, value in values.items():
        entry = directory.entries.get(tag)
        if entry is None or entry.type not in (SHORT, LONG) or entry.count != 1:
            continue
        if entry.type == SHORT and value < 1 << 16:
            struct.pack_into(order + "HLHH", block, entry.position + 2, SHORT, 1, value, 0)
        else:
            struct.pack_into(order + "HLL", block, entry.position + 2, LONG, 1, value)
