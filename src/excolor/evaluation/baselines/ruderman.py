"""The color space lαβ of Ruderman et al. 1998, in which Reinhard et al. 2001 and Welsh et al. 2002 work.

l is the logarithm of luminance, α goes from blue to yellow and β from green to red; all three are nearly independent
in photographs. Tensors are (3, H, W), float32.
"""

import torch
from torch import Tensor

from excolor.imaging.color import colored, delinearize, linearize, rgb_to_lab

# Linear RGB to cone responses (Reinhard et al. 2001, eq. 4). Their rows sum to 0.9996, 0.9993 and 0.9973: here to 1, so
# that gray has no color.
_RGB_TO_LMS = torch.tensor(
    ((0.3811, 0.5783, 0.0402), (0.1967, 0.7244, 0.0782), (0.0241, 0.1288, 0.8444)), dtype=torch.float64
)
_RGB_TO_LMS = (_RGB_TO_LMS / _RGB_TO_LMS.sum(1, keepdim=True)).float()
_LMS_TO_RGB: Tensor = torch.linalg.inv(_RGB_TO_LMS.double()).float()

# Logarithms of cone responses to lαβ (eq. 6)
_LOG_TO_LAB = torch.tensor(((1, 1, 1), (1, 1, -2), (1, -1, 0)), dtype=torch.float64)
_LOG_TO_LAB = (_LOG_TO_LAB / _LOG_TO_LAB.norm(dim=1, keepdim=True)).float()

_DARKEST = 1 / 255 / 12.92  # linear light of the 8-bit level 1: black has no logarithm


def rgb_to_ruderman(rgb: Tensor) -> Tensor:
    """sRGB in [0, 1] to lαβ."""
    cones = torch.einsum("ij,jhw->ihw", _RGB_TO_LMS, linearize(rgb))
    return torch.einsum("ij,jhw->ihw", _LOG_TO_LAB, cones.clamp(min=_DARKEST).log10())


def ruderman_to_rgb(ruderman: Tensor) -> Tensor:
    """The inverse of `rgb_to_ruderman`; not clipped: outside [0, 1] where sRGB cannot show it."""
    cones = 10 ** torch.einsum("ji,jhw->ihw", _LOG_TO_LAB, ruderman)
    linear = torch.einsum("ij,jhw->ihw", _LMS_TO_RGB, cones)
    return torch.where(linear > 0, delinearize(linear), 12.92 * linear)


def color_in(target: Tensor, alpha_beta: Tensor) -> Tensor:
    """Give a picture, sRGB in [0, 1], the chrominance `alpha_beta` (2, H, W); its CIE lightness stays what it is.

    The authors keep l, which is not quite lightness: their results are lighter or darker than the target.
    """
    luminance = rgb_to_ruderman(target)[:1]
    ab = rgb_to_lab(ruderman_to_rgb(torch.cat((luminance, alpha_beta))))[1:]
    return colored(rgb_to_lab(target)[:1], ab)
