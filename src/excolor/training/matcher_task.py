"""Training of the matcher: find a picture's colors in another one, and predict how far they are off."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from excolor.imaging.color import ab_to_network, colored, rgb_to_lab
from excolor.method.coarse import describe_lightness
from excolor.method.correspondence import LearnedCorrespondence
from excolor.networks.checkpoint import save_network
from excolor.networks.encoder import Encoder
from excolor.networks.matcher import Judged, Matcher, MatcherConfig
from excolor.networks.neighbors import STRIDE, landmarks
from excolor.training.augmentation import change_tone
from excolor.training.pairs import draw_pairs
from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import MatcherRecipe, check_width
from excolor.training.validation import mean_psnr, validation_crops


class MatcherTask:
    """The matcher over a frozen encoder (`networks.matcher`)."""

    CHECKPOINTS: ClassVar[tuple[str, ...]] = ("matcher.safetensors",)

    def __init__(self, recipe: MatcherRecipe, photos: PhotoStore, encoder: Encoder) -> None:
        """Raises TrainingError if the width of `encoder` is not the recipe's."""
        check_width(recipe, "encoder", encoder.config.width)
        self.recipe = recipe
        self.photos = photos
        self.encoder = encoder.requires_grad_(False).to(photos.device).to(memory_format=torch.channels_last)
        matcher = Matcher(MatcherConfig(recipe.width, recipe.hidden))
        self.matcher = matcher.to(photos.device).to(memory_format=torch.channels_last)
        self.modules = nn.ModuleDict({"matcher": self.matcher})

    @property
    def frozen(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder}

    def loss(self, size: int, generator: Generator, precision: AbstractContextManager[None]) -> Tensor:
        recipe = self.recipe
        crops, other_crops = draw_pairs(self.photos, recipe.batch, size, recipe.references, generator)
        target = rgb_to_lab(self.photos.cut(crops, size))
        reference = change_tone(rgb_to_lab(self.photos.cut(other_crops, size)), generator)
        with precision:
            judged = self._look_up(target, reference)
        true = F.avg_pool2d(target[:, 1:], STRIDE)
        found, wanted = ab_to_network(judged.ab), ab_to_network(true)
        of_colors = F.huber_loss(found, wanted, delta=recipe.delta, reduction="none").sum(1) / recipe.delta
        # The predicted error is to be the most likely one under a normal distribution. Colors must not suffer from it:
        # it reaches the descriptors only through how alike and how far apart the candidates are
        error = (judged.ab.detach() - true).square().sum(1, keepdim=True)
        of_judging = (error * (-judged.log_error).exp() + judged.log_error).mean()
        return of_colors.mean() + recipe.judging * of_judging

    def _look_up(self, target: Tensor, reference: Tensor) -> Judged:
        """What references say about targets, both in Lab (N, 3, H, W)."""
        correspondence = LearnedCorrespondence(self.matcher)
        of_target, of_reference = (
            describe_lightness(self.encoder, correspondence, lab[:, :1]) for lab in (target, reference)
        )
        return self.matcher.look_up(of_target, landmarks(of_reference, reference[:, 1:]))

    @torch.no_grad()
    def validate(self, photos: PhotoStore) -> dict[str, float]:
        rgb = validation_crops(photos)
        half = rgb.shape[3] // 2
        pairs = {
            "mirror": (rgb, rgb.flip(3)),
            "halves": (rgb[..., half:], rgb[..., :half]),
            "random": (rgb, rgb.roll(1, 0)),
        }
        numbers = {}
        for name, (target, reference) in pairs.items():
            lab = rgb_to_lab(target)
            judged = self._look_up(lab, rgb_to_lab(reference))
            found = F.interpolate(judged.ab, lab.shape[2:], mode="bilinear", align_corners=False)
            numbers[f"{name}_psnr"] = mean_psnr(colored(lab[:, :1], found), target)
            error = (judged.ab - F.avg_pool2d(lab[:, 1:], STRIDE)).square().sum(1, keepdim=True)
            numbers[f"{name}_error"] = error.mean().sqrt().item()  # ab units
            numbers[f"{name}_foreseen"] = judged.log_error.exp().mean().sqrt().item()
        return numbers

    def export(self, folder: Path) -> list[Path]:
        path = folder / self.CHECKPOINTS[0]
        save_network(self.matcher, path)
        return [path]
