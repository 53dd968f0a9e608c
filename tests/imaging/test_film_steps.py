"""Old photographs from new ones."""

import pytest
import torch

from excolor.imaging.color import gray_to_lightness
from excolor.imaging.film import BLUE_SENSITIVE, ORTHOCHROMATIC, exposed, faded, grainy


@pytest.mark.parametrize("response", [ORTHOCHROMATIC, BLUE_SENSITIVE])
def test_film_keeps_grays_and_darkens_reds(response: tuple[float, float, float]) -> None:
    shares = torch.tensor(response)
    assert shares.sum() == pytest.approx(1)
    gray = torch.rand(1, 1, 8, 8)
    torch.testing.assert_close(exposed(gray.expand(-1, 3, -1, -1), shares), gray_to_lightness(gray), atol=0.01, rtol=0)
    red = torch.tensor((0.8, 0.1, 0.1)).view(1, 3, 1, 1)
    sky = torch.tensor((0.4, 0.6, 0.9)).view(1, 3, 1, 1)
    eye = torch.tensor((0.2126, 0.7152, 0.0722))
    assert exposed(red, shares) < exposed(red, eye) - 10
    assert exposed(sky, shares) > exposed(sky, eye)


def test_fading_moves_black_and_white_to_where_it_says() -> None:
    ends = torch.tensor((0.0, 50.0, 100.0)).view(1, 1, 1, 3)
    assert faded(ends, 20, 80).flatten().tolist() == pytest.approx([20, 50, 80])


def test_grain_has_the_amount_asked_for_and_depends_on_the_generator_alone() -> None:
    middle = torch.full((1, 1, 128, 128), 50.0)
    grain = grainy(middle, 5, torch.Generator().manual_seed(1))
    assert grain.std() == pytest.approx(5, rel=0.1)
    assert grain.mean() == pytest.approx(50, abs=0.5)
    assert torch.equal(grain, grainy(middle, 5, torch.Generator().manual_seed(1)))
