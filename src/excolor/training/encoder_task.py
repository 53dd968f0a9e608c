"""Training of the encoder, together with a decoder that keeps it honest."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from excolor.errors import TrainingError
from excolor.networks.checkpoint import save_network
from excolor.networks.decoder import Decoder, DecoderConfig
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.training.augmentation import gray_some
from excolor.training.losses import normalized_feature_loss
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import EncoderRecipe
from excolor.training.teacher import Teacher
from excolor.training.validation import mean_psnr, validation_crops

_DISTILLED = ("relu3_1", "relu4_1")  # shallow levels are left to reconstruction
_CLASS_SIZE = 56  # pixels: side of the crops that are classified
_HELD_OUT = 25  # one of so many pictures with classes is for validation
_CLASSIFIED = 1000  # of them at most, evenly spread


class EncoderTask:
    """Encoder and decoder, jointly: reconstruction; a teacher's features, and classes, where there are such."""

    CHECKPOINTS: ClassVar[tuple[str, ...]] = ("encoder.safetensors", "decoder.safetensors")

    def __init__(
        self, recipe: EncoderRecipe, photos: PhotoStore, teacher: Teacher | None, classes: PhotoStore | None = None
    ) -> None:
        """`classes` are photographs whose source is what they show. Raises TrainingError if they show all the same."""
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
        self.classes = classes
        if classes is not None:
            if classes.sources < 2:
                raise TrainingError(
                    "all photographs with classes show the same; give a folder, or a sheet of tiles, for each class"
                )
            self.classifier = nn.Linear(8 * recipe.width, classes.sources)  # thrown away likewise
            self.modules["classifier"] = self.classifier
        self.modules.to(photos.device).to(memory_format=torch.channels_last)

    @property
    def frozen(self) -> dict[str, nn.Module]:
        return {} if self.teacher is None else {"teacher": self.teacher}

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        rgb = gray_some(self.photos.draw(self.recipe.batch, size, generator), self.recipe.gray_share, generator)
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
        if self.classes is not None:
            loss = loss + self.recipe.classification * self._classification(self.classes, generator, precision)
        return loss

    def _classification(
        self, classes: PhotoStore, generator: Generator, precision: AbstractContextManager[None]
    ) -> Tensor:
        """Cross entropy of the classes of a batch."""
        index = classes.draw_pictures(self.recipe.batch, generator)
        neighbor = torch.where(index + 1 < len(classes), index + 1, index - 1)
        index = torch.where(index % _HELD_OUT == 0, neighbor, index)
        crops = classes.draw_crops(index, _CLASS_SIZE, generator)
        rgb = gray_some(classes.cut(crops, _CLASS_SIZE), self.recipe.gray_share, generator)
        with precision:
            scores = self._classify(rgb)
        return F.cross_entropy(scores.float(), classes.source[index])

    def _classify(self, rgb: Tensor) -> Tensor:
        """Scores (N, classes) of pictures, from the mean of their deepest features."""
        scores: Tensor = self.classifier(self.encoder(rgb)["relu4_1"].mean((2, 3)))
        return scores

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
        if self.classes is not None:
            numbers["top1"] = self._top1(self.classes)
        return numbers

    def _top1(self, classes: PhotoStore) -> float:
        """The share of the pictures held out that are taken for what they show."""
        held_out = torch.arange(0, len(classes), _HELD_OUT, device=classes.device)
        some = held_out[torch.linspace(0, len(held_out) - 1, min(len(held_out), _CLASSIFIED)).long()]
        right = []
        for index in some.split(self.recipe.batch):  # type: ignore[no-untyped-call]
            rgb = classes.cut(classes.center_crops(index, _CLASS_SIZE), _CLASS_SIZE)
            right.append(self._classify(rgb).argmax(1) == classes.source[index])
        return torch.cat(right).float().mean().item()

    def export(self, folder: Path) -> list[Path]:
        paths = [folder / name for name in self.CHECKPOINTS]
        save_network(self.encoder, paths[0])
        save_network(self.decoder, paths[1])
        return paths
