"""Changes to pictures. Second source: scikit-image's Lab."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2xyz, xyz2lab

from excolor.training.augmentation import darken


def as_lab(rgb: np.ndarray, light: float = 1.0) -> torch.Tensor:
    """sRGB (H, W, 3) in [0, 1] under a share of its light, to Lab (1, 3, H, W)."""
    return torch.from_numpy(xyz2lab(rgb2xyz(rgb) * light)).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("light", [0.2, 0.5, 1.0])
def test_darkening_takes_light_away(light: float) -> None:
    rgb = np.random.default_rng(0).uniform(0.3, 0.9, (40, 40, 3))
    found = darken(as_lab(rgb), torch.tensor(light).view(1, 1, 1, 1))
    wanted = as_lab(rgb, light)
    light_enough = (wanted[:, :1] > 10).expand_as(wanted)  # of darker colors some channel is below the cube roots
    assert light_enough.float().mean() > 0.9
    assert (found - wanted)[light_enough].abs().mean() < 0.05
    assert (found - wanted)[light_enough].abs().max() < 3


def test_each_picture_has_its_own_light() -> None:
    lab = as_lab(np.full((2, 2, 3), (0.7, 0.5, 0.4))).repeat(2, 1, 1, 1)
    found = darken(lab, torch.tensor([0.3, 1.0]).view(2, 1, 1, 1))
    assert torch.allclose(found[1], lab[1])
    assert (found[0] < lab[0]).all()
