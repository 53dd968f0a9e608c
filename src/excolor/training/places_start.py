"""What training of the net that describes places begins with: nothing but a published backbone, or an earlier run."""

from pathlib import Path
from typing import NamedTuple

from excolor.errors import TrainingError
from excolor.networks.backbone import VARIANTS, EfficientNetLite
from excolor.networks.semantic_places import SemanticPlacesNet
from excolor.training.places_losses import Matching
from excolor.training.semantic_recipes import PlacesRecipe
from excolor.training.semantic_start import published_backbone, read_places, weights_of
from excolor.training.state import read_state


class PlacesModules(NamedTuple):
    """What takes part in the training.

    Attributes:
        backbone: that is described; it stays as it is.
        places: the net.
        matching: what the losses learn beside it.
    """

    backbone: EfficientNetLite
    places: SemanticPlacesNet
    matching: Matching


def new_places(recipe: PlacesRecipe, backbone: Path | None) -> PlacesModules:
    """New weights over a `published_backbone`, whose errors are raised."""
    published = published_backbone(recipe.backbone, backbone)
    return PlacesModules(published, SemanticPlacesNet(recipe.config), Matching())


def read_places_start(path: Path, recipe: PlacesRecipe, backbone: Path | None) -> PlacesModules:
    """What to go on from: a checkpoint, over a `published_backbone`, or the training state of an earlier run.

    Of a training state the averaged weights are taken, as in its checkpoint, and its own backbone.

    Raises:
        CheckpointError: it is no such checkpoint, or the backbone is none.
        TrainingError: it is no such training state, or it is of another shape than the recipe's, or a checkpoint over
            another backbone.
    """
    if path.suffix == ".safetensors":
        modules = new_places(recipe, backbone)
        places, _ = read_places(path, recipe.config, modules.backbone)
        return modules._replace(places=places)
    state = read_state(path)
    weights = state.get("modules", {}) | state.get("averages", {})
    modules = PlacesModules(EfficientNetLite(VARIANTS[recipe.backbone]), SemanticPlacesNet(recipe.config), Matching())
    try:
        for name, module in modules._asdict().items():
            module.load_state_dict(weights_of(weights, name))
    except RuntimeError as error:
        raise TrainingError(
            f"{path}: not the training state of a net of this recipe that describes places; give that of one, or a "
            "checkpoint"
        ) from error
    return modules
