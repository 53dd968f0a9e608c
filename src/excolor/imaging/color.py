"""sRGB <-> CIE Lab, the scaling that the networks see, and the gamut.

RGB is sRGB in [0, 1]; L is in [0, 100] and ab in about [-128, 127] (CIE 1976, illuminant D65, 2° observer, as in
scikit-image). Tensors are (*, 3, H, W), or (*, 1, H, W) for L and (*, 2, H, W) for ab. All of it is differentiable
and runs on any device; float32 or wider.
"""

import torch
from torch import Tensor

# IEC 61966-2-1 primaries to CIE XYZ (D65), row by row, and the white point that scikit-image divides by.
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
LUMINANCE = _RGB_TO_XYZ[1]
"""Shares of linear red, green and blue in the luminance Y."""
_WHITE = (0.95047, 1.0, 1.08883)

_RGB_TO_NORMALIZED = torch.tensor(_RGB_TO_XYZ, dtype=torch.float64) / torch.tensor(_WHITE, dtype=torch.float64)[:, None]
NORMALIZED_TO_RGB: Tensor = torch.linalg.inv(_RGB_TO_NORMALIZED)
"""XYZ divided by the white point to linear RGB: (3, 3), float64."""

_AB_SCALE = 110.0  # Zhang et al. 2017 divide ab by it, so that nearly all of sRGB falls in [-1, 1]
DELTA = 6 / 29
"""Below its cube the curve of Lab is a straight line (CIE 15)."""


def _mix(matrix: Tensor, planes: Tensor) -> Tensor:
    """Multiply each pixel of (*, 3, H, W) by a 3×3 matrix."""
    with torch.autocast(planes.device.type, enabled=False):  # bfloat16 would be off by several 8-bit steps
        return torch.einsum("ij,...jhw->...ihw", matrix.to(planes.device, planes.dtype), planes)


def linearize(rgb: Tensor) -> Tensor:
    """Undo the sRGB transfer curve: sRGB in [0, 1] to linear light in [0, 1]."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def delinearize(linear: Tensor) -> Tensor:
    """Apply the sRGB transfer curve: linear light in [0, 1] to sRGB in [0, 1]."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB in [0, 1], (*, 3, H, W), to Lab of the same shape."""
    xyz = _mix(_RGB_TO_NORMALIZED, linearize(rgb))
    # The branch not taken is clamped: a cube root has no finite slope at zero, and its gradient would be NaN.
    f = torch.where(xyz > DELTA**3, xyz.clamp(min=DELTA**3) ** (1 / 3), xyz / (3 * DELTA**2) + 4 / 29)
    fx, fy, fz = f.unbind(-3)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), dim=-3)


def gray_to_lightness(gray: Tensor) -> Tensor:
    """L of gray sRGB values in [0, 1], of any shape: `rgb_to_lab` of R = G = B, at a third of the cost."""
    y = linearize(gray)
    return 116 * torch.where(y > DELTA**3, y.clamp(min=DELTA**3) ** (1 / 3), y / (3 * DELTA**2) + 4 / 29) - 16


def lab_to_linear(lab: Tensor) -> Tensor:
    """Lab (*, 3, H, W) to linear RGB of the same shape, not clipped: outside [0, 1] where sRGB cannot show it."""
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    f = torch.stack((fy + a / 500, fy, fy - b / 200), dim=-3)
    xyz = torch.where(f > DELTA, f**3, 3 * DELTA**2 * (f - 4 / 29))
    return _mix(NORMALIZED_TO_RGB, xyz)


def fit_gamut(linear: Tensor) -> Tensor:
    """Bring linear RGB (*, 3, H, W) into [0, 1] by giving up chroma and keeping luminance.

    Each pixel moves toward the gray of its own luminance Y just as far as is needed. Y, and so L, is linear in RGB:
    it stays exactly what it was (where it is in [0, 1] itself).
    """
    weights = torch.tensor(LUMINANCE, dtype=linear.dtype, device=linear.device).view(3, 1, 1)
    y = (weights * linear).sum(-3, keepdim=True).clamp(0, 1)
    highest, lowest = linear.amax(-3, keepdim=True), linear.amin(-3, keepdim=True)
    up, down = (1 - y) / (highest - y).clamp(min=1e-12), y / (y - lowest).clamp(min=1e-12)
    share = torch.minimum(up, down).clamp(max=1)
    return (y + share * (linear - y)).clamp(0, 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Lab (*, 3, H, W) to sRGB in [0, 1]; colors outside sRGB lose chroma, not lightness (`fit_gamut`)."""
    return delinearize(fit_gamut(lab_to_linear(lab)))


def colored(lightness: Tensor, ab: Tensor) -> Tensor:
    """L (*, 1, H, W) and ab (*, 2, H, W) to sRGB (*, 3, H, W) in [0, 1]; see `lab_to_rgb`."""
    return lab_to_rgb(torch.cat((lightness, ab), dim=-3))


def grayed(lightness: Tensor) -> Tensor:
    """L (*, 1, H, W) to the gray picture, sRGB (*, 3, H, W) in [0, 1]."""
    return colored(lightness, torch.zeros_like(lightness).repeat_interleave(2, -3))


def lightness_to_network(lightness: Tensor) -> Tensor:
    """L in [0, 100] to [-0.5, 0.5] (Zhang et al. 2017)."""
    return (lightness - 50) / 100


def ab_to_network(ab: Tensor) -> Tensor:
    """ab to about [-1, 1] (Zhang et al. 2017)."""
    return ab / _AB_SCALE


def ab_from_network(scaled: Tensor) -> Tensor:
    """The inverse of `ab_to_network`."""
    return scaled * _AB_SCALE
