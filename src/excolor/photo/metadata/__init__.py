"""What a picture file says beside its pixels, carried from the target to the result.

EXIF, XMP and IPTC stay the bytes that they are wherever the formats allow: maker notes are full of offsets, and text
is in many encodings. Damaged parts are left out and never an error, because the picture is still wanted.
"""

from excolor.photo.metadata.exif import declares_adobe_rgb
from excolor.photo.metadata.orientation import orientation_of, upright
from excolor.photo.metadata.pixels import describing
from excolor.photo.metadata.reading import read_metadata, read_tiff_metadata
from excolor.photo.metadata.record import Metadata
from excolor.photo.metadata.writing import append_ifds, lost_in_tiff, save_options

__all__ = [
    "Metadata",
    "append_ifds",
    "declares_adobe_rgb",
    "describing",
    "lost_in_tiff",
    "orientation_of",
    "read_metadata",
    "read_tiff_metadata",
    "save_options",
    "upright",
]
