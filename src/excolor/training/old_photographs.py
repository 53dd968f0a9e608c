"""Training targets as old photographs show them: random film, fading, blur, grain and damage of the luminance."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from excolor.imaging.film import BLUE_SENSITIVE, ORTHOCHROMATIC, exposed, faded, grainy

_SCRATCHES = 3  # at most, per picture
_DUST = 4e-4  # specks per pixel, at most


def aged(rgb: Tensor, lightness: Tensor, chosen: Tensor, generator: Generator) -> Tensor:
    """L (N, 1, H, W) of the pictures, those that are `chosen` (N,) as old photographs.

    Args:
        rgb: sRGB (N, 3, H, W) in [0, 1].
        lightness: their L in [0, 100].
        chosen: bool.
        generator: on the same device.
    """
    if not chosen.any():
        return lightness
    old = _aged(rgb[chosen], lightness[chosen], generator)
    result = lightness.clone()
    result[chosen] = old
    return result


def _aged(rgb: Tensor, lightness: Tensor, generator: Generator) -> Tensor:
    n, _, height, width = lightness.shape
    device = lightness.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand((n, *(shape or (1, 1, 1))), generator=generator, device=device) * (high - low) + low

    # A third each: the eye's own response, orthochromatic, and anything between orthochromatic and blue-sensitive
    films = torch.tensor((ORTHOCHROMATIC, BLUE_SENSITIVE), device=device)
    mix = torch.where(uniform(0, 1, 1) < 0.5, torch.zeros(1, device=device), uniform(0, 1, 1))
    on_film = exposed(rgb, films[0] * (1 - mix) + films[1] * mix)
    old = torch.where(uniform(0, 1) < 1 / 3, lightness, on_film)

    blurred = F.avg_pool2d(F.pad(old, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    old = torch.lerp(old, blurred, uniform(0, 1) * (uniform(0, 1) < 0.5))
    old = 100 * (old / 100).clamp(1e-3, 1) ** (2 ** uniform(-0.5, 0.5))
    old = faded(old, uniform(0, 22), uniform(75, 100))
    old = grainy(old, uniform(0, 7), generator)

    # Scratches are thin upright lines, dust is specks; both are lighter or darker than what they cover
    column = torch.randint(width, (n, 1, 1, _SCRATCHES), generator=generator, device=device)
    depth = uniform(-35, 35, 1, 1, _SCRATCHES) * (uniform(0, 1, 1, 1, _SCRATCHES) < 0.2)
    line = torch.zeros((n, 1, 1, width), device=device).scatter_add_(3, column, depth)
    speck = torch.rand((n, 1, height, width), generator=generator, device=device) < uniform(0, _DUST)
    speck = F.max_pool2d(speck.float(), 3, stride=1, padding=1) * uniform(-40, 40)
    return (old + line + speck).clamp(0, 100)
