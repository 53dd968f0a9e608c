"""Synthetic photographs, and recipes that train in milliseconds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from excolor.networks.decoder import Decoder, DecoderConfig
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.transfer import TransferNet
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import (
    ColorizerRecipe,
    DecoderRecipe,
    EncoderRecipe,
    MatcherRecipe,
    References,
    Schedule,
)

SCHEDULE = Schedule(1e-3)


def photograph(seed: int, height: int = 40, width: int = 48) -> np.ndarray:
    """A color gradient with a differently colored disk, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    corners = rng.random((2, 3)) * 255
    picture = corners[0] * x[..., None] + corners[1] * (1 - y)[..., None]
    disk = np.hypot(x - rng.random() * 0.8, y - rng.random() * 0.8) < 0.25
    picture[disk] = rng.random(3) * 255
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def store() -> PhotoStore:
    """Six photographs of three sources."""
    return PhotoStore([photograph(i) for i in range(6)], list("aabbbc"), torch.device("cpu"))


@pytest.fixture
def transfer_net() -> TransferNet:
    torch.manual_seed(1)
    return TransferNet(Encoder(EncoderConfig(8)), Decoder(DecoderConfig(8)))


ENCODER_RECIPE = EncoderRecipe(width=8, batch=4, crops=(16,), schedule=SCHEDULE)
DECODER_RECIPE = DecoderRecipe(width=8, batch=4, crops=(16,), schedule=SCHEDULE)
MATCHER_RECIPE = MatcherRecipe(width=8, batch=4, crops=(32,), schedule=SCHEDULE, hidden=16)
COLORIZER_RECIPE = ColorizerRecipe(
    width=8,
    batch=6,
    crops=(16, 24),
    schedule=SCHEDULE,
    empty=0.17,
    patches=0.33,
    references=References(same=0.3, other_crop=0.2, halves=0.1, related=0.2),
    recolored=0.5,
    delta=0.1,
    rarity=5.0,
)
PATCHES_RECIPE = replace(COLORIZER_RECIPE, empty=0.25, patches=0.75, batch=4)  # needs no transfer net


@pytest.fixture
def encoder_recipe() -> EncoderRecipe:
    return ENCODER_RECIPE


@pytest.fixture
def decoder_recipe() -> DecoderRecipe:
    return DECODER_RECIPE


@pytest.fixture
def matcher_recipe() -> MatcherRecipe:
    return MATCHER_RECIPE


@pytest.fixture
def colorizer_recipe() -> ColorizerRecipe:
    return COLORIZER_RECIPE


@pytest.fixture
def patches_recipe() -> ColorizerRecipe:
    return PATCHES_RECIPE
