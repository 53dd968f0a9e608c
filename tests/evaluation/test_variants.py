"""References made of the picture itself, relatives, and targets on old film."""

from pathlib import Path

import numpy as np
import pytest

from excolor import Colorizer, ColorizeSettings
from excolor.errors import PhotoError
from excolor.evaluation.baselines import gray
from excolor.evaluation.film import FILMS, Film, at_true_lightness, on_film
from excolor.evaluation.measuring import Evaluator
from excolor.evaluation.metrics import lab, psnr
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case, Plan
from excolor.evaluation.relatives import with_relatives
from excolor.evaluation.summary import margins, summarize
from excolor.evaluation.variants import recolored, zoomed

NAME = "sea/1.png"


@pytest.fixture
def picture(album: Path) -> np.ndarray:
    return PhotoSet(album, side=40).read(NAME)


def test_recolored_keeps_the_lightness_and_changes_every_hue_alike(picture: np.ndarray) -> None:
    truth, reference = recolored(picture, NAME)
    assert truth.shape == reference.shape == picture.shape
    np.testing.assert_allclose(lab(truth)[..., 0], lab(picture)[..., 0], atol=0.5)
    old, new = (lab(p)[..., 1] + 1j * lab(p)[..., 2] for p in (picture, truth))
    strong = (np.abs(old) > 20) & (np.abs(new) > 10)
    assert strong.any()
    turns = np.angle(new[strong] / old[strong] * np.exp(-1j * np.angle(np.mean(new[strong] / old[strong]))))
    # What fits no gamut moves toward its gray in linear light, which bends its hue in Lab a little
    assert np.median(np.abs(turns)) < 0.15
    assert abs(np.angle(np.mean(new[strong] / old[strong]))) > 0.5
    assert np.array_equal(recolored(picture, NAME)[0], truth)
    assert not np.array_equal(recolored(picture, "another")[0], truth)


def test_zoomed_is_nearly_the_picture(picture: np.ndarray) -> None:
    nearly = zoomed(picture, NAME)
    assert nearly.shape == picture.shape
    assert 12 < psnr(nearly, picture) < 40


def test_the_best_relative_is_the_mirrored_picture_in_its_folder() -> None:
    rng = np.random.default_rng(0)
    pictures = {f"{folder}/{i}": rng.random((40, 50, 3)).astype(np.float32) for folder in "ab" for i in range(3)}
    pictures["a/mirrored"] = np.ascontiguousarray(pictures["a/1"][:, ::-1])
    cases = with_relatives(
        [Case("related", "a/1", "a/1"), Case("none", "b/0", None)], list(pictures), pictures.__getitem__
    )
    assert cases == [Case("related", "a/1", "a/mirrored"), Case("none", "b/0", None)]


def test_new_protocols_are_measured_where_they_are_named(album: Path, colorizer: Colorizer) -> None:
    pictures = PhotoSet(album, side=40, leave_out=("sea",))  # the only one in its folder
    plan = Plan(("recolored", "zoomed", "related"), limit=1)
    cases = with_relatives(plan.cases(pictures.names), pictures.names, pictures.read)
    evaluator = Evaluator(pictures, colorizer, ColorizeSettings(32))
    found = [m for case in cases if (m := evaluator.measure(case)) is not None]
    assert {m.case.protocol for m in found} == {"recolored", "zoomed", "related"}
    summaries = summarize(found)
    (related,) = (s for s in summaries if s.protocol == "related")
    assert related.following is not None
    assert related.following.chroma_ratio > 0
    assert "of that of the colors found" in margins(summaries)
    assert all(s.following is None for s in summaries if s.protocol != "related")
    assert not {"recolored", "zoomed", "related"} & {case.protocol for case in Plan().cases(pictures.names)}


def test_a_picture_is_no_relative_of_itself(album: Path, colorizer: Colorizer) -> None:
    """Though the others of its folder cannot be read."""
    for name in ("garden/2.png", "garden/10.png"):
        (album / name).write_bytes((album / name).read_bytes()[:100])
    pictures = PhotoSet(album, side=40)
    planned = Plan(("related",)).cases(pictures.names)
    cases = {case.target: case for case in with_relatives(planned, pictures.names, pictures.read)}
    evaluator = Evaluator(pictures, colorizer, ColorizeSettings(32))
    with pytest.raises(PhotoError, match=r"garden/1\.png in related: no other picture of its folder can be read"):
        evaluator.measure(cases["garden/1.png"])
    with pytest.raises(PhotoError, match="cannot read"):
        evaluator.measure(cases["garden/2.png"])


@pytest.mark.parametrize("film", FILMS)
def test_targets_on_film_are_gray_and_colors_are_compared_at_the_true_lightness(
    film: Film, album: Path, colorizer: Colorizer, picture: np.ndarray
) -> None:
    target = on_film(picture, film, NAME)
    assert np.ptp(target, axis=2).max() < 1e-3
    assert np.array_equal(target, on_film(picture, film, NAME))
    if film == "modern":
        np.testing.assert_allclose(target, gray(picture), atol=1e-3)
    else:
        assert psnr(target, gray(picture)) < 40
    measured = Evaluator(PhotoSet(album, side=40), colorizer, ColorizeSettings(32), film).measure(
        Case("none", NAME, None)
    )
    assert measured is not None
    # Gray has no color error that depends on the film
    expected = psnr(at_true_lightness(gray(picture), picture), picture)
    assert measured.methods["gray"]["psnr"] == pytest.approx(expected, abs=0.05)
