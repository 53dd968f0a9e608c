"""Photo files <-> pictures in memory: upright, in sRGB, with their metadata; files are written whole or not at all.

Shapes: H, W height and width in pixels. Pixels are (H, W) gray or (H, W, 3) sRGB, transparency is kept aside as (H, W).
A picture keeps the depth it came with: uint8, uint16 (of 65535) or float32 (of 1.0).

A `Photo` is a picture in memory with the file that it came from, a `Raster` one without (what `Photo` extends, and what
writing takes). A `PhotoFile` is a file that has been looked into but not decoded. A `Collection` is a folder, tar file,
list or glob, and a `Member` one picture file in it.

Reading goes file -> `decoding` (Pillow, libpng, `tiff`) -> upright pixels, `profiles` (ICC), `metadata` -> Photo;
writing goes Photo -> its own color space -> `encoding` -> `files`.
"""

from excolor.photo.collection import Collection, Member
from excolor.photo.encoding import FORMATS, OUTPUT_FORMATS, SaveSettings, check_fits, left_out
from excolor.photo.files import write_bytes
from excolor.photo.kinds import READABLE_SUFFIXES
from excolor.photo.metadata import Metadata
from excolor.photo.photo import Photo
from excolor.photo.provenance import Provenance, read_provenance
from excolor.photo.reading import MAX_PIXELS, PhotoFile, PhotoSource, as_photo, open_photo, read_content, read_photo
from excolor.photo.writing import check_output, default_output, encode_photo, write_photo

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "OUTPUT_FORMATS",
    "READABLE_SUFFIXES",
    "Collection",
    "Member",
    "Metadata",
    "Photo",
    "PhotoFile",
    "PhotoSource",
    "Provenance",
    "SaveSettings",
    "as_photo",
    "check_fits",
    "check_output",
    "default_output",
    "encode_photo",
    "left_out",
    "open_photo",
    "read_content",
    "read_photo",
    "read_provenance",
    "write_bytes",
    "write_photo",
]
