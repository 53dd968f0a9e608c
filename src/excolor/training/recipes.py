"""How each network is trained: every number that shapes the result, by name.

`paper` is what the paper states (section 3.3 and 4); `lite`, with `lite-fine` for the end, is for two CPU cores; `base`
is for a GPU, its colorizer shown what `lite-fine` shows. A recipe is saved whole in the training state, and the model
card names it.
"""

from dataclasses import dataclass
from typing import Literal

from excolor.errors import TrainingError


@dataclass(frozen=True)
class Schedule:
    """The learning rate over a run.

    Attributes:
        rate: the highest learning rate.
        decay: `cosine` falls to zero at the end of the run; `every` multiplies by `factor` after every `epochs` passes
            over the pictures, `once` only after the first `epochs`.
        warm_up: steps over which the rate rises from zero.
        epochs: until a step down (`every` and `once`).
        factor: of a step down (`every` and `once`).
        clip: largest norm of the gradient of all weights; 0 leaves it as it is.
        weight_decay: share of the weights that a step at rate 1 would take away (AdamW; Loshchilov & Hutter 2019).
        averaging: share of the newest weights in the moving average that is shipped; 1 ships the last weights as they
            are.
    """

    rate: float
    decay: Literal["cosine", "every", "once"] = "cosine"
    warm_up: int = 0
    epochs: int = 0
    factor: float = 1.0
    clip: float = 0.0
    weight_decay: float = 0.0
    averaging: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """What all networks have in common.

    Attributes:
        width: channels at full resolution.
        batch: crops a step.
        crops: side of the crops in pixels; several are used one after another over equal parts of the run.
        schedule: the learning rate.
        photo_side: shorter side in pixels to which larger photographs are shrunk first.
    """

    width: int
    batch: int
    crops: tuple[int, ...]
    schedule: Schedule
    photo_side: int = 160

    @property
    def mean_batch(self) -> float:
        """Crops a step on average, where not all steps have the same number."""
        return self.batch


def check_width(recipe: Recipe, name: str, width: int) -> None:
    """Raise TrainingError if the network called `name`, of `width`, is not of the recipe's."""
    if width != recipe.width:
        raise TrainingError(
            f"the recipe is of width {recipe.width} and the {name} of width {width}; "
            "choose the recipe that it was trained with"
        )


@dataclass(frozen=True)
class EncoderRecipe(Recipe):
    """Encoder and decoder together, so that the encoder keeps what the decoder needs.

    Attributes:
        reconstruction: weight of the L2 between input and decoded picture.
        distillation: weight of the match with the teacher's features, if a teacher is given.
        classification: weight of the cross entropy of what pictures show, if there are pictures with classes.
        gray_share: share of the inputs that are grayed, so that features serve gray pictures too.
    """

    reconstruction: float = 8.0
    distillation: float = 0.3
    classification: float = 0.03
    gray_share: float = 0.2


@dataclass(frozen=True)
class DecoderRecipe(Recipe):
    """The decoder over a frozen encoder, whose width it has.

    Attributes:
        reconstruction: weight of the L2 between input and decoded picture.
        perceptual: weight of the L2 between the encoder's features of both.
        gray_share: share of the inputs that are grayed.
    """

    reconstruction: float = 0.8
    perceptual: float = 0.2
    gray_share: float = 0.0


@dataclass(frozen=True)
class References:
    """What targets are given as references, by share; what is left of 1 is unrelated pictures.

    Attributes:
        same: the target itself, mirrored.
        other_crop: another crop of the same picture.
        halves: target and reference are from two halves of a picture.
        related: a picture of the same source.
    """

    same: float
    other_crop: float
    halves: float
    related: float

    def bounds(self) -> tuple[float, float, float, float]:
        """Where the shares end, one beside the other from 0 on."""
        own = self.same + self.other_crop
        return self.same, own, own + self.halves, own + self.halves + self.related


@dataclass(frozen=True)
class MatcherRecipe(Recipe):
    """The matcher over a frozen encoder, whose width it has.

    Attributes:
        hidden: channels of the matcher.
        references: what it learns on.
        delta: of the Huber loss of the colors found, in network scale.
        judging: weight of the loss of the foreseen error.
    """

    hidden: int = 96
    references: References = References(same=0.0, other_crop=0.25, halves=0.25, related=0.25)
    delta: float = 0.3
    judging: float = 0.02


@dataclass(frozen=True)
class ColorizerRecipe(Recipe):
    """The colorization net.

    The pictures of a batch are given hints of three kinds: none, true patches, and (what is left of the shares) coarse
    maps from the frozen transfer net as in use, which are wrong in places. The target is always the truth.

    Attributes:
        empty: share of pictures without hints.
        patches: share with true patches (Zhang et al. 2017).
        references: of the coarse maps.
        gated: the net may let hints stand as they are (`networks.colorization.HintGate`).
        recolored: share of the coarse maps for which picture and reference are turned to other hues together, so
            that the net reads the reference instead of guessing.
        emphasis: λ of the loss, on true hints.
        delta: of the Huber loss, in network scale.
        rarity: weight of saturated pixels in the loss; 0 is the paper's.
        vividness: factor of the truth's chroma that is asked for where there are no hints, falling to 1 with the
            confidence of a coarse map; 1 is the plain truth, as the paper's. The mean of all colors that a place may
            have is pale. Under true patches the plain truth is asked for.
        dulled: share of the coarse maps for which picture and reference have less chroma, alike (down to 0.15 of it),
            so that the net reads from the reference how colorful the scene is.
        darkened: share of the coarse maps whose picture has less light than the reference (down to a fifth).
        realism: weight of what a critic says of invented colors (`training.critic`), averaged over the pictures without
            hints, beside the Huber loss of all pictures; 0 has no critic.
    """

    empty: float = 0.25
    patches: float = 0.06
    references: References = References(same=0.25, other_crop=0.25, halves=0.25, related=0.1)
    gated: bool = True
    recolored: float = 0.15
    emphasis: float = 10.0
    delta: float = 0.3
    rarity: float = 0.0
    vividness: float = 1.3
    dulled: float = 0.4
    darkened: float = 0.25
    realism: float = 0.003


ENCODER = {
    "lite": EncoderRecipe(width=16, batch=32, crops=(64, 96), schedule=Schedule(2e-3, warm_up=100)),
    "base": EncoderRecipe(width=64, batch=64, crops=(96, 128), schedule=Schedule(5e-4, warm_up=500)),
}

DECODER = {
    "lite": DecoderRecipe(width=16, batch=16, crops=(128, 160), schedule=Schedule(1e-3, warm_up=50), gray_share=0.1),
    "base": DecoderRecipe(width=64, batch=32, crops=(128,), schedule=Schedule(3e-4, warm_up=200), gray_share=0.1),
    # Adam, 1e-4, halved every 5 epochs; crop and batch are not stated in the paper
    "paper": DecoderRecipe(
        width=64, batch=8, crops=(256,), photo_side=256, schedule=Schedule(1e-4, "every", epochs=5, factor=0.5)
    ),
}

MATCHER = {
    "lite": MatcherRecipe(width=16, batch=32, crops=(128, 160), schedule=Schedule(2e-3, warm_up=50)),
    "base": MatcherRecipe(width=64, batch=64, crops=(128, 160), schedule=Schedule(1e-3, warm_up=200), hidden=256),
}

COLORIZER = {
    "lite": ColorizerRecipe(
        width=16,
        batch=32,
        crops=(64, 64, 64, 96),
        schedule=Schedule(1.5e-3, warm_up=200),
        rarity=2.0,
        vividness=1.0,
        dulled=0.0,
        darkened=0.0,
        realism=0.0,
    ),
    # After `lite`, from its weights (--start): pictures nearer to the size that they have in use
    "lite-fine": ColorizerRecipe(
        width=16,
        batch=16,
        crops=(128, 128, 160),
        schedule=Schedule(6e-4, warm_up=50),
    ),
    "base": ColorizerRecipe(
        width=32,
        batch=96,
        crops=(96, 128, 160),
        schedule=Schedule(1e-3, warm_up=500),
    ),
    # Adam, 1e-5, divided by 10 after 10 epochs; true patches only. Crop and batch are not stated in the paper
    "paper": ColorizerRecipe(
        width=64,
        batch=8,
        crops=(256,),
        photo_side=256,
        schedule=Schedule(1e-5, "once", epochs=10, factor=0.1),
        empty=0.0,
        patches=1.0,
        gated=False,
        delta=1.0,
        vividness=1.0,
        realism=0.0,
    ),
}
