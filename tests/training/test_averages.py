"""Averaged weights: the mean of the last steps is shipped, and training goes on with the last weights."""

import pytest
import torch
from torch import nn

from excolor.errors import TrainingError
from excolor.training.averages import AveragedWeights


def layer(value: float) -> nn.Linear:
    made = nn.Linear(1, 1)
    with torch.no_grad():
        made.weight.fill_(value)
        made.bias.fill_(-value)
    return made


def test_the_averages_are_those_of_the_formula_while_they_are_applied() -> None:
    net = layer(1.0)
    averages = AveragedWeights(net, 0.25)
    wanted = 1.0
    for step in range(60):
        with torch.no_grad():
            net.weight.fill_(step)
        averages.update(step)
        share = max(0.25, 9 / (10 + step))  # the first are forgotten soon
        wanted += share * (step - wanted)
    with averages.applied():
        assert net.weight.item() == pytest.approx(wanted, rel=1e-5)
    assert net.weight.item() == 59
    with pytest.raises(ZeroDivisionError), averages.applied():
        raise ZeroDivisionError
    assert net.weight.item() == 59


def test_what_stays_or_is_not_to_be_averaged_is_left_alone() -> None:
    net = layer(1.0)
    net.bias.requires_grad_(False)
    assert AveragedWeights(net, 0.1).state_dict().keys() == {"weight"}
    last = AveragedWeights(net, 1.0)
    last.update(0)
    assert not last.state_dict()
    with last.applied():
        assert net.weight.item() == 1


def test_averages_go_on_where_they_were_and_only_with_their_own_weights() -> None:
    one, other = layer(1.0), layer(5.0)
    first, second = AveragedWeights(one, 0.1), AveragedWeights(other, 0.1)
    second.load_state_dict(first.state_dict())
    with second.applied():
        assert other.weight.item() == 1
    with pytest.raises(TrainingError, match="other networks"):
        second.load_state_dict({})
