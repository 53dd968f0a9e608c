"""How much of a content is kept in a stylized picture, and how far the style is reached.

Pictures are (H, W, 3) arrays of sRGB in [0, 1]. What is kept is compared pixel by pixel with the content; what is
reached is compared with the style as a whole, by distributions, so that its size may be another one.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from excolor.evaluation.metrics import Doubles, Image, lab, ssim
from excolor.imaging.working_size import pad
from excolor.networks import adain
from excolor.networks.encoder import LEVELS, Encoder
from excolor.runtime.devices import out_of_memory_explained

_DIRECTIONS = 64  # in Lab, on which colors are projected
_QUANTILES = 256

Profile = dict[str, Doubles]
"""A level of the encoder -> the mean and deviation of each of its channels, (2 · channels,)."""


def lightness(picture: Image) -> Image:
    """L, scaled to [0, 1]: (H, W)."""
    scaled: Image = lab(picture)[..., 0] / 100
    return scaled


def edges(picture: Image) -> Image:
    """The edge map (H, W): the magnitude of Sobel's gradient of L, for L in [0, 1]; a step from black to white is 1."""
    light = lightness(picture).astype(np.float64)
    across, down = (cv2.Sobel(light, cv2.CV_64F, dx, 1 - dx, scale=0.25) for dx in (1, 0))
    magnitude: Image = np.hypot(across, down)
    return magnitude


def lightness_kept(result: Image, content: Image) -> float:
    """SSIM of L (`metrics.ssim`): how much of light and shade is where it was, and as it was."""
    return ssim(lightness(result), lightness(content))


def edges_kept(result: Image, content: Image) -> float:
    """SSIM of the edge maps, as Yoo et al. 2019 (WCT²) measure structure, who take another edge detector."""
    return ssim(edges(result), edges(content))


def color_distance(result: Image, style: Image) -> float:
    """Sliced Wasserstein distance of the colors in Lab (Rabin et al. 2011; Bonneel et al. 2015), of order 1.

    The mean over 64 directions, always the same and evenly spread, of the mean difference of 256 quantiles along each:
    in units of Lab. A shift of all colors by 2, a difference just seen, is 1: most directions see only a part of it.
    """
    return quantile_distance(color_quantiles(result), color_quantiles(style))


def quantile_distance(found: Doubles, style: Doubles) -> float:
    """`color_distance` of pictures with these `color_quantiles`: those of a picture serve for many others."""
    return float(np.abs(found - style).mean())


def color_quantiles(picture: Image) -> Doubles:
    """What `color_distance` compares: 256 quantiles of the colors along each of 64 directions, (64, 256)."""
    colors = lab(picture).reshape(-1, 3)
    places = (np.arange(_QUANTILES) + 0.5) / _QUANTILES * len(colors) - 0.5  # of the quantiles among the colors
    places = places.clip(0, len(colors) - 1)
    below = places.astype(np.intp)
    above = np.minimum(below + 1, len(colors) - 1)
    # One direction at a time: all at once would be 64 copies of a picture
    along = (np.sort(colors @ axis) for axis in _directions())
    lower, upper = np.stack([one[np.stack((below, above))] for one in along], axis=1).astype(np.float64)
    quantiles: Doubles = lower + (places - below) * (upper - lower)
    return quantiles


class StyleStatistics:
    """What the encoder of a model sees of a style: the statistics that AdaIN matches (Huang & Belongie 2017)."""

    def __init__(self, encoder: Encoder) -> None:
        """Measure by an encoder in evaluation mode."""
        self._encoder = encoder

    @torch.inference_mode()
    def profile(self, picture: Image) -> Profile:
        """Mean and deviation of each channel at relu1_1, relu2_1, relu3_1 and relu4_1.

        Raises:
            DeviceError: the device has too little memory.
        """
        device = self._encoder.conv1_1.weight.device
        planes = torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]
        with out_of_memory_explained(device, "a smaller --side"):
            features = self._encoder(pad(planes).to(device))
            moments = {level: adain.measure(features[level]) for level in LEVELS}
        return {level: torch.cat((m.mean, m.std)).double().cpu().numpy().ravel() for level, m in moments.items()}


def profile_distance(found: Profile, style: Profile, content: Profile) -> float:
    """How far from the style's statistics a picture still is: 0 is there, 1 is as far as the content.

    The Euclidean distance at each level over that of the content, mean over the levels, so that each counts the same
    whatever its number and scale of channels. NaN if content and style are the same at a level.
    """
    whole = [_distance(content[level], style[level]) for level in LEVELS]
    if not all(whole):
        return float("nan")
    left = [_distance(found[level], style[level]) for level in LEVELS]
    return float(np.mean(np.divide(left, whole)))


def _distance(x: Doubles, y: Doubles) -> float:
    return float(np.linalg.norm(x - y))


def _directions() -> NDArray[np.float32]:
    """Unit vectors (64, 3) spread evenly over half of the sphere, on a Fibonacci spiral; the other half is the same."""
    number = np.arange(_DIRECTIONS)
    height, turn = 1 - (number + 0.5) / _DIRECTIONS, number * np.pi * (3 - 5**0.5)
    radius = np.sqrt(1 - height**2)
    return np.stack((height, radius * np.cos(turn), radius * np.sin(turn)), axis=1).astype(np.float32)
