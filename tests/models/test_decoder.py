"""The decoder mirrors the encoder and reads, at each upsampling, three things (the paper, section 3.1)."""

import pytest
import torch
from torch import Tensor

from excolor.models.decoder import DECODED, Decoder, DecoderConfig
from excolor.models.encoder import POOLS, SKIPS, Encoder


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
