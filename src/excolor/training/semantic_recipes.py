"""How the semantic colorization net is trained: every number that shapes the result, by name."""

from dataclasses import dataclass, field

from excolor.training.recipes import Recipe, Schedule
from excolor.training.semantic_losses import ColorLossWeights


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
        zoom: up to how much targets without reference are enlarged.
        weights: of the parts of the loss.
        window: side of the part of a crop that the two finest blocks answer for, relative to the crop's: they cost most
            and learn soonest.
    """

    backbone: str = "lite0"
    empty: float = 0.4
    similar: float = 0.21
    unrelated: float = 0.17
    own_colors: float = 0.6
    mosaics: float = 0.4
    recolored: float = 0.6
    patches: float = 0.35
    aged: float = 0.3
    zoom: float = 1.3
    weights: ColorLossWeights = field(default_factory=ColorLossWeights)
    window: float = 0.6

    def counts(self) -> tuple[int, int, int, int]:
        """Pictures of a batch without a reference, with two views, with similar things, with unrelated pictures."""
        empty, similar, unrelated = (round(self.batch * share) for share in (self.empty, self.similar, self.unrelated))
        return empty, self.batch - empty - similar - unrelated, similar, unrelated


SEMANTIC = {
    # For two CPU cores
    "semantic": SemanticRecipe(width=96, batch=24, crops=(160,), schedule=Schedule(1e-3, warm_up=150, clip=1.0)),
    # For tests of whole runs: any few pictures, in seconds
    "semantic-tiny": SemanticRecipe(
        width=12, batch=8, crops=(64,), schedule=Schedule(1e-3, clip=1.0), photo_side=64, backbone="tiny"
    ),
}
