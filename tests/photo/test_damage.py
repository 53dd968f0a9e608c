"""Files that cannot be read, and what must not happen then."""

import errno
import io
import random
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from pictures import (
    HEIGHT,
    WIDTH,
    assert_same,
    encoded,
    exif,
    failing,
    levels,
    names,
    palette_image,
    saved,
    smooth,
)
from PIL import Image
from ycbcr_tiff import ycbcr_tiff

from excolor.errors import PhotoError
from excolor.photo import (
    as_photo,
    open_photo,
    read_photo,
)


def png(header: bytes) -> bytes:
    """A PNG of this header, without pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def png_header(width: int, height: int) -> bytes:
    return struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)


def mistyped_tiff() -> bytes:
    """A TIFF that gives the place of its pixels (tag 273) as a float (type 11) instead of an integer (type 4)."""
    good = encoded(Image.fromarray(levels(3)), "TIFF")
    bad = good.replace(struct.pack("<HH", 273, 4), struct.pack("<HH", 273, 11))
    assert bad != good
    return bad


def assert_refused(path: Path, message: str) -> None:
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    assert str(caught.value).startswith(f"cannot read {path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    assert_refused(tmp_path / "a.jpg", "there is no such file; check its name and folder")
    assert_refused(tmp_path, "it is a folder; name a picture file in it")
    saved(Image.fromarray(levels()), tmp_path / "a.png")
    assert_refused(tmp_path / "a.png" / "b.png", "there is no such file")
    assert_refused(tmp_path / ("a" * 300), "File name too long")


def test_unreadable_file(tmp_path, monkeypatch):
    path = saved(Image.fromarray(levels()), tmp_path / "a.png")
    # Not by chmod: root, as whom tests run in containers, may read everything.
    monkeypatch.setattr(Path, "open", failing(PermissionError(errno.EACCES, "Permission denied")))
    assert_refused(path, "Permission denied; check that you may read this file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; copy it again"),
        (bytes(range(200, 256)) * 9, "it is not a picture of a kind that can be read (JPEG, PNG, TIFF, WebP"),
        (b"Dear Sir or Madam,\n" * 50, "it is text; give a picture file"),
        ("Größe, Ñandú, 写真\n".encode() * 50, "it is text; give a picture file"),
        (bytes(4096), "it begins with zeros, so that its content is lost; copy it again"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is PostScript; convert it"),
        (png(png_header(0, 5)), "the PNG is damaged or cut short at its beginning; copy it again"),
        (b"P6 0 5 255\n", "the PPM is damaged or cut short at its beginning; copy it again"),
        (b"II*\0\xff\xff\0\0", "the TIFF is damaged or cut short before its first page; copy it again"),
        (png(png_header(30_000, 20_000)), "it has 600.0 megapixels and the limit is 500; raise the limit"),
        (png(png_header(2, 2)), "damaged or cut short"),
        (png(png_header(2, 2)[:7]), "damaged or cut short"),
        (mistyped_tiff(), "damaged or cut short"),
    ],
    ids=[
        *("empty", "noise", "text", "UTF-8", "zeros", "eps", "no pixels png", "no pixels ppm", "no pages tiff", "bomb"),
        *("no data", "short header", "mistyped tag"),
    ],
)
def test_files_that_are_no_pictures(tmp_path, content, message):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert_refused(path, message)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.9])
@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {}),
    ],
)
def test_truncated_files(tmp_path, format, options, share):  # noqa: A002
    data = encoded(Image.fromarray(levels(3, size=(64, 64))), format, **options)
    path = tmp_path / "a.bin"
    path.write_bytes(data[: max(1, int(len(data) * share))])
    assert_refused(path, "copy it again from its source")
    path.write_bytes(data)
    assert read_photo(path).size == (64, 64)


def test_truncated_pil_image_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(levels(3)), "PNG")[:300])
    with Image.open(path) as image, pytest.raises(PhotoError, match=r"cannot read .*a.png: the PNG is damaged"):
        as_photo(image)


def seeds() -> list[bytes]:
    rgb, rgba = Image.fromarray(levels(3)), Image.fromarray(levels(4))
    gray, deep = Image.fromarray(levels()), Image.fromarray(levels(dtype=np.uint16))
    tags = exif(6)
    tags[0x010F] = "maker"
    return [
        encoded(rgb, "JPEG", exif=tags),
        encoded(gray, "JPEG", progressive=True),
        encoded(rgb.convert("CMYK"), "JPEG"),
        encoded(rgb, "PNG", exif=tags),
        encoded(palette_image()[0], "PNG", transparency=bytes(range(8))),
        encoded(deep, "PNG"),
        encoded(rgb, "TIFF", exif=tags),
        encoded(rgba, "TIFF", compression="packbits"),
        encoded(Image.fromarray(levels() > 99), "TIFF"),
        encoded(Image.fromarray(np.float32(levels())), "TIFF"),
        encoded(rgb, "WEBP", exif=tags),
        encoded(rgba, "WEBP", lossless=True),
        encoded(rgb, "JPEG2000"),
        encoded(rgb, "GIF"),
        encoded(rgb, "BMP"),
        encoded(rgb, "PPM"),
        bytes(imagecodecs.jpeg_encode(levels(3, dtype=np.uint16) >> 4, bitspersample=12)),
        bytes(imagecodecs.jpeg_encode(levels(dtype=np.uint16), lossless=True, bitspersample=16)),
        bytes(imagecodecs.avif_encode(levels(3, dtype=np.uint16) >> 6, bitspersample=10)),
        bytes(imagecodecs.png_encode(levels(4, dtype=np.uint16))),
        tiff(levels(3), photometric="cielab"),
        tiff(levels(2), extrasamples=["unassalpha"], planarconfig="contig"),
        tiff(levels(3), photometric="rgb", compression="jpeg"),
        tiff(levels(3, dtype=np.uint16), photometric="rgb", compression="zstd", tile=(16, 16)),
        tiff(levels(4), photometric="separated"),
        ycbcr_tiff(levels(3), 2, 2)[0],
        ycbcr_tiff(levels(3), 4, 2, tile=(16, 16), packed=True)[0],
    ]


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Cut short, or a few bytes changed, mostly in the headers."""
    if dice.random() < 0.25:
        return data[: dice.randrange(1, len(data))]
    changed = bytearray(data)
    for _ in range(dice.choice([1, 2, 4, 16])):
        where = dice.randrange(dice.choice([40, 250, len(data)]))
        changed[where % len(data)] = dice.choice([0, 255, dice.randrange(256)])
    return bytes(changed)


def test_mutated_files_are_a_photo_or_a_photo_error(tmp_path, capfd):
    dice, files, path = random.Random(0), seeds(), tmp_path / "a.bin"
    outcomes = []
    for _ in range(500):
        path.write_bytes(mutated(dice.choice(files), dice))
        try:
            photo = read_photo(path, max_pixels=4_000_000)  # a header may lie; keep the test quick
        except PhotoError as error:
            outcomes.append("refused")
            assert str(error).startswith("cannot ")
            assert "\n" not in str(error)
        else:
            outcomes.append("read")
            assert min(photo.size) >= 1
            assert photo.pixels.dtype in (np.uint8, np.uint16, np.float32)
            assert np.isfinite(photo.pixels).all()
    assert capfd.readouterr() == ("", "")
    assert min(outcomes.count("refused"), outcomes.count("read")) > 20, "the mutations are too strong or too weak"


# Pillow's process-wide settings and the user's files are left alone


def test_pixel_limit_is_ours_and_pillows_is_put_back(tmp_path, monkeypatch):
    path = saved(Image.fromarray(levels(3)), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow by itself would refuse
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)
    assert_same(read_photo(path), levels(3))
    assert Image.MAX_IMAGE_PIXELS == 10
    for read in (read_photo, open_photo):
        assert read(path, max_pixels=HEIGHT * WIDTH).size == (HEIGHT, WIDTH)
        with pytest.raises(PhotoError, match=r"a.png: it has 0.0 megapixels and the limit is .*; raise the limit"):
            read(path, max_pixels=HEIGHT * WIDTH - 1)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_reading_in_threads_leaves_limit_and_warnings_alone(tmp_path):
    good = saved(Image.fromarray(levels(3)), tmp_path / "a.png", exif=exif(6))
    bad = saved(Image.fromarray(levels(3)), tmp_path / "b.jpg", exif=exif(6).tobytes()[:-7])
    filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(lambda path: read_photo(path).size, [good, bad] * 40))
    assert sizes[::2] == [(WIDTH, HEIGHT)] * 40
    assert warnings.filters == filters
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="needs a list of open files")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".gif", ".bmp"])
def test_no_file_is_kept_open_or_changed(tmp_path, suffix):
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - smooth())]}
    options = frames if suffix in {".tif", ".webp", ".gif"} else {}
    path = saved(Image.fromarray(smooth()), tmp_path / f"a{suffix}", **options)
    before, opened = path.read_bytes(), names(Path("/dev/fd"))
    photo = read_photo(path)
    photo.save(tmp_path / "b.png")
    assert names(Path("/dev/fd")) == opened
    assert path.read_bytes() == before


def test_importing_photo_leaves_torch_and_cv2_out():
    code = "import excolor.photo, sys; sys.exit(bool({'torch', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
