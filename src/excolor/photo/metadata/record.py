"""What a picture file says beside its pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Metadata:
    """What a picture file says beside its pixels; each empty or None where it says nothing."""

    exif: bytes = b""
    """TIFF-structured (it begins II*\\0 or MM\\0*), without the prefix "Exif\\0\\0" that some formats have."""
    xmp: bytes = b""
    """An XMP packet in UTF-8."""
    iptc: bytes = b""
    """IPTC-IIM datasets."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, horizontal and vertical."""
    text: Mapping[str, str] = field(default_factory=dict)
    """PNG text chunks; the comment of a JPEG or GIF is under "Comment"."""
    profile: bytes | None = None
    """The ICC profile of colors that pixels are to be written in; in memory they are sRGB all the same."""
    quantization: tuple[tuple[int, ...], ...] = ()
    """Quantization tables of a JPEG: how finely it was stored."""
    lossless: bool = False
    """Whether it was a WebP without loss."""
