"""The semantic colorization net: sizes, and colors chosen instead of blurred."""

from pathlib import Path

import pytest
import torch

from excolor.errors import CheckpointError
from excolor.networks.checkpoint import load_network, save_network
from excolor.networks.color_classes import CLASSES
from excolor.networks.semantic_colorization import (
    COARSE_CHANNELS,
    FINE_CHANNELS,
    ColorChoice,
    SemanticColorizationConfig,
    SemanticColorizationNet,
    SemanticHints,
    Window,
    no_semantic_hints,
)

TINY = SemanticColorizationConfig(width=12, backbone="tiny")


@pytest.mark.parametrize("size", [(32, 64), (96, 32)])
def test_sizes_and_range(size: tuple[int, int]) -> None:
    net = SemanticColorizationNet(TINY).eval()
    lightness = torch.rand(2, 1, *size) * 100
    height, width = size
    hints = SemanticHints(
        torch.randn(2, COARSE_CHANNELS, height // 8, width // 8).clamp(-1, 1),
        torch.randn(2, FINE_CHANNELS, height // 2, width // 2).clamp(-1, 1),
        torch.rand(2, 3, height, width),
    )
    with torch.no_grad():
        levels = net.levels(lightness)
        likely = net.likely(levels, hints)
        decided = torch.rand(2, 2, height // 4, width // 4)
        colors = net.finer(likely.features, decided, levels, lightness, hints)
    assert likely.logits.shape == (2, CLASSES, height // 4, width // 4)
    assert colors.half.shape == (2, 2, height // 2, width // 2)
    assert colors.full.shape == (2, 2, *size)
    assert colors.full.abs().max() <= 1


def test_no_hints_are_zero_everywhere() -> None:
    assert all((part == 0).all() for part in no_semantic_hints(torch.rand(1, 1, 32, 64)))


def test_a_hint_that_is_absent_is_never_chosen() -> None:
    choice = ColorChoice(3, 1)
    features = torch.randn(1, 3, 8, 8)
    coarser = torch.zeros(1, 2, 4, 4)
    hint = torch.full((1, 2, 8, 8), 0.9)
    with torch.no_grad():
        choice.own.weight.zero_()
        absent = choice(features, coarser, [(hint, torch.zeros(1, 1, 8, 8))])
        present = choice(features, coarser, [(hint, torch.ones(1, 1, 8, 8))])
    assert absent.abs().max() < 1e-4
    assert present.min() > 0.01


def test_an_edge_between_coarser_colors_can_stay_an_edge() -> None:
    """With all weight on the left neighbor the result is that neighbor's color, not a mean of two."""
    choice = ColorChoice(1, 0)
    with torch.no_grad():
        choice.weights.bias[3] = 50  # the middle row's left place
        coarser = torch.tensor([0.0, 1.0, -1.0, 1.0]).view(1, 1, 1, 4).expand(1, 2, 4, 4)
        result = choice(torch.zeros(1, 1, 8, 8), coarser, [])
    expected = torch.tensor([0.0, 0, 0, 0, 1, 1, -1, -1])
    torch.testing.assert_close(result[0, 0, 3], expected, rtol=1e-4, atol=1e-4)


def test_a_window_answers_for_its_part_of_the_picture() -> None:
    torch.manual_seed(0)
    net = SemanticColorizationNet(TINY).eval()
    lightness = torch.rand(1, 1, 64, 64) * 100
    hints = no_semantic_hints(lightness)
    window = Window(top=4, left=2, height=8, width=10)
    with torch.no_grad():
        levels = net.levels(lightness)
        features, decided = net.likely(levels, hints).features, torch.rand(1, 2, 16, 16)
        whole = net.finer(features, decided, levels, lightness, hints)
        part = net.finer(features, decided, levels, lightness, hints, window)
    assert part.full.shape == (1, 2, 32, 40)
    inner = (..., slice(12, 20), slice(12, 28))  # beyond what convolutions see of the window's border
    torch.testing.assert_close(part.full[inner], window.of(whole.full, 4)[inner])


def test_the_finer_blocks_keep_to_the_colors_that_are_decided_for() -> None:
    torch.manual_seed(0)
    net = SemanticColorizationNet(TINY).eval()
    lightness = torch.rand(1, 1, 64, 64) * 100
    hints = no_semantic_hints(lightness)
    decided = torch.zeros(1, 2, 16, 16)
    decided[..., 8:] = 0.5
    with torch.no_grad():
        levels = net.levels(lightness)
        colors = net.finer(net.likely(levels, hints).features, decided, levels, lightness, hints)
    assert colors.full[..., 40:].mean() > colors.full[..., :24].mean() + 0.3


def test_a_checkpoint_comes_back_and_what_is_not_known_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, path = SemanticColorizationNet(TINY), tmp_path / "semantic.safetensors"
    save_network(net, path, dtype=torch.float32)
    found = load_network(path, SemanticColorizationNet)
    assert found.config == TINY
    for name, tensor in net.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor)
    content = path.read_bytes()
    for good, bad in ((b"tiny", b"lite"), (b'\\"width\\": 12', b'\\"width\\": 11')):
        assert good in content
        path.write_bytes(content.replace(good, bad))
        with pytest.raises(CheckpointError, match=r"semantic\.safetensors: a semantic net of width"):
            load_network(path, SemanticColorizationNet)
