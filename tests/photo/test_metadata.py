"""What a file says beside its pixels: carried in every way between formats, and read back by second sources."""

import io
import struct
import time
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import hypothesis.strategies as st
import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from PIL import ExifTags, Image, UnidentifiedImageError, features
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from excolor.errors import OutputError, PhotoError
from excolor.photo import open_photo, read_photo
from excolor.photo.metadata import (
    Metadata,
    append_ifds,
    orientation_of,
    read_metadata,
    read_tiff_metadata,
    save_options,
    upright,
)
from excolor.photo.provenance import NAMESPACE, Provenance, read_provenance, with_provenance
from excolor.photo.tags import Tag, add_tags, pack_block

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
MAKER_NOTE = b"Maker\0\x01\x02" + bytes(range(256))
COMMENT = b"ASCII\0\0\0found in the attic"
IPTC = b"\x1c\x02\x00\x00\x02\x00\x04" + b"\x1c\x02\x78\x00\x0bFestival \xc3\xa9"  # record version, caption
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<r:Description r:about="uuid:1" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    '<r:Description r:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><r:Alt>'
    '<r:li xml:lang="x-default">Fête</r:li></r:Alt></dc:title></r:Description>'
    "</r:RDF></x:xmpmeta>" + " " * 200 + '<?xpacket end="w"?>'
).encode()
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
PROVENANCE = Provenance(
    version="1.2.3",
    model="lite",
    checkpoints={"encoder": "ab" * 32, "decoder": "cd" * 32},
    references=(("a <b> & \"c\" 'd'.jpg", "ef" * 32), ("Größe\n2.png", "01" * 32)),
    settings={"match": "both", "size": "512"},
)


def exif_block(order: str = "<", turn: int = 1) -> bytes:
    """An EXIF block by Pillow, with all that archivists look for."""
    exif = Image.Exif()
    exif.endian = order
    exif[270] = "A parade"
    exif[271] = "Maker"
    exif[274] = turn
    exif[282], exif[283], exif[296] = IFDRational(300), IFDRational(150), 2
    exif[306] = "2020:01:02 03:04:05"
    exif[315] = "Ada Müller".encode()  # type ASCII by the standard, UTF-8 in practice
    exif[33432] = "(c) Archive"
    exif[34665] = {
        36867: "1912:05:06 07:08:09",
        37500: MAKER_NOTE,
        37510: COMMENT,
        40962: 48,
        40963: 32,
        33434: IFDRational(1, 60),
    }
    exif[34853] = {1: "N", 2: (IFDRational(48), IFDRational(8), IFDRational(1, 3)), 5: b"\0"}
    return exif.tobytes().removeprefix(b"Exif\0\0")


FULL = Metadata(exif_block(), XMP, IPTC, (300.0, 150.0))


def gray(mode: str = "L") -> Image.Image:
    return Image.linear_gradient("L").resize((48, 32)).convert(mode)


def encoded(metadata: Metadata, kind: str) -> bytes:
    """A file with the metadata, written as the program writes it."""
    buffer = io.BytesIO()
    if kind == "TIFF":
        with tifffile.TiffWriter(buffer) as writer:
            writer.write(np.asarray(gray()), photometric="minisblack", metadata=None, software=False)
        append_ifds(buffer, [metadata])
    else:
        options, _ = save_options(metadata, kind)  # type: ignore[arg-type]
        gray("RGB" if kind == "WEBP" else "L").save(buffer, kind, **options)
    return buffer.getvalue()


def loaded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def decoded(data: bytes) -> Metadata:
    return read_metadata(loaded(data))


def told(exif: bytes) -> dict[Any, Any]:
    """What Pillow makes of an EXIF block: all tags but pointers and those that Pillow adds."""
    parsed = Image.Exif()
    parsed.load(exif)
    main = {tag: value for tag, value in parsed.items() if tag not in (34665, 34853)}
    exif = {("exif", tag): value for tag, value in parsed.get_ifd(34665).items()}
    return main | exif | {("gps", tag): value for tag, value in parsed.get_ifd(34853).items()}


# From format to format


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_all_is_carried_between_formats(source: str, target: str) -> None:
    found = decoded(encoded(decoded(encoded(FULL, source)), target))
    assert told(found.exif) == told(FULL.exif)
    assert found.xmp == XMP
    assert found.iptc == (b"" if "WEBP" in (source, target) else IPTC)
    assert found.dpi == (300.0, 150.0)
    assert found.text == {}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_an_exif_block_is_not_rewritten(kind: str, order: str) -> None:
    block = exif_block(order)
    assert decoded(encoded(Metadata(exif=block), kind)).exif == block


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_left_out_is_said(kind: str) -> None:
    if kind != "TIFF":
        assert save_options(FULL, kind)[1] == (("IPTC",) if kind == "WEBP" else ())  # type: ignore[arg-type]
        assert save_options(Metadata(), kind) == ({}, ())  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pillow_finds_resolution_and_xmp(kind: str) -> None:
    image = loaded(encoded(FULL, kind))
    assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)  # PNG: per meter
    if kind == "JPEG":
        assert image.info["photoshop"][0x0404] == IPTC
        assert ("APP1", b"http://ns.adobe.com/xap/1.0/\0" + XMP) in image.applist  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("block_order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tifffile_reads_every_page_of_a_tiff(
    tmp_path: Path, is_big: bool, order: Any, block_order: str, dtype: type
) -> None:
    path = tmp_path / "pages.tif"
    pixels = np.random.default_rng(0).integers(0, 255, (3, 40, 30, 3)).astype(dtype)
    pages = [replace(FULL, exif=exif_block(block_order)), Metadata(), Metadata(iptc=IPTC, dpi=(72.5, 72.5))]
    with path.open("w+b") as file:
        with tifffile.TiffWriter(file, bigtiff=is_big, byteorder=order) as writer:
            for page in pixels:
                writer.write(page, photometric="rgb", compression="zlib", metadata=None, software=False, rowsperstrip=8)
        append_ifds(file, pages)
    with tifffile.TiffFile(path) as file:
        assert file.byteorder == order and file.is_bigtiff == is_big
        np.testing.assert_array_equal([page.asarray() for page in file.pages], pixels)
        first, second, third = (page.aspage().tags for page in file.pages)
    assert first[270].value == "A parade"
    assert first[315].value == "Ada Müller"
    assert first[282].value == (300, 1) and first[283].value == (150, 1) and first[296].value == 2
    exif = first[34665].value
    assert exif["DateTimeOriginal"] == "1912:05:06 07:08:09"
    assert exif["MakerNote"] == MAKER_NOTE and exif["UserComment"] == "found in the attic"
    assert exif["ExposureTime"] == (1, 60) and exif["PixelXDimension"] == 48
    assert first[34853].value["GPSLatitude"] == (48, 1, 8, 1, 1, 3)
    assert bytes(first[700].value) == XMP
    assert {270, 305, 700, 34665, 33723}.isdisjoint(tag.code for tag in second)
    assert bytes(third[33723].value) == IPTC and third[282].value == (145, 2)
    with path.open("rb") as file:
        found = [read_tiff_metadata(file, index) for index in range(3)]
    if not (is_big and order == ">"):  # Pillow does not open these
        with Image.open(path) as image:
            for index in range(3):
                image.seek(index)
                assert read_metadata(image) == found[index]
    assert told(found[0].exif) == told(FULL.exif)
    assert [page.dpi for page in found] == [(300, 150), None, (72.5, 72.5)]
    assert [page.iptc for page in found] == [IPTC, b"", IPTC]


def test_metadata_of_a_tiff_by_pillow_and_by_tifffile(tmp_path: Path) -> None:
    directory = ImageFileDirectory_v2()
    directory[315], directory[700], directory[33723] = "Ada", XMP, IPTC
    directory.tagtype[33723] = 7
    gray().save(tmp_path / "a.tif", tiffinfo=directory, dpi=(200, 100), compression="tiff_lzw")
    tags = [(315, 2, 0, "Ada", True), (700, 1, len(XMP), XMP, True), (33723, 7, len(IPTC), IPTC, True)]
    arguments: dict[str, Any] = {"resolution": (200, 100), "software": "scanner", "extratags": tags}
    tifffile.imwrite(tmp_path / "b.tif", np.asarray(gray()), **arguments)
    for name in "ab":
        with Image.open(tmp_path / f"{name}.tif") as image:
            image.load()  # closes the file, as Pillow does with those that it opened itself
            found = read_metadata(image)
        assert (found.xmp, found.iptc, found.dpi) == (XMP, IPTC, (200, 100))
        assert told(found.exif)[315] == "Ada"
        assert told(found.exif).keys() <= {282, 283, 296, 305, 315}  # not tifffile's declaration of shape, no sizes


def test_iptc_in_a_tiff_as_numbers_of_four_bytes() -> None:
    """libtiff's way; a file made in the other byte order has them swapped."""
    padded = IPTC + bytes(-len(IPTC) % 4)
    swapped = b"".join(padded[i : i + 4][::-1] for i in range(0, len(padded), 4))
    for data in (padded, swapped):
        file = io.BytesIO(encoded(Metadata(), "TIFF"))
        add_tags(file, 4, {33723: Tag(4, len(data) // 4, data)})
        assert decoded(file.getvalue()).iptc == padded


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000", "GIF", "BMP"])
def test_other_formats(kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    buffer = io.BytesIO()
    gray().save(buffer, kind, exif=exif_block(), xmp=XMP, comment="from Ada", dpi=(300, 300))
    found = decoded(buffer.getvalue())
    if kind == "AVIF":
        assert told(found.exif)[33432] == "(c) Archive" and found.xmp == XMP
    assert found.text == ({"Comment": "from Ada"} if kind == "GIF" else {})
    assert found.dpi == {"AVIF": (300, 150), "BMP": (300, 300)}.get(kind)


def boxed(kind: bytes, content: bytes, *, wide: bool = False) -> bytes:
    """A box of JPEG 2000, with a length of 64 bits if that is asked for."""
    if wide:
        return struct.pack(">L4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">L4s", 8 + len(content), kind) + content


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("wide", [False, True])
def test_jpeg_2000_before_and_after_the_pixels(tmp_path: Path, is_before: bool, wide: bool) -> None:
    buffer = io.BytesIO()
    gray("RGB").save(buffer, "JPEG2000", irreversible=False)
    data = buffer.getvalue()
    parts = (
        (b"JpgTiffExif->JP2", exif_block(turn=6)),
        (bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), XMP),
        (bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), IPTC),
    )
    boxes = b"".join(boxed(b"uuid", name + content, wide=wide) for name, content in parts)
    at = data.index(b"jp2h") - 4 if is_before else len(data)
    path = tmp_path / "a.jp2"
    path.write_bytes(data[:at] + boxes + data[at:])
    photo = read_photo(path)
    assert photo.metadata == upright(Metadata(exif_block(turn=6), XMP, IPTC, (300.0, 150.0)))
    assert np.array_equal(photo.pixels, np.rot90(np.asarray(gray("RGB")), -1))
    assert open_photo(path).size == photo.size == (48, 32)
    for cut in range(at, at + len(boxes), 7):  # whatever is left of the boxes
        path.write_bytes(data[:at] + boxes[: cut - at] + (b"" if is_before else data[at:]))
        with suppress(PhotoError):
            assert read_photo(path).metadata.iptc in (b"", IPTC)


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "behind"])
def test_xmp_of_a_gif(tmp_path: Path, is_before: bool) -> None:
    buffer = io.BytesIO()
    frames = [gray().rotate(180)]
    gray().save(buffer, "GIF", save_all=True, append_images=frames, comment="from Ada", loop=0)
    data = buffer.getvalue()
    block = b"\x21\xff\x0bXMP DataXMP" + XMP + bytes([1, *range(255, -1, -1), 0])
    at = data.index(b"\x21\xff\x0bNETSCAPE") if is_before else len(data) - 1
    path = tmp_path / "a.gif"
    path.write_bytes(data[:at] + block + data[at:])
    photo = read_photo(path)
    assert photo.metadata == upright(Metadata(xmp=XMP, text={"Comment": "from Ada"}))
    assert open_photo(path).size == photo.size == (48, 32)
    for cut in range(0, len(block), 7):
        path.write_bytes(data[:at] + block[:cut])
        with suppress(PhotoError):
            assert read_photo(path).metadata.xmp == b""


def test_heif() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(gray("RGB")).save(buffer, exif=exif_block(), xmp=XMP.replace(b'"6"', b'"1"'))
    image = heif.open_heif(io.BytesIO(buffer.getvalue())).to_pillow()
    found = read_metadata(image)
    assert told(found.exif)["exif", 37500] == MAKER_NOTE
    assert b"dc:title" in found.xmp


def test_a_picture_that_was_no_file_has_no_metadata() -> None:
    assert read_metadata(gray()) == Metadata()


# Text and resolution


def test_png_text_before_and_after_the_pixels() -> None:
    chunks = PngInfo()
    chunks.add_text("Title", "Fête")
    chunks.add_text("Author", "Ада", zip=True)
    chunks.add_itxt("Comment", "été", "fr", "Commentaire")
    chunks.add_text("dpi", "tomorrow")  # Pillow has the names of text and of its own facts in one dictionary
    buffer = io.BytesIO()
    gray().save(buffer, "PNG", pnginfo=chunks)
    data = buffer.getvalue()
    late = b"Source\0attic"
    chunk = struct.pack(">L", len(late)) + b"tEXt" + late
    data = data[:-12] + chunk + struct.pack(">L", zlib.crc32(chunk[4:])) + data[-12:]
    found = decoded(data)
    expected = {"Title": "Fête", "Author": "Ада", "Comment": "été", "dpi": "tomorrow", "Source": "attic"}
    assert found.text == expected and found.dpi is None
    again = loaded(encoded(found, "PNG"))
    assert again.text == expected and again.text["Comment"].lang == "fr"  # type: ignore[attr-defined]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_texts_of_one_keyword_are_all_kept(tmp_path: Path, dtype: type) -> None:
    chunks = PngInfo()
    chunks.add_text("Comment", "from the attic", zip=True)
    chunks.add_text("Title", "Parade")
    chunks.add_itxt("Comment", "été", "fr", "Commentaire")
    chunks.add_text("Comment", "from the attic")
    chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
    chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
    Image.fromarray(np.asarray(gray()).astype(dtype)).save(tmp_path / "a.png", pnginfo=chunks)
    photo = read_photo(tmp_path / "a.png")
    assert photo.pixels.dtype == dtype
    assert photo.metadata.text == {"Comment": "from the attic\nété", "Title": "Parade"}
    assert read_photo(photo.save(tmp_path / "b.png")).metadata.text == photo.metadata.text


def test_text_becomes_comment_or_description_where_there_is_no_text() -> None:
    alone, several = Metadata(text={"Comment": "été"}), Metadata(text={"Title": "Parade", "Author": "Ada"})
    assert decoded(encoded(alone, "JPEG")).text == {"Comment": "été"}
    assert decoded(encoded(decoded(encoded(alone, "JPEG")), "PNG")).text == {"Comment": "été"}
    assert decoded(encoded(several, "JPEG")).text == {"Comment": "Title: Parade\nAuthor: Ada"}
    for kind in ("TIFF", "WEBP"):
        assert told(decoded(encoded(several, kind)).exif)[270] == "Title: Parade\nAuthor: Ada"
        assert told(decoded(encoded(replace(several, exif=FULL.exif), kind)).exif)[270] == "A parade"


def test_a_block_that_gets_tags_keeps_all_it_has() -> None:
    block = pack_block({}, {34665: {37500: Tag(7, len(MAKER_NOTE), MAKER_NOTE)}}, ">")
    found = decoded(encoded(Metadata(exif=block, dpi=(600, 600)), "WEBP"))
    assert found.exif[8 : len(block)] == block[8:] and found.dpi == (600, 600)
    assert told(found.exif)["exif", 37500] == MAKER_NOTE


@pytest.mark.parametrize("dpi", [(300.0, 300.0), (72.0, 96.0), (1200.0, 2400.0), (1.0, 65535.0)])
@pytest.mark.parametrize("kind", FORMATS)
def test_whole_resolutions_come_back_exactly(kind: str, dpi: tuple[float, float]) -> None:
    assert decoded(encoded(Metadata(dpi=dpi), kind)).dpi == dpi


def test_resolution_of_a_jpeg() -> None:
    buffer = io.BytesIO()
    gray().save(buffer, "JPEG", dpi=(100, 200))
    data = bytearray(buffer.getvalue())
    data[13] = 2  # JFIF: per centimeter
    assert decoded(bytes(data)).dpi == pytest.approx((254, 508))
    data[13] = 0  # an aspect only
    assert decoded(bytes(data)).dpi is None
    buffer = io.BytesIO()
    gray().save(buffer, "JPEG", exif=b"Exif\0\0" + pack_block({271: Tag(2, 2, b"M\0")}, {}, "<"))
    assert decoded(buffer.getvalue()).dpi is None  # Pillow says 72
    assert save_options(Metadata(dpi=(0.2, 300)), "JPEG") == ({}, ("resolution",))


# Limits of JPEG


def test_long_parts_in_a_jpeg() -> None:
    iptc = IPTC + b"\x1c\x02\x05\x80\x04" + struct.pack(">L", 200_000) + bytes(200_000)  # several segments
    padded = XMP.replace(b" " * 200, b" " * 70_000)
    text = {"Comment": "x" * 65533}
    metadata = Metadata(exif_block(), padded, iptc, None, text)
    assert save_options(metadata, "JPEG")[1] == ()
    found = decoded(encoded(metadata, "JPEG"))
    assert found.iptc == iptc and found.text == text
    assert ET.canonicalize(found.xmp) == ET.canonicalize(XMP)
    block = pack_block({}, {34665: {37500: Tag(7, 70_000, bytes(70_000))}}, "<")
    too_long = Metadata(block, XMP.replace(b"uuid:1", b"x" * 70_000), b"", None, {"Comment": "x" * 65534})
    assert save_options(too_long, "JPEG") == ({}, ("EXIF", "XMP", "text"))
    found = decoded(encoded(too_long, "PNG"))
    assert (found.exif, found.xmp, found.text) == (too_long.exif, too_long.xmp, too_long.text)
    assert decoded(encoded(replace(metadata, iptc=iptc * 5), "PNG")).iptc == iptc * 5


def test_a_comment_without_known_encoding_and_several_comments() -> None:
    segments = b"\xff\xfe\x00\x06\xe9t\xe9\0" + b"\xff\xfe\x00\x05b\xc3\xa9"
    buffer = io.BytesIO()
    gray().save(buffer, "JPEG", extra=segments)
    assert decoded(buffer.getvalue()).text == {"Comment": "été\nbé"}


def test_profiles_by_imagemagick() -> None:
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">L", len(IPTC)) + IPTC
    for iptc in (IPTC, resource):
        chunks = PngInfo()
        for kind, data in (("APP1", b"Exif\0\0" + FULL.exif), ("iptc", iptc), ("xmp", XMP)):
            chunks.add_text(f"Raw profile type {kind}", f"\n{kind}\n{len(data):8}\n{data.hex(chr(10), 36)}\n", zip=True)
        buffer = io.BytesIO()
        gray().save(buffer, "PNG", pnginfo=chunks)
        assert decoded(buffer.getvalue()) == FULL


# Turning


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_upright_changes_the_block_in_place(order: str, turn: int) -> None:
    before = Metadata(exif_block(order, turn), XMP, b"", (300, 150))
    assert orientation_of(before) == turn
    after = upright(before)
    assert orientation_of(after) == 1 and len(after.exif) == len(before.exif)
    assert b'tiff:Orientation="1"' in after.xmp and len(after.xmp) == len(XMP)
    expected = told(before.exif) | {274: 1}
    if turn >= 5:
        for a, b in ((282, 283), (("exif", 40962), ("exif", 40963))):
            expected[a], expected[b] = expected[b], expected[a]
    assert told(after.exif) == expected
    assert after.dpi == ((150, 300) if turn >= 5 else (300, 150))
    assert upright(after) == after


def test_orientation_in_xmp_counts_if_there_is_none_in_exif() -> None:
    for packet in (
        XMP,
        XMP.replace(b'tiff:Orientation="6"/>', b"><tiff:Orientation>6</tiff:Orientation></r:Description>"),
    ):
        assert orientation_of(Metadata(xmp=packet)) == 6
        assert orientation_of(upright(Metadata(xmp=packet))) == 1
        assert orientation_of(Metadata(exif_block(), packet)) == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_is_taken_out(order: str) -> None:
    buffer = io.BytesIO()
    gray().save(buffer, "JPEG")
    thumbnail = buffer.getvalue()
    block = exif_block(order)
    start = len(block)
    number = struct.unpack_from(f"{order}H", block, 8)[0]
    link = 10 + 12 * number
    second = struct.pack(order + "HHHLLHHLLL", 2, 513, 4, 1, start + 30, 514, 4, 1, len(thumbnail), 0)
    block = block[:link] + struct.pack(order + "L", start) + block[link + 4 :] + second + thumbnail + b"tail"
    with_thumbnail = Image.Exif()
    with_thumbnail.load(block)
    assert with_thumbnail.get_ifd(ExifTags.IFD.IFD1)[514] == len(thumbnail)
    found = upright(Metadata(exif=block)).exif
    assert not any(found[start + 30 : -4]) and found.endswith(b"tail") and len(found) == len(block)
    without = Image.Exif()
    without.load(found)
    assert not without.get_ifd(ExifTags.IFD.IFD1)
    assert told(found) == told(block)
    # A thumbnail that claims bytes of other tags is unlinked only
    greedy = block[: start + 10] + struct.pack(order + "L", 8) + block[start + 14 :]
    assert told(upright(Metadata(exif=greedy)).exif) == told(block)


def test_a_block_without_a_next_directory_keeps_the_value_that_stands_there() -> None:
    block = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLL", 315, 2, 8, 22) + b"Ada Bee\0"
    assert upright(Metadata(exif=block)).exif == block


def test_an_orientation_that_lies_elsewhere_changes_nothing() -> None:
    block = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLLL", 274, 3, 3, 4, 0)  # three values, the first in the header
    assert orientation_of(Metadata(exif=block)) == 1
    assert upright(Metadata(exif=block)).exif == block


# Damage


BLOCKS = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(lambda data: b"II*\0\x08\0\0\0" + data),
    st.tuples(st.integers(0, len(FULL.exif) - 1), st.binary(min_size=1, max_size=8)).map(
        lambda t: FULL.exif[: t[0]] + t[1] + FULL.exif[t[0] + len(t[1]) :]
    ),
    st.integers(0, len(FULL.exif)).map(lambda n: FULL.exif[:n]),
)
PACKETS = st.one_of(
    st.binary(max_size=300),
    st.integers(0, len(XMP)).map(lambda n: XMP[:n]),
    st.tuples(st.integers(0, len(XMP)), st.binary(max_size=4)).map(lambda t: XMP[: t[0]] + t[1] + XMP[t[0] :]),
)
# Here damage is the subject, of which Pillow warns
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@settings(max_examples=300, deadline=1000)
@given(BLOCKS, PACKETS, st.binary(max_size=60))
def test_no_garbage_is_an_error(block: bytes, packet: bytes, iptc: bytes) -> None:
    buffer = io.BytesIO()
    parts = ((0xFFED, b"Photoshop 3.0\x008BIM" + iptc), (0xFFE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
    extra = b"".join(struct.pack(">HH", marker, len(data) + 2) + data for marker, data in parts)
    gray().save(buffer, "JPEG", exif=b"Exif\0\0" + block, extra=extra)
    given_as_it_is = Metadata(block, packet, iptc)
    try:
        read = decoded(buffer.getvalue())
    except UnidentifiedImageError:  # Pillow has its own limits
        read = Metadata()
    for metadata in (given_as_it_is, read):
        result = with_provenance(upright(metadata), PROVENANCE)
        assert orientation_of(result) == 1
        assert len(result.exif) == len(metadata.exif)
        for kind in FORMATS:
            found = decoded(encoded(result, kind))
            if kind in ("JPEG", "PNG"):
                assert found.exif in (result.exif, b"")


@settings(max_examples=200, deadline=1000)
@given(st.data())
def test_no_damaged_tiff_is_an_error(data: st.DataObject) -> None:
    whole = bytearray(encoded(FULL, "TIFF"))
    pixels = 48 * 32
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(pixels, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = Image.open(io.BytesIO(bytes(whole)))
    except Exception:  # what Pillow does not open is not our subject
        return
    assert isinstance(read_metadata(image), Metadata)


def test_hostile_metadata_costs_no_time() -> None:
    many = (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", 4000)
        + b"".join(struct.pack("<HHLL", tag, 7, 1 << 20, 8) for tag in range(4000))
    )
    many += bytes((1 << 20) + 100)
    packets = [
        b"tiff:Orientation" * 60_000,
        b"tiff:Orientation" + b" " * 1_000_000,
        b"</x:RDF" * 100_000,
        b"<a>" * 50_000,
    ]
    begin = time.perf_counter()
    for packet in packets:
        metadata = with_provenance(upright(Metadata(many, packet)), PROVENANCE)
        read_provenance(metadata)
        encoded(metadata, "TIFF")
    assert time.perf_counter() - begin < 5


def test_a_file_with_fewer_pages_is_an_error() -> None:
    with pytest.raises(ValueError):
        append_ifds(io.BytesIO(encoded(FULL, "TIFF")), [FULL, FULL])


def test_a_full_classic_tiff_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "large.tif").open("w+b") as file:
        file.write(encoded(Metadata(), "TIFF"))
        file.truncate((1 << 32) - 100)  # a hole, which takes no room on the disk
        with pytest.raises(OutputError, match="4 GiB"):
            append_ifds(file, [FULL])
        file.truncate(1 << 32)
        with pytest.raises(OutputError, match="4 GiB"):
            append_ifds(file, [Metadata()])


# Provenance


@pytest.mark.parametrize("kind", FORMATS)
def test_provenance_goes_through_every_format(kind: str) -> None:
    for before in (Metadata(), FULL):
        after = decoded(encoded(with_provenance(before, PROVENANCE), kind))
        assert read_provenance(after) == PROVENANCE
        root = ET.fromstring(after.xmp)
        assert [e.text for e in root.iter(SOURCE_TYPE)] == [
            "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
        ]
        abouts = {e.get(f"{RDF}about") for e in root.iter(f"{RDF}Description")}
        assert abouts == ({"uuid:1"} if before.xmp else {""})  # or Adobe's programs refuse the packet
    assert read_provenance(FULL) is None and read_provenance(Metadata()) is None


def test_nothing_else_of_a_packet_changes_and_running_twice_leaves_one() -> None:
    once = with_provenance(FULL, PROVENANCE)
    begin, end = XMP.split(b"</r:RDF>")
    assert once.xmp.startswith(begin) and once.xmp.endswith(b"</r:RDF>" + end)
    other = replace(PROVENANCE, model="other", references=())
    twice = with_provenance(once, other)
    assert read_provenance(twice) == other
    assert twice.xmp == with_provenance(FULL, other).xmp


def test_a_packet_that_another_program_has_written_anew() -> None:
    root = ET.fromstring(with_provenance(FULL, PROVENANCE).xmp)
    (descriptions,) = root.iter(f"{RDF}RDF")
    first, *rest = list(descriptions)
    for other in rest:  # one description of everything, as Adobe's programs write it
        first.extend(list(other))
        descriptions.remove(other)
    merged = Metadata(xmp=ET.tostring(root))
    assert read_provenance(merged) == PROVENANCE
    again = with_provenance(merged, replace(PROVENANCE, model="other"))
    assert read_provenance(again) == replace(PROVENANCE, model="other")
    root = ET.fromstring(again.xmp)
    assert len(list(root.iter(f"{{{NAMESPACE}}}Provenance"))) == 1
    assert len(list(root.iter(SOURCE_TYPE))) == 1
    assert "Fête" in ET.tostring(root, "unicode")


@pytest.mark.parametrize("form", ["attribute", "element"])
def test_a_source_type_of_the_target_stays(form: str) -> None:
    name = 'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    attribute = f'<r:Description r:about="uuid:1" {name} i:DigitalSourceType="print"/>'
    element = f'<r:Description r:about="uuid:1" {name}><i:DigitalSourceType>print</i:DigitalSourceType></r:Description>'
    added = (attribute if form == "attribute" else element).encode()
    target = Metadata(xmp=XMP.replace(b"</r:RDF>", added + b"</r:RDF>"))
    result = with_provenance(with_provenance(target, PROVENANCE), PROVENANCE)
    assert added in result.xmp and result.xmp.count(b"DigitalSourceType") == (1 if form == "attribute" else 2)
    assert read_provenance(result) == PROVENANCE


@pytest.mark.parametrize(
    "root", [b"<rdf:RDF %s/>", b"<rdf:RDF %s></rdf:RDF>", b"<a><b/><rdf:RDF\n%s\n /></a>", b"<RDF x%s/>"]
)
def test_empty_packets(root: bytes) -> None:
    packet = root % b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    packet = packet.replace(b"xxmlns:rdf", b"xmlns")
    assert read_provenance(with_provenance(Metadata(xmp=packet), PROVENANCE)) == PROVENANCE


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16"])
def test_packets_in_other_encodings(encoding: str) -> None:
    for text in (XMP.decode(), '<?xml version="1.0" encoding="UTF-16"?>' + XMP.decode()):
        file = io.BytesIO(encoded(Metadata(), "TIFF"))
        packet = text.encode(encoding)
        add_tags(file, 4, {700: Tag(1, len(packet), packet)})
        found = with_provenance(decoded(file.getvalue()), PROVENANCE)
        assert XMP.split(b"</r:RDF>")[0] in found.xmp
        assert read_provenance(found) == PROVENANCE


def test_damaged_packets_lose_nothing() -> None:
    broken = XMP.replace(b"<r:Alt>", b"")
    result = with_provenance(with_provenance(Metadata(xmp=broken), PROVENANCE), PROVENANCE).xmp
    assert result.count(b"<excolor:Provenance") == 1
    assert result.startswith(broken.split(b"</r:RDF>")[0]) and result.endswith(broken.split(b"</r:RDF>")[1])
    cut = XMP[: len(XMP) // 2]
    assert with_provenance(Metadata(xmp=cut), PROVENANCE).xmp == cut
    assert read_provenance(with_provenance(Metadata(xmp=b"\0garbage"), PROVENANCE)) == PROVENANCE


def test_document_types_are_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "' + b"&b;" * 1000 + b'">]>'
    packet = bomb + with_provenance(FULL, PROVENANCE).xmp.replace(b"uuid:1", b"&c;")
    assert read_provenance(Metadata(xmp=packet)) is None


@given(st.tuples(st.text(), st.text(), st.text(), st.text()))
@example(("\ud800\0\x0b", "]]>", "\r\n\t ", "\udcff\ufffe"))
def test_any_text_can_be_told(texts: tuple[str, str, str, str]) -> None:
    version, model, name, value = texts
    provenance = Provenance(version, model, {"encoder": "0"}, ((name, "1"),), {"x": value})
    for before in (Metadata(), FULL):
        found = read_provenance(with_provenance(before, provenance))
        assert found is not None
        told_back = (found.version, found.model, found.references[0][0], found.settings["x"])
        assert told_back == tuple("".join(c if is_xml(c) else "\ufffd" for c in text) for text in texts)


def is_xml(character: str) -> bool:
    try:
        return bool(ET.fromstring(f"<a>&#{ord(character)};</a>").text)
    except ET.ParseError:
        return False
