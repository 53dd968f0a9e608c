"""The interpolation of hints, against a Gaussian process written in numpy, and what it promises."""

import numpy as np
import pytest
import torch

from excolor.imaging.color import ab_to_network
from excolor.method.hint_reach import HintCovariance, follow_hints, independent_hints
from excolor.method.hints import Hints

H, W = 12, 16


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Colors, lightness and descriptors: left and right half are different things."""
    random = torch.Generator().manual_seed(1)
    ab = 10 * torch.randn((1, 2, H, W), generator=random)
    lightness = torch.full((1, 1, H, W), 30.0)
    lightness[..., W // 2 :] = 80.0
    descriptors = torch.zeros((1, 2, H, W))
    descriptors[:, 0, :, : W // 2] = 1
    descriptors[:, 1, :, W // 2 :] = 1
    return ab, lightness, descriptors


def hints(*cells: tuple[int, int, float, float]) -> Hints:
    ab, mask = torch.zeros((1, 2, H, W)), torch.zeros((1, 1, H, W))
    for row, column, a, b in cells:
        ab[0, :, row, column] = torch.tensor((a, b))
        mask[..., row, column] = 1
    return Hints(ab_to_network(ab), mask)


def test_a_hint_stands_exactly() -> None:
    ab, lightness, descriptors = scene()
    result = follow_hints(ab, lightness, descriptors, hints((3, 2, 40, -20), (9, 12, -30, 5)), 0.7)
    torch.testing.assert_close(result[0, :, 3, 2], torch.tensor((40.0, -20.0)), atol=1e-4, rtol=0)
    torch.testing.assert_close(result[0, :, 9, 12], torch.tensor((-30.0, 5.0)), atol=1e-4, rtol=0)


def test_what_is_unlike_stays_and_what_is_alike_follows() -> None:
    ab, lightness, descriptors = scene()
    change = follow_hints(ab, lightness, descriptors, hints((5, 2, 60, 60)), 0.7) - ab
    size = change.norm(dim=1)[0]
    assert size[:, W // 2 :].max() < 2
    assert size[5, 3:6].min() > 20


@pytest.mark.parametrize(
    ("reach", "form"),
    [
        (0.0, HintCovariance()),
        (0.4, HintCovariance()),
        (1.0, HintCovariance()),
        (0.8, HintCovariance(0.1, 0.2, 0.1, 9, 0.3, 0.8, 25)),
    ],
)
def test_is_the_gaussian_process_of_the_textbook(reach: float, form: HintCovariance) -> None:
    ab, lightness, descriptors = scene()
    given = hints((1, 1, 30, 0), (10, 6, 0, 50), (6, 13, -20, -20))
    result = follow_hints(ab, lightness, descriptors, given, reach, form)
    y, x = np.divmod(np.arange(H * W), W)
    levels = lightness.numpy().ravel().astype(float)
    d = descriptors.numpy().reshape(2, -1).astype(float)

    def k(i: int, j: int) -> float:
        far = ((y[i] - y[j]) ** 2 + (x[i] - x[j]) ** 2) / W**2
        contrast = (levels[i] - levels[j]) ** 2
        near_by = np.exp(-far / (2 * form.near**2) - contrast / (2 * form.near_lightness**2))
        exponent = (1 - d[:, i] @ d[:, j]) / form.unlike
        exponent += far / (2 * form.far**2) + contrast / (2 * form.far_lightness**2)
        share = reach * (1 - form.local_share)
        return float((1 - share) * near_by + share * np.exp(-exponent))

    cells = [1 * W + 1, 10 * W + 6, 6 * W + 13]
    flat = ab.numpy()[0].reshape(2, -1).T.astype(float)
    observed = np.array([(30, 0), (0, 50), (-20, -20)]) - flat[cells]
    inner = np.array([[k(i, j) for j in cells] for i in cells]) + form.noise * np.eye(3)
    weights = np.linalg.solve(inner, observed)
    for place in (0, 20, 77, 130, 191):
        expected = flat[place] + np.array([k(place, j) for j in cells]) @ weights
        np.testing.assert_allclose(result[0].reshape(2, -1)[:, place], expected, atol=1e-3)


def test_a_painted_layer_is_thinned_and_still_stands() -> None:
    ab, lightness, descriptors = scene()
    everywhere = Hints(ab_to_network(torch.full((1, 2, H, W), 12.0)), torch.ones((1, 1, H, W)))
    torch.testing.assert_close(
        follow_hints(ab, lightness, descriptors, everywhere, 0.7), torch.full((1, 2, H, W), 12.0), atol=1e-4, rtol=0
    )


def test_the_same_twice() -> None:
    ab, lightness, descriptors = scene()
    once, again = (follow_hints(ab, lightness, descriptors, hints((3, 3, 9, 9)), 0.7) for _ in range(2))
    assert torch.equal(once, again)


def test_hints_count_as_many_as_have_nothing_to_do_with_each_other() -> None:
    _, lightness, descriptors = scene()
    form = HintCovariance(noise=0.01, local_share=0.0, unlike=0.1, far=10.0)

    def independent(*cells: tuple[int, int, float, float]) -> float:
        return independent_hints(lightness, descriptors, hints(*cells), form)

    one = independent((1, 1, 30, 0))
    assert one == pytest.approx(1 / 1.01, abs=1e-3)
    assert independent((1, 1, 30, 0), (9, 5, 0, 30)) == pytest.approx(1, abs=0.02)  # the same thing
    assert independent((1, 1, 30, 0), (9, 13, 0, 30)) == pytest.approx(2 * one, abs=0.02)  # two things
