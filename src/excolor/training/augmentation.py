"""Changes to pictures that training makes, drawn from the generator that it gives."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from excolor.imaging.color import colored, grayed, rgb_to_lab


def gray_some(rgb: Tensor, share: float, generator: Generator) -> Tensor:
    """Gray a random `share` of the pictures (N, 3, H, W)."""
    chosen = torch.rand(len(rgb), generator=generator, device=rgb.device) < share
    return torch.where(chosen.view(-1, 1, 1, 1), grayed(rgb_to_lab(rgb)[:, :1]), rgb)


def change_tone(lab: Tensor, generator: Generator) -> Tensor:
    """Another tone curve and a little noise in L, so that a picture is not found again by its luminance alone."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand((len(lab), 1, 1, 1), generator=generator, device=lab.device) * (high - low) + low

    tone = 100 * (lab[:, :1] / 100).clamp(1e-3, 1) ** (2 ** uniform(-0.6, 0.6))
    noise = torch.randn(tone.shape, generator=generator, device=lab.device) * uniform(0, 3)
    return torch.cat(((tone + noise).clamp(0, 100), lab[:, 1:]), dim=1)


def degrade(lightness: Tensor, generator: Generator) -> Tensor:
    """L (N, 1, H, W) in [0, 100] as that of other photographs: another tone curve, blur and noise."""

    def uniform(low: float, high: float) -> Tensor:
        shape = (len(lightness), 1, 1, 1)
        return torch.rand(shape, generator=generator, device=lightness.device) * (high - low) + low

    tone = 100 * (lightness / 100).clamp(1e-3, 1) ** (2 ** uniform(-0.8, 0.8))
    blurred = F.avg_pool2d(F.pad(tone, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    tone = torch.lerp(tone, blurred, uniform(0, 1) * (uniform(0, 1) < 0.3))
    noise = torch.randn(tone.shape, generator=generator, device=tone.device) * uniform(0, 4)
    return (tone + noise).clamp(0, 100)


def turn_hue(lab: Tensor, angle: Tensor) -> Tensor:
    """Turn ab by `angle` (N, 1, 1, 1) in radians; the result is brought back into sRGB."""
    lightness, a, b = lab[:, :1], lab[:, 1:2], lab[:, 2:]
    cos, sin = angle.cos(), angle.sin()
    turned = rgb_to_lab(colored(lightness, torch.cat((a * cos - b * sin, a * sin + b * cos), dim=1)))
    return torch.where(angle == 0, lab, turned)


def dull(lab: Tensor, share: Tensor) -> Tensor:
    """A picture, Lab (N, 3, H, W), with a share (N, 1, 1, 1) of its chroma, in [0, 1]."""
    return torch.cat((lab[:, :1], lab[:, 1:] * share), dim=1)


def darken(lab: Tensor, light: Tensor) -> Tensor:
    """The same scene, Lab (N, 3, H, W), under a share `light` (N, 1, 1, 1) of its light, in (0, 1].

    L + 16, a and b are linear in the cube roots of X, Y and Z, and so shrink with the cube root of the light (CIE 1976,
    above L = 8; below, a little too much). The result is brought back into sRGB.
    """
    root = light ** (1 / 3)
    dark = colored(((lab[:, :1] + 16) * root - 16).clamp(min=0), lab[:, 1:] * root)
    return torch.where(light == 1, lab, rgb_to_lab(dark))
