"""How far a result follows its reference, place by place: what the networks did, not what they were told."""

import torch.nn.functional as F
from torch import Tensor

from excolor.method.architecture import Stages
from excolor.settings import STRONGEST

_WINDOW = 9  # pixels: single ones say little
_NEARLY = 0.9  # so far or farther, and nothing needs to be said
_SAME = 3.0  # ab units: where the reference has nearly the color that would be invented, both are followed


def reliance(stages: Stages) -> Tensor:
    """The share of the way from the invented color to the reference's that the result goes: (N, 1, H, W) in [0, 1].

    It is 1 where the result has the color that the reference has for the place, and 0 where it has the one that would
    be invented without it.
    """
    way, gone = stages.coarse - stages.invented, stages.ab - stages.invented
    length, along = _around(way.square().sum(1, keepdim=True)), _around((way * gone).sum(1, keepdim=True))
    return ((along + _SAME**2) / (length + _SAME**2)).clamp(0, 1)


def followed_notes(followed: Tensor | None, name: str, strength: float = 1.0) -> tuple[str, ...]:
    """What the user should know about how far references called `name` are followed at a strength in [0, 2].

    `followed` is that of `Stages`. Who wants them not to be followed at all knows.
    """
    if followed is None or strength == 0 or (share := followed.min().item()) >= _NEARLY:
        return ()
    share *= min(strength, 1.0)
    told = (
        f"little of what this picture shows is in {name}, whose colors are followed by {share:.0%}, and the rest is "
        "invented"
    )
    if strength < STRONGEST:
        told += f"; a strength above {max(strength, 1.0):g} follows them further"
    return (told,)


def _around(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, _WINDOW, stride=1, padding=_WINDOW // 2, count_include_pad=False)
