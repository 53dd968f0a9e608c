"""What training of the semantic nets begins with: a backbone, an earlier run, and which pictures are alike."""

from pathlib import Path

from torch import Tensor

from excolor.errors import TrainingError
from excolor.networks.backbone import VARIANTS, EfficientNetLite
from excolor.networks.checkpoint import fingerprint, load_network, load_with_origin
from excolor.networks.public.efficientnet_lite import PACKAGE, published_file, read_efficientnet_lite
from excolor.networks.semantic_colorization import SemanticColorizationConfig, SemanticColorizationNet
from excolor.networks.semantic_places import SemanticPlacesConfig, SemanticPlacesNet
from excolor.training.photo_store import PhotoStore
from excolor.training.semantic_pairs import similar_pictures
from excolor.training.semantic_recipes import SemanticRecipe
from excolor.training.state import read_state, read_tensors, write_tensors

SIMILAR = "similar-pictures.pt"
"""File in the folder of a run: which pictures show similar things."""


def published_backbone(name: str, path: Path | None) -> EfficientNetLite:
    """The published backbone in a file, which the recipe calls `name`; None is that of `efficientnet_lite.PACKAGE`.

    Raises:
        CheckpointError: there is no such file or package, or it is something else.
        TrainingError: the backbone has another shape than the recipe's.
    """
    published = read_efficientnet_lite(path or published_file())
    if published.config != VARIANTS[name]:
        raise TrainingError(
            f"the recipe is over the backbone {name}, and {path or PACKAGE} is another; choose that one"
        )
    return published


def new_net(recipe: SemanticRecipe, backbone: Path | None) -> SemanticColorizationNet:
    """A net to begin with, over a `published_backbone`, whose errors are raised. Its places are not described yet."""
    published = published_backbone(recipe.backbone, backbone)
    net = SemanticColorizationNet(SemanticColorizationConfig(recipe.width, recipe.backbone))
    net.backbone.load_state_dict(published.state_dict())
    return net


def read_places(path: Path, config: SemanticPlacesConfig, backbone: EfficientNetLite) -> tuple[SemanticPlacesNet, bool]:
    """The net of a shape that describes places over a backbone, in a checkpoint of `excolor train places`.

    Also, whether the checkpoint says that it was trained over this backbone: those of earlier versions do not say over
    which, and are taken for some over this one.

    Raises:
        CheckpointError: it is not one.
        TrainingError: it has another shape, or was trained over a backbone of other weights.
    """
    found, over = load_with_origin(path, SemanticPlacesNet)
    _check_shape(path, found.config, config)
    if over is not None and over != fingerprint(backbone):
        raise TrainingError(
            f"{path}: was trained over another backbone than the one here, whose places it cannot describe; begin with "
            "that backbone, or train places over this one by `excolor train places`"
        )
    return found, over is not None


def read_semantic_start(path: Path, recipe: SemanticRecipe) -> SemanticColorizationNet:
    """The net to go on from: of a checkpoint, or of the training state of an earlier run.

    A checkpoint has the averaged weights; of a training state the last ones are taken.

    Raises:
        CheckpointError: it is not a semantic net's checkpoint.
        TrainingError: it is not the training state of one, or it is of another shape than the recipe's.
    """
    config = SemanticColorizationConfig(recipe.width, recipe.backbone)
    if path.suffix == ".safetensors":
        net = load_network(path, SemanticColorizationNet)
        _check_shape(path, net.config, config)
        return net
    weights = weights_of(read_state(path).get("modules", {}), "colorizer")
    if weights and not weights_of(weights, "places"):
        raise TrainingError(
            f"{path}: was made by an older version of excolor, without the net that describes places; train anew, by "
            "`excolor train places` and then `excolor train semantic --places`"
        )
    if weights and not weights_of(weights, "classes4"):
        raise TrainingError(
            f"{path}: was made by an older version of excolor, whose net gives one color instead of the "
            "probabilities of many; train anew, by `excolor train semantic --places`"
        )
    net = SemanticColorizationNet(config)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise TrainingError(
            f"{path}: not the training state of a semantic net of this recipe; give that of one, or a checkpoint"
        ) from error
    return net


def _check_shape(path: Path, found: object, wanted: object) -> None:
    """Raise TrainingError for a checkpoint whose configuration is not the recipe's."""
    if found != wanted:
        raise TrainingError(f"{path}: the net is {found}, and the recipe's is {wanted}; choose its recipe")


def weights_of(modules: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The weights of one of several modules."""
    prefix = name + "."
    return {key.removeprefix(prefix): tensor for key, tensor in modules.items() if key.startswith(prefix)}


def similar_of(photos: PhotoStore, backbone: EfficientNetLite, folder: Path) -> Tensor:
    """`similar_pictures` by a backbone, kept in the folder of a run, since finding them takes minutes.

    Those of other photographs, or by another backbone, are not taken, but found anew.

    Raises:
        TrainingError: there is a single photograph, or the folder cannot be written to.
    """
    if len(photos) < 2:
        raise TrainingError("a single photograph has none that is similar; give at least two, better thousands")
    path, found_for = folder / SIMILAR, {"photos": photos.fingerprint(), "backbone": fingerprint(backbone)}
    kept = read_tensors(path) or {}
    if kept.get("found_for") == found_for and isinstance(similar := kept.get("similar"), Tensor):
        return similar.to(photos.device)
    found = similar_pictures(photos, backbone.to(photos.device))
    write_tensors(path, {"found_for": found_for, "similar": found.cpu()})
    return found
