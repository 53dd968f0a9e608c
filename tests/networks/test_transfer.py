"""The transfer net: progressive matching at any subset of the parts, by AdaIN and by WCT."""

from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.networks import adain, wct
from excolor.networks.encoder import LEVELS
from excolor.networks.transfer import TransferNet, mix
from excolor.settings import NETWORK_PARTS, STATISTICS_METHODS, Matching

SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(NETWORK_PARTS, size)]


def picture(seed: int, height: int = 32, width: int = 40, n: int = 1) -> Tensor:
    """Smooth colors with some grain, each picture with its own palette."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((n, 3, 4, 4), generator=generator)
    smooth = F.interpolate(coarse, (height, width), mode="bilinear") * torch.rand((n, 3, 1, 1), generator=generator)
    return (smooth + 0.1 * torch.rand((n, 3, height, width), generator=generator)).clamp(0, 1)


CONTENT, STYLE = picture(0), picture(1, 24, 32)


def run(net: TransferNet, content: Tensor, style: Tensor, matching: Matching) -> Tensor:
    return net(content, net.measure(style, matching), matching)


def matched_features(net: TransferNet, content: Tensor, style: Tensor, matching: Matching) -> dict[str, Tensor]:
    """What the decoder is given."""
    given: dict[str, Tensor] = {}
    handle = net.decoder.register_forward_pre_hook(lambda module, args: given.update(args[0]))
    run(net, content, style, matching)
    handle.remove()
    return given


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_alpha_zero_is_the_reconstruction(transfer_net: TransferNet, method) -> None:
    found = run(transfer_net, CONTENT, STYLE, Matching(method, NETWORK_PARTS, alpha=0))
    assert torch.equal(found, transfer_net.reconstruct(CONTENT).clamp(0, 1))


def test_no_parts_is_the_reconstruction(transfer_net: TransferNet) -> None:
    assert transfer_net.measure(STYLE, Matching(parts=())) == {}
    found = transfer_net(CONTENT, {}, Matching(parts=()))
    assert torch.equal(found, transfer_net.reconstruct(CONTENT).clamp(0, 1))


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_own_style_is_the_reconstruction(transfer_net: TransferNet, method) -> None:
    found = run(transfer_net, CONTENT, CONTENT, Matching(method, NETWORK_PARTS))
    torch.testing.assert_close(found, transfer_net.reconstruct(CONTENT).clamp(0, 1), atol=1e-3, rtol=0)


def test_every_encoder_level_reaches_the_moments_of_the_style(transfer_net: TransferNet) -> None:
    given = matched_features(transfer_net, CONTENT, STYLE, Matching("adain", ("encoder",)))
    style = transfer_net.encoder(STYLE)
    for name in LEVELS:
        found, wanted = adain.measure(given[name]), adain.measure(style[name])
        torch.testing.assert_close(found.mean, wanted.mean, atol=1e-3, rtol=1e-3)
        # A channel in which the content hardly varies cannot be made to (the variance has an epsilon): one in ten here
        reached = (found.std - wanted.std).abs() < 1e-2 * wanted.std + 1e-3
        assert reached.float().mean() >= 0.9, name


def test_wct_reaches_the_covariance_of_the_style(transfer_net: TransferNet) -> None:
    given = matched_features(transfer_net, CONTENT, STYLE, Matching("wct", ("encoder",)))
    style = transfer_net.encoder(STYLE)
    for name in LEVELS[:2]:  # deeper there are fewer positions than channels
        found, wanted = (torch.cov(f[name][0].flatten(1).double(), correction=0) for f in (given, style))
        assert (found - wanted).norm() < 1e-3 * wanted.norm(), name


def test_matching_is_progressive(transfer_net: TransferNet) -> None:
    """Second source: the first two levels of VGG19 written out, matched one after the other."""
    net = transfer_net.encoder
    style = net(STYLE)

    def conv(layer: torch.nn.Conv2d, x: Tensor) -> Tensor:
        return F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias))

    first = adain.adain(conv(net.conv1_1, (CONTENT - net.mean) / net.std), style["relu1_1"])
    second = conv(net.conv2_1, F.avg_pool2d(conv(net.conv1_2, first), 2))
    given = matched_features(transfer_net, CONTENT, STYLE, Matching("adain", ("encoder",)))
    torch.testing.assert_close(given["relu2_1"], adain.adain(second, style["relu2_1"]), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(given["relu1_2"], conv(net.conv1_2, first), atol=1e-4, rtol=1e-4)  # skips are not


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_each_subset_of_parts_gives_another_picture(transfer_net: TransferNet, method) -> None:
    pictures = [run(transfer_net, CONTENT, STYLE, Matching(method, parts)) for parts in ((), *SUBSETS)]
    for (i, a), (j, b) in combinations(enumerate(pictures), 2):
        assert (a - b).abs().max() > 1e-3, f"{SUBSETS[i - 1]} and {SUBSETS[j - 1]} give the same"


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_alpha_lies_between(transfer_net: TransferNet, method) -> None:
    outcomes = [run(transfer_net, CONTENT, STYLE, Matching(method, alpha=alpha)) for alpha in (0, 0.5, 1)]
    distance = (outcomes[2] - outcomes[0]).norm()
    assert (outcomes[1] - outcomes[0]).norm() < distance
    assert (outcomes[1] - outcomes[2]).norm() < distance


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_a_style_measured_once_serves_any_number_of_contents(transfer_net: TransferNet, method) -> None:
    matching = Matching(method, NETWORK_PARTS)
    statistics = transfer_net.measure(STYLE, matching)
    for seed in (3, 4):
        content = picture(seed, 16, 24)
        assert torch.equal(transfer_net(content, statistics, matching), run(transfer_net, content, STYLE, matching))


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_batch_equals_its_items(transfer_net: TransferNet, method) -> None:
    content, style, matching = picture(5, n=3), picture(6, n=3), Matching(method, NETWORK_PARTS)
    one_style = run(transfer_net, content, style[:1], matching)
    own_style = run(transfer_net, content, style, matching)
    for i in range(3):
        item = slice(i, i + 1)
        expected = run(transfer_net, content[item], style[item], matching)
        torch.testing.assert_close(own_style[item], expected, atol=1e-5, rtol=0)
        expected = run(transfer_net, content[item], style[:1], matching)
        torch.testing.assert_close(one_style[item], expected, atol=1e-5, rtol=0)


def test_statistics_are_kept_only_where_they_are_used(transfer_net: TransferNet) -> None:
    assert set(transfer_net.measure(STYLE, Matching(parts=("encoder",)))) == set(LEVELS)
    full = transfer_net.measure(STYLE, Matching("wct", NETWORK_PARTS))
    assert len(full) == 14 and all(isinstance(s, wct.Covariance) for s in full.values())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"parts": ("encoder", "middle")}, "middle"),
        ({"method": "gram"}, "gram"),
        ({"alpha": 1.5}, "1.5"),
        ({"alpha": -0.1}, "-0.1"),
        ({"alpha": float("nan")}, "nan"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Matching(**wrong)


def halves(height: int, width: int, n: int = 1) -> Tensor:
    """Two regions, (N, 2, H, W): left and right."""
    right = (torch.arange(width) >= width // 2).float().expand(n, 1, height, width)
    return torch.cat((1 - right, right), dim=1)


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_regions_of_one_style_are_as_none(transfer_net: TransferNet, method) -> None:
    """One region that is everywhere, with soft and meaningless further ones."""
    matching = Matching(method, NETWORK_PARTS)
    everywhere = torch.cat((torch.ones(1, 1, 32, 40), torch.zeros(1, 1, 32, 40)), dim=1)
    styles = transfer_net.measure_regions(STYLE, matching, torch.ones(1, 1, *STYLE.shape[2:])) * 2
    found = transfer_net(CONTENT, styles, matching, everywhere)
    torch.testing.assert_close(found, run(transfer_net, CONTENT, STYLE, matching), atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_each_region_reaches_its_own_statistics(transfer_net: TransferNet, method) -> None:
    matching = Matching(method, ("encoder",))
    content, style = picture(7, 64, 64), picture(8, 64, 64)
    regions = halves(64, 64)
    given: dict[str, Tensor] = {}
    handle = transfer_net.decoder.register_forward_pre_hook(lambda module, args: given.update(args[0]))
    styles = transfer_net.measure_regions(style, matching, halves(64, 64).flip(1))
    transfer_net(content, styles, matching, regions)
    handle.remove()
    wanted = transfer_net.encoder(style)["relu1_1"]
    for own, other in ((slice(2, 30), slice(34, 62)), (slice(34, 62), slice(2, 30))):  # away from the soft border
        found_mean = given["relu1_1"][..., own].mean((2, 3))
        assert (found_mean - wanted[..., other].mean((2, 3))).abs().mean() < 0.05
        assert (found_mean - wanted[..., own].mean((2, 3))).abs().mean() > 0.1


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_a_batch_with_regions_equals_its_items(transfer_net: TransferNet, method) -> None:
    """One item has no second region at all."""
    content, matching = picture(5, n=3), Matching(method, NETWORK_PARTS)
    regions = halves(32, 40, n=3)
    regions[1] = torch.stack((torch.ones(32, 40), torch.zeros(32, 40)))
    styles = transfer_net.measure_regions(STYLE, matching, halves(24, 32))
    together = transfer_net(content, styles, matching, regions)
    for i in range(3):
        alone = transfer_net(content[i : i + 1], styles, matching, regions[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=0)
    own = transfer_net.measure_regions(content, matching, regions)
    for i in range(3):
        alone = transfer_net.measure_regions(content[i : i + 1], matching, regions[i : i + 1])
        torch.testing.assert_close(own[0]["relu1_1"].mean[i : i + 1], alone[0]["relu1_1"].mean, atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", STATISTICS_METHODS)
def test_a_mixture_lies_between_its_styles(transfer_net: TransferNet, method) -> None:
    matching = Matching(method, NETWORK_PARTS)
    first, second = (transfer_net.measure(style, matching) for style in (STYLE, picture(9)))
    ends = [transfer_net(CONTENT, mix([first, second], shares), matching) for shares in ((1, 0), (0.6, 0.4), (0, 1))]
    torch.testing.assert_close(ends[0], transfer_net(CONTENT, first, matching), atol=1e-5, rtol=0)
    whole = (ends[2] - ends[0]).norm()
    assert 0 < (ends[1] - ends[0]).norm() < whole and 0 < (ends[1] - ends[2]).norm() < whole
