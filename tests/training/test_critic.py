"""The critic of invented colors: what it learns, and what the net learns from it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.training.critic import Critic

WEIGHT = 0.5


def critic() -> Critic:
    torch.manual_seed(0)
    made = Critic()
    made.steps.fill_(1000)  # it is believed in full
    return made


def colors(seed: int) -> tuple[Tensor, Tensor]:
    """L and ab (4, ·, 32, 32) of which ab is L and its opposite."""
    generator = torch.Generator().manual_seed(seed)
    lightness = F.interpolate(torch.rand((4, 1, 4, 4), generator=generator), 32, mode="bilinear") - 0.5
    return lightness, torch.cat((lightness, -lightness), 1)


def test_colors_that_look_true_are_asked_for() -> None:
    judge = critic()
    optimizer = torch.optim.Adam(judge.parameters(), 2e-3)
    for seed in range(60):
        lightness, true = colors(seed)
        optimizer.zero_grad()
        judge.loss(lightness, true + 0.4, true, WEIGHT).backward()
        optimizer.step()
    lightness, true = colors(1000)
    assert (judge(lightness, true).mean((1, 2, 3)) > judge(lightness, true + 0.4).mean((1, 2, 3)) + 0.5).all()

    invented = (true + 0.4).requires_grad_()
    judge.loss(lightness, invented, true, WEIGHT).backward()
    assert invented.grad is not None
    assert (invented.grad.mean((2, 3)) > 0).all()  # less of both a and b makes the loss smaller


def test_each_learns_its_own_part_only() -> None:
    """Second source: the hinge loss and the opinion, each with an autograd of its own."""
    judge = critic().eval()  # spectral norms stand still
    lightness, true = colors(1)
    invented = (true + 0.1).requires_grad_()
    judge.loss(lightness, invented, true, WEIGHT).backward()
    of_critic = [parameter.grad for parameter in judge.parameters()]
    of_net = invented.grad

    hinge = F.relu(1 - judge(lightness, true)).mean() + F.relu(1 + judge(lightness, invented)).mean()
    for found, wanted in zip(of_critic, torch.autograd.grad(hinge, list(judge.parameters())), strict=True):
        torch.testing.assert_close(found, wanted)
    opinion = judge(lightness, invented).mean()
    torch.testing.assert_close(of_net, -WEIGHT * torch.autograd.grad(opinion, invented)[0])


def test_the_value_is_the_opinion_that_is_believed() -> None:
    judge = critic().eval()
    lightness, true = colors(2)
    opinion = judge(lightness, true + 0.1).mean()
    torch.testing.assert_close(judge.loss(lightness, true + 0.1, true, WEIGHT), -WEIGHT * opinion)


def test_it_is_not_believed_at_first() -> None:
    judge = critic()
    judge.steps.zero_()
    lightness, true = colors(3)
    invented = (true + 0.1).requires_grad_()
    judge.loss(lightness, invented, true, WEIGHT).backward()
    assert not invented.grad.any()
    assert any(parameter.grad.any() for parameter in judge.parameters())
    assert judge.steps == 1
