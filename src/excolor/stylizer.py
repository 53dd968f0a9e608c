"""The transfer sub-net alone: photorealistic stylization (Xu et al., CVPR 2020, section 4.3, Figures 10 and 11)."""

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import torch

from excolor.devices import choose_device, out_of_memory_explained, put_on
from excolor.errors import SettingError
from excolor.merge import from_unit, merge_rgb
from excolor.models.checkpoint import load_transfer
from excolor.models.transfer import Matching, Statistics, TransferNet
from excolor.photo import Photo, PhotoSource, as_photo
from excolor.resize import crop, seen_size
from excolor.sight import hwc, see_rgb
from excolor.weights import ModelFiles, find_model

STYLE_SIZE = 512  # pixels of the shorter side at which stylization works by default


class Stylizer:
    """The transfer sub-net alone: photorealistic stylization (the paper's Figures 10 and 11)."""

    def __init__(self, transfer: TransferNet, name: str) -> None:
        """Use a network in evaluation mode."""
        self.name = name
        self._transfer = transfer

    @classmethod
    def load(cls, model: str | Path | ModelFiles | None = None, *, device: str = "auto") -> "Stylizer":
        """Load the transfer net of a model. Arguments and errors as in `Colorizer.load`."""
        files = find_model(model)
        transfer = load_transfer(files.encoder, files.decoder)
        return cls(put_on(choose_device(device), transfer), files.name)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self._transfer.decoder.conv1_1.weight.device

    @torch.inference_mode()
    def measure(
        self,
        style: PhotoSource | Photo,
        matching: Matching,
        *,
        working_size: int = STYLE_SIZE,
        exact: bool = False,
    ) -> dict[str, Statistics]:
        """Measure a style once, for any number of contents under the same matching; `exact` as in `stylize`."""
        photo = as_photo(style)
        with self._memory_explained(exact):
            seen = see_rgb(photo, _style_size(photo, working_size, exact), self.device)
            return self._transfer.measure(seen, matching)

    @torch.inference_mode()
    def stylize(
        self,
        content: PhotoSource | Photo,
        style: PhotoSource | Photo | dict[str, Statistics],
        matching: Matching = Matching(),  # noqa: B008 - frozen
        *,
        working_size: int = STYLE_SIZE,
        exact: bool = False,
    ) -> Photo:
        """Give `content` the look of `style`: tones and colors, not texture.

        The network runs at the working size; a larger content keeps its own detail, to which the change is brought by
        a local affine model. Arguments, result and errors as in `Colorizer.colorize`.

        With `exact` the network runs on content and style as they are, like the paper's: the result is the decoder's
        own, and the memory needed grows with their sizes.
        """
        photo = as_photo(content)
        if not isinstance(style, dict):
            style = self.measure(style, matching, working_size=working_size, exact=exact)
        elif not matching.names() <= style.keys():
            raise SettingError("the style was measured under another matching; measure it again under this one")
        size = _style_size(photo, working_size, exact)
        with self._memory_explained(exact):
            seen = see_rgb(photo, size, self.device)
            styled = crop(self._transfer(seen, style, matching).float(), size)
            if size == photo.size:
                pixels = from_unit(styled[0].cpu(), photo.pixels.dtype)
            else:
                pixels = merge_rgb(photo.pixels, hwc(crop(seen, size)), hwc(styled))
        return replace(photo, pixels=pixels)

    def _memory_explained(self, exact: bool) -> AbstractContextManager[None]:
        if exact:
            return out_of_memory_explained(self.device, "a working size instead of --exact")
        return out_of_memory_explained(self.device)


def _style_size(photo: Photo, working_size: int, exact: bool) -> tuple[int, int]:
    return photo.size if exact else seen_size(photo.size, working_size)
