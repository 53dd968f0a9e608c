"""Color spaces that files declare without an ICC profile: PNG in chunks of its own, cameras in EXIF.

Each is turned into a profile, so that `excolor.photo.profiles` converts all alike.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from excolor.photo.icc import SRGB_CURVE, power_curve, rgb_profile, sampled_curve

_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
_Primaries: TypeAlias = Sequence[tuple[float, float]]

_BT_709: _Primaries = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_SMPTE_170M = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))

# Rec. ITU-T H.273, table 2: color primaries, and the white
_PRIMARIES: dict[int, tuple[_Primaries, tuple[float, float]]] = {
    1: (_BT_709, _D65),
    4: (((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), _C),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), _D65),
    6: (_SMPTE_170M, _D65),
    7: (_SMPTE_170M, _D65),
    8: (((0.681, 0.319), (0.243, 0.692), (0.145, 0.049)), _C),
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), _D65),
    11: (_P3, (0.314, 0.351)),
    12: (_P3, _D65),
    22: (((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)), _D65),
}
_PQ, _HLG = 16, 18  # of table 3
_PQ_WHITE, _HLG_WHITE = 203 / 10_000, 203 / 1_000  # the light of white, of the brightest there is (Rep. BT.2408)

_SAMPLES = 4096  # of a tone curve; between them it is straight
_SRGB_GAMMA = 1 / 2.2  # what sRGB writes into gAMA, for readers that know nothing else (PNG 1.2, section 4.2.2.3)
_SAME_GAMMA, _SAME_CHROMATICITY = 0.05, 0.002  # as libpng compares gammas; rounding of xy


def gamma_profile(gamma: Any, chromaticity: Any) -> bytes | None:
    """The profile of what the chunks gAMA and cHRM of a PNG declare; None where that is sRGB or makes no sense.

    Args:
        gamma: as Pillow reads it: the exponent by which light became levels.
        chromaticity: likewise: x and y of white, red, green and blue.
    """
    curve, white, primaries = SRGB_CURVE, _D65, _BT_709
    is_sound = isinstance(gamma, float) and 0.1 <= gamma <= 10
    if is_sound and abs(gamma - _SRGB_GAMMA) > _SAME_GAMMA * _SRGB_GAMMA:
        curve = power_curve(1 / gamma)
    if isinstance(chromaticity, tuple) and len(chromaticity) == 8:
        known = (*_D65, *(value for color in _BT_709 for value in color))
        if max(abs(a - b) for a, b in zip(chromaticity, known, strict=True)) > _SAME_CHROMATICITY:
            white, *primaries = [(chromaticity[at], chromaticity[at + 1]) for at in range(0, 8, 2)]
    if curve == SRGB_CURVE and primaries is _BT_709:
        return None
    return _profile(primaries, white, curve)


def cicp_profile(cicp: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile of what the chunk cICP of a PNG declares, and notes; no profile if that is not known here.

    Its four numbers are primaries, transfer, matrix (0, which is RGB), and whether the range is full (ITU-T H.273).
    """
    if len(cicp) != 4 or cicp[2] != 0 or cicp[0] not in _PRIMARIES or cicp[1] not in _LIGHT:
        return None, ()
    primaries, white = _PRIMARIES[cicp[0]]
    levels = np.linspace(0, 1, _SAMPLES)
    if not cicp[3]:  # black and white at 16 and 235 of 255
        levels = ((255 * levels - 16) / 219).clip(0, 1)
    curve = sampled_curve(_LIGHT[cicp[1]](levels).clip(0, 1))
    kind = {_PQ: "PQ", _HLG: "HLG"}.get(cicp[1])
    notes = () if kind is None else (f"it is HDR ({kind}): what is brighter than white is clipped",)
    return _profile(primaries, white, curve), notes


def _bt_709(levels: np.ndarray) -> np.ndarray:
    return np.where(levels < 0.081, levels / 4.5, ((levels + 0.099) / 1.099) ** (1 / 0.45))


def _smpte_240m(levels: np.ndarray) -> np.ndarray:
    return np.where(levels < 0.0912, levels / 4, ((levels + 0.1115) / 1.1115) ** (1 / 0.45))


def _srgb(levels: np.ndarray) -> np.ndarray:
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def _pq(levels: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084."""
    root = levels ** (32 / 2523)
    light = np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
    return np.asarray(light ** (8192 / 1305) / _PQ_WHITE)


def _hlg(levels: np.ndarray) -> np.ndarray:
    """Rec. ITU-R BT.2100, with the system gamma of a display of 1000 cd/m²."""
    scene = np.where(levels <= 0.5, levels**2 / 3, (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    return np.asarray(scene**1.2 / _HLG_WHITE)


# Rec. ITU-T H.273, table 3: transfer characteristics, as the light of levels in [0, 1]
_LIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    **dict.fromkeys((1, 6, 14, 15), _bt_709),  # BT.601 and BT.2020 have the same curve
    4: lambda levels: levels**2.2,
    5: lambda levels: levels**2.8,
    7: _smpte_240m,
    8: lambda levels: levels,
    13: _srgb,
    _PQ: _pq,
    _HLG: _hlg,
}


def _profile(primaries: _Primaries, white: tuple[float, float], curve: bytes) -> bytes | None:
    try:
        return rgb_profile("As the file declares", primaries, white, curve)
    except ValueError:
        return None


ADOBE_RGB: bytes = rgb_profile(
    "Compatible with Adobe RGB (1998)", ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), _D65, power_curve(563 / 256)
)
"""The profile of what cameras declare in EXIF as Adobe RGB."""
