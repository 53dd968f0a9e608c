"""What a colorizer needs of its networks, whatever their architecture: tensors in, every stage out.

Shapes: N batch, H, W multiples of `ExemplarModel.multiple`. L is in [0, 100], ab in [-128, 127], RGB is sRGB in [0, 1].
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from torch import Tensor, nn

from excolor.method.hints import Hints
from excolor.settings import ColorizeSettings

R = TypeVar("R")
"""What is kept of a reference: of batch size 1, or that of the targets."""


class FoundColors(NamedTuple):
    """The result.

    Attributes:
        ab: (N, 2, H, W).
        followed: how far the reference is followed as a whole, (N,) in [0, 1]; None if the architecture does not ask.
    """

    ab: Tensor
    followed: Tensor | None


@dataclass(frozen=True)
class Stages:
    """What is known after each stage: ab maps (N, 2, H, W).

    Attributes:
        invented: without the reference.
        coarse: colors that the reference has for the target, before refinement.
        hints: what the colorization net is given of them, zero where that is nothing.
        ab: the result.
        followed: as in `FoundColors`.
    """

    invented: Tensor
    coarse: Tensor
    hints: Tensor
    ab: Tensor
    followed: Tensor | None = None

    @property
    def found(self) -> FoundColors:
        """The result alone."""
        return FoundColors(self.ab, self.followed)


class ExemplarModel(nn.Module, ABC, Generic[R]):
    """The networks of a model that colorizes by references. All methods want it in evaluation mode.

    Where they take `known`, it is what `examine` found in the same lightness, so that it is not computed twice.
    """

    multiple: ClassVar[int]
    """Pixels: height and width of what the networks see are multiples of it."""

    def check(self, settings: ColorizeSettings) -> None:
        """Raise SettingError if a setting of how a reference is followed is not for this architecture."""

    @abstractmethod
    def encode_reference(self, rgb: Tensor, visible: Tensor | None = None) -> R:
        """What is needed of a reference for any number of targets.

        Args:
            rgb: (N, 3, H, W).
            visible: of a single reference (N = 1) how visible each pixel is, (1, 1, H, W) in [0, 1]; None if all are.
        """

    @abstractmethod
    def join_references(self, references: Sequence[R]) -> R:
        """Several references, at least one, as one: each place of a target looks for similar ones in all of them."""

    @abstractmethod
    def examine(self, lightness: Tensor) -> Any:
        """What of L (N, 1, H, W) any reference is compared with."""

    @abstractmethod
    def score(self, lightness: Tensor, references: Sequence[R], known: Any = None) -> Tensor:
        """How well each reference fits each target L (N, 1, H, W): (N, number of references) in [0, 1]."""

    @abstractmethod
    def invent(self, lightness: Tensor, user: Hints | None = None, known: Any = None) -> Tensor:
        """Plausible ab (N, 2, H, W) for L (N, 1, H, W), from a person's hints or from nothing."""

    @abstractmethod
    def forward(
        self,
        lightness: Tensor,
        reference: R,
        settings: ColorizeSettings = ColorizeSettings(),
        user: Hints | None = None,
        known: Any = None,
    ) -> Stages:
        """Colors for targets from a reference.

        Args:
            lightness: L of the targets, (N, 1, H, W).
            reference: of `encode_reference` or `join_references`.
            settings: how; the working size was followed before, and `vivid` is followed afterwards.
            user: a person's hints, which stand above those of the reference.
            known: of `examine`.
        """

    def colors(
        self,
        lightness: Tensor,
        reference: R,
        settings: ColorizeSettings = ColorizeSettings(),
        user: Hints | None = None,
        known: Any = None,
    ) -> FoundColors:
        """The result of `forward` alone: an architecture may have it with fewer networks."""
        stages: Stages = self(lightness, reference, settings, user, known)
        return stages.found

    def recall(self, lightness: Tensor, ab: Tensor, trust: float, known: Any = None) -> R | None:
        """Pictures in the colors that they were given, as references; None if an architecture gains nothing by that.

        Args:
            lightness: L (N, 1, H, W).
            ab: (N, 2, H, W).
            trust: factor of their likeness to places of a target, in [0, 1]: the less, the sooner are places of
                references preferred that they are joined with.
            known: of `examine`.
        """
        return None

    @abstractmethod
    def follow(
        self,
        ab: Tensor,
        lightness: Tensor,
        reference: R | None,
        settings: ColorizeSettings,
        user: Hints,
        known: Any = None,
    ) -> Tensor:
        """Colors that follow a person's hints: exactly where these are, and where it is similar.

        Args:
            ab: (1, 2, H, W), of `invent` or `forward` without the hints, times `settings.vivid`.
            lightness: L (1, 1, H, W).
            reference: that it was made with.
            settings: `hint_reach` says how far similar places follow.
            user: the hints, at least one cell.
            known: of `examine`.

        Returns:
            ab (1, 2, H, W).
        """
