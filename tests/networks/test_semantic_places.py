"""The net that describes places: unit descriptors, of which the levels are a part, and a checkpoint of its own."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from excolor.errors import CheckpointError
from excolor.networks import semantic_places
from excolor.networks.checkpoint import load_network, save_network
from excolor.networks.semantic_colorization import SemanticColorizationConfig, SemanticColorizationNet
from excolor.networks.semantic_places import SemanticPlacesConfig, SemanticPlacesNet

CONFIG = SemanticPlacesConfig(channels=12, width=16, kind=8, kin=6)


def levels() -> torch.Tensor:
    return F.normalize(torch.randn(2, 12, 5, 4, generator=torch.Generator().manual_seed(0)), dim=1)


def test_descriptors_are_of_unit_length_and_the_levels_are_a_part_of_them() -> None:
    torch.manual_seed(0)
    net = SemanticPlacesNet(CONFIG).eval()
    with torch.no_grad():
        found = net(levels())
    assert found.kind.shape == (2, 8 + 12, 5, 4) and found.kin.shape == (2, 6, 5, 4)
    for part in found:
        torch.testing.assert_close(part.norm(dim=1), torch.ones(2, 5, 4))
    share = semantic_places._LEVELS_SHARE
    torch.testing.assert_close(found.kind[:, 8:], levels() * share**0.5)
    torch.testing.assert_close(found.kind[:, :8].square().sum(1), torch.full((2, 5, 4), 1 - share))


def test_it_is_saved_by_itself_and_read_as_it_was(tmp_path: Path) -> None:
    net, path = SemanticPlacesNet(CONFIG), tmp_path / "places.safetensors"
    save_network(net, path, dtype=torch.float32)
    found = load_network(path, SemanticPlacesNet)
    assert found.config == CONFIG
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, found.state_dict()[name]), name
    with pytest.raises(CheckpointError, match="holds the network 'places'"):
        load_network(path, SemanticColorizationNet)


@pytest.mark.parametrize(
    ("lacking", "remedy"),
    [(("places.",), "train places"), (("classes4.",), "semantic --places"), (("places.", "classes4."), "train places")],
)
def test_a_semantic_checkpoint_from_before_says_what_it_lacks(
    lacking: tuple[str, ...], remedy: str, tmp_path: Path
) -> None:
    net = SemanticColorizationNet(SemanticColorizationConfig(width=12, backbone="tiny"))
    state = net.state_dict()
    net.state_dict = lambda: {name: t for name, t in state.items() if not name.startswith(lacking)}  # type: ignore[method-assign]
    path = tmp_path / "semantic.safetensors"
    save_network(net, path)
    with pytest.raises(CheckpointError, match=rf"semantic\.safetensors: was made by an older version .*{remedy}"):
        load_network(path, SemanticColorizationNet)
