"""Training of the net that describes places: those of two pictures that match are to have the same color.

A batch is made of pairs of pictures of similar things, of views of one picture, and of unrelated ones. What is learned
is what is used: places of the target choose places of the reference by their own cosine and by that of descriptors
averaged over the affinity, and the chance that the chosen color is right is to be large. So do places of the reference:
if only the target chose, it would learn that gray places are the safest choice, and a red coat would find no red one.
Unrelated pairs only teach how sure a match is, since nothing in them is right. Affinities are to be those of near
places of one color.
"""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from excolor.imaging.color import rgb_to_lab
from excolor.method.semantic_affinity import CELL, affinity, affinity_scores, joined_rows
from excolor.method.semantic_correspondence import Description, correspond, deep_levels, describe_by, reference_colors
from excolor.networks.backbone import Levels
from excolor.networks.checkpoint import save_network
from excolor.networks.semantic_places import PlaceDescriptors
from excolor.training.augmentation import degrade
from excolor.training.old_photographs import aged
from excolor.training.photo_store import PhotoStore
from excolor.training.places_losses import affinity_loss, calibration_loss, match_loss, same_color
from excolor.training.places_start import PlacesModules
from excolor.training.semantic_pairs import Pairs, draw_similar, draw_two_views, draw_view, similar_pictures
from excolor.training.semantic_recipes import PlacesRecipe
from excolor.training.validation import decibels

_ZOOM = 1.3  # up to how much unrelated pictures are enlarged
_HELD_OUT = 48  # pairs of each kind that validation looks at
_HELD_OUT_SIZE = 128  # pixels
_MOST_ALIKE = 4  # pictures, among which validation draws one that is similar


class PlacesBatch(NamedTuple):
    """Pairs of pictures: N targets, and then their N references, in the order of `PlacesRecipe.counts`.

    Attributes:
        seen: their L as it is seen, (2N, 1, H, W).
        ab: averaged over places, (2N, 2, h, w).
    """

    seen: Tensor
    ab: Tensor


class PlacesLosses(NamedTuple):
    """The parts of the loss, see `excolor.training.places_losses`; averaged over the batch."""

    match: Tensor
    calibration: Tensor
    affinity: Tensor


class PlacesTask:
    """The net that describes places, over a frozen backbone, which its state holds."""

    CHECKPOINTS: ClassVar[tuple[str, ...]] = ("places.safetensors",)

    def __init__(self, recipe: PlacesRecipe, photos: PhotoStore, nets: PlacesModules, similar: Tensor) -> None:
        """`similar` is what `excolor.training.semantic_pairs.similar_pictures` found in the photographs."""
        self.recipe = recipe
        self.photos = photos
        self.similar = similar
        self.nets = nets
        self.modules = nn.ModuleDict(nets._asdict()).to(photos.device).to(memory_format=torch.channels_last)
        nets.backbone.requires_grad_(False)
        self.frozen: dict[str, nn.Module] = {}
        self._held_out: tuple[PhotoStore, Tensor] | None = None

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        parts = self.losses(self.draw(size, generator), precision)
        return parts.match + self.recipe.calibration * parts.calibration + self.recipe.affinity * parts.affinity

    def draw(self, size: int, generator: Generator) -> PlacesBatch:
        """A new batch of crops of `size` pixels."""
        photos, counts = self.photos, self.recipe.counts()
        similar = draw_similar(photos, self.similar, counts.similar, size, generator)
        views = draw_two_views(photos, counts.views, size, generator)
        one, other = (
            draw_view(photos, photos.draw_pictures(counts.unrelated, generator), size, _ZOOM, generator)
            for _ in range(2)
        )
        target, reference = (
            torch.cat([photos.cut(crops, size) for crops in kinds])
            for kinds in ((similar.target, views.target, one), (similar.reference, views.reference, other))
        )
        lab, other_lab = rgb_to_lab(target), rgb_to_lab(reference)
        old = torch.rand((len(lab),), generator=generator, device=photos.device) < self.recipe.aged
        seen = aged(target, lab[:, :1], old, generator)
        other_seen = degrade(other_lab[:, :1], generator)
        return PlacesBatch(torch.cat((seen, other_seen)), F.avg_pool2d(torch.cat((lab, other_lab))[:, 1:], CELL))

    def losses(self, batch: PlacesBatch, precision: AbstractContextManager[None]) -> PlacesLosses:
        """The parts of the loss; only the networks run under `precision`."""
        recipe, matching = self.recipe, self.nets.matching
        _, deep = self._levels(batch.seen, precision)
        with precision:
            places: PlaceDescriptors = self.nets.places(deep)
        log_affinity = joined_rows(affinity_scores(places.kin, batch.seen)).log_softmax(-1)  # (2N, P, P)
        cosines = _cosines(places.kind, log_affinity.exp())
        chances, back = matching.chances(*cosines), matching.chances(*(of.mT for of in cosines))
        ab, other_ab = _halves(batch.ab.flatten(2).mT)
        same = same_color(ab, other_ab, recipe.right)
        related = len(ab) - recipe.counts().unrelated
        both_ways = (match_loss(chances, same, ab) + match_loss(back, same.mT, other_ab)) / 2
        return PlacesLosses(
            both_ways[:related].mean(),
            calibration_loss(matching.rightness(*cosines), same, chances).mean(),
            affinity_loss(log_affinity, batch.ab, recipe.same).mean(),
        )

    @torch.no_grad()
    def _levels(self, lightness: Tensor, precision: AbstractContextManager[None]) -> tuple[Levels, Tensor]:
        """The backbone's levels of pictures, and those that are to be described."""
        with precision:
            levels = self.nets.backbone(lightness.contiguous(memory_format=torch.channels_last))
        return levels, deep_levels(levels)

    @torch.no_grad()
    def validate(self, photos: PhotoStore) -> dict[str, float]:
        """How right the colors are that are found in pairs of held-out pictures.

        `right` is the expected chance that the match of a target's place has the right color. `grouped_db` and
        `fine_db` say how much nearer to the truth than gray the colors are that `correspond` finds at 1/8 and at 1/2.
        """
        generator = Generator(photos.device).manual_seed(0)
        kinds = {"views": draw_two_views(photos, _HELD_OUT, _HELD_OUT_SIZE, generator)}
        if len(photos) > 1:
            similar = self._similar_in(photos)
            kinds["related"] = draw_similar(photos, similar, _HELD_OUT, _HELD_OUT_SIZE, generator)
        return {
            f"{kind}_{name}": number
            for kind, pairs in kinds.items()
            for name, number in self._measure(photos, pairs).items()
        }

    def _similar_in(self, photos: PhotoStore) -> Tensor:
        """Which held-out pictures are similar; found once."""
        if self._held_out is None or self._held_out[0] is not photos:
            self._held_out = photos, similar_pictures(photos, self.nets.backbone, _MOST_ALIKE)
        return self._held_out[1]

    def _measure(self, photos: PhotoStore, pairs: Pairs) -> dict[str, float]:
        lab = rgb_to_lab(torch.cat([photos.cut(crops, _HELD_OUT_SIZE) for crops in (pairs.target, pairs.reference)]))
        levels, deep = self._levels(lab[:, :1], nullcontext())
        places: PlaceDescriptors = self.nets.places(deep)
        alike = joined_rows(affinity(places.kin, lab[:, :1]))
        chances = self.nets.matching.chances(*_cosines(places.kind, alike))
        described = describe_by(places, levels, lab[:, :1], (alike,))
        target, reference = (Description(*parts) for parts in zip(*map(_halves, described), strict=True))
        true, other = _halves(lab[:, 1:])
        found = correspond(target, reference_colors(reference, other))
        ab, other_ab = (F.avg_pool2d(part, CELL).flatten(2).mT for part in (true, other))
        wrong = match_loss(chances, same_color(ab, other_ab, self.recipe.right), ab)
        return {
            "right": 1 - wrong.mean().item(),
            "grouped_db": decibels(found.grouped_ab, F.avg_pool2d(true, CELL)),
            "fine_db": decibels(found.fine_ab, F.avg_pool2d(true, 2)),
        }

    def export(self, folder: Path) -> list[Path]:
        path = folder / self.CHECKPOINTS[0]
        save_network(self.nets.places, path, over=self.nets.backbone)
        return [path]


def _cosines(kind: Tensor, affinity: Tensor) -> list[Tensor]:
    """Of the places of targets and references (2N, C, h, w), and of their averages over affinity, (N, P, Q) each."""
    single = kind.flatten(2).mT  # (2N, P, C)
    return [own @ others.mT for own, others in map(_halves, (single, affinity @ single))]


def _halves(both: Tensor) -> tuple[Tensor, Tensor]:
    """What belongs to the targets, and what to their references."""
    count = len(both) // 2
    return both[:count], both[count:]
