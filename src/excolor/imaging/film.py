"""Old photographs from new ones: what film and time do to luminance.

Orthochromatic film (common until the 1930s) hardly sees red, and blue-sensitive plates see neither red nor green, so
that lips come out dark and skies white. Prints fade; film has grain. All functions return L (N, 1, H, W) in [0, 100].
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from excolor.imaging.color import delinearize, gray_to_lightness, linearize

ORTHOCHROMATIC = (0.03, 0.55, 0.42)
"""Shares of linear red, green and blue in what orthochromatic film sees."""
BLUE_SENSITIVE = (0.0, 0.15, 0.85)
"""The same of a wet or dry plate without sensitizing dyes."""


def exposed(rgb: Tensor, response: Tensor) -> Tensor:
    """What film of a spectral response records: sRGB (N, 3, H, W) in [0, 1] to L.

    `response` (N, 3) or (3,) has the shares of linear red, green and blue; they sum to 1, so that gray stays as it is.
    """
    shares = response.to(rgb).reshape(-1, 3, 1, 1)
    light = (linearize(rgb) * shares).sum(1, keepdim=True)
    return gray_to_lightness(delinearize(light.clamp(0, 1)))


def faded(lightness: Tensor, black: Tensor | float, white: Tensor | float) -> Tensor:
    """A print that lost contrast: black and white become the L values given, a number or (N, 1, 1, 1)."""
    return black + lightness / 100 * (white - black)


def grainy(lightness: Tensor, amount: Tensor | float, generator: Generator, *, size: int = 2) -> Tensor:
    """Film grain: noise of `amount` L units (deviation), correlated over about `size` pixels, strongest in midtones."""
    n, _, height, width = lightness.shape
    noise = torch.randn((n, 1, height, width), generator=generator, device=generator.device).to(lightness.device)
    if size > 1:
        before = (size - 1) // 2
        padded = F.pad(noise, (before, size - 1 - before, before, size - 1 - before), mode="replicate")
        noise = F.avg_pool2d(padded, size, stride=1) * size  # keeps the deviation
    midtone = 1 - (lightness / 50 - 1).square() / 2
    return (lightness + noise * midtone * amount).clamp(0, 100)
