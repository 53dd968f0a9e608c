"""Pictures as a `Colorizer` takes and gives them: what was found in them, once, for all that follows."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from excolor.imaging.working_size import NetworkInput
from excolor.networks.models import ModelIdentity
from excolor.photo import Photo


@dataclass(frozen=True, eq=False)
class Reference:
    """What is kept of a reference picture: made by `Colorizer.encode_reference`, used for any number of targets.

    Attributes:
        features: of the picture as the networks saw it.
        name: of the picture, or the names of several.
        is_gray: it has no colors to give.
        model: the one that encoded it, with which alone it can be used.
        working_size: at which it was seen, pixels of the shorter side.
    """

    features: Any
    name: str
    is_gray: bool
    model: ModelIdentity
    working_size: int


@dataclass(frozen=True, eq=False)
class Target:
    """A picture that has been looked at: made by `Colorizer.look`, so that what follows need not do it again.

    Attributes:
        photo: itself.
        seen: its lightness at the size at which the networks see it.
        lightness: what they see of it, (1, 1, h, w): that of `seen`, or with its contrast stretched (`auto_levels`).
        known: what they found in it, if they have been asked.
        model: the one that looked, with which alone it can be used.
        working_size: at which it was seen, pixels of the shorter side.
        auto_levels: whether the contrast was stretched.
    """

    photo: Photo
    seen: NetworkInput
    lightness: Tensor
    known: Any
    model: ModelIdentity
    working_size: int
    auto_levels: bool


@dataclass(frozen=True)
class StagePhotos:
    """The steps to a result (the paper's Figure 4): all but `result` at the working size."""

    precolor: Photo
    coarse: Photo
    hints: Photo
    result: Photo
