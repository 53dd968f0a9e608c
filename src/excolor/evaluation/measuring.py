"""One case at a time: hide the color, bring it back by every method, compare with the truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from excolor.errors import PhotoError
from excolor.evaluation.baselines import COLORIZERS, gray
from excolor.evaluation.film import Film, at_true_lightness, on_film
from excolor.evaluation.metrics import colorfulness, edge_error, lab, mean_ciede2000, psnr, ssim
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case
from excolor.evaluation.style_metrics import color_distance
from excolor.evaluation.variants import recolored, zoomed
from excolor.method.colorizer import Colorizer
from excolor.method.pictures import Reference
from excolor.settings import ColorizeSettings

EXCOLOR = "excolor"

COMPARISONS: dict[str, Callable[[NDArray[np.floating], NDArray[np.floating]], float]] = {
    "psnr": psnr,
    "ssim": ssim,
    "ciede2000": mean_ciede2000,
    "edge_error": edge_error,
}

COLORLESS = 1.0
"""The colorfulness, in 8-bit steps, below which there is nothing to hide."""

_REMEMBERED = 8  # pictures and encoded references: what the protocols of one picture share, and a sequence


@dataclass(frozen=True)
class Measurement:
    """What came out for one case.

    Attributes:
        case: what was measured.
        truth_colorfulness: of the truth.
        methods: method -> metric -> number, with `colorfulness` among the metrics.
        following: for the protocol `related`, how far the reference was followed: mean `result_chroma` and
            `found_chroma` (of the colors found in the reference) in ab units, and `color_distance` of the result from
            the reference (`style_metrics.color_distance`) beside `gray_distance`, that of the gray target.
    """

    case: Case
    truth_colorfulness: float
    methods: Mapping[str, Mapping[str, float]]
    following: Mapping[str, float] = field(default_factory=dict)


class Evaluator:
    """Measures cases with one model, and makes the pictures to look at."""

    def __init__(
        self, pictures: PhotoSet, colorizer: Colorizer, settings: ColorizeSettings, film: Film = "modern"
    ) -> None:
        """Use `colorizer` under `settings` on `pictures`, whose targets are seen on a film.

        On another film than the modern one colors are compared at the true lightness.
        """
        self._film = film
        self._colorizer = colorizer
        self._settings = settings
        self._read = lru_cache(_REMEMBERED)(pictures.read)
        self._encode = lru_cache(_REMEMBERED)(self._encode_reference)

    def measure(self, case: Case) -> Measurement | None:
        """Measure excolor and all baselines; None if the truth has no color to hide.

        Raises:
            PhotoError: target or reference cannot be read, or the target has no relative.
            DeviceError: the device has too little memory.
        """
        truth = self._truth(case)
        vivid = colorfulness(truth)
        if vivid < COLORLESS:
            return None
        if case.protocol == "related" and case.reference is None:
            raise PhotoError(
                f"cannot measure {case.target} in related: no other picture of its folder can be read; mend or add one"
            )
        target = self._target(truth, case)
        following: Mapping[str, float] = {}
        if case.reference is None:
            results = {"gray": target, EXCOLOR: self._precolored(target)}
        elif case.protocol == "related":
            results, following = self._related(target, case.reference)
        else:
            reference = self._reference(case.protocol, case.reference)
            results = {method: transfer(target, reference) for method, transfer in COLORIZERS.items()}
            encoded = self._encode(case.protocol, case.reference)
            results[EXCOLOR] = self._colorizer.colorize(target, encoded, self._settings).pixels
        if self._film != "modern":
            results = {method: at_true_lightness(result, truth) for method, result in results.items()}
        numbers = {method: compare(result, truth) for method, result in results.items()}
        return Measurement(case, vivid, numbers, following)

    def steps(self, case: Case) -> dict[str, NDArray[np.floating]]:
        """The pictures of a case by what they are, from target to truth. Errors as in `measure`."""
        truth = self._truth(case)
        target = self._target(truth, case)
        if case.reference is None:
            return {"target": target, "result": self._precolored(target), "truth": truth}
        encoded = self._encode(case.protocol, case.reference)
        stages = self._colorizer.colorize_stages(target, encoded, self._settings)
        return {
            "target": target,
            "reference": self._reference(case.protocol, case.reference),
            "pre-color": stages.precolor.pixels / 255,
            "coarse": stages.coarse.pixels / 255,
            "result": stages.result.pixels,
            "truth": truth,
        }

    def _truth(self, case: Case) -> NDArray[np.float32]:
        picture = self._read(case.target)
        if case.protocol == "recolored":
            return recolored(picture, case.target)[0]
        return np.ascontiguousarray(picture[:, _middle(picture) :]) if case.protocol == "halves" else picture

    def _target(self, truth: NDArray[np.float32], case: Case) -> NDArray[np.float32]:
        return hide(truth, self._film, case.target)

    def _related(
        self, target: NDArray[np.float32], reference: str
    ) -> tuple[dict[str, NDArray[np.floating]], dict[str, float]]:
        """What all methods make of it, and how far excolor follows."""
        picture = self._read(reference)
        results: dict[str, NDArray[np.floating]] = {m: transfer(target, picture) for m, transfer in COLORIZERS.items()}
        stages = self._colorizer.colorize_stages(target, self._encode("related", reference), self._settings)
        results[EXCOLOR] = stages.result.pixels
        following = {
            "result_chroma": _chroma(results[EXCOLOR]),
            "found_chroma": _chroma(stages.coarse.pixels / 255),
            "color_distance": color_distance(results[EXCOLOR], picture),
            "gray_distance": color_distance(target, picture),
        }
        return results, following

    def _reference(self, protocol: str, name: str) -> NDArray[np.float32]:
        picture = self._read(name)
        if protocol == "mirror":
            picture = picture[:, ::-1]
        elif protocol == "halves":
            picture = picture[:, : _middle(picture)]
        elif protocol == "recolored":
            picture = recolored(picture, name)[1]
        elif protocol == "zoomed":
            picture = zoomed(picture, name)
        return np.ascontiguousarray(picture)

    def _encode_reference(self, protocol: str, name: str) -> Reference:
        reference = self._reference(protocol, name)
        return self._colorizer.encode_reference(reference, self._settings)

    def _precolored(self, target: NDArray[np.float32]) -> NDArray[np.floating]:
        return self._colorizer.colorize(target, settings=self._settings).pixels


def hide(truth: NDArray[np.float32], film: Film, name: str) -> NDArray[np.float32]:
    """The gray target of a picture of this name, as a film shows it."""
    return gray(truth) if film == "modern" else on_film(truth, film, name)


def compare(result: NDArray[np.floating], truth: NDArray[np.floating]) -> dict[str, float]:
    """All numbers for one picture: those of `COMPARISONS`, and its colorfulness."""
    numbers = {name: metric(result, truth) for name, metric in COMPARISONS.items()}
    return numbers | {"colorfulness": colorfulness(result)}


def _chroma(picture: NDArray[np.floating]) -> float:
    """Mean chroma in ab units."""
    return float(np.hypot(*np.moveaxis(lab(picture)[..., 1:], -1, 0)).mean())


def _middle(picture: NDArray[np.floating]) -> int:
    width: int = picture.shape[1]
    return width // 2
