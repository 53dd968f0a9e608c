"""ICC profiles written from what color spaces are made of: primaries, white and a tone curve (ICC.1:2022).

They are the same bytes on every machine and day. Primaries and white are given as CIE xy.
"""

import struct
from collections.abc import Sequence

import numpy as np

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])  # CIE XYZ of the white of every profile


def _s15_fixed_16(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _profile(space: bytes, name: str, tags: dict[bytes, bytes]) -> bytes:
    """An ICC version 4 display profile: header, tag table and tags (ICC.1:2022, section 7)."""
    tags = {b"desc": _text(name), b"cprt": _text("No copyright, use freely")} | tags
    header = struct.pack(
        ">4x4sI4s4s4s6H4s28x12s48x",
        *(b"", 0x04200000, b"mntr", space, b"XYZ "),  # no preferred color engine
        *(2000, 1, 1, 0, 0, 0),  # a fixed date: the same bytes on every day
        b"acsp",  # then no platform, for the same bytes on every machine
        _WHITE,
    )
    table, data = struct.pack(">I", len(tags)), b""
    start = len(header) + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}  # tags of equal content share it
    for tag, content in tags.items():
        if content not in places:
            places[content] = start + len(data)
            data += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", tag, places[content], len(content))
    whole = header + table + data
    return struct.pack(">I", len(whole)) + whole[4:]


def _text(text: str) -> bytes:
    """A tag of type mluc with one text, in English."""
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + _s15_fixed_16(*values)


_WHITE = _s15_fixed_16(0.9642, 1.0, 0.8249)  # D50, the white of every profile
# IEC 61966-2-1: the tone curve, as a parametric curve of type 3
SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + _s15_fixed_16(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
GRAY: bytes = _profile(b"GRAY", "sRGB gray", {b"wtpt": b"XYZ \0\0\0\0" + _WHITE, b"kTRC": SRGB_CURVE})
"""Gray levels on the tone curve of sRGB."""

SRGB: bytes = _profile(
    b"RGB ",
    "sRGB",
    {
        b"wtpt": b"XYZ \0\0\0\0" + _WHITE,
        # Bradford's adaptation of D65 to D50, and the primaries of IEC 61966-2-1 so adapted
        b"chad": b"sf32\0\0\0\0"
        + _s15_fixed_16(1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01707, -0.00925, 0.01508, 0.75168),
        b"rXYZ": _xyz(0.43604, 0.22249, 0.01392),
        b"gXYZ": _xyz(0.38512, 0.71690, 0.09706),
        b"bXYZ": _xyz(0.14305, 0.06061, 0.71391),
        b"rTRC": SRGB_CURVE,
        b"gTRC": SRGB_CURVE,
        b"bTRC": SRGB_CURVE,
    },
)
"""The profile to embed in a picture of sRGB colors."""


def power_curve(exponent: float) -> bytes:
    """The tone curve light = level ** exponent."""
    return b"para\0\0\0\0\0\0\0\0" + _s15_fixed_16(exponent)


def sampled_curve(light: np.ndarray) -> bytes:
    """A tone curve through the light, in [0, 1], of equally spaced levels from 0 to 1."""
    numbers: bytes = np.rint(light * 65535).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", len(light)) + numbers


def rgb_profile(name: str, primaries: Sequence[tuple[float, float]], white: tuple[float, float], curve: bytes) -> bytes:
    """A profile of RGB colors.

    Args:
        name: what programs show of it.
        primaries: of red, green and blue.
        white: what equal levels of all three look like.
        curve: `SRGB_CURVE`, or made by `power_curve` or `sampled_curve`.

    Raises:
        ValueError: no color space has such primaries and white.
    """
    try:
        columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*primaries, white)]).T
        to_xyz = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
        cones = _BRADFORD @ columns[:, 3]
        adapted = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / cones) @ _BRADFORD @ to_xyz
    except (ZeroDivisionError, np.linalg.LinAlgError) as error:
        raise ValueError("degenerate primaries") from error
    if not (np.isfinite(adapted).all() and np.abs(adapted).max() < 8):
        raise ValueError("impossible primaries")
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    tags = {name: _xyz(*color) for name, color in zip(names, adapted.T, strict=True)}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile(b"RGB ", name, {b"wtpt": b"XYZ \0\0\0\0" + _WHITE} | tags | curves)
