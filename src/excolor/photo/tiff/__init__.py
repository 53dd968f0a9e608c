"""TIFF: its pages, their pixels, and all of it that we write.

tifffile with imagecodecs decodes every page that it knows. Others are left to Pillow, which has libtiff: pages whose
colors are subsampled without JPEG, and compressions that are hardly ever met.
"""

from excolor.photo.tiff.decoding import DecodedPage, UnsupportedTiffError, decode
from excolor.photo.tiff.pages import TiffPage, find_pages
from excolor.photo.tiff.writing import write

__all__ = ["DecodedPage", "TiffPage", "UnsupportedTiffError", "decode", "find_pages", "write"]
