"""What training of the semantic net begins with: a published backbone, an earlier run, and which pictures are alike."""

from pathlib import Path

import torch
from torch import Tensor

from excolor.errors import TrainingError
from excolor.networks.checkpoint import load_network
from excolor.networks.public.efficientnet_lite import PACKAGE, published_file, read_efficientnet_lite
from excolor.networks.semantic_colorization import SemanticColorizationConfig, SemanticColorizationNet
from excolor.training.photo_store import PhotoStore
from excolor.training.semantic_pairs import similar_pictures
from excolor.training.semantic_recipes import SemanticRecipe
from excolor.training.state import read_state

SIMILAR = "similar-pictures.pt"
"""File in the folder of a run: which pictures show similar things."""


def new_net(recipe: SemanticRecipe, backbone: Path | None) -> SemanticColorizationNet:
    """A net to begin with, over a published backbone in a file; None is that of `efficientnet_lite.PACKAGE`.

    Raises:
        CheckpointError: there is no such file or package, or it is something else.
        TrainingError: the backbone has another shape than the recipe's.
    """
    published = read_efficientnet_lite(backbone or published_file())
    net = SemanticColorizationNet(SemanticColorizationConfig(recipe.width, recipe.backbone))
    if published.config != net.backbone.config:
        raise TrainingError(
            f"the recipe is over the backbone {recipe.backbone}, and {backbone or PACKAGE} is another; choose that one"
        )
    net.backbone.load_state_dict(published.state_dict())
    return net


def read_semantic_start(path: Path, recipe: SemanticRecipe) -> SemanticColorizationNet:
    """The net to go on from: of a checkpoint, or of the training state of an earlier run.

    Raises:
        CheckpointError: it is not a semantic net's checkpoint.
        TrainingError: it is not the training state of one, or it is of another shape than the recipe's.
    """
    config = SemanticColorizationConfig(recipe.width, recipe.backbone)
    if path.suffix == ".safetensors":
        net = load_network(path, SemanticColorizationNet)
        if net.config != config:
            raise TrainingError(f"{path}: the net is {net.config}, and the recipe's is {config}; choose its recipe")
        return net
    prefix = "colorizer."
    modules = read_state(path).get("modules", {})
    weights = {name.removeprefix(prefix): tensor for name, tensor in modules.items() if name.startswith(prefix)}
    net = SemanticColorizationNet(config)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise TrainingError(
            f"{path}: not the training state of a semantic net of this recipe; give that of one, or a checkpoint"
        ) from error
    return net


def similar_of(photos: PhotoStore, net: SemanticColorizationNet, folder: Path) -> Tensor:
    """`similar_pictures` by the net's backbone, kept in the folder of a run, since finding them takes minutes."""
    path = folder / SIMILAR
    if path.is_file():
        kept: Tensor = torch.load(path, weights_only=True)
        if len(kept) == len(photos):
            return kept.to(photos.device)
    found = similar_pictures(photos, net.backbone.to(photos.device))
    torch.save(found.cpu(), path)
    return found
