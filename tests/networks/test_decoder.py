"""The decoder mirrors the encoder and reads, at each upsampling, three things (the paper, section 3.1)."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.networks.decoder import DECODED, Decoder, DecoderConfig, WideningConv
from excolor.networks.encoder import POOLS, SKIPS, Conv, Encoder


@pytest.fixture(scope="module")
def features(encoder: Encoder) -> dict[str, Tensor]:
    return encoder(torch.rand((1, 3, 24, 16), generator=torch.Generator().manual_seed(0)))


def test_each_upsampling_reads_three_times_the_channels() -> None:
    with torch.device("meta"):
        net = Decoder(DecoderConfig(width=64))
    # VGG19's widths at 1/4, 1/2 and full size, thrice
    assert [conv.in_channels for conv in (net.conv3_4, net.conv2_2, net.conv1_2)] == [3 * 256, 3 * 128, 3 * 64]


def test_output_has_the_size_of_the_picture(decoder: Decoder, features: dict[str, Tensor]) -> None:
    assert decoder(features).shape == (1, 3, 24, 16)


@pytest.mark.parametrize("name", ["relu4_1", *SKIPS, *POOLS])
def test_every_input_matters(decoder: Decoder, features: dict[str, Tensor], name: str) -> None:
    without = decoder(features | {name: torch.zeros_like(features[name])})
    assert (without - decoder(features)).abs().max() > 1e-3


def test_hook_sees_each_level_from_deep_to_full_size(decoder: Decoder, features: dict[str, Tensor]) -> None:
    seen: dict[str, tuple[int, ...]] = {}

    def note(name: str, feature: Tensor) -> Tensor:
        seen[name] = tuple(feature.shape[1:])
        return feature

    decoder(features, note)
    assert tuple(seen) == DECODED
    assert list(seen.values()) == [(32, 3, 2), (16, 6, 4), (8, 12, 8), (8, 24, 16)]


@pytest.mark.parametrize("name", DECODED)
def test_hook_changes_the_result(decoder: Decoder, features: dict[str, Tensor], name: str) -> None:
    hooked = decoder(features, lambda n, x: 2 * x if n == name else x)
    assert (hooked - decoder(features)).abs().max() > 1e-3


@pytest.mark.parametrize("size", [(3, 5), (1, 4), (1, 1)])
def test_widening_is_a_convolution_of_what_was_doubled_and_concatenated(size: tuple[int, int]) -> None:
    """As the paper says it, with torch's own upsampling; edges and gradients too."""
    generator = torch.Generator().manual_seed(0)
    coarse, pooled = (torch.randn((2, 4, *size), generator=generator, requires_grad=True) for _ in range(2))
    skip = torch.randn((2, 4, 2 * size[0], 2 * size[1]), generator=generator, requires_grad=True)
    widening, plain = WideningConv(12, 6), Conv(12, 6)
    plain.load_state_dict(widening.state_dict())
    doubled = [F.interpolate(x, scale_factor=2.0, mode="nearest") for x in (coarse, pooled)]
    expected = plain(torch.cat((*doubled, skip), dim=1))
    found = widening(coarse, pooled, skip)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    weights = torch.randn(expected.shape, generator=generator)
    inputs = (coarse, pooled, skip)
    expected_gradients = torch.autograd.grad((expected * weights).sum(), (*inputs, plain.weight))
    gradients = torch.autograd.grad((found * weights).sum(), (*inputs, widening.weight))
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
