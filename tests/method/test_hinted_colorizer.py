"""`Colorizer.colorize(..., hints=...)` as a program calls it: points, layers, files, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from excolor import Colorizer, ColorizeSettings, Hint, HintError, HintLayer, Photo, dump_hints, read_hints, read_layer
from excolor.evaluation.metrics import lab

SMALL = ColorizeSettings(working_size=64)
GRAY = np.full((60, 80), 150, np.uint8)  # L 62, at which sRGB has all colors below


@pytest.fixture(scope="module", params=["semantic", "lite"])
def model(request: pytest.FixtureRequest) -> Colorizer:
    return Colorizer.load(request.param, device="cpu")


def ab(pixels: np.ndarray, x: float, y: float) -> np.ndarray:
    found: np.ndarray = lab(pixels / 255)[int(y * len(pixels)), int(x * pixels.shape[1]), 1:]
    return found


def of(color: tuple[int, int, int]) -> np.ndarray:
    return ab(np.array([[color]], np.uint8), 0, 0)


def layer(color: tuple[int, int, int]) -> HintLayer:
    alpha = np.zeros((60, 80), np.uint8)
    alpha[20:40, 20:40] = 255
    return HintLayer(Photo(np.full((60, 80, 3), color, np.uint8), alpha))


@pytest.mark.parametrize("with_reference", [False, True])
def test_points_and_layers_stand_where_they_are(model: Colorizer, with_reference: bool, reference: Path) -> None:
    references = [reference] if with_reference else []
    hints = [layer((170, 140, 140)), Hint("30px", "30px", "#809880", radius="3px"), Hint(0.8, 0.5, "gray")]
    result = model.colorize(GRAY, references, SMALL, hints=hints)
    assert not any("does not exist" in note for note in result.notes)
    np.testing.assert_allclose(ab(result.pixels, 22 / 80, 22 / 60), of((170, 140, 140)), atol=2)
    np.testing.assert_allclose(ab(result.pixels, 30.5 / 80, 30.5 / 60), of((128, 152, 128)), atol=2)  # the last one
    np.testing.assert_allclose(ab(result.pixels, 0.8, 0.5), 0, atol=2)
    np.testing.assert_allclose(lab(result.pixels / 255)[..., 0], lab(np.full((1, 1, 3), 150 / 255))[0, 0, 0], atol=1)
    turned = model.colorize(GRAY, references, SMALL, hints=hints[::-1])
    np.testing.assert_allclose(ab(turned.pixels, 30.5 / 80, 30.5 / 60), of((170, 140, 140)), atol=2)
    plain = model.colorize(GRAY, references, SMALL)
    np.testing.assert_array_equal(model.colorize(GRAY, references, SMALL, hints=[]).pixels, plain.pixels)
    if with_reference:
        stages = model.colorize_stages(GRAY, references, SMALL, hints=hints)
        np.testing.assert_array_equal(stages.result.pixels, result.pixels)


def test_files_say_the_same_as_what_they_were_made_of(model: Colorizer, tmp_path: Path) -> None:
    points = [Hint(0.3, 0.5, "#809880", radius="5%", note="the coat")]
    (tmp_path / "h.json").write_text(dump_hints(points), encoding="utf-8")
    painted = layer((170, 140, 140))
    painted.photo.save(tmp_path / "layer.png")
    read = [read_layer(tmp_path / "layer.png"), *read_hints(tmp_path / "h.json").hints]
    found, wanted = (model.colorize(GRAY, settings=SMALL, hints=hints).pixels for hints in (read, [painted, *points]))
    np.testing.assert_array_equal(found, wanted)


def test_reach_and_vividness(model: Colorizer) -> None:
    """Full reach changes the rest of an even picture more than none; vividness is not for hints."""
    hints = [Hint(0.2, 0.5, "#a08c8c", radius="5%")]
    plain = model.colorize(GRAY, settings=SMALL).pixels.astype(int)
    near, far = (
        model.colorize(GRAY, settings=ColorizeSettings(64, hint_reach=reach), hints=hints).pixels for reach in (0, 1)
    )
    assert np.abs(near - plain)[:, 60:].mean() < np.abs(far - plain)[:, 60:].mean()
    vivid = model.colorize(GRAY, settings=ColorizeSettings(64, vivid=2), hints=hints).pixels
    np.testing.assert_allclose(ab(vivid, 0.2, 0.5), of((0xA0, 0x8C, 0x8C)), atol=2)


def test_what_cannot_be_had_is_in_the_notes_and_what_does_not_fit_is_refused(model: Colorizer) -> None:
    (note,) = model.colorize(GRAY, settings=SMALL, hints=[Hint(0.5, 0.5, "blue")]).notes
    assert "0.5,0.5=blue does not exist" in note
    for hint, words in ((Hint("80px", 0, "red"), "outside the picture"), (layer((9, 9, 9)), "aspect ratios")):
        with pytest.raises(HintError, match=words):
            model.colorize(GRAY[:, :60], settings=SMALL, hints=[hint])
    with pytest.raises(HintError, match="no transparency"):
        HintLayer(Photo(np.zeros((6, 8, 3), np.uint8)))
