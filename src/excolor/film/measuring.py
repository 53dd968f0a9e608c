"""One clip at a time: hide its colors, bring them back, and compare with the truth frame by frame and along the motion.

All is streamed: memory does not grow with the length of a clip.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from excolor.errors import FilmError
from excolor.evaluation.baselines import gray
from excolor.evaluation.measuring import COLORLESS, EXCOLOR
from excolor.evaluation.metrics import colorfulness, mean_ciede2000, psnr
from excolor.film.clip_metrics import ColorConsistency, Mask, WarpError, visible_before
from excolor.film.color_clips import ColorClip
from excolor.film.frames import RATE
from excolor.film.motion import MotionFinder
from excolor.film.references import FilmReference, best, encode
from excolor.film.shots import find_shots
from excolor.film.steady import Frame, ShotColorizer, Steadiness, as_gray
from excolor.imaging.merging import with_colors
from excolor.imaging.working_size import Floats, lightness_of
from excolor.method.colorizer import Colorizer
from excolor.photo import Photo
from excolor.settings import ColorizeSettings

TRUTH, GRAY, ALONE = "truth", "gray", "frame by frame"


@dataclass(frozen=True)
class MethodNumbers:
    """What came out for a clip by one method.

    Attributes:
        psnr: mean over frames with colors, in dB; None for the truth itself.
        ciede2000: mean over these frames of `metrics.mean_ciede2000`.
        colorfulness: mean over these frames.
        cdc: see `ColorConsistency`; of all frames. None if shots are too short.
        warp_error: see `WarpError`; likewise.
    """

    psnr: float | None
    ciede2000: float
    colorfulness: float
    cdc: float | None
    warp_error: float | None


@dataclass(frozen=True)
class ClipMeasurement:
    """What came out for a clip.

    Attributes:
        clip: its path.
        frames: that were compared with the truth.
        colorless: frames that were not, since there is nothing to hide in them, such as black ones.
        shots: how many it has.
        methods: the numbers of each method.
    """

    clip: str
    frames: int
    colorless: int
    shots: int
    methods: Mapping[str, MethodNumbers]


class FilmEvaluator:
    """Measures clips with one model."""

    def __init__(
        self,
        colorizer: Colorizer,
        settings: ColorizeSettings,
        steadiness: Steadiness = Steadiness(),
        stills: Sequence[FilmReference] = (),
        *,
        alone: bool = True,
    ) -> None:
        """See `measure`.

        Args:
            colorizer: the networks.
            settings: how pictures are colored.
            steadiness: how colors are kept steady.
            stills: references, of which each shot follows the one that fits best; if there are none, each clip
                follows its own first frame, which is not measured then.
            alone: measure frames that are colored one by one as well.
        """
        self._colorizer = colorizer
        self._settings = settings
        self._steadiness = steadiness
        self._stills = stills
        self._alone = alone

    def measure(self, clip: ColorClip, advance: Callable[[], None] = lambda: None) -> ClipMeasurement:
        """Measure a clip; `advance` is called after each frame.

        Raises:
            FilmError: it has no colors to hide, or no frames to measure, or begins without colors that the other frames
                could follow.
            PhotoError: a frame cannot be read.
            DeviceError: the device has too little memory.
        """
        look = _FirstLook()
        shots = list(find_shots(look.brightness(clip.frames())))
        frames = clip.frames()
        first = next(frames, None)
        if first is None or (len(shots) == 1 and len(shots[0]) == 1 and not self._stills):
            raise FilmError(f"{clip.path}: a single frame is no clip; give more frames, or stills as references")
        if look.first_in_color is None:
            raise _colorless(clip)
        if look.first_in_color and not self._stills:
            raise FilmError(
                f"{clip.path}: its first frame, which the others are to follow, has no colors, and frame "
                f"{look.first_in_color + 1} is the first that has; give stills as references, or begin the clip there"
            )
        stills = self._stills or [encode(Photo(first), self._colorizer, self._settings)]
        meter = _Meter(measure_first=bool(self._stills))
        frames = clip.frames()
        for shot in shots:
            meter.cut()
            for truth, results in self._colored(islice(frames, len(shot)), stills):
                meter.add(truth, results)
                advance()
        if not meter.frames:
            raise _colorless(clip)
        return ClipMeasurement(str(clip.path), meter.frames, meter.colorless, len(shots), meter.numbers)

    def _colored(
        self, frames: Iterator[Floats], stills: Sequence[FilmReference]
    ) -> Iterator[tuple[Floats, dict[str, Floats]]]:
        """The frames of a shot, and what the methods make of each."""
        waiting: deque[Floats] = deque()
        first = next(frames)
        reference = best(_gray_photo(first), stills, self._colorizer)

        def given() -> Iterator[Frame]:
            for index, truth in enumerate(_and_then(first, frames)):
                waiting.append(truth)
                yield Frame(index, index / RATE, _gray_photo(truth))

        steady = ShotColorizer(self._colorizer, self._settings, self._steadiness)
        for one in steady.colorize(given(), reference):
            photo, truth = one.frame.photo, waiting.popleft()
            results: dict[str, Floats] = {GRAY: np.repeat(photo.pixels[..., None], 3, axis=2)}
            if self._alone:
                ab = self._colorizer.find_ab(one.seen, reference.encoded, self._settings)
                results[ALONE] = with_colors(photo, one.seen, ab).pixels
            results[EXCOLOR] = with_colors(photo, one.seen, one.tensor).pixels
            yield truth, results


def mean(measurements: Sequence[ClipMeasurement]) -> ClipMeasurement:
    """The mean over clips, each counting the same; at least one."""
    methods = {}
    for method in measurements[0].methods:
        of_method = [one.methods[method] for one in measurements]
        methods[method] = MethodNumbers(
            psnr=_mean([one.psnr for one in of_method]),
            ciede2000=float(np.mean([one.ciede2000 for one in of_method])),
            colorfulness=float(np.mean([one.colorfulness for one in of_method])),
            cdc=_mean([one.cdc for one in of_method]),
            warp_error=_mean([one.warp_error for one in of_method]),
        )
    return ClipMeasurement(
        f"mean of {len(measurements)} clips",
        frames=sum(one.frames for one in measurements),
        colorless=sum(one.colorless for one in measurements),
        shots=sum(one.shots for one in measurements),
        methods=methods,
    )


class _FirstLook:
    """What is found out before frames are measured."""

    def __init__(self) -> None:
        self.first_in_color: int | None = None
        """The number of the first frame with colors to hide."""

    def brightness(self, frames: Iterator[Floats]) -> Iterator[tuple[float, Floats]]:
        """The same frames for `find_shots`."""
        for index, frame in enumerate(frames):
            if self.first_in_color is None and colorfulness(frame) >= COLORLESS:
                self.first_in_color = index
            yield index / RATE, _brightness(frame)


class _Meter:
    """Compares frame after frame."""

    def __init__(self, *, measure_first: bool) -> None:
        self.frames = 0
        self.colorless = 0
        self._skip = 0 if measure_first else 1
        self._motion = MotionFinder()
        self._before: dict[str, Floats] = {}
        self._methods: dict[str, _MethodMeter] = {}

    def cut(self) -> None:
        self._before = {}
        for meter in self._methods.values():
            meter.consistency.cut()

    def add(self, truth: Floats, results: Mapping[str, Floats]) -> None:
        flow_and_visible = self._flow(results[GRAY])
        pictures = {TRUTH: truth, **results}
        is_measured, self._skip = self._skip == 0, 0
        if is_measured and colorfulness(truth) < COLORLESS:
            # Gray is true of it by whatever method: its PSNR says nothing, and is infinite for black
            is_measured = False
            self.colorless += 1
        self.frames += is_measured
        for method, picture in pictures.items():
            meter = self._methods.setdefault(method, _MethodMeter())
            meter.consistency.add(picture)
            if flow_and_visible is not None:
                meter.warp_error.add(picture, self._before[method], *flow_and_visible)
            if is_measured:
                meter.colorful.append(colorfulness(picture))
                if method != TRUTH:
                    meter.psnr.append(psnr(picture, truth))
                    meter.ciede2000.append(mean_ciede2000(picture, truth))
        self._before = pictures

    def _flow(self, gray_frame: Floats) -> tuple[Floats, Mask] | None:
        """The motion to the frame before, and what was visible there; None at the beginning of a shot."""
        if not self._before:
            return None
        now, before = (as_gray(_lightness(frame[..., 0])) for frame in (gray_frame, self._before[GRAY]))
        there, back = self._motion.between(now, before)
        return there.flow, visible_before(there.flow, back.flow)

    @property
    def numbers(self) -> dict[str, MethodNumbers]:
        return {
            method: MethodNumbers(
                psnr=None if method == TRUTH else float(np.mean(meter.psnr)),
                ciede2000=0.0 if method == TRUTH else float(np.mean(meter.ciede2000)),
                colorfulness=float(np.mean(meter.colorful)),
                cdc=meter.consistency.value,
                warp_error=meter.warp_error.value,
            )
            for method, meter in self._methods.items()
        }


class _MethodMeter:
    """The numbers of one method, frame after frame."""

    def __init__(self) -> None:
        self.psnr: list[float] = []
        self.ciede2000: list[float] = []
        self.colorful: list[float] = []
        self.consistency = ColorConsistency()
        self.warp_error = WarpError()


def _colorless(clip: ColorClip) -> FilmError:
    return FilmError(f"{clip.path} has no colors to hide; give clips in color")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _and_then(first: Floats, others: Iterator[Floats]) -> Iterator[Floats]:
    yield first
    yield from others


def _gray_photo(truth: Floats) -> Photo:
    """A frame without its colors, (H, W)."""
    return Photo(np.ascontiguousarray(gray(truth)[..., 0]))


def _lightness(pixels: np.ndarray) -> Floats:
    lightness: Floats = lightness_of(pixels)[0].numpy()
    return lightness


def _brightness(frame: Floats) -> Floats:
    """L (H, W) scaled to [0, 1]."""
    return _lightness(frame) / np.float32(100)
