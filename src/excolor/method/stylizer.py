"""The transfer sub-net alone: photorealistic stylization (Xu et al., CVPR 2020, section 4.3, Figures 10 and 11)."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from excolor.errors import SettingError
from excolor.imaging.color import rgb_to_lab
from excolor.imaging.merging import from_unit, merge_ab, merge_lightness, merge_rgb
from excolor.imaging.working_size import Floats, crop, hwc, see_rgb, see_visible, seen_size
from excolor.method.regions import Label, Regions, as_regions
from excolor.networks.checkpoint import load_transfer
from excolor.networks.models import ModelFiles, ModelIdentity, find_model
from excolor.networks.transfer import Measured, TransferNet, matched_features, mix
from excolor.photo import Photo, PhotoSource, as_photo
from excolor.runtime.devices import WAY_OUT, check_memory, choose_device, out_of_memory_explained, put_on
from excolor.settings import KEEPS, STYLIZE_SIZE, Keep, Matching

_EXACT_WAY_OUT = "a working size instead of --exact"
_BYTES = 40  # for each pixel and channel of the first level, in float32: 600 to 700 a pixel at width 16, measured


@dataclass(frozen=True, eq=False)
class Style:
    """A picture that gives its look, alone or among others.

    Attributes:
        picture: a path, a PIL image, an array, or a Photo.
        weight: its share, relative to the weights of the others.
        mask: a picture of labels, in which each color is a region: it gives its look to what has the same label in the
            content. See `excolor.method.regions`.
    """

    picture: PhotoSource | Photo
    weight: float = 1.0
    mask: PhotoSource | Photo | Regions | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise SettingError(f"the weight of a style is {self.weight} and must be a positive number")


@dataclass(frozen=True, eq=False)
class Look:
    """What is kept of one or several styles: made by `Stylizer.measure`, used for any number of contents.

    Attributes:
        model: the one that measured it, with which alone it can be used.
        matching: under which it was measured; a content may be given it with another alpha, or in fewer parts.
        whole: statistics of all that shows of each style: what transparent pixels hide does not count.
        regions: of what has a label and is not transparent; None if the styles have no masks.
    """

    model: ModelIdentity
    matching: Matching
    whole: Measured
    regions: Mapping[Label, Measured] | None = None

    def missing(self, mask: Regions) -> tuple[str, ...]:
        """The labels of a content's mask, in words, that no style has: those regions follow the whole styles."""
        known = self.regions or {}
        return tuple(text for label, text in zip(mask.labels, mask.texts, strict=True) if label not in known)


Styles: TypeAlias = PhotoSource | Photo | Style | Sequence[PhotoSource | Photo | Style]


class Stylizer:
    """The transfer sub-net alone: photorealistic stylization (the paper's Figures 10 and 11)."""

    def __init__(self, transfer: TransferNet, model: ModelIdentity) -> None:
        """Use a network in evaluation mode."""
        self.name = model.name
        self._model = model
        self._transfer = transfer

    @classmethod
    def load(cls, model: str | Path | ModelFiles | None = None, *, device: str = "auto") -> "Stylizer":
        """Load the transfer net of a model. Arguments and errors as in `Colorizer.load`."""
        files = find_model(model, "stylize")
        transfer = load_transfer(files.path("encoder"), files.path("decoder"))
        return cls(put_on(choose_device(device), transfer), files.identity("stylize"))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self._transfer.decoder.conv1_1.weight.device

    @torch.inference_mode()
    def measure(
        self, style: Styles, matching: Matching, *, working_size: int = STYLIZE_SIZE, exact: bool = False
    ) -> Look:
        """Measure styles once, for any number of contents; `exact` as in `stylize`.

        Of several styles the statistics are averaged by weight; those of a region over the styles that have it.

        Raises:
            PhotoError: a picture or mask cannot be read, or they do not belong together.
            SettingError: there is no style, or some have masks and some have none.
        """
        styles = _as_styles(style)
        looks = [self._measure_one(one, matching, working_size, exact) for one in styles]
        weights = [one.weight for one in styles]
        parts = [look.regions or {} for look in looks]
        regions = {
            label: _mixed([(part[label], weight) for part, weight in zip(parts, weights, strict=True) if label in part])
            for label in sorted({label for part in parts for label in part})
        }
        whole = _mixed([(look.whole, weight) for look, weight in zip(looks, weights, strict=True)])
        return Look(self._model, matching, whole, regions or None)

    @torch.inference_mode()
    def stylize(
        self,
        content: PhotoSource | Photo,
        style: Styles | Look,
        matching: Matching = Matching(),
        *,
        working_size: int = STYLIZE_SIZE,
        exact: bool = False,
        keep: Keep = "nothing",
        mask: PhotoSource | Photo | Regions | None = None,
    ) -> Photo:
        """Give `content` the look of `style`: tones and colors, not texture.

        The network runs at the working size; a larger content keeps its own detail, to which the change is brought by
        a local affine model. Arguments, result and errors as in `Colorizer.colorize`.

        Args:
            content: the photograph.
            style: a picture, a `Style`, a list of either, or what `measure` made of them.
            matching: what is matched, how and how far.
            working_size: pixels of the shorter side that the network sees.
            exact: run the network on content and style as they are, like the paper's: the result is the decoder's own
                (if nothing is kept), and the memory needed grows with their sizes.
            keep: of the content, exactly: `nothing`, its `luminance` (only colors change) or its `color` (only
                the luminance changes).
            mask: a picture of labels; each region takes the look of what has its label in the styles' masks.

        Raises:
            PhotoError: a picture or mask cannot be read, or they do not belong together.
            SettingError: the style was measured by another model or under another matching, or only one side has a
                mask.
            DeviceError: the device has too little memory.
        """
        if keep not in KEEPS:
            raise SettingError(f"keep is {keep!r} and must be one of {', '.join(KEEPS)}")
        photo = as_photo(content)
        regions = None if mask is None else as_regions(mask)
        look = (
            style if isinstance(style, Look) else self.measure(style, matching, working_size=working_size, exact=exact)
        )
        _check_goes_with(look, self._model, matching, regions)
        size = _style_size(photo, working_size, exact)
        needed = _BYTES * self._transfer.encoder.config.width * size[0] * size[1]
        check_memory(needed, self.device, _EXACT_WAY_OUT if exact else WAY_OUT)
        with self._memory_explained(exact):
            seen = see_rgb(photo, size, self.device)
            styled = crop(self._styled(seen, look, matching, photo, size, regions).float(), size)
            if exact and keep == "nothing":
                return replace(photo, pixels=from_unit(styled[0].cpu(), photo.pixels.dtype))
            return replace(photo, pixels=_merged(photo, hwc(crop(seen, size)), hwc(styled), keep))

    def _measure_one(self, style: Style, matching: Matching, working_size: int, exact: bool) -> Look:
        photo = as_photo(style.picture)
        size = _style_size(photo, working_size, exact)
        mask = None if style.mask is None else as_regions(style.mask)
        if mask is not None:
            mask.check_fits(photo)
        with self._memory_explained(exact):
            seen = see_rgb(photo, size, self.device)
            visible = see_visible(photo, size, self.device)
            whole = self._transfer.measure(seen, matching, visible)
            if mask is None:
                return Look(self._model, matching, whole)
            regions = mask.seen(size, self.device)
            counted = regions if visible is None else regions * visible
            parts = self._transfer.measure_regions(seen, matching, counted)
            is_seen = (counted.amax((0, 2, 3)) > 0).tolist()
            found = zip(mask.labels, parts, is_seen, strict=True)
            return Look(self._model, matching, whole, {label: part for label, part, shows in found if shows})

    def _styled(
        self, seen: Tensor, look: Look, matching: Matching, photo: Photo, size: tuple[int, int], mask: Regions | None
    ) -> Tensor:
        visible = see_visible(photo, size, self.device)
        if mask is None or look.regions is None:
            return self._transfer(seen, look.whole, matching, None, visible)  # type: ignore[no-any-return]
        mask.check_fits(photo)
        styles = [look.regions.get(label, look.whole) for label in mask.labels]
        regions = mask.seen(size, self.device)
        return self._transfer(seen, styles, matching, regions, visible)  # type: ignore[no-any-return]

    def _memory_explained(self, exact: bool) -> AbstractContextManager[None]:
        return out_of_memory_explained(self.device, _EXACT_WAY_OUT if exact else WAY_OUT)


def _style_size(photo: Photo, working_size: int, exact: bool) -> tuple[int, int]:
    return photo.size if exact else seen_size(photo.size, working_size)


def _as_styles(style: Styles) -> Sequence[Style]:
    given = style if isinstance(style, list | tuple) else [style]
    if not given:
        raise SettingError("there is no style: give at least one")
    styles = [one if isinstance(one, Style) else Style(one) for one in given]  # type: ignore[arg-type]
    with_mask = [one for one in styles if one.mask is not None]
    if with_mask and len(with_mask) < len(styles):
        raise SettingError("some styles have masks and some have none: give all of them one, or none")
    return styles


def _mixed(styles: Sequence[tuple[Measured, float]]) -> Measured:
    largest = max(weight for _, weight in styles)
    weights = [weight / largest for _, weight in styles]  # whose sum is finite, however large they were
    return mix([measured for measured, _ in styles], [weight / sum(weights) for weight in weights])


def _check_goes_with(look: Look, model: ModelIdentity, matching: Matching, mask: Regions | None) -> None:
    if look.model != model:
        raise SettingError(
            f"the style was measured by the model {look.model}, and this is {model}; measure it again with this one"
        )
    if matching.method != look.matching.method or not matched_features(matching) <= matched_features(look.matching):
        raise SettingError("the style was measured under another matching; measure it again under this one")
    if mask is None and look.regions is not None:
        raise SettingError("the style has a mask and the content has none: give both, or neither")
    if mask is not None and look.regions is None:
        raise SettingError("the content has a mask and the style has none: give both, or neither")


def _merged(photo: Photo, seen: Floats, styled: Floats, keep: Keep) -> np.ndarray:
    """The photo's pixels with what became of them at the size that the network saw, sRGB (h, w, 3) in [0, 1]."""
    if keep == "nothing":
        return merge_rgb(photo.pixels, seen, styled)
    own = _lab(seen)
    if keep == "color":
        return merge_lightness(photo.pixels, own[..., 0], _lab(styled)[..., 0])
    without_rims = merge_rgb(seen, seen, styled)  # merge_ab would keep those that the network draws along edges
    return merge_ab(photo.pixels, own[..., 0], _lab(without_rims)[..., 1:])


def _lab(rgb: Floats) -> Floats:
    """Lab (h, w, 3)."""
    return hwc(rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1))[None])
