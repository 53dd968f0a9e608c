"""TIFF: its pages, their pixels, and all of it that we write.

tifffile with imagecodecs decodes them, but for YCbCr whose colors have fewer pixels than its lightness, which `ycbcr`
does. Pillow has no part in it: its libtiff has 8 bits for color, and writes to stderr.
"""

from excolor.photo.tiff.decoding import DecodedPage, decode
from excolor.photo.tiff.pages import TiffPage, find_pages
from excolor.photo.tiff.writing import bytes_of, write

__all__ = ["DecodedPage", "TiffPage", "bytes_of", "decode", "find_pages", "write"]
