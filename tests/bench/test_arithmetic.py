"""Multiply-adds, counted by hand and by hooks."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from excolor.bench import measuring
from excolor.bench.measuring import count_networks, matrix_product_rate, multiply_adds
from excolor.bench.tasks import BenchTask
from excolor.errors import DeviceError
from excolor.networks.checkpoint import load_colorizer, load_transfer
from excolor.networks.decoder import WideningConv
from excolor.networks.models import find_model
from excolor.settings import Matching

PICTURE = torch.zeros(2, 3, 10, 12)


@pytest.mark.parametrize(
    ("layer", "count"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), 2 * 10 * 12 * 8 * 3 * 3 * 3),
        (nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"), 2 * 10 * 12 * 8 * 3 * 3 * 3),
        (nn.Conv2d(3, 8, 3, padding=1, stride=2), 2 * 5 * 6 * 8 * 3 * 3 * 3),
        (nn.Conv2d(3, 8, 3, padding=2, dilation=2), 2 * 10 * 12 * 8 * 3 * 3 * 3),
        (nn.Conv2d(3, 2, 1), 2 * 10 * 12 * 2 * 3),
        (nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1), 2 * 10 * 12 * 3 * 8 * 4 * 4),
        (nn.ReLU(), 0),
    ],
    ids=str,
)
def test_layers_by_hand(layer: nn.Module, count: int) -> None:
    assert multiply_adds(lambda: layer(PICTURE)) == count


def test_a_matrix_product_by_hand() -> None:
    assert multiply_adds(lambda: torch.zeros(4, 5) @ torch.zeros(5, 6)) == 4 * 5 * 6


def by_hooks(network: nn.Module, work: Callable[[], object]) -> int:
    counts: list[int] = []

    def count(layer: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> None:
        places = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        counts.append(places.shape[0] * places.shape[2] * places.shape[3] * layer.weight.numel())

    def count_widening(layer: WideningConv, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        """Two thirds of the channels by four filters of 2×2, with a row and a column at the edge of their own."""
        (batch, _, height, width), thirds = inputs[0].shape, layer.in_channels // 3
        widened = 4 * 2 * 2 * (2 * thirds) * (height + 1) * (width + 1)
        counts.append(batch * layer.out_channels * (widened + 3 * 3 * thirds * 4 * height * width))

    for layer in network.modules():
        if isinstance(layer, WideningConv):
            layer.register_forward_hook(count_widening)
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        work()
    return sum(counts)


def task(size: int) -> BenchTask:
    return BenchTask("networks", "lite", "lite", size, "cpu", "float32", 1)


def test_the_networks_by_hooks() -> None:
    """All of their multiply-adds are in convolutions; transfer encodes both pictures."""
    files, matching = find_model("lite"), Matching()
    transfer, colorizer = (
        load_transfer(files.path("encoder"), files.path("decoder")),
        load_colorizer(files.path("colorizer")),
    )
    rgb, plane = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    assert count_networks(task(64)) == {
        "transfer": by_hooks(transfer, lambda: transfer(rgb, transfer.measure(rgb, matching), matching)),
        "colorization": by_hooks(colorizer, lambda: colorizer(plane, rgb[:, :2], plane)),
    }


def test_four_times_the_pixels_are_four_times_the_work() -> None:
    small, large = count_networks(task(512)), count_networks(task(1024))
    # But for the edges of what the decoder widens
    assert large == {network: pytest.approx(4 * count, rel=2e-3) for network, count in small.items()}


def test_the_rate_of_a_matrix_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measuring._PRODUCT_SIDE, "cpu", 256)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # of the tests to come
    rate = matrix_product_rate("cpu", "float32", 1, repeat=1)
    assert 1e7 < rate < 1e13  # multiply-adds a second of any processor's core
    monkeypatch.setitem(measuring._PRODUCT_SIDE, "cpu", 2**24)
    with pytest.raises(DeviceError, match="too little memory"):
        matrix_product_rate("cpu", "float32", 1, repeat=1)
