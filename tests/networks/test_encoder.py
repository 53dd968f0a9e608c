"""The encoder is VGG19 up to conv4_1. Second source: torchvision's VGG19, with shared random weights."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights, vgg
from torchvision.transforms.functional import normalize

from excolor.networks.encoder import LEVELS, POOLS, SKIPS, Encoder, EncoderConfig

# Names of the outputs of torchvision's layers up to conv4_1; convolutions themselves have none here
NAMES = [
    *(None, "relu1_1", None, "relu1_2", "pool1"),
    *(None, "relu2_1", None, "relu2_2", "pool2"),
    *(None, "relu3_1", None, None, None, None, None, "relu3_4", "pool3"),
    *(None, "relu4_1"),
]


@pytest.fixture(scope="module")
def pair() -> tuple[Encoder, nn.Sequential]:
    """An encoder at VGG19's own widths, and torchvision's layers with the same weights."""
    torch.manual_seed(0)
    ours, theirs = Encoder(EncoderConfig(width=64)), vgg.make_layers(vgg.cfgs["E"][:12])
    weights = [tensor for layer in theirs if isinstance(layer, nn.Conv2d) for tensor in layer.parameters()]
    with torch.no_grad():
        for own, other in zip(ours.parameters(), weights, strict=True):
            own.copy_(other)
    return ours.eval().requires_grad_(False), theirs.eval().requires_grad_(False)


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(seed))


def outputs(layers: nn.Sequential, rgb: Tensor) -> dict[str, Tensor]:
    moments = VGG19_Weights.IMAGENET1K_V1.transforms()
    x = normalize(rgb, moments.mean, moments.std)
    found = {}
    for name, layer in zip(NAMES, layers, strict=True):
        x = layer(x)
        if name:
            found[name] = x.clone()  # the next layer may be a ReLU in place
    return found


def test_every_stage_agrees_with_torchvision_where_padding_and_pooling_do(pair) -> None:
    ours, theirs = pair
    same = nn.Sequential()
    for layer in theirs:
        if isinstance(layer, nn.Conv2d):
            conv = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, padding_mode="reflect")
            conv.load_state_dict(layer.state_dict())
            same.append(conv.requires_grad_(False))
        else:
            same.append(nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer)
    rgb = picture(32, 40)
    expected, found = outputs(same, rgb), ours(rgb)
    assert set(found) == set(expected) == {*LEVELS, *SKIPS, *POOLS}
    for name, feature in expected.items():
        torch.testing.assert_close(found[name], feature, rtol=1e-4, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}")


def test_interior_agrees_with_unchanged_torchvision_before_the_first_pooling(pair) -> None:
    ours, theirs = pair
    rgb = picture(24, 16)
    expected, found = outputs(theirs, rgb), ours(rgb)
    for name, margin in (("relu1_1", 1), ("relu1_2", 2)):  # zero padding reaches one pixel further with each layer
        inside = (..., slice(margin, -margin), slice(margin, -margin))
        torch.testing.assert_close(found[name][inside], expected[name][inside], rtol=1e-4, atol=1e-5)


def test_shapes_by_name(encoder: Encoder) -> None:
    shapes = {name: tuple(feature.shape[1:]) for name, feature in encoder(picture(16, 24)).items()}
    assert shapes == {
        "relu1_1": (8, 16, 24),
        "relu1_2": (8, 16, 24),
        "pool1": (8, 8, 12),
        "relu2_1": (16, 8, 12),
        "relu2_2": (16, 8, 12),
        "pool2": (16, 4, 6),
        "relu3_1": (32, 4, 6),
        "relu3_4": (32, 4, 6),
        "pool3": (32, 2, 3),
        "relu4_1": (64, 2, 3),
    }


@pytest.mark.parametrize("name", [*SKIPS, *POOLS])
def test_skips_branch_off(encoder: Encoder, name: str) -> None:
    rgb = picture(16, 16)
    plain = encoder(rgb)
    hooked = encoder(rgb, lambda n, x: x + 1 if n == name else x)
    torch.testing.assert_close(hooked[name], plain[name] + 1)
    for other in plain.keys() - {name}:
        assert torch.equal(hooked[other], plain[other]), other


def test_levels_are_progressive(encoder: Encoder) -> None:
    rgb = picture(16, 16)
    plain = encoder(rgb)
    hooked = encoder(rgb, lambda n, x: 2 * x if n == "relu2_1" else x)
    changed = {name for name in plain if not torch.equal(hooked[name], plain[name])}
    assert changed == {"relu2_1", "relu2_2", "pool2", "relu3_1", "relu3_4", "pool3", "relu4_1"}


def test_normalization_constants_are_no_weights(encoder: Encoder) -> None:
    assert {name.split(".")[0] for name in encoder.state_dict()} == {
        *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4", "conv4_1")
    }
