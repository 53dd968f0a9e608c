"""Colors found by what things are: exact where the reference is the picture itself, and each picture by itself."""

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.method.semantic_correspondence import (
    Correspondences,
    affinity,
    correspond,
    describe,
    reference_colors,
)
from excolor.networks.backbone import VARIANTS, EfficientNetLite

torch.manual_seed(0)
NET = EfficientNetLite(VARIANTS["tiny"]).eval().requires_grad_(False)


def picture(seed: int, height: int = 64, width: int = 96) -> Tensor:
    """A smooth Lab picture (1, 3, H, W) with something everywhere."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, height // 4, width // 4, generator=generator)
    smooth = F.interpolate(small, (height, width), mode="bilinear", align_corners=False)
    return torch.cat((smooth[:, :1] * 100, smooth[:, 1:] * 80 - 40), dim=1)


def found(target: Tensor, reference: Tensor) -> Correspondences:
    described = describe(NET(target[:, :1]), target[:, :1])
    return correspond(described, reference_colors(describe(NET(reference[:, :1]), reference[:, :1]), reference[:, 1:]))


def test_a_picture_finds_its_own_pixels_in_itself() -> None:
    lab = picture(1)
    result = found(lab, lab)
    true = F.avg_pool2d(lab[:, 1:], 2)
    assert result.fine_ab.shape == true.shape
    spread = (true - true.mean((2, 3), keepdim=True)).abs().mean()
    assert (result.fine_ab - true).abs().mean() < 0.25 * spread
    torch.testing.assert_close(result.cosine, torch.ones_like(result.cosine))
    assert result.mutuality.max() <= 1


def test_a_reference_of_one_color_gives_it_everywhere() -> None:
    reference = picture(2, 96, 64)
    reference[:, 1:] = torch.tensor((20.0, -30.0)).view(1, 2, 1, 1)
    result = found(picture(1), reference)
    for ab in (result.grouped_ab, result.fine_ab):
        torch.testing.assert_close(ab, torch.tensor((20.0, -30.0)).view(1, 2, 1, 1).expand_as(ab))
    assert result.spread.max() < 0.1


def test_a_batch_equals_its_pictures() -> None:
    targets, references = (torch.cat([picture(seed) for seed in seeds]) for seeds in ((1, 2), (3, 4)))
    together = found(targets, references)
    for n in range(2):
        alone = found(targets[n : n + 1], references[n : n + 1])
        for name, value in vars(alone).items():
            torch.testing.assert_close(getattr(together, name)[n : n + 1], value, rtol=1e-4, atol=1e-3)


def test_affinity_weighs_all_places_and_prefers_similar_ones() -> None:
    lab = picture(5)
    places = describe(NET(lab[:, :1]), lab[:, :1]).places
    weights = affinity(places, lab[:, :1])
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert (weights.argmax(-1) == torch.arange(weights.shape[1])).all()
