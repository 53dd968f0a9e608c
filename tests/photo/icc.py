"""ICC profiles to test with, written by hand from the specification (ICC.1:2022): as bytes, small, of known content."""

import struct
from collections.abc import Callable
from itertools import product

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])  # the white of every profile, CIE XYZ
D65 = np.array([0.3127, 0.3290])  # CIE xy
# CIE xy of red, green and blue
P3 = np.array([[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]])
ADOBE = np.array([[0.64, 0.33], [0.21, 0.71], [0.15, 0.06]])
REC709 = np.array([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]])

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def fixed(*values: float) -> bytes:
    """Numbers of type s15Fixed16."""
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))


def profile(space: bytes, tags: dict[bytes, bytes], *, kind: bytes = b"mntr", pcs: bytes = b"XYZ ") -> bytes:
    """A version 2 profile of the device class `kind` with these tags and a white point."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(*D50)} | tags
    start = 128 + 4 + 12 * len(tags)
    table, data = b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s28x", start + len(data), 0x02100000, kind, space, pcs, b"acsp")
    header += fixed(*D50) + bytes(128 - len(header) - 12)
    return header + struct.pack(">I", len(tags)) + table + data


def gamma_curve(gamma: float) -> bytes:
    """A tone curve y = x^gamma; gamma is rounded to 1/256."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def table_curve(levels: np.ndarray) -> bytes:
    """A tone curve through equally spaced points in [0, 1]."""
    return b"curv\0\0\0\0" + struct.pack(">I", len(levels)) + np.rint(levels * 65535).astype(">u2").tobytes()


def srgb_to_linear(levels: np.ndarray) -> np.ndarray:
    """The tone curve of IEC 61966-2-1."""
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: np.ndarray) -> np.ndarray:
    """Its inverse."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def rgb_to_xyz(primaries: np.ndarray, white: np.ndarray = D65) -> np.ndarray:
    """The matrix from linear RGB to CIE XYZ under that white: (3, 3)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return columns * np.linalg.solve(columns, [white[0] / white[1], 1, (1 - white.sum()) / white[1]])


def to_d50(matrix: np.ndarray) -> np.ndarray:
    """A matrix from RGB to XYZ, its white adapted to D50 by Bradford's method."""
    cones = _BRADFORD @ matrix
    scale = (_BRADFORD @ D50) / cones.sum(1)
    return np.linalg.inv(_BRADFORD) @ (cones * scale[:, None])


def gray(curve: bytes) -> bytes:
    """A gray profile."""
    return profile(b"GRAY", {b"kTRC": curve})


def rgb(primaries: np.ndarray, curve: bytes, white: np.ndarray = D65) -> bytes:
    """An RGB profile of primaries and a tone curve."""
    colorants = to_d50(rgb_to_xyz(primaries, white)).T
    tags = {name: b"XYZ \0\0\0\0" + fixed(*c) for name, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    return profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def dot_gain(gain: float) -> bytes:
    """A gray profile of ink on paper: a dot of half the area looks larger by `gain`, in [0, 0.5)."""
    level = np.linspace(0, 1, 256)
    ink = 1 - level
    return gray(table_curve(1 - np.clip(ink + 4 * gain * ink * (1 - ink), 0, 1)))


def lut(space: bytes, channels: int, to_lab: Callable[[np.ndarray], np.ndarray], *, grid: int = 2) -> bytes:
    """A profile with a table (lut8) to Lab only, hence no way back, as many of scanners are.

    Args:
        space: Of the pixels, as in the header.
        channels: How many it has.
        to_lab: Device values in [0, 1], (N, channels), to Lab (N, 3), L in [0, 100].
        grid: Points a channel.
    """
    points = np.array(list(product(np.linspace(0, 1, grid), repeat=channels)))
    lab = to_lab(points) * (255 / 100, 1, 1) + (0, 128, 128)
    straight = bytes(range(256))
    content = b"mft1\0\0\0\0" + struct.pack(">BBBx", channels, 3, grid) + fixed(*np.eye(3).ravel())
    content += straight * channels + np.rint(lab).clip(0, 255).astype(np.uint8).tobytes() + straight * 3
    return profile(space, {b"A2B0": content}, kind=b"prtr" if space == b"CMYK" else b"scnr", pcs=b"Lab ")


def xyz_to_lab(xyz: np.ndarray) -> np.ndarray:
    """CIE XYZ (N, 3) under D50 to Lab."""
    ratio = xyz / D50
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)


def rgb_scanner() -> bytes:
    """A scanner's profile with a table to Lab, of linear-light RGB with Rec. 709 primaries; no way back."""
    matrix = to_d50(rgb_to_xyz(REC709))
    return lut(b"RGB ", 3, lambda points: xyz_to_lab(points**2 @ matrix.T), grid=9)


def cmyk_press() -> bytes:
    """A press: ideal inks, each of which takes away one primary, on white paper; no way back."""
    matrix = to_d50(rgb_to_xyz(REC709))
    return lut(b"CMYK", 4, lambda ink: xyz_to_lab((((1 - ink[:, :3]) * (1 - ink[:, 3:])) ** 2) @ matrix.T), grid=5)
