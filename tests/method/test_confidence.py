"""How far found colors are trusted. Second source: Wiener's share, in numpy."""

import math

import numpy as np
import pytest
import torch

from excolor.method.confidence import confidence_of_judged
from excolor.networks.matcher import Judged


@pytest.mark.parametrize("error", [1.0, 15.0, 60.0])
def test_confidence_is_wieners_share_and_knows_the_whole(error: float) -> None:
    judged = Judged(torch.zeros(1, 2, 6, 8), torch.full((1, 1, 6, 8), 2 * math.log(error)))
    found = confidence_of_judged(judged)
    odds = 15**2 / error**2
    fit = odds**2 / (1 + odds**2)
    odds *= np.exp(-0.7 + 3.7 * fit)
    np.testing.assert_allclose(found.of_place.numpy(), odds / (1 + odds), rtol=1e-4)
    assert (found.over_statistics >= found.of_place).all()


def test_one_batch_does_not_change_another() -> None:
    """The fit of the whole is that of each picture."""
    log_error = torch.randn((2, 1, 6, 8), generator=torch.Generator().manual_seed(0)) + 5
    both = confidence_of_judged(Judged(torch.zeros(2, 2, 6, 8), log_error))
    for i in range(2):
        alone = confidence_of_judged(Judged(torch.zeros(1, 2, 6, 8), log_error[i : i + 1]))
        torch.testing.assert_close(both.of_place[i : i + 1], alone.of_place)
