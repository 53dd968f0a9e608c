"""What hints are worth: how far colors improve with more true ones, and how far a wrong one reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from excolor.evaluation.drawn_hints import COUNTS, draw_places, far_from, spot, true_hints, wrong_hint
from excolor.evaluation.film import Film, at_true_lightness
from excolor.evaluation.measuring import COLORLESS, hide
from excolor.evaluation.metrics import ciede2000, colorfulness, lab, psnr
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case
from excolor.hints import Hint
from excolor.method.colorizer import Colorizer
from excolor.method.pictures import Reference
from excolor.settings import ColorizeSettings

ALONE, RELATED = "none", "related"
"""The references that hints are given beside: none, and the picture of the same folder that fits best."""

_SHOWN = (0, 10, 50)  # hints on a sheet
_REMEMBERED = 8  # pictures and encoded references, which the targets of a folder may share

Picture = NDArray[np.floating]


class HintCurve(TypedDict):
    """What came out beside one reference; lists have an entry for each number of hints in `COUNTS`.

    Attributes:
        psnr: in dB.
        ciede2000: from the truth, the mean over pixels.
        at_hints: the same over the spot of each hint, hint by hint.
        far_change: the median over the pixels far from a single wrong hint of the CIEDE2000 between the result with it
            and that without hints.
    """

    psnr: Sequence[float]
    ciede2000: Sequence[float]
    at_hints: Sequence[Sequence[float]]
    far_change: float


@dataclass(frozen=True)
class HintMeasurement:
    """What came out for one picture.

    Attributes:
        case: what was measured.
        truth_colorfulness: of the truth.
        curves: by the reference that hints were given beside: `ALONE` and, if there is another picture, `RELATED`.
    """

    case: Case
    truth_colorfulness: float
    curves: Mapping[str, HintCurve]


class HintEvaluator:
    """Measures hints with one model, and makes the pictures to look at."""

    def __init__(
        self,
        pictures: PhotoSet,
        colorizer: Colorizer,
        settings: ColorizeSettings,
        seed: int = 0,
        film: Film = "modern",
    ) -> None:
        """Use `colorizer` under `settings` on `pictures`, whose targets are seen on a film; `seed` draws the hints.

        On another film than the modern one colors are compared at the true lightness.
        """
        self._colorizer = colorizer
        self._settings = settings
        self._seed = seed
        self._film = film
        self._read = lru_cache(_REMEMBERED)(pictures.read)
        self._encode = lru_cache(_REMEMBERED)(self._encode_reference)

    def measure(self, case: Case) -> HintMeasurement | None:
        """Measure a case of the protocol `hints`; None if the truth has no color to hide.

        Raises:
            PhotoError: target or reference cannot be read.
            DeviceError: the device has too little memory.
        """
        truth = self._read(case.target)
        vivid = colorfulness(truth)
        if vivid < COLORLESS:
            return None
        curves = {ALONE: self._curve(case.target, truth, ())}
        if case.reference is not None:
            curves[RELATED] = self._curve(case.target, truth, (self._encode(case.reference),))
        return HintMeasurement(case, vivid, curves)

    def steps(self, case: Case) -> dict[str, Picture]:
        """The pictures of a case by what they are, from target to truth. Errors as in `measure`."""
        truth = self._read(case.target)
        target, hints = self._given(case.target, truth)
        wrong = wrong_hint(truth, case.target, self._seed)
        steps: dict[str, Picture] = {"target": target}
        steps |= {f"{n} hints": self._colorize(target, (), hints[:n]) for n in _SHOWN}
        steps["one wrong hint"] = self._colorize(target, (), [wrong])
        if case.reference is not None:
            reference = (self._encode(case.reference),)
            steps["reference"] = self._read(case.reference)
            steps |= {f"reference, {n} hints": self._colorize(target, reference, hints[:n]) for n in _SHOWN}
            steps["reference, one wrong hint"] = self._colorize(target, reference, [wrong])
        return steps | {"truth": truth}

    def _curve(self, name: str, truth: NDArray[np.float32], references: Sequence[Reference]) -> HintCurve:
        target, hints = self._given(name, truth)
        size = truth.shape[0], truth.shape[1]
        spots = [spot(hint.place(size), size) for hint in hints]
        results = [self._comparable(self._colorize(target, references, hints[:n]), truth) for n in COUNTS]
        apart = [ciede2000(lab(result), lab(truth)) for result in results]
        wrong = wrong_hint(truth, name, self._seed)
        misled = self._comparable(self._colorize(target, references, [wrong]), truth)
        change = ciede2000(lab(misled), lab(results[0]))[far_from(wrong, size)]
        return HintCurve(
            psnr=[psnr(result, truth) for result in results],
            ciede2000=[float(one.mean()) for one in apart],
            at_hints=[[float(one[at].mean()) for at in spots[:n]] for n, one in zip(COUNTS, apart, strict=True)],
            far_change=float(np.median(change)),
        )

    def _given(self, name: str, truth: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[Hint]]:
        """The gray target, and all hints."""
        return hide(truth, self._film, name), true_hints(truth, draw_places(name, self._seed))

    def _colorize(self, target: Picture, references: Sequence[Reference], hints: Sequence[Hint]) -> Picture:
        result: Picture = self._colorizer.colorize(target, references, self._settings, hints=hints).pixels
        return result

    def _comparable(self, result: Picture, truth: Picture) -> Picture:
        return result if self._film == "modern" else at_true_lightness(result, truth)

    def _encode_reference(self, name: str) -> Reference:
        return self._colorizer.encode_reference(self._read(name), self._settings)
