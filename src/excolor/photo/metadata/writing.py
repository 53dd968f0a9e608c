"""From metadata to what writes it into a file: options of Pillow, and directories of a TIFF."""

import io
import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, BinaryIO

from PIL.PngImagePlugin import PngInfo

from excolor.photo.metadata.exif import (
    DESCRIPTION,
    IPTC,
    RESOLUTION_UNIT,
    X_RESOLUTION,
    XMP,
    Y_RESOLUTION,
    descriptive,
    dpi_of,
    first_directory,
)
from excolor.photo.metadata.markers import (
    EXIF_HEADER,
    IPTC_RESOURCE,
    PHOTOSHOP_HEADER,
    PROFILE_KEY,
    RESOURCE,
    XMP_HEADER,
    XMP_KEY,
)
from excolor.photo.metadata.record import Metadata
from excolor.photo.tags import (
    ASCII,
    BYTE,
    RATIONAL,
    SHORT,
    UNDEFINED,
    ByteOrder,
    Tag,
    TagReader,
    add_tags,
    in_order,
    pack_block,
)

_MAX_SEGMENT = 65533  # bytes in a segment of a JPEG


def save_options(metadata: Metadata, format: str) -> tuple[dict[str, Any], tuple[str, ...]]:  # noqa: A002
    """Arguments of Pillow's `Image.save` that write the metadata, as far as the format (JPEG, PNG, WEBP) can hold it.

    Returns:
        The arguments (none of them sets how pixels are stored), and what has to be left out: "EXIF", "XMP", "IPTC",
        "text" or "resolution".
    """
    return {"JPEG": _jpeg_options, "PNG": _png_options, "WEBP": _webp_options}[format](metadata)


def _jpeg_options(metadata: Metadata) -> tuple[dict[str, Any], tuple[str, ...]]:
    """XMP, IPTC and comment go into `extra`: old Pillows know no `xmp`, and fail on long comments."""
    options: dict[str, Any] = {}
    dropped = []
    exif = EXIF_HEADER + metadata.exif
    if len(exif) > _MAX_SEGMENT:
        dropped.append("EXIF")
    elif metadata.exif:
        options["exif"] = exif
    xmp = XMP_HEADER + metadata.xmp
    if len(xmp) > _MAX_SEGMENT:
        xmp = _without_padding(xmp)
    iptc, size = _iptc_resource(metadata.iptc), _MAX_SEGMENT - len(PHOTOSHOP_HEADER)
    parts = [PHOTOSHOP_HEADER + iptc[start : start + size] for start in range(0, len(iptc), size)]
    segments = [("XMP", 0xE1, xmp)] if metadata.xmp else []
    segments += [("IPTC", 0xED, part) for part in parts] if metadata.iptc else []
    segments += [("text", 0xFE, _as_description(metadata.text))] if metadata.text else []
    dropped += [name for name, _, data in segments if len(data) > _MAX_SEGMENT]
    extra = b"".join(_segment(marker, data) for _, marker, data in segments if len(data) <= _MAX_SEGMENT)
    if extra:
        options["extra"] = extra
    if metadata.dpi is not None and all(1 <= round(side) <= 65535 for side in metadata.dpi):
        options["dpi"] = metadata.dpi
    elif metadata.dpi is not None:
        dropped.append("resolution")
    return options, tuple(dropped)


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _iptc_resource(iptc: bytes) -> bytes:
    """IPTC datasets as the image resource that Photoshop has for them, without a name, of even length."""
    return RESOURCE + struct.pack(">HHL", IPTC_RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def _without_padding(packet: bytes) -> bytes:
    """An XMP packet without the white space that it has for programs that change it in place."""
    end = packet.rfind(b"<?xpacket end")
    return packet if end < 0 else packet[:end].rstrip() + b"\n" + packet[end:]


def _as_description(text: Mapping[str, str]) -> bytes:
    """All texts as one: a lone comment or description as it is, others in lines such as "Author: Ada"."""
    if len(text) == 1 and text.keys() <= {"Comment", "Description"}:
        lines = list(text.values())
    else:
        lines = [f"{key}: {value}" for key, value in text.items()]
    return "\n".join(lines).replace("\0", "").encode(errors="replace")


def _png_options(metadata: Metadata) -> tuple[dict[str, Any], tuple[str, ...]]:
    options: dict[str, Any] = {}
    dropped = []
    chunks = PngInfo()
    if metadata.xmp:
        chunks.add_itxt(XMP_KEY, metadata.xmp)
    if metadata.iptc:
        block = _iptc_resource(metadata.iptc)  # ExifTool expects the resource, others take either
        rows = "\n".join(block[start : start + 36].hex() for start in range(0, len(block), 36))
        # Pillow reads a compressed chunk only if it has at most 1 MiB
        chunks.add_text(PROFILE_KEY + "iptc", f"\niptc\n{len(block):8}\n{rows}\n", zip=len(rows) < 1_000_000)
    for key, value in metadata.text.items():
        if 1 <= len(key) <= 79 and all(" " <= character <= "ÿ" for character in key):
            chunks.add_text(key, value if "\0" not in value else value.replace("\0", ""))
        else:
            dropped.append("text")
    if chunks.chunks:
        options["pnginfo"] = chunks
    if metadata.exif:
        options["exif"] = metadata.exif
    if metadata.dpi is not None:
        options["dpi"] = metadata.dpi
    return options, tuple(dict.fromkeys(dropped))


def _webp_options(metadata: Metadata) -> tuple[dict[str, Any], tuple[str, ...]]:
    """WebP has neither resolution nor text of its own: they go into the EXIF block, if that has none."""
    exif = _completed(metadata)
    options = {key: value for key, value in (("exif", exif), ("xmp", metadata.xmp)) if value}
    return options, (("IPTC",) if metadata.iptc else ()) + lost_in_tiff(metadata)


def lost_in_tiff(metadata: Metadata) -> tuple[str, ...]:
    """What a TIFF, or a WebP, cannot hold: text beside a description that the EXIF block has already."""
    found = first_directory(metadata.exif) if metadata.text else None
    return ("text",) if found is not None and DESCRIPTION in found[1].entries else ()


def _completed(metadata: Metadata) -> bytes:
    """The EXIF block with resolution and text in it."""
    found = first_directory(metadata.exif)
    if found is None:
        tags = _missing_tags(metadata, {}, "<")
        return pack_block(tags, {}, "<") if tags else b""
    reader, directory = found
    tags = _missing_tags(metadata, directory.entries, reader.order)
    if not tags:
        return metadata.exif
    block = io.BytesIO(metadata.exif)
    add_tags(block, reader.link, tags)
    return block.getvalue()


def _missing_tags(metadata: Metadata, present: Mapping[int, Any], order: ByteOrder) -> dict[int, Tag]:
    """Text as ImageDescription if there is none, and the resolution if the EXIF block has another or none."""
    tags = {}
    description = _as_description(metadata.text)
    if description and DESCRIPTION not in present:
        tags[DESCRIPTION] = Tag(ASCII, len(description) + 1, description + b"\0")
    if metadata.dpi is not None and not _are_close(metadata.dpi, dpi_of(metadata.exif)):
        for tag, side in zip((X_RESOLUTION, Y_RESOLUTION), metadata.dpi, strict=True):
            ratio = Fraction(side).limit_denominator(4096)  # below 10^6, so that both fit into 32 bits
            tags[tag] = Tag(RATIONAL, 1, struct.pack(order + "LL", ratio.numerator, ratio.denominator))
    if metadata.dpi is not None and (tags.keys() & {X_RESOLUTION} or RESOLUTION_UNIT not in present):
        tags[RESOLUTION_UNIT] = Tag(SHORT, 1, struct.pack(order + "H", 2))
    return tags


def _are_close(dpi: tuple[float, float], other: tuple[float, float] | None) -> bool:
    """Whether both are the same resolution; JPEG rounds it to whole numbers, PNG to pixels per meter."""
    return other is not None and all(abs(a - b) <= 0.5 for a, b in zip(dpi, other, strict=True))


def append_ifds(file: BinaryIO, pages: Sequence[Metadata]) -> None:
    """Put metadata into a TIFF that has been written, page by page; it is that of upright pictures (see `upright`).

    Each page's directory is written anew at the end of the file, with the tags of the EXIF block, the Exif and GPS
    directories, XMP, IPTC and resolution; the pixels stay where they are. So that the writer adds nothing of its own,
    call `TiffWriter.write(..., metadata=None, software=False)`, without description, resolution, datetime or extratags:
    tifffile takes no pointers to directories, no text but ASCII, and makes its own fractions of the resolution.

    Args:
        file: The whole TIFF, classic or BigTIFF, of either byte order, open for reading and writing.
        pages: The metadata of each page, in their order. Pages beyond these stay as they are.

    Raises:
        OutputError: a classic TIFF would become larger than 4 GiB.
        ValueError: the file has fewer pages, or is no TIFF.
    """
    reader = TagReader(file)
    link = reader.link
    for metadata in pages:
        tags, children = _tiff_tags(metadata, reader.order)
        link = add_tags(file, link, tags, children)


def _tiff_tags(metadata: Metadata, order: ByteOrder) -> tuple[dict[int, Tag], dict[int, dict[int, Tag]]]:
    tags: dict[int, Tag] = {}
    children: dict[int, dict[int, Tag]] = {}
    found = first_directory(metadata.exif)
    if found is not None:
        reader, directory = found
        old = reader.order
        tags, children = descriptive(reader, directory)
        tags = {tag: in_order(value, old, order) for tag, value in tags.items()}
        children = {
            pointer: {tag: in_order(value, old, order) for tag, value in child.items()}
            for pointer, child in children.items()
        }
    tags |= _missing_tags(metadata, tags, order)
    if metadata.xmp:
        tags[XMP] = Tag(BYTE, len(metadata.xmp), metadata.xmp)
    if metadata.iptc:
        tags[IPTC] = Tag(UNDEFINED, len(metadata.iptc), metadata.iptc)
    return tags, children
