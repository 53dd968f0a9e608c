"""Small networks with random weights that pass on what they see."""

import pytest
from random_networks import random_decoder, random_encoder

from excolor.networks.decoder import Decoder
from excolor.networks.encoder import Encoder
from excolor.networks.transfer import TransferNet


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return random_encoder()


@pytest.fixture(scope="session")
def decoder() -> Decoder:
    return random_decoder()


@pytest.fixture(scope="session")
def transfer_net(encoder: Encoder, decoder: Decoder) -> TransferNet:
    return TransferNet(encoder, decoder).eval()
