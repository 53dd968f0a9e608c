"""The transfer sub-net alone: photorealistic stylization (Xu et al., CVPR 2020, section 4.3, Figures 10 and 11).

photograph ──► what the network sees (`imaging.working_size`) ──► transfer net ──► full size (`imaging.merging`)
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from excolor.errors import SettingError
from excolor.imaging.merging import as_networks_gave, with_look
from excolor.imaging.working_size import NetworkInput, prepare_rgb
from excolor.method.regions import Label, Regions, as_regions
from excolor.networks.checkpoint import load_transfer
from excolor.networks.models import ModelFiles, ModelIdentity, find_model
from excolor.networks.precision import precision_of, put_on
from excolor.networks.transfer import Measured, TransferNet, matched_features, mix
from excolor.photo import Photo, PhotoSource, as_photo
from excolor.runtime.devices import REMEDY, check_memory, choose_device, choose_dtype, out_of_memory_explained
from excolor.settings import Matching, Precision, StylizeSettings

_EXACT_REMEDY = "a working size instead of the size of the picture"

# For each pixel and channel of the first level, in float32, measured at width 16
_BYTES = 40  # 600 to 700 a pixel
_STYLE_BYTES = 25  # 310 to 490 a pixel: the least without WCT and masks


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
        settings: under which it was measured; a content may be given it with another alpha, or in fewer parts.
        whole: statistics of all that is visible of each style: what transparent pixels hide does not count.
        regions: of what has a label and is not transparent; None if the styles have no masks.
    """

    model: ModelIdentity
    settings: StylizeSettings
    whole: Measured
    regions: Mapping[Label, Measured] | None = None

    def missing(self, mask: Regions) -> tuple[str, ...]:
        """The labels of a content's mask, in words, that no style has: those regions follow the whole styles."""
        known = self.regions or {}
        return tuple(text for label, text in zip(mask.labels, mask.texts, strict=True) if label not in known)


Styles: TypeAlias = PhotoSource | Photo | Style | Sequence[PhotoSource | Photo | Style]


class Stylizer:
    """Gives photographs the look of others, with the transfer net of one model."""

    def __init__(self, transfer: TransferNet, model: ModelIdentity) -> None:
        """Use a network in evaluation mode."""
        self.name = model.name
        self._model = model
        self._transfer = transfer

    @classmethod
    def load(
        cls, model: str | Path | ModelFiles | None = None, *, device: str = "auto", precision: Precision = "auto"
    ) -> "Stylizer":
        """Load the transfer net of a model. Arguments and errors as in `Colorizer.load`."""
        place = choose_device(device)
        dtype = choose_dtype(place, precision)
        files = find_model(model, "stylize")
        transfer = load_transfer(files.path("encoder"), files.path("decoder"))
        return cls(put_on(place, transfer, dtype), files.identity("stylize"))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self._transfer.decoder.conv1_1.weight.device

    @property
    def precision(self) -> str:
        """As of `Colorizer`."""
        return precision_of(self._transfer)

    @torch.inference_mode()
    def measure(self, styles: Styles, settings: StylizeSettings = StylizeSettings()) -> Look:
        """Measure styles once, for any number of contents that are stylized at the same working size.

        Of several styles the statistics are averaged by weight; those of a region over the styles that have it.

        Raises:
            PhotoError: a picture or mask cannot be read, or they do not belong together.
            SettingError: there is no style, or some have masks and some have none.
            DeviceError: the device has too little memory.
        """
        given = _as_styles(styles)
        looks = [self._measure_one(style, settings) for style in given]
        weights = [style.weight for style in given]
        of_labels = [look.regions or {} for look in looks]
        regions = {
            label: _mixed([(one[label], share) for one, share in zip(of_labels, weights, strict=True) if label in one])
            for label in sorted({label for one in of_labels for label in one})
        }
        whole = _mixed([(look.whole, weight) for look, weight in zip(looks, weights, strict=True)])
        return Look(self._model, settings, whole, regions or None)

    @torch.inference_mode()
    def stylize(
        self,
        content: PhotoSource | Photo,
        styles: Styles | Look,
        settings: StylizeSettings = StylizeSettings(),
        *,
        mask: PhotoSource | Photo | Regions | None = None,
    ) -> Photo:
        """Give `content` the look of styles: tones and colors, not texture.

        The network runs at the working size; a larger content keeps its own detail, to which the change is brought by
        a local affine model. Arguments, result and errors as in `Colorizer.colorize`.

        Args:
            content: the photograph.
            styles: a picture, a `Style`, a list of either, or what `measure` made of them.
            settings: see there.
            mask: a picture of labels; each region takes the look of what has its label in the styles' masks.

        Raises:
            PhotoError: a picture or mask cannot be read, or they do not belong together.
            SettingError: the styles were measured by another model, under another matching or at another working size,
                or only one side has a mask.
            DeviceError: the device has too little memory.
        """
        photo = as_photo(content)
        regions = None if mask is None else as_regions(mask)
        look = styles if isinstance(styles, Look) else self.measure(styles, settings)
        self._check(look, settings, regions)
        with self._memory_explained(settings):
            seen = prepare_rgb(photo, _working_size(settings), self.device)
            self._check_memory(seen, settings, _BYTES)
            if regions is not None:
                regions.check_fits(photo)
            styled = self._styled(seen, look, settings, regions)
            if settings.exact and settings.keep == "nothing":
                return as_networks_gave(photo, seen, styled)
            return with_look(photo, seen, styled, settings.keep)

    def _measure_one(self, style: Style, settings: StylizeSettings) -> Look:
        photo = as_photo(style.picture)
        mask = None if style.mask is None else as_regions(style.mask)
        if mask is not None:
            mask.check_fits(photo)
        with self._memory_explained(settings):
            seen = prepare_rgb(photo, _working_size(settings), self.device)
            self._check_memory(seen, settings, _STYLE_BYTES)
            whole = self._transfer.measure(seen.tensor, settings, seen.visible)
            look = Look(self._model, settings, whole)
            if mask is None:
                return look
            shares = mask.shares(seen.size, self.device)
            counted = shares if seen.visible is None else shares * seen.visible
            measured = self._transfer.measure_regions(seen.tensor, settings, counted)
            is_visible = (counted.amax((0, 2, 3)) > 0).tolist()
            found = zip(mask.labels, measured, is_visible, strict=True)
            return replace(look, regions={label: one for label, one, visible in found if visible})

    def _styled(self, seen: NetworkInput, look: Look, matching: Matching, mask: Regions | None) -> Tensor:
        """The network's answer, sRGB (1, 3, h, w) in [0, 1]."""
        styles: Measured | list[Measured]
        if mask is None or look.regions is None:
            styles, shares = look.whole, None
        else:
            styles = [look.regions.get(label, look.whole) for label in mask.labels]
            shares = mask.shares(seen.size, self.device)
        styled: Tensor = self._transfer(seen.tensor, styles, matching, shares, seen.visible)
        return styled.float()

    def _check(self, look: Look, settings: StylizeSettings, mask: Regions | None) -> None:
        """Raise SettingError unless this network measured the styles, under the settings, and masks go with masks."""
        if look.model != self._model:
            raise SettingError(
                f"the style was measured by the model {look.model}, and this is {self._model}; "
                "measure it again with this one"
            )
        is_measured = matched_features(settings) <= matched_features(look.settings)
        if settings.method != look.settings.method or not is_measured:
            raise SettingError("the style was measured under another matching; measure it again under this one")
        if _working_size(look.settings) != _working_size(settings):
            raise SettingError("the style was measured at another working size; measure it again at this one")
        if mask is None and look.regions is not None:
            raise SettingError("the style has a mask and the content has none: give both, or neither")
        if mask is not None and look.regions is None:
            raise SettingError("the content has a mask and the style has none: give both, or neither")

    def _check_memory(self, seen: NetworkInput, settings: StylizeSettings, bytes_each: int) -> None:
        height, width = seen.size
        needed = bytes_each * self._transfer.encoder.config.width * height * width
        check_memory(needed, self.device, _remedy(settings))

    def _memory_explained(self, settings: StylizeSettings) -> AbstractContextManager[None]:
        return out_of_memory_explained(self.device, _remedy(settings))


def _working_size(settings: StylizeSettings) -> int | None:
    """None is the pictures' own size."""
    return None if settings.exact else settings.working_size


def _remedy(settings: StylizeSettings) -> str:
    """What to use where the memory does not suffice."""
    return _EXACT_REMEDY if settings.exact else REMEDY


def _as_styles(styles: Styles) -> Sequence[Style]:
    given = styles if isinstance(styles, list | tuple) else [styles]
    if not given:
        raise SettingError("there is no style: give at least one")
    found = [one if isinstance(one, Style) else Style(one) for one in given]  # type: ignore[arg-type]
    with_mask = [one for one in found if one.mask is not None]
    if with_mask and len(with_mask) < len(found):
        raise SettingError("some styles have masks and some have none: give all of them one, or none")
    return found


def _mixed(styles: Sequence[tuple[Measured, float]]) -> Measured:
    largest = max(weight for _, weight in styles)
    weights = [weight / largest for _, weight in styles]  # whose sum is finite, however large they were
    return mix([measured for measured, _ in styles], [weight / sum(weights) for weight in weights])
