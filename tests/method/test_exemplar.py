"""The paper's networks as a whole, with random weights: every stage is what its name says."""

import pytest
import torch
from random_networks import random_decoder, random_encoder
from torch import Tensor

from excolor.errors import SettingError
from excolor.imaging.color import ab_to_network, rgb_to_lab
from excolor.method.exemplar import ExemplarNet
from excolor.method.hints import Hints, no_hints
from excolor.networks.colorization import ColorizationConfig, ColorizationNet
from excolor.networks.transfer import TransferNet
from excolor.settings import ColorizeSettings

SIZE = (32, 48)


@pytest.fixture(scope="module")
def colorization() -> ColorizationNet:
    torch.manual_seed(0)
    return ColorizationNet(ColorizationConfig(8)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def net(colorization: ColorizationNet) -> ExemplarNet:
    return ExemplarNet(colorization, TransferNet(random_encoder(), random_decoder())).eval()


def picture(seed: int) -> Tensor:
    small = torch.rand((1, 3, 4, 6), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, SIZE, mode="bilinear")


LIGHTNESS = rgb_to_lab(picture(0))[:, :1]


def test_the_stages_are_one_after_the_other(net: ExemplarNet) -> None:
    reference = net.encode_reference(picture(1))
    stages = net(LIGHTNESS, reference)
    assert torch.equal(stages.invented, net.invent(LIGHTNESS))
    coarse = net.coarse(LIGHTNESS, stages.invented, reference)
    assert torch.equal(stages.coarse, coarse.ab)
    cells = torch.nn.functional.avg_pool2d(coarse.ab, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(stages.hints, cells)  # all of them are given by default
    confidence = torch.nn.functional.avg_pool2d(coarse.confidence, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    refined = net.refine(LIGHTNESS, Hints(ab_to_network(cells), confidence))
    torch.testing.assert_close(stages.ab, refined, atol=1e-3, rtol=1e-4)


def test_strength_leads_from_what_is_invented_to_what_is_refined(net: ExemplarNet) -> None:
    reference = net.encode_reference(picture(1))
    none, half, full = (net(LIGHTNESS, reference, ColorizeSettings(strength=s)) for s in (0.0, 0.5, 1.0))
    assert torch.equal(none.ab, none.invented)
    torch.testing.assert_close(half.ab, (none.ab + full.ab) / 2)


def test_a_share_of_the_coarse_map_is_given_as_hints_where_the_seed_says(net: ExemplarNet) -> None:
    reference = net.encode_reference(picture(1))
    first, again, other = (
        net(LIGHTNESS, reference, ColorizeSettings(hint_share=0.3, seed=seed)).hints for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert 0.1 < (first != 0).float().mean() < 0.5


def test_hints_of_a_person_stand_above_those_of_the_reference(net: ExemplarNet) -> None:
    user = no_hints(LIGHTNESS)
    user.ab[:, 0, 8:16, 8:16], user.mask[..., 8:16, 8:16] = 0.5, 1
    assert not torch.equal(net.invent(LIGHTNESS, user), net.invent(LIGHTNESS))
    reference = net.encode_reference(picture(1))
    stages = net(LIGHTNESS, reference, user=user)
    torch.testing.assert_close(stages.hints[0, :, 8:16, 8:16], torch.tensor([55.0, 0]).view(2, 1, 1).expand(2, 8, 8))
    cells = torch.nn.functional.avg_pool2d(stages.coarse, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    is_theirs = (user.mask > 0).expand_as(cells)
    torch.testing.assert_close(stages.hints[~is_theirs], cells[~is_theirs])


def test_references_are_scored_and_joined(net: ExemplarNet) -> None:
    gray = LIGHTNESS.expand(-1, 3, -1, -1) / 100
    references = [net.encode_reference(one) for one in (gray, picture(1))]
    scores = net.score(LIGHTNESS.expand(2, -1, -1, -1), references)
    assert scores.shape == (2, 2)
    assert (scores >= 0).all() and (scores <= 1).all()
    joined = net.join_references(references)
    assert joined.landmarks.ab.shape[2] == 2 * references[0].landmarks.ab.shape[2]
    assert (net.score(LIGHTNESS, [joined]) >= scores[:1].max(1).values - 1e-5).all()


def test_a_colorizer_alone_invents_and_follows_nothing(colorization: ColorizationNet, net: ExemplarNet) -> None:
    alone = ExemplarNet(colorization)
    assert torch.equal(alone.invent(LIGHTNESS), net.invent(LIGHTNESS))
    with pytest.raises(SettingError, match="only what pre-coloring needs"):
        alone.encode_reference(picture(1))
