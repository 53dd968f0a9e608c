"""Changes to pictures. Second source: scikit-image's Lab."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from excolor.training.augmentation import darken


def under_light(rgb: np.ndarray, light: float) -> np.ndarray:
    """sRGB (H, W, 3) in [0, 1] with its linear values times `light`."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) * light
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def as_lab(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb2lab(rgb)).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("light", [0.2, 0.5, 1.0])
def test_darkening_takes_light_away(light: float) -> None:
    rgb = np.random.default_rng(0).uniform(0.3, 0.9, (40, 40, 3))
    found = darken(as_lab(rgb), torch.tensor(light).view(1, 1, 1, 1))
    wanted = as_lab(under_light(rgb, light))
    light_enough = (wanted[:, :1] > 10).expand_as(wanted)  # of darker colors some channel is below the cube roots
    assert light_enough.float().mean() > 0.9
    assert (found - wanted)[light_enough].abs().mean() < 0.05
    assert (found - wanted)[light_enough].abs().max() < 3


def test_each_picture_has_its_own_light() -> None:
    lab = as_lab(np.full((2, 2, 3), (0.7, 0.5, 0.4))).repeat(2, 1, 1, 1)
    found = darken(lab, torch.tensor([0.3, 1.0]).view(2, 1, 1, 1))
    assert torch.allclose(found[1], lab[1])
    assert (found[0] < lab[0]).all()
