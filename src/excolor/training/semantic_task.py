"""Training of the semantic colorization net: to follow a reference, and to invent without one.

A batch is made of pictures without a reference, of pairs of views of one picture, of pairs of pictures of similar
things, and of unrelated ones.

Pairs of similar things have no true answer, and yet are what people bring. Here the reference is given colors *from
the target*, found by the same correspondence, and the target is asked for its own true colors back: likeness and
agreement of the matches are then those of real pairs, and the answer is known wherever the matches find back. A part
of many references keeps its own colors, where it resembles the target least, or shows something else altogether: a
match that is bad is then also wrong. In more than half of all pairs both pictures are turned to another hue and
chroma, so that only following can be right.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from excolor.evaluation.metrics import colorfulness
from excolor.imaging.color import ab_to_network, colored, grayed, rgb_to_lab
from excolor.method.hints import geometric_patches
from excolor.method.semantic_correspondence import (
    CELL,
    Description,
    ReferenceColors,
    correspond,
    describe,
    reference_colors,
    side_by_side,
)
from excolor.method.semantic_exemplar import SemanticExemplarNet
from excolor.method.semantic_hints import hinted_places, semantic_hints, things_as_pixels
from excolor.networks.backbone import Levels
from excolor.networks.checkpoint import save_network
from excolor.networks.color_classes import decided_color
from excolor.networks.semantic_colorization import (
    Colors,
    SemanticColorizationNet,
    SemanticHints,
    Window,
    no_semantic_hints,
)
from excolor.training.augmentation import degrade
from excolor.training.old_photographs import aged
from excolor.training.photo_store import Crops, PhotoStore
from excolor.training.semantic_losses import class_loss, color_loss, reference_loss
from excolor.training.semantic_pairs import draw_similar, draw_two_views, draw_view
from excolor.training.semantic_recipes import Counts, SemanticRecipe
from excolor.training.validation import arrays, mean, mean_psnr, validation_crops

_MOST_BLURRED = 0.7  # of what the finer blocks are given, at 1/16
_MOST_OWN = 0.75  # of a reference that keeps its own colors in part


class Batch(NamedTuple):
    """Pictures and their references.

    Attributes:
        lab: of all targets, (N, 3, H, W).
        seen: their L as it is seen, (N, 1, H, W).
        reference: Lab of the references (M, 3, H, W) of all but the first, which have none.
        counts: how many of each kind.
    """

    lab: Tensor
    seen: Tensor
    reference: Tensor
    counts: Counts

    @property
    def similar(self) -> slice:
        """References of similar things that get their colors from the target."""
        return slice(self.counts.views, self.counts.views + self.counts.similar)

    @property
    def pairs(self) -> slice:
        """Targets with a reference of similar things in its own colors."""
        start = sum(self.counts[:3])
        return slice(start, start + self.counts.pairs)


class SemanticTask:
    """The semantic colorization net over a frozen backbone, which its state holds."""

    CHECKPOINTS: ClassVar[tuple[str, ...]] = ("semantic.safetensors",)

    def __init__(
        self, recipe: SemanticRecipe, photos: PhotoStore, net: SemanticColorizationNet, similar: Tensor
    ) -> None:
        """`similar` is what `excolor.training.semantic_pairs.similar_pictures` found in the photographs."""
        self.recipe = recipe
        self.photos = photos
        self.similar = similar
        self.net = net.to(photos.device).to(memory_format=torch.channels_last)
        self.net.backbone.requires_grad_(False)
        self.net.places.requires_grad_(False)
        self.modules = nn.ModuleDict({"colorizer": self.net})
        self.frozen: dict[str, nn.Module] = {}

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        recipe, shown = self.recipe, size
        if recipe.enlarged and torch.rand((), generator=generator, device=self.photos.device) < 0.5:
            recipe, shown = recipe.with_enlarged, recipe.enlarged
        batch = self._draw(recipe.counts(), size, shown, generator)
        with torch.no_grad(), precision:
            levels, hints = self._hints(batch, generator)
        true = ab_to_network(batch.lab[:, 1:])
        counts, pairs, weights = batch.counts, batch.pairs, recipe.weights
        follows = torch.ones(len(true), dtype=torch.bool, device=true.device)
        follows[: counts.empty] = False
        follows[len(true) - counts.unrelated :] = False
        with precision:
            likely = self.net.likely(levels, hints)
        of_classes = class_loss(likely.logits, F.avg_pool2d(true, 4), weights)
        decided = ab_to_network(decided_color(likely.logits.detach().softmax(1)))
        coarse, wanted = self._decided(decided, true, hints.user, ~follows, generator)
        window = self._window(shown, generator)
        with precision:
            found = self.net.finer(likely.features, coarse, levels, batch.seen, hints, window)
        loss = color_loss(found, wanted, follows, weights, window) + weights.classes * of_classes
        if counts.pairs:
            of_pairs = Colors(*(ab[pairs] for ab in found))
            given = SemanticHints(*(part[pairs] for part in hints))
            followed = reference_loss(of_pairs, likely.logits[pairs], true[pairs], given, weights, window)
            loss = torch.cat((loss[: pairs.start], followed, loss[pairs.stop :]))
        spare = round(recipe.batch * recipe.spare)
        if not spare:
            return loss.mean()
        invented = self._invented(spare, size, shown, generator, precision)
        return loss.mean() + weights.spare * weights.classes * invented.mean()

    def _decided(
        self, coarse: Tensor, true: Tensor, user: Tensor, some: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """What the finer blocks are given and asked for: ab at 1/4, and at full size.

        Of `some` pictures (N,) nobody can know the colors, and a decision is mostly wrong. Asked for the truth, the
        finer blocks would take decisions back, and answer with means. So these are decided for rightly, and both are
        turned to another hue, so that only keeping to the decision gives the right answer. Those with a person's hints
        are not turned.
        """

        def uniform(low: float, high: float) -> Tensor:
            shape = (len(true), 1, 1, 1)
            return torch.rand(shape, generator=generator, device=true.device) * (high - low) + low

        turned = _turned(true, uniform(-torch.pi, torch.pi), torch.exp(uniform(-0.7, 0.3)))
        turned = torch.where(user[:, 2:].amax((2, 3), keepdim=True) > 0, true, turned)
        given = F.avg_pool2d(turned, 4)
        blurred = F.interpolate(F.avg_pool2d(given, 4), given.shape[2:], mode="bilinear", align_corners=False)
        given = given.lerp(blurred, uniform(0, _MOST_BLURRED))
        chosen = some.view(-1, 1, 1, 1)
        return torch.where(chosen, given, coarse), torch.where(chosen, turned, true)

    def _invented(
        self, count: int, size: int, shown: int, generator: Generator, precision: AbstractContextManager[None]
    ) -> Tensor:
        """The loss of so many pictures without a reference, (count,): of what is likely at 1/4."""
        photos = self.photos
        crops = draw_view(photos, photos.draw_pictures(count, generator), size, self.recipe.zoom, generator)
        rgb = _enlarged(photos.cut(crops, size), shown)
        lab = rgb_to_lab(rgb)
        seen = self._aged(rgb, lab, generator).contiguous(memory_format=torch.channels_last)
        with precision:
            with torch.no_grad():
                levels = self.net.levels(seen)
            logits = self.net.likely(levels, no_semantic_hints(seen)).logits
        return class_loss(logits, F.avg_pool2d(ab_to_network(lab[:, 1:]), 4), self.recipe.weights)

    def _window(self, size: int, generator: Generator) -> Window | None:
        """The part of the crops that the finest blocks answer for, in whole places of 1/8."""
        whole = size // CELL
        side = round(whole * self.recipe.window)
        if side >= whole:
            return None
        corner = torch.randint(whole - side + 1, (2,), generator=generator, device=self.photos.device).tolist()
        return Window(*(2 * n for n in (*corner, side, side)))

    def _draw(self, counts: Counts, size: int, shown: int, generator: Generator) -> Batch:
        """Crops of `size` pixels, enlarged to `shown`."""
        recipe, photos = self.recipe, self.photos
        empty, views, similar, pairs, unrelated = counts

        def uniform(count: int, low: float, high: float) -> Tensor:
            return torch.rand((count, 1, 1, 1), generator=generator, device=photos.device) * (high - low) + low

        def cut(crops: Crops) -> Tensor:
            return _enlarged(photos.cut(crops, size), shown)

        alone = draw_view(photos, photos.draw_pictures(empty, generator), size, recipe.zoom, generator)
        of_views = draw_two_views(photos, views, size, generator)
        of_similar = draw_similar(photos, self.similar, similar + pairs, size, generator)
        index = photos.draw_pictures(2 * unrelated, generator)
        of_others = draw_view(photos, index, size, recipe.zoom, generator)
        rgb = [cut(crops) for crops in (alone, of_views.target, of_similar.target, of_others)]
        target_rgb = torch.cat((*rgb[:3], rgb[3][:unrelated]))
        of_view = self._mosaics(cut(of_views.reference), rgb[3][unrelated:], generator)
        other_rgb = torch.cat((of_view, cut(of_similar.reference), rgb[3][unrelated:]))
        lab, reference = rgb_to_lab(target_rgb), rgb_to_lab(other_rgb)

        seen = self._aged(target_rgb, lab, generator)

        turned = views + similar
        angle = uniform(turned, -torch.pi, torch.pi)
        factor = torch.exp(uniform(turned, -0.7, 0.5))
        chosen = uniform(turned, 0, 1) < recipe.recolored
        angle, factor = torch.where(chosen, angle, 0.0), torch.where(chosen, factor, 1.0)
        ab = torch.cat(
            (lab[:empty, 1:], _turned(lab[empty : empty + turned, 1:], angle, factor), lab[empty + turned :, 1:])
        )
        other_ab = torch.cat((_turned(reference[:turned, 1:], angle, factor), reference[turned:, 1:]))
        return Batch(
            torch.cat((lab[:, :1], ab), dim=1),
            seen,
            torch.cat((reference[:, :1], other_ab), dim=1),
            counts,
        )

    def _aged(self, rgb: Tensor, lab: Tensor, generator: Generator) -> Tensor:
        """L (N, 1, H, W) of pictures as it is seen: of a share, as of old photographs."""
        old = torch.rand((len(lab),), generator=generator, device=lab.device) < self.recipe.aged
        return aged(rgb, lab[:, :1], old, generator)

    def _hints(self, batch: Batch, generator: Generator) -> tuple[Levels, SemanticHints]:
        """The targets' levels, and hints as they are in use."""
        count = len(batch.lab)
        empty = count - len(batch.reference)
        user = self._user_hints(ab_to_network(batch.lab[:, 1:]), generator)
        user[batch.pairs] = 0  # true colors among those of another scene would be stains
        is_hinted = user[:, 2].amax((1, 2)) > 0
        other = degrade(batch.reference[:, :1], generator)
        levels = self.net.levels(torch.cat((batch.seen, other)).contiguous(memory_format=torch.channels_last))
        own = Levels(*(level[:count] for level in levels))
        target = describe(self.net, own, batch.seen)
        hints = no_semantic_hints(batch.seen)._replace(user=user)

        def correspond_some(some: Tensor, reference: ReferenceColors) -> None:
            found = correspond(_part(target, some), reference)
            # How far single pixels are to be believed is a choice of use
            share = torch.rand((len(some), 1, 1, 1), generator=generator, device=user.device)
            told = semantic_hints(things_as_pixels(found, share), user[some])
            hints.coarse[some], hints.fine[some] = told.coarse.to(hints.coarse.dtype), told.fine.to(hints.fine.dtype)

        places = torch.arange(count, device=user.device)
        alone = places[:empty][is_hinted[:empty]]
        if len(alone):
            correspond_some(alone, hinted_places(_part(target, alone), user[alone]))
        if empty < count:
            reference = self._references(batch, target, levels, other, generator)
            plain, hinted = (places[empty:][with_hints] for with_hints in (~is_hinted[empty:], is_hinted[empty:]))
            if len(plain):
                correspond_some(plain, _colors_of(reference, plain - empty))
            if len(hinted):
                beside = hinted_places(_part(target, hinted), user[hinted])
                correspond_some(hinted, side_by_side([_colors_of(reference, hinted - empty), beside]))
        return own, hints

    def _references(
        self, batch: Batch, target: Description, levels: Levels, lightness: Tensor, generator: Generator
    ) -> ReferenceColors:
        """The references with their L as it is seen, in their own colors or in those found for them in the target.

        `levels` are those of the targets and the references, `target` describes all targets.
        """
        count = len(batch.lab)
        empty = count - len(batch.reference)
        described = describe(self.net, Levels(*(level[count:] for level in levels)), lightness)
        reference = reference_colors(described, batch.reference[:, 1:])

        # What shows similar things gets its colors from the target
        some, pictures = batch.similar, slice(empty + batch.similar.start, empty + batch.similar.stop)
        if some.stop > some.start:
            truth = reference_colors(_part(target, pictures), batch.lab[pictures, 1:])
            given = correspond(_part(described, some), truth)
            half, coarse = reference.half_ab.clone(), reference.coarse_ab.clone()
            kept = self._keeps_own(given.grouped_cosine + given.cosine, generator)
            kept = F.interpolate(kept, given.fine_ab.shape[2:], mode="bilinear", align_corners=False)
            half[some] = given.fine_ab.lerp(half[some], kept)
            coarse[some] = F.avg_pool2d(half[some], CELL // 2)
            reference = ReferenceColors(described, coarse, half)
        return reference

    def _keeps_own(self, likeness: Tensor, generator: Generator) -> Tensor:
        """1 where a reference keeps its own colors, else 0, for the likeness (N, 1, h, w) of its places to the target.

        Those are the least like ones: up to three quarters of the places of a share of the references.
        """

        def uniform() -> Tensor:
            return torch.rand((len(likeness),), generator=generator, device=likeness.device)

        share = _MOST_OWN * uniform() * (uniform() < self.recipe.own_colors)
        rank = likeness.flatten(1).argsort(1).argsort(1).view_as(likeness)
        return (rank < share.view(-1, 1, 1, 1) * likeness[0].numel()).float()

    def _mosaics(self, rgb: Tensor, others: Tensor, generator: Generator) -> Tensor:
        """References (N, 3, H, W) of views, of which a share shows one of `others` on one side of a line."""
        n, _, height, width = rgb.shape

        def uniform(low: float, high: float) -> Tensor:
            shape = (n, 1, 1, 1)
            return torch.rand(shape, generator=generator, device=rgb.device) * (high - low) + low

        if not len(others):
            return rgb
        angle, offset = uniform(-torch.pi, torch.pi), uniform(-0.2, 0.3)
        rows = torch.linspace(-0.5, 0.5, height, device=rgb.device).view(1, 1, -1, 1)
        columns = torch.linspace(-0.5, 0.5, width, device=rgb.device).view(1, 1, 1, -1)
        beyond = angle.cos() * columns + angle.sin() * rows > offset
        which = torch.randint(len(others), (n,), generator=generator, device=rgb.device)
        return torch.where(beyond & (uniform(0, 1) < self.recipe.mosaics), others[which], rgb)

    def _user_hints(self, true: Tensor, generator: Generator) -> Tensor:
        """True patches for a share of the pictures, (N, 3, H, W)."""
        count = round(len(true) * self.recipe.patches)
        user = true.new_zeros((len(true), 3, *true.shape[2:]))
        if count:
            chosen = torch.randperm(len(true), generator=generator, device=true.device)[:count]
            given = geometric_patches(true[chosen], generator)
            user[chosen] = torch.cat((given.ab, given.mask), dim=1)
        return user

    @torch.no_grad()
    def validate(self, photos: PhotoStore) -> dict[str, float]:
        rgb = validation_crops(photos)
        lab = rgb_to_lab(rgb)
        lightness, gray = lab[:, :1], grayed(lab[:, :1])
        model = SemanticExemplarNet(self.net)
        invented = colored(lightness, model.invent(lightness))
        vivid = [mean(colorfulness(picture) for picture in arrays(x)) for x in (invented, rgb)]
        numbers = {
            "gray_psnr": mean_psnr(gray, rgb),
            "none_psnr": mean_psnr(invented, rgb),
            "none_colorfulness": vivid[0] / vivid[1],
        }
        quarter_turn = torch.cat((-lab[:, 2:], lab[:, 1:2]), dim=1)
        turned = colored(lightness, quarter_turn)
        for name, reference, truth in (
            ("mirror", rgb.flip(3), rgb),
            ("turned", turned.flip(3), turned),
            ("random", rgb.roll(1, 0), rgb),
        ):
            ab = model(lightness, model.encode_reference(reference)).ab
            numbers[f"{name}_psnr"] = mean_psnr(colored(lightness, ab), truth)
        return numbers

    def export(self, folder: Path) -> list[Path]:
        path = folder / self.CHECKPOINTS[0]
        save_network(self.net, path)
        return [path]


def _enlarged(rgb: Tensor, side: int) -> Tensor:
    """Squares (N, 3, *, *) of `side` pixels; photographs that are enlarged are not sharp, which costs little here."""
    if rgb.shape[-1] == side:
        return rgb
    return F.interpolate(rgb, size=(side, side), mode="bicubic", align_corners=False).clamp(0, 1)


def _turned(ab: Tensor, angle: Tensor, factor: Tensor) -> Tensor:
    """ab of another hue and chroma. Colors that sRGB lacks at their lightness may arise; the net need not know."""
    cos, sin = angle.cos() * factor, angle.sin() * factor
    a, b = ab[:, :1], ab[:, 1:]
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=1)


def _part(description: Description, some: slice | Tensor) -> Description:
    return Description(*(part[some] for part in description))


def _colors_of(reference: ReferenceColors, some: Tensor) -> ReferenceColors:
    return ReferenceColors(_part(reference.description, some), reference.coarse_ab[some], reference.half_ab[some])
