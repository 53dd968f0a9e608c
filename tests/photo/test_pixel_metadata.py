"""Metadata that speak of pixels and of other bytes of the file, after the picture has become another one."""

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from excolor.photo import Photo, read_photo, write_photo
from excolor.photo.metadata import Metadata, describing
from excolor.photo.metadata.xmp import with_properties

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PHOTOSHOP, EXIF = "http://ns.adobe.com/photoshop/1.0/", "http://ns.adobe.com/exif/1.0/"
CAMERA, CONTAINER = "http://ns.google.com/photos/1.0/camera/", "http://ns.google.com/photos/1.0/container/"
ITEM, GAIN_MAP = f"{CONTAINER}item/", "http://ns.adobe.com/hdr-gain-map/1.0/"
NOTE = "http://ns.adobe.com/xmp/note/"


def packet(attributes: str = "", elements: str = "") -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">\n<rdf:Description rdf:about=""'
        f' xmlns:photoshop="{PHOTOSHOP}" xmlns:exif="{EXIF}" xmlns:GCamera="{CAMERA}" xmlns:Container="{CONTAINER}"'
        f' xmlns:Item="{ITEM}" xmlns:hdrgm="{GAIN_MAP}" xmlns:xmpNote="{NOTE}"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>{elements}<dc:source> a &amp; b </dc:source>'
        "</rdf:Description>\n</rdf:RDF></x:xmpmeta>"
    ).encode()


OTHER_BYTES = [
    packet('GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="3012" hdrgm:Version="1.0"'),
    packet("", "<GCamera:MotionPhoto>1</GCamera:MotionPhoto>\n<hdrgm:Version>1.0</hdrgm:Version>"),
    packet('xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"'),
    packet(
        "",
        '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="MotionPhoto" '
        'Item:Length="3012"/></rdf:li></rdf:Seq></Container:Directory>',
    ),
]


@pytest.mark.parametrize("xmp", OTHER_BYTES)
def test_what_describes_other_bytes_goes(xmp: bytes) -> None:
    left = describing(Metadata(xmp=xmp), (3, 4), in_color=True, profile="sRGB").xmp
    for word in (b"MotionPhoto", b"MicroVideo", b"hdrgm", b"Container", b"Item", b"xmpNote"):
        assert word not in left
    assert b"<dc:source> a &amp; b </dc:source>" in left
    ET.fromstring(left)


@pytest.mark.parametrize(
    "xmp",
    [
        packet('photoshop:ColorMode="1" photoshop:ICCProfile=\'Dot Gain 20%\' exif:PixelXDimension="99"'),
        packet(
            "",
            "<photoshop:ColorMode>Grayscale</photoshop:ColorMode><photoshop:ICCProfile>Gray</photoshop:ICCProfile>"
            "<exif:PixelXDimension>99</exif:PixelXDimension>",
        ),
    ],
)
def test_what_describes_the_pixels_becomes_right(xmp: bytes) -> None:
    left = describing(Metadata(xmp=xmp), (3, 4), in_color=True, profile='"A" & B').xmp
    description = ET.fromstring(left).find(f".//{{{RDF}}}Description")
    assert description is not None

    def value(namespace: str, name: str) -> str | None:
        key = f"{{{namespace}}}{name}"
        return description.get(key) or description.findtext(key)

    assert value(PHOTOSHOP, "ColorMode") == "3"
    assert value(PHOTOSHOP, "ICCProfile") == '"A" & B'
    assert value(EXIF, "PixelXDimension") == "4"


@pytest.mark.parametrize(
    "xmp",
    [
        b"",
        b"no XML",
        packet()[:-9],
        b"<!DOCTYPE x>" + packet('GCamera:MotionPhoto="1"'),
        packet('GCamera:SpecialTypeID="1"', "<dc:title>MotionPhoto</dc:title>"),
    ],
)
def test_all_else_stays_byte_for_byte(xmp: bytes) -> None:
    assert describing(Metadata(xmp=xmp), (3, 4), in_color=True, profile=None).xmp == xmp


def test_a_declaration_that_is_still_needed_stays() -> None:
    xmp = packet('hdrgm:Version="1.0"', "<dc:relation><hdrgm:x/></dc:relation>")

    def rule(name: tuple[str, str]) -> None:
        return {(GAIN_MAP, "Version"): None}[name]

    left = with_properties(xmp, rule, frozenset({GAIN_MAP}))
    assert b"hdrgm:Version" not in left
    ET.fromstring(left)


def exif_of(path: Path) -> tuple[Image.Exif, dict[int, object]]:
    with Image.open(path) as image:
        exif = image.getexif()
        return exif, exif.get_ifd(0x8769)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_dimensions_in_exif_become_right(tmp_path: Path, suffix: str, endian: str) -> None:
    exif = Image.Exif()
    exif.endian = endian
    exif[256], exif[262], exif[271] = 77, 1, "Maker"
    exif.get_ifd(0x8769).update({0xA002: 640, 0xA003: 70000})
    Image.new("L", (20, 10)).save(tmp_path / "a.jpg", exif=exif)
    photo = read_photo(tmp_path / "a.jpg")
    in_color = Photo(np.zeros((10, 20, 3), np.uint8), metadata=photo.metadata)
    first, own = exif_of(write_photo(in_color, tmp_path / f"b{suffix}"))
    assert (own[0xA002], own[0xA003]) == (20, 10)
    assert first[271] == "Maker"
    if suffix != ".tif":
        assert (first[256], first[262]) == (20, 2)


def test_the_name_of_the_profile_is_that_of_the_result(tmp_path: Path) -> None:
    xmp = packet('photoshop:ColorMode="1" photoshop:ICCProfile="Gray Gamma 2.2"')
    photo = Photo(np.zeros((2, 2, 3), np.uint8), metadata=Metadata(xmp=xmp))
    written = write_photo(photo, tmp_path / "a.tif").read_bytes()
    assert b"Gray Gamma" not in written
    assert b'photoshop:ICCProfile="sRGB' in written
