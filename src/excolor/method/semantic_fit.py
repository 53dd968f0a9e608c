"""How far a reference is followed as a whole: what shows nothing of a target has no colors for it.

In any picture there is something that resembles a place somewhat: chance alone finds matches, and each looks no worse
than the doubtful ones of a picture that fits. Their mean tells the two apart: it is 0.32 to 0.38 beside unrelated
pictures (5 to 95 % of 120 pairs) and 0.40 to 0.58 beside those that show similar things (of 40). Of more
places the best one is more alike by chance.
"""

import torch
from torch import Tensor

# Mean cosine of the matches among _PLACES: up to the first a reference is not followed, from the second on it is
_UNRELATED, _RELATED = 0.35, 0.41
_PLACES = 640
_CHANCE = 0.034  # that it grows by for e times as many places


def share_followed(cosine: Tensor, places: Tensor) -> Tensor:
    """How far references are followed, (N,) in [0, 1].

    Args:
        cosine: (N, 1, h, w), of each place of the target and its match.
        places: (N,), how many there are to choose from; at least 1.
    """
    by_chance = _CHANCE * (places / _PLACES).log()
    return ((cosine.mean((1, 2, 3)) - by_chance - _UNRELATED) / (_RELATED - _UNRELATED)).clamp(0, 1)


def places_shown(ab: Tensor, hidden: Tensor | None) -> Tensor:
    """How many places of references show, (N,): of their ab (N, 2, h, w), and which are hidden, (N, 1, h, w)."""
    count = torch.full((len(ab),), float(ab.shape[2] * ab.shape[3]), device=ab.device)
    return count if hidden is None else (count - hidden.flatten(1).sum(1)).clamp(min=1)
