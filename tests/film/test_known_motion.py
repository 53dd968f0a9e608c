"""Motion, and what it hides, against clips of known motion: pans, zooms, and things that cross."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from clips import picture

from excolor.film.clip_metrics import WarpError, visible_before
from excolor.film.motion import MotionFinder

SCRIPT = Path(__file__).parents[2] / "scripts" / "synthetic_clips.py"
SIZE = (120, 168)


def script() -> ModuleType:
    spec = spec_from_file_location("synthetic_clips", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


SYNTHETIC = script()
SCENES: dict[str, Callable[[], object]] = {
    "pan": lambda: SYNTHETIC.pan(picture("palace"), 8, SIZE),
    "zoom": lambda: SYNTHETIC.zoom(picture("coffee"), 8, SIZE),
    "crossing": lambda: SYNTHETIC.crossing(picture("cat"), [picture("coffee"), picture("flower")], 8, SIZE),
}


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest) -> object:
    return SCENES[request.param]()


def gray(frame: np.ndarray) -> np.ndarray:
    return frame.mean(2).round().astype(np.uint8)


def test_the_known_motion_leads_to_the_frame_before(scene: object) -> None:
    """The scenes' own flow is right: moved along it, colors hardly change where nothing is hidden."""
    for index in (1, 5):
        now, before = (scene.frame(i).astype(np.float32) / 255 for i in (index, index - 1))
        flow = scene.flow(index)
        surely = inside(flow) & (scene.top(index) == scene.top(index - 1))
        meter, still = WarpError(), WarpError()
        meter.add(now, before, flow, surely)
        still.add(now, before, np.zeros_like(flow), surely)
        assert meter.value < 0.2 * still.value


def inside(flow: np.ndarray) -> np.ndarray:
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def test_motion_is_found_to_half_a_pixel(scene: object) -> None:
    there, back = MotionFinder().between(gray(scene.frame(5)), gray(scene.frame(4)))
    error = np.linalg.norm(there.flow - scene.flow(5), axis=2)
    sure = there.confidence > 0.5
    assert sure.mean() > 0.6
    assert np.median(error[sure]) < 0.3 and np.mean(error[sure] < 1) > 0.93
    visible = visible_before(there.flow, back.flow)
    assert np.mean(error[visible] < 1) > 0.93


def test_what_was_hidden_is_doubted() -> None:
    """What a thing uncovers, before a ground with texture (before a flat sky nobody could tell)."""
    scene = SCENES["crossing"]()
    there, back = MotionFinder().between(gray(scene.frame(5)), gray(scene.frame(4)))
    hidden = (scene.top(5) == 0) & (scene.top(4) == 1)
    assert hidden.sum() > 50
    assert there.confidence[hidden].mean() < 0.6 * there.confidence[scene.top(5) == 0].mean()
    assert visible_before(there.flow, back.flow)[hidden].mean() < 0.5


def test_joined_steps_lead_back_over_several_frames(scene: object) -> None:
    """From frame 4 to the first along the steps, against the scenes' own motion joined in the same way."""
    finder = MotionFinder()
    total = true = None
    for index in range(1, 5):
        step, _ = finder.between(gray(scene.frame(index)), gray(scene.frame(index - 1)))
        known = type(step)(scene.flow(index), np.ones(SIZE, np.float32))
        total = step if total is None else total.after(step)
        true = known if true is None else true.after(known)
    sure = total.confidence > 0.5
    assert sure.mean() > 0.35
    assert np.median(np.linalg.norm(total.flow - true.flow, axis=2)[sure]) < 0.6
