"""Kinds of file beside the usual ones: of more bits, without loss, in motion, and those that are refused by name."""

import re
import struct
import zlib

import icc
import imagecodecs
import numpy as np
import pytest
from pictures import SEEN, assert_same, exif, levels, saved, smooth
from PIL import Image

from excolor.errors import PhotoError
from excolor.photo import open_photo, read_photo

SIZE = (40, 56)


def ramp(bits: int, *channels: int) -> np.ndarray:
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]] / 60
    pixels = np.stack([x, y, 1 - x / 2 - y / 2][: channels[0] if channels else 1], -1) * ((1 << bits) - 1)
    pixels = np.rint(pixels).astype(np.uint8 if bits <= 8 else np.uint16)
    return pixels if channels else pixels[..., 0]


def with_metadata(data: bytes, turned: int, profile: bytes | None = None) -> bytes:
    """A JPEG with EXIF, and with an ICC profile."""
    body = exif(turned).tobytes()
    body = body if body.startswith(b"Exif") else b"Exif\0\0" + body
    parts = struct.pack(">BBH", 0xFF, 0xE1, len(body) + 2) + body
    if profile is not None:
        body = b"ICC_PROFILE\0\1\1" + profile
        parts += struct.pack(">BBH", 0xFF, 0xE2, len(body) + 2) + body
    return data[:2] + parts + data[2:]


@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "color"])
def test_jpeg_of_12_bits(tmp_path, channels):
    """As medical devices and some scanners write them."""
    pixels = ramp(12, *channels)
    data = bytes(imagecodecs.jpeg_encode(pixels, level=98, bitspersample=12))
    (tmp_path / "a.jpg").write_bytes(data)
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.pixels.dtype == np.uint16 and photo.format == "JPEG"
    np.testing.assert_allclose(photo.pixels / 65535, pixels / 4095, atol=0.02)
    file = open_photo(tmp_path / "a.jpg")
    assert (file.size, file.load, file.format) == (SIZE, 2 * SIZE[0] * SIZE[1], "JPEG")
    (tmp_path / "b.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(PhotoError, match=r"b.jpg: the JPEG is damaged or cut short"):
        read_photo(tmp_path / "b.jpg")


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "color"])
def test_jpeg_without_loss(tmp_path, bits, channels):
    pixels = ramp(bits, *channels)
    options = {"lossless": True, "bitspersample": bits, "colorspace": "rgb", "outcolorspace": "rgb"}
    if not channels:
        options = {"lossless": True, "bitspersample": bits}
    (tmp_path / "a.jpg").write_bytes(bytes(imagecodecs.jpeg_encode(pixels, **options)))
    photo = read_photo(tmp_path / "a.jpg")
    white = 255 if bits == 8 else 65535
    assert photo.pixels.dtype == (np.uint8 if bits == 8 else np.uint16)
    np.testing.assert_allclose(photo.pixels / white, pixels / ((1 << bits) - 1), atol=1 / 65535)


@pytest.mark.parametrize("turned", SEEN)
def test_such_jpegs_are_turned_and_have_profiles(tmp_path, turned):
    profile = icc.gray(icc.gamma_curve(1.0))
    data = bytes(imagecodecs.jpeg_encode(ramp(16), lossless=True, bitspersample=16))
    (tmp_path / "a.jpg").write_bytes(with_metadata(data, turned, profile))
    photo = read_photo(tmp_path / "a.jpg")
    expected = SEEN[turned](icc.linear_to_srgb(ramp(16) / 65535))
    np.testing.assert_allclose(photo.pixels / 65535, expected, atol=1e-3)
    assert open_photo(tmp_path / "a.jpg").size == photo.size == expected.shape
    assert photo.metadata.quantization == ()


def test_such_jpegs_may_be_too_large(tmp_path):
    (tmp_path / "a.jpg").write_bytes(bytes(imagecodecs.jpeg_encode(ramp(16), lossless=True, bitspersample=16)))
    for read in (read_photo, open_photo):
        with pytest.raises(PhotoError, match=r"a.jpg: it has 0.0 megapixels"):
            read(tmp_path / "a.jpg", max_pixels=1000)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [(), (3,), (4,)], ids=["gray", "color", "alpha"])
def test_avif_of_more_than_8_bits(tmp_path, bits, channels):
    pixels = ramp(bits, *(min(c, 3) for c in channels))
    if channels == (4,):
        pixels = np.dstack([pixels, pixels[..., 1]])
    (tmp_path / "a.avif").write_bytes(bytes(imagecodecs.avif_encode(pixels, level=100, bitspersample=bits)))
    photo = read_photo(tmp_path / "a.avif")
    assert photo.pixels.dtype == np.uint16 and photo.format == "AVIF"
    colors = pixels[..., :3] if channels else pixels
    # Half a step of 8 bits is twice as much
    np.testing.assert_allclose(photo.pixels / 65535, colors / ((1 << bits) - 1), atol=1.01 / ((1 << bits) - 1))
    if channels == (4,):
        np.testing.assert_allclose(photo.alpha / 65535, pixels[..., 3] / ((1 << bits) - 1), atol=0.01)
    assert open_photo(tmp_path / "a.avif").load == 2 * SIZE[0] * SIZE[1]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_frames_that_are_not_read_are_noted(tmp_path, suffix):
    first, second = Image.fromarray(smooth()), Image.fromarray(255 - smooth())
    many = saved(first, tmp_path / f"a{suffix}", save_all=True, append_images=[second])
    assert read_photo(many).notes == ("it has 2 frames: the first one is read",)
    assert read_photo(saved(first, tmp_path / f"b{suffix}")).notes == ()


@pytest.mark.parametrize("bits", [10, 12])
def test_an_avif_in_motion_of_more_than_8_bits(tmp_path, bits):
    frames = np.stack([ramp(bits, 3), ramp(bits, 3)[::-1]])
    (tmp_path / "a.avif").write_bytes(bytes(imagecodecs.avif_encode(frames, level=100, bitspersample=bits)))
    photo = read_photo(tmp_path / "a.avif")
    np.testing.assert_allclose(photo.pixels / 255.0, ramp(bits, 3) / ((1 << bits) - 1), atol=0.02)
    assert photo.notes == (
        f"it has {bits} bits a channel: 8 of them are read",
        "it has 2 frames: the first one is read",
    )


def test_a_png_in_motion_of_16_bits(tmp_path):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def frame(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">5I2H2B", number, SIZE[1], SIZE[0], 0, 0, 1, 10, 0, 0))

    data = bytes(imagecodecs.png_encode(ramp(16, 3)))
    start, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    second = chunk(b"fdAT", struct.pack(">I", 2) + data[start + 8 : end - 4])
    control = chunk(b"acTL", struct.pack(">2I", 2, 0)) + frame(0)
    (tmp_path / "a.png").write_bytes(data[:start] + control + data[start:end] + frame(1) + second + data[end:])
    photo = read_photo(tmp_path / "a.png")
    assert_same(photo, ramp(16, 3))
    assert photo.notes == ("it has 2 frames: the first one is read",)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"8BPS\0\1", "a Photoshop document .PSD.; convert it to PNG, TIFF or JPEG"),
        (b"%PDF-1.7", "a PDF; convert it"),
        (b"\xff\x0a\x00", "JPEG XL; convert it"),
        (b"\xff\xd8\xff\xf7\0\x0b\x08\0\x08\0\x08\1\1\x11\0", "JPEG-LS; convert it"),
        (b"<?xml version='1.0'?>\n<svg>", "a drawing .SVG.; convert it"),
        (bytes(128) + b"DICM", "DICOM; convert it"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "the raw file of a camera .CR3.; develop it with a raw converter"),
        (b"II*\0\x10\0\0\0CR\2\0", "the raw file of a camera .CR2.; develop it"),
        (b"PK\3\4", "a ZIP archive; unpack it first"),
        (b"\0\0\0\x18ftypisom\0\0\0\1", "a video; give a picture file"),
        (b"\0\0\0\x18ftypzzzz\0\0\0\1", "a media file of the brand 'zzzz'; give a picture file"),
        (b"  <!DOCTYPE html>", "a web page; give a picture file"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer to a file in Git LFS; fetch it with git lfs pull"),
    ],
)
def test_other_kinds_are_named(tmp_path, start, kind):
    (tmp_path / "a.jpg").write_bytes(start + bytes(600))
    for read in (read_photo, open_photo):
        with pytest.raises(PhotoError, match=rf"a.jpg: it is {kind}"):
            read(tmp_path / "a.jpg")


def test_warnings_of_codecs_become_a_note(tmp_path, capfd):
    """libpng speaks of damage that does not hinder it; stderr belongs to the program."""
    data = bytes(imagecodecs.png_encode(ramp(16)))
    chunk = struct.pack(">I", 1) + b"sBIT" + b"\x20"
    damaged = data[:33] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + data[33:]
    (tmp_path / "a.png").write_bytes(damaged)
    (note,) = read_photo(tmp_path / "a.png").notes
    assert re.match("its decoder warns: .*sBIT: invalid", note)
    (tmp_path / "a.png").write_bytes(data)
    assert read_photo(tmp_path / "a.png").notes == ()
    assert capfd.readouterr() == ("", "")


def test_what_codecs_say_of_how_they_are_called_is_no_note(tmp_path, capfd):
    """A picture in 16 bits and seven passes (Adam7)."""
    pixels = ramp(16)
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b"".join(
        b"\0" + row.tobytes() for y, x, down, across in passes for row in pixels[y::down, x::across].astype(">u2")
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE[1], SIZE[0], 16, 0, 0, 0, 1))
    parts = b"\x89PNG\r\n\x1a\n", header, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"".join(parts))
    photo = read_photo(tmp_path / "a.png")
    assert_same(photo, pixels)
    assert photo.notes == ()
    assert capfd.readouterr() == ("", "")


def test_usual_files_are_not_taken_for_others(tmp_path):
    for suffix in (".jpg", ".png", ".webp", ".gif", ".bmp", ".jp2", ".ppm", ".avif"):
        path = saved(Image.fromarray(smooth()), tmp_path / f"a{suffix}")
        assert read_photo(path).size == smooth().shape[:2]
    assert_same(read_photo(saved(Image.fromarray(levels()), tmp_path / "b.png")), levels())
