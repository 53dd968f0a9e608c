"""What the training loop is given to train; each network has a module of its own, `encoder_task` to `colorizer_task`.

A task draws all that is random from the generator that a step gives it, so that step k is the same whether or not the
run was interrupted before.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol

from torch import Generator, Tensor, nn

from excolor.training.photo_store import PhotoStore
from excolor.training.recipes import Recipe


class Task(Protocol):
    """A network in training."""

    CHECKPOINTS: ClassVar[tuple[str, ...]]
    """The names of the files that `export` writes."""

    @property
    def modules(self) -> nn.ModuleDict:
        """What is trained, and saved in the training state."""

    @property
    def frozen(self) -> Mapping[str, nn.Module]:
        """The networks that it is trained beside and that no state holds, by the options that give them."""

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
