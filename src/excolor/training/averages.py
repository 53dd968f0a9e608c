"""Moving averages of the weights in training: what is shipped may be the mean of the last steps instead of the last."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from excolor.errors import TrainingError


class AveragedWeights:
    """Exponential moving averages of all weights that are trained.

    The first averages would be those of random weights. The share of the newest weights therefore begins near 1 and
    falls with the steps, as `num_updates` of TensorFlow's ExponentialMovingAverage has it.
    """

    def __init__(self, modules: nn.Module, share: float) -> None:
        """Begin with the weights that `modules` has. `share` is that of the newest ones; at 1 nothing is averaged."""
        self._share = share
        named = modules.named_parameters() if share < 1 else ()
        self._weights = {name: weight for name, weight in named if weight.requires_grad}
        self._means = {name: weight.detach().clone() for name, weight in self._weights.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Average the weights after step `step`, from 0."""
        share = max(self._share, 9 / (10 + step))
        for name, mean in self._means.items():
            mean.lerp_(self._weights[name], share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While it lasts, the modules have the averages as their weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, weight in self._weights.items():
            weight.data, self._means[name] = self._means[name], weight.data

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by the weights' names."""
        return dict(self._means)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from saved averages. Raises TrainingError if they are of other weights."""
        shapes = [{name: mean.shape for name, mean in means.items()} for means in (state, self._means)]
        if shapes[0] != shapes[1]:
            raise TrainingError("the averages are of other networks than are trained here; use the options of that run")
        for name, mean in self._means.items():
            mean.copy_(state[name])
