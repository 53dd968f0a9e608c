"""How the two semantic nets are trained: every number that shapes the result, by name."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from excolor.networks.semantic_colorization import SemanticColorizationConfig
from excolor.networks.semantic_places import SemanticPlacesConfig
from excolor.training.recipes import Recipe, Schedule
from excolor.training.semantic_losses import ColorLossWeights


class Counts(NamedTuple):
    """Pictures of a batch, in their order.

    Attributes:
        empty: without a reference.
        views: with another view of the same picture.
        similar: with a picture of similar things, in colors of their own picture.
        pairs: with a picture of similar things in its own colors.
        unrelated: with any other picture.
    """

    empty: int
    views: int
    similar: int
    pairs: int
    unrelated: int


class PlacesCounts(NamedTuple):
    """Pairs of a batch, in their order.

    Attributes:
        similar: of pictures of similar things.
        views: of views of one picture.
        unrelated: of any two pictures.
    """

    similar: int
    views: int
    unrelated: int


@dataclass(frozen=True)
class PlacesRecipe(Recipe):
    """The net that describes places; `width` is that of `SemanticPlacesConfig`.

    Attributes:
        backbone: name of the shape of what it describes.
        views: share of pairs of views of one picture.
        unrelated: share of pairs of any two pictures, whose matches are not asked to be right. The rest are pairs of
            pictures of similar things.
        aged: share of the targets that are seen as old photographs.
        right: deviation of the colors of a match that is right, in ab units.
        same: deviation of the colors of one thing, in ab units.
        calibration: weight of the cross entropy of how sure it is that a match is right.
        affinity: weight of the divergence of affinities from those of near places of one color.
    """

    backbone: str = "lite0"
    views: float = 1 / 4
    unrelated: float = 1 / 8
    aged: float = 0.25
    right: float = 12.0
    same: float = 6.0
    calibration: float = 0.3
    affinity: float = 0.3

    @property
    def config(self) -> SemanticPlacesConfig:
        """The shape of the net."""
        return replace(SemanticColorizationConfig(backbone=self.backbone).places, width=self.width)

    def counts(self) -> PlacesCounts:
        """How many pairs of each kind a batch has."""
        views, unrelated = (round(self.batch * share) for share in (self.views, self.unrelated))
        return PlacesCounts(self.batch - views - unrelated, views, unrelated)


@dataclass(frozen=True)
class SemanticRecipe(Recipe):
    """The semantic colorization net; `width` is that of `SemanticColorizationConfig`.

    Attributes:
        backbone: name of its shape.
        empty: share of pictures without a reference.
        similar: share of pairs of pictures of similar things, whose reference gets its colors from the target.
        unrelated: share of pairs of any two pictures. The rest are pairs of views of one picture.
        own_colors: share of the pairs of similar things in which a part of the reference (what resembles the target
            least, up to three quarters) keeps its own colors: what matches badly is then wrong.
        mosaics: share of the pairs of views whose reference shows something else in a part of it.
        recolored: share of the pairs of views and of similar things that are turned to another hue and chroma.
        patches: share of the pictures, of all kinds, with true patches as a person would give them.
        aged: share of the pictures that are seen as old photographs.
        pairs: share of pairs of pictures of similar things in their own colors, which have no true answer.
        spare: pictures beside those of the batch, relative to their number, that have no reference and are asked for
            classes of colors only: they cost a fifth, and inventing needs to see the most.
        zoom: up to how much targets without reference are enlarged.
        enlarged: side in pixels to which crops are enlarged in a random half of the batches, which have half as many:
            things look larger at the working size of use than in photographs as small as `photo_side`. 0 is none.
        weights: of the parts of the loss.
        window: side of the part of a crop that the two finest blocks answer for, relative to the crop's: they cost most
            and learn soonest.
    """

    backbone: str = "lite0"
    empty: float = 0.17
    similar: float = 0.21
    unrelated: float = 0.17
    own_colors: float = 0.6
    mosaics: float = 0.4
    recolored: float = 0.6
    patches: float = 0.35
    aged: float = 0.25
    pairs: float = 0.25
    spare: float = 2.0
    zoom: float = 1.3
    enlarged: int = 0
    weights: ColorLossWeights = field(default_factory=ColorLossWeights)
    window: float = 0.6

    @property
    def with_enlarged(self) -> "SemanticRecipe":
        """The recipe of the batches whose crops are enlarged."""
        return replace(self, batch=self.batch // 2)

    @property
    def mean_batch(self) -> float:
        """Crops a step on average: a random half of the steps may have half as many."""
        return (self.batch + self.with_enlarged.batch) / 2 if self.enlarged else self.batch

    def counts(self) -> Counts:
        """How many pictures of each kind a batch has."""
        empty, similar, pairs, unrelated = (
            round(self.batch * share) for share in (self.empty, self.similar, self.pairs, self.unrelated)
        )
        return Counts(empty, self.batch - empty - similar - pairs - unrelated, similar, pairs, unrelated)


PLACES = {
    # For two CPU cores
    "semantic": PlacesRecipe(
        width=256,
        batch=24,
        crops=(160,),
        schedule=Schedule(1e-3, warm_up=100, clip=1.0, weight_decay=0.01, averaging=0.005),
    ),
    # For tests of whole runs: any few pictures, in seconds
    "semantic-tiny": PlacesRecipe(
        width=256,
        batch=8,
        crops=(64,),
        schedule=Schedule(1e-3, clip=1.0, weight_decay=0.01, averaging=0.005),
        photo_side=64,
        backbone="tiny",
    ),
}

SEMANTIC = {
    # For two CPU cores
    "semantic": SemanticRecipe(
        width=96,
        batch=24,
        crops=(160,),
        schedule=Schedule(1e-3, warm_up=150, clip=1.0, averaging=0.002),
        enlarged=224,
    ),
    # For tests of whole runs: any few pictures, in seconds
    "semantic-tiny": SemanticRecipe(
        width=12, batch=8, crops=(64,), schedule=Schedule(1e-3, clip=1.0), photo_side=64, backbone="tiny", enlarged=96
    ),
}
