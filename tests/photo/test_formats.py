"""The table of formats in the documentation: what the code says of itself, and whether that is so."""

from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from pictures import levels, saved, smooth
from PIL import Image

from excolor.photo import OUTPUT_FORMATS, READABLE_SUFFIXES, Photo, read_photo, write_photo
from excolor.photo.formats import formats_table
from excolor.photo.kinds import BEGINNING, KINDS, kind_of, other_kind_of

DOCS = Path(__file__).parents[2] / "docs" / "files.md"
CODECS = {".jpg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".jpf": "JPEG2000", ".jpx": "JPEG2000", ".pnm": "PPM"}
ROWS = {row[0]: row for row in formats_table().rows}


def test_the_documentation_has_the_table():
    assert formats_table().markdown() in DOCS.read_text(), "paste the output of the command in formats.py"


@pytest.mark.parametrize("suffix", sorted(READABLE_SUFFIXES))
def test_every_suffix_of_the_table_is_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    picture = Image.fromarray(smooth())
    if suffix in {".heic", ".heif"}:
        pillow_heif.from_pillow(picture).save(path, quality=100)
    else:
        saved(picture.convert("1") if suffix == ".pbm" else picture, path, format=CODECS.get(suffix))
    assert read_photo(path).size == smooth().shape[:2]
    start = path.read_bytes()[:BEGINNING]
    kind = kind_of(start)
    assert kind is not None and suffix in kind.suffixes
    assert other_kind_of(start) is None


@pytest.mark.parametrize("suffix", OUTPUT_FORMATS)
def test_what_the_table_says_is_written_is_written(tmp_path, suffix):
    (row,) = (ROWS[kind.name] for kind in KINDS if suffix in kind.suffixes)
    deep = levels(3, dtype=np.uint16)
    path = write_photo(Photo(deep), tmp_path / f"a{suffix}")
    assert (read_photo(path).pixels.dtype == np.uint16) == ("16 bits" in row[3])
    if "alpha" in row[3]:
        path = write_photo(Photo(smooth(), levels()), tmp_path / f"b{suffix}")
        assert read_photo(path).alpha is not None


def test_what_is_not_written_has_no_suffix_of_an_output():
    for kind in KINDS:
        assert (ROWS[kind.name][3] == "no") == (not set(kind.suffixes) & set(OUTPUT_FORMATS))


def deep_ppm(path: Path) -> Path:
    path.write_bytes(b"P6\n# a comment\n17 12\n65535\n" + levels(3, dtype=np.uint16).astype(">u2").tobytes())
    return path


def deep_jpeg_2000(path: Path) -> Path:
    path.write_bytes(bytes(imagecodecs.jpeg2k_encode(levels(3, dtype=np.uint16) >> 4, bitspersample=12, level=0)))
    return path


def deep_heic(path: Path) -> Path:
    pixels = levels(3, dtype=np.uint16, size=(64, 64))
    pillow_heif.encode("RGB;16", (64, 64), pixels.tobytes(), path, quality=90)
    return path


@pytest.mark.parametrize(
    ("name", "make", "bits"),
    [("a.ppm", deep_ppm, 16), ("a.jp2", deep_jpeg_2000, 12), ("a.heic", deep_heic, 10)],
    ids=["PPM", "JPEG 2000", "HEIC"],
)
def test_bits_that_are_lost_are_noted(tmp_path, name, make, bits):
    assert read_photo(make(tmp_path / name)).notes == (f"it has {bits} bits a channel: 8 of them are read",)
