"""Color management: the levels of a picture with an ICC profile to those of sRGB, and back.

Shapes: H, W height and width in pixels. Levels are uint8, uint16 or float32 in [0, 1], and every function keeps the
type that it is given. Gray means sRGB's tone curve: the gray level v stands for the sRGB color (v, v, v).

Little CMS does the work (through imagecodecs: Pillow's ImageCms knows 8 bits a channel only), with relative
colorimetric intent and black point compensation. Any number of threads may call at once: nothing is kept but what kinds
the last few profiles are, and other threads run meanwhile. Work goes in strips, with little memory beside input and
output.
"""

import io
from functools import lru_cache
from typing import Literal, TypeAlias

import imagecodecs
import numpy as np
from PIL import ImageCms

from excolor.photo.icc import GRAY, SRGB
from excolor.photo.levels import strips

ProfileKind: TypeAlias = Literal["gray", "rgb", "cmyk", "lab"]

# ICC.1:2022, tables 18 and 19: device classes whose profiles describe pixels, and the color spaces understood here
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_KINDS: dict[bytes, ProfileKind] = {b"GRAY": "gray", b"RGB ": "rgb", b"CMYK": "cmyk", b"Lab ": "lab"}
_CHANNELS = {"gray": 1, "rgb": 3, "cmyk": 4, "lab": 3}

_BLACK_POINT_COMPENSATION = 0x2000
_NO_OPTIMIZE = 0x0100
_RELATIVE_COLORIMETRIC = 1

_SAME = 1 / 255
"""A profile that moves no color by more than this, in [0, 1], is sRGB written down by someone else: tables of few
entries and rounded primaries differ by as much."""

_STRIP_PIXELS = 1 << 22  # a transform is made anew for each strip of about this size: a tenth of the time for CMYK


@lru_cache(maxsize=16)
def kind_of(profile: bytes) -> ProfileKind | None:
    """What kind of pixels a profile describes.

    None, so that it is treated as not there, if it is damaged, lacks the direction to sRGB, or describes no pixels (but
    a device link or a list of named colors). Never raises, whatever the bytes are.
    """
    kind = _KINDS.get(profile[16:20])
    if kind is None or profile[12:16] not in _CLASSES:
        return None
    black = np.zeros((1, 1, _CHANNELS[kind]), np.float32)
    try:
        _transform(black, kind, profile, "rgb", SRGB)
    except imagecodecs.CmsError:
        return None
    return kind


@lru_cache(maxsize=16)
def name_of(profile: bytes) -> str | None:
    """What a profile calls itself, as programs show it; None if it does not, or is damaged."""
    try:
        name = ImageCms.getProfileDescription(ImageCms.getOpenProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return " ".join(name.split()) or None


def to_srgb(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Pixels as a file has them, to sRGB.

    A gray picture may have an RGB profile: its levels mean the colors with R = G = B. A profile that does not fit the
    pixels in any other way (gray for RGB pixels, say) is treated as not there, as is one that `kind_of` does not know.

    Args:
        pixels: (H, W) gray, (H, W, 3) RGB, or (H, W, 4) CMYK, where 0 is no ink; not changed.
        profile: An ICC profile. None means sRGB for gray and RGB, and R = (1 - C)(1 - K) and so on for CMYK.

    Where R = G = B, and the profile means a neutral color by that, the result has R = G = B.

    Returns:
        (H, W) for gray, else (H, W, 3), of the same dtype. It is `pixels` itself where the profile is as good as sRGB:
        most are sRGB's own, and a needless way through another color space costs time and rounding.
    """
    kind = None if profile is None else kind_of(profile)
    if pixels.ndim == 2:
        return _gray_to_srgb(pixels, kind, profile) if profile and kind in ("gray", "rgb") else pixels
    if pixels.shape[2] == 4:
        return _transform(pixels, "cmyk", profile, "rgb", SRGB) if profile and kind == "cmyk" else _plain(pixels)
    if profile and kind == "rgb" and not _is_srgb(profile):
        converted = _transform(pixels, "rgb", profile, "rgb", SRGB)
        if _keeps_neutral(profile):
            _make_neutral(converted, pixels)
        return converted
    return pixels


def from_srgb(pixels: np.ndarray, profile: bytes) -> np.ndarray | None:
    """Pixels (H, W, 3) of sRGB to the color space of an RGB profile, in the same shape and dtype.

    It is `pixels` itself where the profile is as good as sRGB, and None where that is impossible: the profile is not
    a sound RGB one, or has tables in one direction only, as those of many scanners. Then embed `SRGB`.
    """
    if kind_of(profile) != "rgb":
        return None
    if _is_srgb(profile):
        return pixels
    try:
        return _transform(pixels, "rgb", SRGB, "rgb", profile)
    except imagecodecs.CmsError:
        return None


def _gray_to_srgb(pixels: np.ndarray, kind: ProfileKind, profile: bytes) -> np.ndarray:
    """Gray (H, W) through a gray or an RGB profile: looked up in a table of all levels, except for floats."""

    def convert(levels: np.ndarray) -> np.ndarray:
        return _transform(np.stack([levels] * _CHANNELS[kind], -1), kind, profile, "gray", GRAY)

    probe = np.linspace(0, 1, 256, dtype=np.float32)[None]
    if np.abs(convert(probe) - probe).max() <= _SAME:
        return pixels
    converted = np.empty_like(pixels)
    if pixels.dtype.kind == "f":
        for rows in strips(pixels, _STRIP_PIXELS):
            converted[rows] = convert(pixels[rows])
    else:
        levels = np.arange(np.iinfo(pixels.dtype).max + 1, dtype=pixels.dtype)
        table = convert(levels[None])[0]
        for rows in strips(pixels, _STRIP_PIXELS):
            converted[rows] = table[pixels[rows]]
    return converted


@lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Whether an RGB profile means what `SRGB` does, up to the rounding of its numbers: tried on a cube of colors."""
    levels = np.linspace(0, 1, 17, dtype=np.float32)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    return profile == SRGB or np.abs(_transform(cube, "rgb", profile, "rgb", SRGB) - cube).max() <= _SAME


@lru_cache(maxsize=16)
def _keeps_neutral(profile: bytes) -> bool:
    """Whether R = G = B is neutral in an RGB profile, as in all of displays and editing, up to rounding."""
    levels = np.linspace(0, 1, 256, dtype=np.float32)[None]
    return bool(np.ptp(_transform(np.stack([levels] * 3, -1), "rgb", profile, "rgb", SRGB), axis=-1).max() <= _SAME)


def _make_neutral(converted: np.ndarray, pixels: np.ndarray) -> None:
    """Where `pixels` have R = G = B, give that to `converted`, too: rounding must not tint gray pictures."""
    for rows in strips(pixels):
        red, green, blue = (pixels[rows, :, channel] for channel in range(3))
        is_neutral = (red == green) & (green == blue)
        for channel in (0, 2):
            np.copyto(converted[rows, :, channel], converted[rows, :, 1], where=is_neutral)


def _plain(pixels: np.ndarray) -> np.ndarray:
    """CMYK (H, W, 4) to RGB (H, W, 3) where no profile says how the inks look."""
    white = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    converted = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    for rows in strips(pixels, _STRIP_PIXELS):
        paper = 1 - pixels[rows] / np.float32(white)
        light = paper[..., :3] * paper[..., 3:] * white
        converted[rows] = light if pixels.dtype.kind == "f" else np.rint(light)
    return converted


def _transform(pixels: np.ndarray, kind: str, profile: bytes, to_kind: str, to_profile: bytes) -> np.ndarray:
    """Let Little CMS convert (H, W, C): to (H, W) if `to_kind` is gray, else (H, W, C) of that space; dtype is kept.

    Raises:
        imagecodecs.CmsError: a profile is damaged or has no such direction.
    """
    flags = _BLACK_POINT_COMPENSATION
    if pixels.dtype != np.uint8 or to_kind == "gray":
        # Little CMS would put 16 bits through a coarse table: off by up to 20 steps of 8 bits
        flags |= _NO_OPTIMIZE
    is_float = pixels.dtype.kind == "f"
    ink = is_float and kind == "cmyk"  # Little CMS wants percent of these
    channels = () if to_kind == "gray" else (_CHANNELS[to_kind],)
    converted = np.empty((*pixels.shape[:2], *channels), pixels.dtype)
    for rows in strips(pixels, _STRIP_PIXELS):
        strip = imagecodecs.cms_transform(
            pixels[rows] * np.float32(100) if ink else pixels[rows],
            profile,
            to_profile,
            colorspace=kind,
            outcolorspace=to_kind,
            intent=_RELATIVE_COLORIMETRIC,
            flags=flags,
        )
        converted[rows] = strip.reshape(converted[rows].shape)
    if is_float:  # colors that the other space does not have
        np.clip(converted, 0, 1, out=converted)
    return converted
