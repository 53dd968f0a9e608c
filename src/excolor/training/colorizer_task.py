"""Training of the colorization net, on hints as it will be given them: true, absent, or wrong in places."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from excolor.errors import TrainingError
from excolor.evaluation.metrics import colorfulness
from excolor.imaging.color import (
    ab_to_network,
    colored,
    grayed,
    lab_to_rgb,
    lightness_to_network,
    rgb_to_lab,
)
from excolor.method.correspondence import correspondence_by
from excolor.method.exemplar import ExemplarNet
from excolor.method.hints import Hints, geometric_patches, no_hints, scatter
from excolor.networks.checkpoint import load_colorizer, save_network
from excolor.networks.colorization import ColorizationConfig, ColorizationNet
from excolor.networks.matcher import Matcher
from excolor.networks.public import recognize
from excolor.networks.transfer import TransferNet
from excolor.training.augmentation import change_tone, darken, dull, turn_hue
from excolor.training.critic import Critic
from excolor.training.losses import masked_huber
from excolor.training.pairs import draw_pairs
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import ColorizerRecipe, check_width
from excolor.training.state import read_state
from excolor.training.validation import arrays, mean, mean_psnr, validation_crops

_LEAST_CHROMA = 0.15  # of a dulled picture
_LEAST_LIGHT = 0.2  # of a darkened picture, relative to its reference


class ColorizerTask:
    """The colorization net, on hints that are true, absent, or from the frozen transfer net and so partly wrong."""

    CHECKPOINTS: ClassVar[tuple[str, ...]] = ("colorizer.safetensors",)

    def __init__(
        self,
        recipe: ColorizerRecipe,
        photos: PhotoStore,
        transfer: TransferNet | None,
        start: ColorizationNet | None = None,
        matcher: Matcher | None = None,
    ) -> None:
        """`transfer` may be None if the recipe has no coarse maps; `start` is a net to continue from.

        With a matcher over the transfer net's encoder, coarse maps are made by it too.

        Raises:
            TrainingError: the widths of recipe and start differ.
        """
        self.recipe = recipe
        self.photos = photos
        fresh = ColorizationConfig(recipe.width, gated=recipe.gated)
        self.net = ColorizationNet(fresh) if start is None else _started_from(start, recipe)
        self.modules = nn.ModuleDict({"colorizer": self.net})
        self.critic = Critic() if recipe.realism else None
        if self.critic is not None:
            self.modules["critic"] = self.critic
        self.modules.to(photos.device).to(memory_format=torch.channels_last)
        of_transfer = {} if transfer is None else {"encoder": transfer.encoder, "decoder": transfer.decoder}
        self.frozen: dict[str, nn.Module] = of_transfer | ({} if matcher is None else {"matcher": matcher})
        for network in self.frozen.values():
            network.to(photos.device).to(memory_format=torch.channels_last).requires_grad_(False).eval()
        self.exemplar = ExemplarNet(self.net, transfer, correspondence_by(matcher))

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        recipe = self.recipe
        empty, patches = round(recipe.batch * recipe.empty), round(recipe.batch * recipe.patches)
        lab = rgb_to_lab(self.photos.draw(empty + patches, size, generator))
        given = geometric_patches(ab_to_network(lab[empty:, 1:]), generator)
        hints = [no_hints(lab[:empty, :1]), given]
        emphasized = [torch.zeros_like(lab[:empty, :1]), given.mask]
        known = [torch.zeros_like(lab[:empty, :1]), torch.ones_like(given.mask)]
        rest = recipe.batch - empty - patches
        if rest:
            coarse, confidence, under_coarse = self._coarse_hints(rest, size, generator, precision)
            hints.append(coarse)
            lab = torch.cat((lab, under_coarse))
            emphasized.append(torch.zeros_like(confidence))
            known.append(confidence)

        joined = Hints(torch.cat([h.ab for h in hints]), torch.cat([h.mask for h in hints]))
        lightness, true = lightness_to_network(lab[:, :1]), ab_to_network(lab[:, 1:])
        with precision:
            found = self.net(lightness, joined.ab, joined.mask).float()
        vivid = 1 + (recipe.vividness - 1) * (1 - torch.cat(known))
        loss = masked_huber(
            found,
            true * vivid,
            torch.cat(emphasized),
            emphasis=recipe.emphasis,
            delta=recipe.delta,
            rarity=recipe.rarity,
        )
        if self.critic is not None and empty:  # in float32, whatever the precision: it is small
            loss = loss + self.critic.loss(lightness[:empty], found[:empty], true[:empty], recipe.realism)
        return loss

    @torch.no_grad()
    def _coarse_hints(
        self, count: int, size: int, generator: Generator, precision: AbstractContextManager[None]
    ) -> tuple[Hints, Tensor, Tensor]:
        """Hints as they are in use, of some or all cells; the confidence everywhere; and the truth, in Lab.

        Part of the truth is turned to other hues or dulled, as is its reference, or darkened.
        """
        recipe, device = self.recipe, self.photos.device

        def uniform(low: float, high: float) -> Tensor:
            return torch.rand((count, 1, 1, 1), generator=generator, device=device) * (high - low) + low

        pair = draw_pairs(self.photos, count, size, recipe.references, generator)
        lab, reference = (rgb_to_lab(self.photos.cut(crops, size)) for crops in pair)

        # Other hues, for both
        angle = uniform(-torch.pi, torch.pi) * (uniform(0, 1) < recipe.recolored)
        lab, reference = turn_hue(lab, angle), turn_hue(reference, angle)

        # Less chroma, for both
        chroma = uniform(_LEAST_CHROMA, 1) ** (uniform(0, 1) < recipe.dulled)
        lab, reference = dull(lab, chroma), dull(reference, chroma)

        lab = darken(lab, uniform(_LEAST_LIGHT, 1) ** (uniform(0, 1) < recipe.darkened))
        reference = change_tone(reference, generator)

        lightness = lab[:, :1]
        with precision, self._evaluating() as exemplar:
            features = exemplar.encode_reference(lab_to_rgb(reference))
            coarse = exemplar.coarse(lightness, exemplar.invent(lightness), features)

        # Half of the pictures see every cell, the others a share from 2 % up, uniform in its logarithm
        share = torch.where(uniform(0, 1) < 0.5, 1.0, 0.02 ** uniform(0, 1)).flatten()
        hints = scatter(ab_to_network(coarse.ab), coarse.confidence, share, generator)
        return hints, coarse.confidence, lab

    @contextmanager
    def _evaluating(self) -> Iterator[ExemplarNet]:
        """All networks as they are in use, batch norms by their running statistics; afterwards as they were."""
        training = self.net.training
        yield self.exemplar.eval()
        self.net.train(training)

    @torch.no_grad()
    def validate(self, photos: PhotoStore) -> dict[str, float]:
        rgb = validation_crops(photos)
        lightness = rgb_to_lab(rgb)[:, :1]
        gray = grayed(lightness)
        with self._evaluating() as exemplar:
            invented = colored(lightness, exemplar.invent(lightness))
            vivid = [mean(colorfulness(picture) for picture in arrays(x)) for x in (invented, rgb)]
            numbers = {
                "gray_psnr": mean_psnr(gray, rgb),
                "none_psnr": mean_psnr(invented, rgb),
                "none_colorfulness": vivid[0] / vivid[1],
            }
            if exemplar.transfer is not None:
                for name, reference in (("mirror", rgb.flip(3)), ("random", rgb.roll(1, 0))):
                    ab = exemplar(lightness, exemplar.encode_reference(reference)).ab
                    numbers[f"{name}_psnr"] = mean_psnr(colored(lightness, ab), rgb)
        return numbers

    def export(self, folder: Path) -> list[Path]:
        path = folder / self.CHECKPOINTS[0]
        save_network(self.net.folded(), path)
        return [path]


def read_start(path: Path) -> ColorizationNet:
    """The net to continue from: of a checkpoint, or of the training state of an earlier run, perhaps of another recipe.

    Raises:
        CheckpointError: it is not a colorizer's checkpoint.
        TrainingError: it is not the training state of a colorizer.
    """
    if path.suffix == ".safetensors":
        return load_colorizer(path)
    prefix = "colorizer."
    modules = read_state(path).get("modules", {})
    weights = {name.removeprefix(prefix): tensor for name, tensor in modules.items() if name.startswith(prefix)}
    layout = recognize(weights)
    if layout is None or not isinstance(layout.config, ColorizationConfig):
        raise TrainingError(f"{path}: not the training state of a colorizer; give that of one, or a checkpoint")
    net = ColorizationNet(layout.config)
    net.load_state_dict(weights)
    return net


def _started_from(start: ColorizationNet, recipe: ColorizerRecipe) -> ColorizationNet:
    """The net to continue with: `start`, and a new gate if the recipe wants one that it has not."""
    check_width(recipe, "colorizer to start from", start.config.width)
    if start.gate is not None or not recipe.gated:
        return start
    net = ColorizationNet(replace(start.config, gated=True))
    net.load_state_dict(net.state_dict() | start.state_dict())
    return net
