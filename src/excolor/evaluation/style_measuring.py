"""One pair of content and style at a time: stylize by every method, measure what is kept and what is reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from excolor.evaluation.baselines import STYLIZERS, Transfer
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case
from excolor.evaluation.style_metrics import (
    StyleStatistics,
    color_quantiles,
    edges_kept,
    lightness_kept,
    profile_distance,
    quantile_distance,
)
from excolor.method.stylizer import Stylizer
from excolor.reporting.timing import Timing, time_calls
from excolor.settings import STATISTICS_METHODS, STYLIZE_SIZE, StylizeSettings

OWN = tuple(f"excolor {method}" for method in STATISTICS_METHODS)
"""What excolor's own methods are called beside those of `STYLIZERS`."""

TIMED = (*(method for method in STYLIZERS if method != "identity"), *OWN)
"""The methods that take time."""

NUMBERS = ("lightness", "edges", "statistics", "colors", "content", "style")
"""What is measured of each result, see `StyleEvaluator.measure`."""

_REPEAT = 3  # times that each method is timed at each size
_ALIKE = 1  # of `color_distance`, a difference just seen: as a share of less, what a method leaves says nothing
_REMEMBERED = 8  # pictures: styles are drawn more than once


@dataclass(frozen=True)
class StyleMeasurement:
    """What came out for one pair: method -> `NUMBERS`; the case's target is the content, its reference the style."""

    case: Case
    methods: Mapping[str, Mapping[str, float]]


class StyleEvaluator:
    """Measures pairs with one model, and makes the pictures to look at."""

    def __init__(self, pictures: PhotoSet, stylizer: Stylizer, statistics: StyleStatistics, working_size: int) -> None:
        """Use `stylizer` at this working size on `pictures`; `statistics` are measured by its own encoder."""
        self._stylizer = stylizer
        self._methods = _methods(stylizer, working_size)
        self._statistics = statistics
        self._read = lru_cache(_REMEMBERED)(pictures.read)

    def measure(self, case: Case) -> StyleMeasurement | None:
        """Measure all methods; None if the colors of content and style are the same already, to the eye.

        Of each result: `lightness` and `edges`, the SSIM with the content of L and of edge maps; `statistics`, the
        distance to the style's statistics as a share of the content's (`profile_distance`); `colors`, the distance of
        color distributions in units of Lab (`color_distance`). `content` is the mean of the first two, 1 for the
        content itself. `style` is 1 less the mean of the last two, both as shares of the content's: 0 for the content
        itself, 1 for a picture of the style's statistics and colors, and below 0 for what is further off.

        Raises:
            PhotoError: content or style cannot be read.
            DeviceError: the device has too little memory.
        """
        content, style = self._pair(case)
        own, wanted = self._statistics.profile(content), self._statistics.profile(style)
        wanted_colors = color_quantiles(style)
        apart = quantile_distance(color_quantiles(content), wanted_colors)
        if apart < _ALIKE or not np.isfinite(profile_distance(own, wanted, own)):
            return None
        methods: dict[str, dict[str, float]] = {}
        for method, stylize in self._methods.items():
            result = stylize(content, style)
            kept = {"lightness": lightness_kept(result, content), "edges": edges_kept(result, content)}
            far = profile_distance(self._statistics.profile(result), wanted, own)
            colors = quantile_distance(color_quantiles(result), wanted_colors)
            scores = {"content": sum(kept.values()) / 2, "style": 1 - (far + colors / apart) / 2}
            methods[method] = {**kept, "statistics": far, "colors": colors, **scores}
        return StyleMeasurement(case, methods)

    def results(self, case: Case) -> dict[str, NDArray[np.floating]]:
        """The pictures of a pair by what they are, from content to the last method. Errors as in `measure`."""
        content, style = self._pair(case)
        made = {method: self._methods[method](content, style) for method in TIMED}
        return {"content": content, "style": style, **made}

    def seconds(
        self, case: Case, sizes: Sequence[int], told: Callable[[], object] = lambda: None
    ) -> dict[str, dict[int, Timing]]:
        """How long each of `TIMED` takes, from pixels to pixels, at squares of these sides.

        Content and style of the pair are brought to the size first. excolor's networks work at `STYLIZE_SIZE`, as they
        do for users who ask for nothing else. `told` is called after each of the times.
        """
        methods = _methods(self._stylizer, STYLIZE_SIZE)
        times: dict[str, dict[int, Timing]] = {}
        for size in sizes:
            content, style = (np.asarray(cv2.resize(x, (size, size)), np.float32) for x in self._pair(case))
            for method in TIMED:
                work = partial(methods[method], content, style)
                times.setdefault(method, {})[size] = time_calls(work, _already_done, _REPEAT)
                told()
        return times

    def _pair(self, case: Case) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert case.reference is not None  # a plan for stylization has no case without
        return self._read(case.target), self._read(case.reference)


def _methods(stylizer: Stylizer, working_size: int) -> dict[str, Transfer]:
    own = {
        name: _own(stylizer, StylizeSettings(method, working_size=working_size))
        for name, method in zip(OWN, STATISTICS_METHODS, strict=True)
    }
    return STYLIZERS | own


def _own(stylizer: Stylizer, settings: StylizeSettings) -> Transfer:
    def transfer(content: NDArray[np.floating], style: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.asarray(stylizer.stylize(content, style, settings).pixels, np.float32)

    return transfer


def _already_done() -> None:
    """Nothing to wait for: a picture in the computer's memory is there when the call is back."""
