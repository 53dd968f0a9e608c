"""Training of the decoder over a frozen encoder (the paper's section 3.3)."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from excolor.networks.checkpoint import save_network
from excolor.networks.decoder import Decoder, DecoderConfig
from excolor.networks.encoder import LEVELS, Encoder
from excolor.training.augmentation import gray_some
from excolor.training.losses import feature_loss
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import DecoderRecipe, check_width
from excolor.training.validation import mean_psnr, validation_crops


class DecoderTask:
    """The decoder over a frozen encoder: 0.8·L2 + 0.2·perceptual in the paper (section 3.3)."""

    CHECKPOINTS: ClassVar[tuple[str, ...]] = ("decoder.safetensors",)

    def __init__(self, recipe: DecoderRecipe, photos: PhotoStore, encoder: Encoder, start: Decoder | None) -> None:
        """`start` is a decoder to go on from; None starts from random weights.

        Raises:
            TrainingError: the widths of recipe, encoder and start differ.
        """
        for name, net in (("encoder", encoder), ("decoder to start from", start)):
            if net is not None:
                check_width(recipe, name, net.config.width)
        self.recipe = recipe
        self.photos = photos
        self.encoder = encoder.to(photos.device).to(memory_format=torch.channels_last).requires_grad_(False)
        self.decoder = start or Decoder(DecoderConfig(recipe.width))
        self.modules = nn.ModuleDict({"decoder": self.decoder}).to(photos.device).to(memory_format=torch.channels_last)

    @property
    def frozen(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder}

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        rgb = gray_some(self.photos.draw(self.recipe.batch, size, generator), self.recipe.gray_share, generator)
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
        path = folder / self.CHECKPOINTS[0]
        save_network(self.decoder, path)
        return [path]
