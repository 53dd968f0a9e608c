"""What is trained: for each network the batch, the loss, the validation and the export (the loop is in `loop`).

A task draws all that is random from the generator that a step gives it, so that step k is the same whether or not the
run was interrupted before.
"""

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from excolor.coarse import coarse_map, encode_reference
from excolor.color import (
    ab_from_network,
    ab_to_network,
    colored,
    grayed,
    lab_to_rgb,
    lightness_to_network,
    rgb_to_lab,
)
from excolor.errors import TrainingError
from excolor.hints import Hints, geometric_patches, no_hints, scatter
from excolor.metrics import colorfulness
from excolor.models.checkpoint import save_network
from excolor.models.colorization import ColorizationConfig, ColorizationNet
from excolor.models.decoder import Decoder, DecoderConfig
from excolor.models.encoder import LEVELS, Encoder, EncoderConfig
from excolor.models.transfer import TransferNet
from excolor.training.augmentation import change_tone, gray_some, turn_hue
from excolor.training.data import PhotoStore
from excolor.training.losses import feature_loss, masked_huber, normalized_feature_loss
from excolor.training.pairs import draw_pairs
from excolor.training.recipes import ColorizerRecipe, DecoderRecipe, EncoderRecipe, Recipe
from excolor.training.teacher import Teacher
from excolor.training.validation import arrays, mean, mean_psnr, validation_crops

_DISTILLED = ("relu3_1", "relu4_1")  # shallow levels are left to reconstruction


class Task(Protocol):
    """A network in training."""

    @property
    def modules(self) -> nn.ModuleDict:
        """What is trained, and saved in the training state."""

    @property
    def recipe(self) -> Recipe:
        """Its hyperparameters."""

    @property
    def photos(self) -> PhotoStore:
        """What it is trained on."""

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        """The loss of a new batch of crops of `size` pixels; networks run under `precision` (autocast or nothing)."""

    def validate(self, photos: PhotoStore) -> dict[str, float]:
        """Numbers on photographs that were not trained on, by name."""

    def export(self, folder: Path) -> list[Path]:
        """Write the checkpoints that inference reads; returns their paths."""


class EncoderTask:
    """Encoder and decoder, jointly: reconstruction, and the teacher's features where there is a teacher."""

    def __init__(self, recipe: EncoderRecipe, photos: PhotoStore, teacher: Teacher | None) -> None:
        self.recipe = recipe
        self.photos = photos
        self.encoder = Encoder(EncoderConfig(recipe.width))
        self.decoder = Decoder(DecoderConfig(recipe.width))
        self.teacher = teacher.to(photos.device) if teacher else None
        self.modules = nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder})
        if teacher:
            # A linear map from the encoder's channels to the teacher's, thrown away afterwards
            students = {"relu3_1": 4 * recipe.width, "relu4_1": 8 * recipe.width}
            self.projections = nn.ModuleDict(
                {name: nn.Conv2d(students[name], channels, 1) for name, channels in (("relu3_1", 64), ("relu4_1", 128))}
            )
            self.modules["projections"] = self.projections
        self.modules.to(photos.device).to(memory_format=torch.channels_last)

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        index = self.photos.draw_pictures(self.recipe.batch, generator)
        rgb = self.photos.cut(self.photos.draw_crops(index, size, generator), size)
        rgb = gray_some(rgb, self.recipe.gray_share, generator)
        with precision:
            features = self.encoder(rgb)
            decoded = self.decoder(features)
        loss = self.recipe.reconstruction * F.mse_loss(decoded.float(), rgb)
        if self.teacher is not None:
            wanted = self.teacher(rgb)
            for name in _DISTILLED:
                with precision:
                    found = self.projections[name](features[name])
                weight = self.recipe.distillation / len(_DISTILLED)
                loss = loss + weight * normalized_feature_loss(found.float(), wanted[name])
        return loss

    @torch.no_grad()
    def validate(self, photos: PhotoStore) -> dict[str, float]:
        rgb = validation_crops(photos)
        features = self.encoder(rgb)
        numbers = {"reconstruction_psnr": mean_psnr(self.decoder(features), rgb)}
        if self.teacher is not None:
            wanted = self.teacher(rgb)
            for name in _DISTILLED:
                missed = normalized_feature_loss(self.projections[name](features[name]), wanted[name])
                numbers[f"teacher_{name}"] = 1 - missed.item()  # share of the teacher's variance that is matched
        return numbers

    def export(self, folder: Path) -> list[Path]:
        paths = [folder / "encoder.safetensors", folder / "decoder.safetensors"]
        save_network(self.encoder, paths[0])
        save_network(self.decoder, paths[1])
        return paths


class DecoderTask:
    """The decoder over a frozen encoder: 0.8·L2 + 0.2·perceptual in the paper (section 3.3)."""

    def __init__(self, recipe: DecoderRecipe, photos: PhotoStore, encoder: Encoder, start: Decoder | None) -> None:
        """`start` is a decoder to go on from; None starts from random weights.

        Raises:
            TrainingError: the widths of recipe, encoder and start differ.
        """
        for name, net in (("encoder", encoder), ("decoder to start from", start)):
            if net is not None and net.config.width != recipe.width:
                raise TrainingError(
                    f"the recipe is of width {recipe.width} and the {name} of width {net.config.width}; "
                    "choose the recipe that the encoder was trained with"
                )
        self.recipe = recipe
        self.photos = photos
        self.encoder = encoder.to(photos.device).to(memory_format=torch.channels_last).requires_grad_(False)
        self.decoder = start or Decoder(DecoderConfig(recipe.width))
        self.modules = nn.ModuleDict({"decoder": self.decoder}).to(photos.device).to(memory_format=torch.channels_last)

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        index = self.photos.draw_pictures(self.recipe.batch, generator)
        rgb = self.photos.cut(self.photos.draw_crops(index, size, generator), size)
        rgb = gray_some(rgb, self.recipe.gray_share, generator)
        with precision:
            wanted = self.encoder(rgb)
            decoded = self.decoder(wanted)
            found = self.encoder(decoded)
        perceptual = feature_loss(found, wanted, LEVELS)
        return self.recipe.reconstruction * F.mse_loss(decoded.float(), rgb) + self.recipe.perceptual * perceptual

    @torch.no_grad()
    def validate(self, photos: PhotoStore) -> dict[str, float]:
        rgb = validation_crops(photos)
        return {"reconstruction_psnr": mean_psnr(self.decoder(self.encoder(rgb)), rgb)}

    def export(self, folder: Path) -> list[Path]:
        path = folder / "decoder.safetensors"
        save_network(self.decoder, path)
        return [path]


class ColorizerTask:
    """The colorization net, on hints that are true, absent, or from the frozen transfer net and so partly wrong."""

    def __init__(
        self,
        recipe: ColorizerRecipe,
        photos: PhotoStore,
        transfer: TransferNet | None,
        start: ColorizationNet | None = None,
    ) -> None:
        """`transfer` may be None if the recipe has no coarse maps; `start` is a net to go on from.

        Raises:
            TrainingError: the widths of recipe and start differ.
        """
        self.recipe = recipe
        self.photos = photos
        self.transfer = transfer
        if transfer is not None:
            transfer.to(photos.device).to(memory_format=torch.channels_last).requires_grad_(False).eval()
        self.net = ColorizationNet(ColorizationConfig(recipe.width, gated=recipe.gated))
        if start is not None:
            self.net = _started_from(start, recipe)
        self.modules = nn.ModuleDict({"colorizer": self.net}).to(photos.device).to(memory_format=torch.channels_last)

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        recipe = self.recipe
        empty, patches = round(recipe.batch * recipe.empty), round(recipe.batch * recipe.patches)
        index = self.photos.draw_pictures(empty + patches, generator)
        lab = rgb_to_lab(self.photos.cut(self.photos.draw_crops(index, size, generator), size))
        given = geometric_patches(ab_to_network(lab[empty:, 1:]), generator)
        hints = [no_hints(lab[:empty, :1]), given]
        emphasized = [torch.zeros_like(lab[:empty, :1]), given.mask]
        rest = recipe.batch - empty - patches
        if rest:
            coarse, under_coarse = self._coarse_hints(rest, size, generator, precision)
            hints.append(coarse)
            lab = torch.cat((lab, under_coarse))
            emphasized.append(torch.zeros_like(coarse.mask))

        joined = Hints(torch.cat([h.ab for h in hints]), torch.cat([h.mask for h in hints]))
        with precision:
            found = self.net(lightness_to_network(lab[:, :1]), joined.ab, joined.mask)
        return masked_huber(
            found.float(),
            ab_to_network(lab[:, 1:]),
            torch.cat(emphasized),
            emphasis=recipe.emphasis,
            delta=recipe.delta,
            rarity=recipe.rarity,
        )

    @torch.no_grad()
    def _coarse_hints(
        self, count: int, size: int, generator: Generator, precision: AbstractContextManager[None]
    ) -> tuple[Hints, Tensor]:
        """Hints as they are in use, and the truth they belong to: Lab, partly turned to other hues."""
        assert self.transfer is not None
        recipe, device = self.recipe, self.photos.device

        def uniform(low: float, high: float) -> Tensor:
            return torch.rand((count, 1, 1, 1), generator=generator, device=device) * (high - low) + low

        pair = draw_pairs(self.photos, count, size, recipe.references, generator)
        lab, reference = (rgb_to_lab(self.photos.cut(crops, size)) for crops in pair)

        # Other hues, for both
        angle = uniform(-torch.pi, torch.pi) * (uniform(0, 1) < recipe.recolored)
        lab, reference = turn_hue(lab, angle), turn_hue(reference, angle)

        reference = change_tone(reference, generator)

        lightness = lab[:, :1]
        with precision:
            precolored = self._colorize(lightness, no_hints(lightness))
            features = encode_reference(self.transfer, lab_to_rgb(reference))
            coarse = coarse_map(self.transfer, lightness, precolored, features)

        # Half of the pictures see every cell, the others a share from 2 % up, uniform in its logarithm
        share = torch.where(uniform(0, 1) < 0.5, 1.0, 0.02 ** uniform(0, 1)).flatten()
        return scatter(ab_to_network(coarse.ab), coarse.confidence, share, generator), lab

    def _colorize(self, lightness: Tensor, hints: Hints) -> Tensor:
        """The net as it is in use, batch norm by its running statistics: L and hints to sRGB."""
        training = self.net.training
        self.net.eval()
        scaled = self.net(lightness_to_network(lightness), hints.ab, hints.mask)
        self.net.train(training)
        return colored(lightness, ab_from_network(scaled.float()))

    @torch.no_grad()
    def validate(self, photos: PhotoStore) -> dict[str, float]:
        rgb = validation_crops(photos)
        lightness = rgb_to_lab(rgb)[:, :1]
        gray = grayed(lightness)
        invented = self._colorize(lightness, no_hints(lightness))
        vivid = [mean(colorfulness(picture) for picture in arrays(x)) for x in (invented, rgb)]
        numbers = {
            "gray_psnr": mean_psnr(gray, rgb),
            "none_psnr": mean_psnr(invented, rgb),
            "none_colorfulness": vivid[0] / vivid[1],
        }
        if self.transfer is not None:
            for name, reference in (("mirror", rgb.flip(3)), ("random", rgb.roll(1, 0))):
                coarse = coarse_map(self.transfer, lightness, invented, encode_reference(self.transfer, reference))
                dense = scatter(ab_to_network(coarse.ab), coarse.confidence, 1.0, Generator())
                numbers[f"{name}_psnr"] = mean_psnr(self._colorize(lightness, dense), rgb)
        return numbers

    def export(self, folder: Path) -> list[Path]:
        path = folder / "colorizer.safetensors"
        save_network(self.net.folded(), path)
        return [path]


def _started_from(start: ColorizationNet, recipe: ColorizerRecipe) -> ColorizationNet:
    """The net to go on with: `start`, and a new gate if the recipe wants one that it has not."""
    if start.config.width != recipe.width:
        raise TrainingError(
            f"the recipe is of width {recipe.width} and the colorizer to start from of width {start.config.width}; "
            "choose a recipe of its width"
        )
    if start.gate is not None or not recipe.gated:
        return start
    net = ColorizationNet(replace(start.config, gated=True))
    net.load_state_dict(net.state_dict() | start.state_dict())
    return net
