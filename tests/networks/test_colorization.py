"""The colorization net: the SIGGRAPH 2017 net's topology, tensor for tensor, so that its checkpoint can be imported.

Second source: the layers of Zhang et al. 2017, written out below.
"""

import pytest
import torch
from torch import Tensor, nn

from excolor.networks.colorization import ColorizationConfig, ColorizationNet

# (name, channels in, channels out, convolutions) at width 64; each convolution 3×3, then one batch norm
BLOCKS = [
    ("block1", 4, 64, 2),
    ("block2", 64, 128, 2),
    ("block3", 128, 256, 3),
    ("block4", 256, 512, 3),
    ("block5", 512, 512, 3),
    ("block6", 512, 512, 3),
    ("block7", 512, 512, 3),
    ("block8", 256, 256, 2),
    ("block9", 128, 128, 1),
]
# (name, channels from below, of the skip, out): a 4×4 transposed convolution, and a 3×3 convolution of the skip
JOINS = [("join8", 512, 256, 256), ("join9", 256, 128, 128), ("join10", 128, 64, 128)]


def expected_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, *weight: int, outputs: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = weight, (outputs,)

    for name, inputs, outputs, count in BLOCKS:
        for i in range(count):
            layer(f"{name}.convs.{i}", outputs, inputs if i == 0 else outputs, 3, 3, outputs=outputs)
        layer(f"{name}.norm", outputs, outputs=outputs)
        shapes |= {f"{name}.norm.{key}": (outputs,) for key in ("running_mean", "running_var")}
        shapes[f"{name}.norm.num_batches_tracked"] = ()
    for name, inputs, skip, outputs in JOINS:
        layer(f"{name}.up", inputs, outputs, 4, 4, outputs=outputs)
        layer(f"{name}.skip", outputs, skip, 3, 3, outputs=outputs)
    layer("conv10", 128, 128, 3, 3, outputs=128)
    layer("out", 2, 128, 1, 1, outputs=2)
    return shapes


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "gated"])
def net(request: pytest.FixtureRequest) -> ColorizationNet:
    """A net whose batch norms and gate have seen something."""
    torch.manual_seed(0)
    net = ColorizationNet(ColorizationConfig(width=8, gated=request.param))
    if net.gate is not None:
        nn.init.normal_(net.gate.share.weight)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.05, 0.5)
    return net.eval().requires_grad_(False)


def inputs(n: int, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    lightness, ab = (torch.rand((n, c, height, width), generator=generator) - 0.5 for c in (1, 2))
    mask = (torch.rand((n, 1, height, width), generator=generator) < 0.1).float()
    return lightness, ab * mask, mask


def test_tensors_at_width_64_are_those_of_the_published_net() -> None:
    with torch.device("meta"):
        net = ColorizationNet(ColorizationConfig(width=64))
    assert {name: tuple(t.shape) for name, t in net.state_dict().items()} == expected_shapes()


def test_strides_and_dilations_are_those_of_the_published_net() -> None:
    with torch.device("meta"):
        net = ColorizationNet(ColorizationConfig(width=8))
    for name, module in net.named_modules():
        if isinstance(module, nn.ConvTranspose2d):
            assert (module.stride, module.padding) == ((2, 2), (1, 1)), name
        elif isinstance(module, nn.Conv2d) and name != "out":
            dilation = 2 if name.startswith(("block5", "block6")) else 1
            assert module.dilation == module.padding == (dilation, dilation), name
            assert module.stride == (1, 1), name


def test_folding_changes_nothing(net: ColorizationNet) -> None:
    folded = net.folded()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(*inputs(2, 24, 16)), net(*inputs(2, 24, 16)), atol=1e-5, rtol=0)


def test_folding_a_folded_net_copies_it(net: ColorizationNet) -> None:
    folded = net.folded()
    assert torch.equal(folded.folded()(*inputs(1, 16, 16)), folded(*inputs(1, 16, 16)))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 40), (24, 16)])
def test_any_multiple_of_8_keeps_its_size_and_range(net: ColorizationNet, height: int, width: int) -> None:
    found = net(*inputs(1, height, width))
    assert found.shape == (1, 2, height, width)
    assert found.abs().max() <= 1
    assert found.std() > 1e-3  # not a constant, which would pass everything here


def test_batch_equals_its_items(net: ColorizationNet) -> None:
    together = net(*inputs(3, 16, 24))
    for i in range(3):
        alone = net(*(t[i : i + 1] for t in inputs(3, 16, 24)))
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["lightness", "hints", "mask"])
def test_every_input_matters(net: ColorizationNet, which: int) -> None:
    given = list(inputs(1, 16, 16))
    given[which] = torch.zeros_like(given[which])
    assert (net(*given) - net(*inputs(1, 16, 16))).abs().max() > 1e-4


def test_a_hint_reaches_far(net: ColorizationNet) -> None:
    lightness, ab, mask = (torch.zeros_like(t) for t in inputs(1, 64, 64))
    plain = net(lightness, ab, mask)
    ab[..., 0, 0], mask[..., 0, 0] = 1, 1
    assert (net(lightness, ab, mask) - plain)[..., 48:, 48:].abs().max() > 0


def gated(share: float) -> ColorizationNet:
    """A net whose gate lets `share` of the hints through everywhere."""
    torch.manual_seed(0)
    net = ColorizationNet(ColorizationConfig(width=8, gated=True)).eval().requires_grad_(False)
    assert net.gate is not None
    net.gate.share.bias.fill_(torch.logit(torch.tensor(share)).item())
    return net


def test_an_open_gate_shows_the_hints_and_nothing_where_there_are_none() -> None:
    lightness, ab, _ = inputs(1, 32, 32)
    mask = torch.zeros_like(lightness)
    mask[..., :16] = 0.4
    ab = torch.full_like(ab, 0.3) * (mask > 0)
    found = gated(1 - 1e-6)(lightness, ab, mask)
    torch.testing.assert_close(found[..., :16], ab[..., :16], atol=1e-4, rtol=0)
    torch.testing.assert_close(found[..., 16:], gated(1e-6)(lightness, ab, mask)[..., 16:], atol=1e-4, rtol=0)


def test_a_gate_takes_the_edges_of_cells_away() -> None:
    """Hints are flat squares of 4 pixels; what comes through has no steps of their height."""
    lightness, _, _ = inputs(1, 32, 32)
    ramp = torch.linspace(-0.5, 0.5, 8).repeat_interleave(4).expand(1, 2, 32, 32)
    found = gated(1 - 1e-6)(lightness, ramp, torch.ones_like(lightness))
    assert ramp.diff(dim=3).max() > 0.14 > 2 * found.diff(dim=3).max()


def test_a_net_begins_halfway_between_its_own_colors_and_the_hints() -> None:
    lightness, ab, mask = inputs(1, 16, 16)
    ab, mask = torch.full_like(ab, 0.5), torch.ones_like(mask)
    torch.manual_seed(0)
    fresh = ColorizationNet(ColorizationConfig(width=8, gated=True)).eval()
    own = gated(1e-6)(lightness, ab, mask)
    torch.testing.assert_close(fresh(lightness, ab, mask), (own + ab) / 2, atol=1e-4, rtol=0)
