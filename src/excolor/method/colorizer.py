"""Picture in, picture out: the whole method of the paper around the networks (Xu et al., CVPR 2020, Figure 2).

    target L -> pre-color -> coarse map from the reference -> hints -> refined ab -> full size, guided by L

Networks see a working size; the result has the target's own size and lightness. All state is in the arguments: a
reference is encoded once and given to as many targets as there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from excolor.errors import SettingError
from excolor.imaging.color import ab_from_network, ab_to_network, colored, lightness_to_network
from excolor.imaging.merging import from_unit, lightness_of, merge_ab
from excolor.imaging.working_size import (
    crop,
    hwc,
    pad,
    see_rgb,
    see_visible,
    seen_size,
    shown,
    shrink,
)
from excolor.method.coarse import (
    CoarseMap,
    ReferenceFeatures,
    coarse_map,
    describe_lightness,
    encode_reference,
    join_references,
    trusted_more,
)
from excolor.method.correspondence import Correspondence, correspondence_by
from excolor.method.hints import Hints, no_hints, scatter
from excolor.networks.checkpoint import load_colorizer, load_matcher, load_transfer
from excolor.networks.colorization import ColorizationNet
from excolor.networks.models import ModelFiles, ModelIdentity, find_model
from excolor.networks.neighbors import score
from excolor.networks.transfer import TransferNet
from excolor.photo import Photo, PhotoSource, as_photo
from excolor.runtime.devices import choose_device, out_of_memory_explained, put_on
from excolor.settings import COLORIZE_SIZE, ColorizeSettings


@dataclass(frozen=True)
class Reference:
    """What is kept of a reference picture: made by `Colorizer.encode_reference`, used for any number of targets.

    Attributes:
        features: of the picture as the networks saw it.
        name: of the picture.
        is_gray: it has no colors to give.
        model: the one that encoded it, with which alone it can be used.
    """

    features: ReferenceFeatures
    name: str
    is_gray: bool
    model: ModelIdentity

    @classmethod
    def joined(cls, references: "Sequence[Reference]") -> "Reference":
        """One or more references as one: each place of a target takes its color from where it finds its like.

        Raises SettingError if there is none, or if different models encoded them.
        """
        if not references:
            raise SettingError("there is no reference: give at least one")
        models = sorted({one.model for one in references}, key=str)
        if len(models) > 1:
            raise SettingError(
                f"the references were encoded by different models, {', '.join(map(str, models))}; encode all by one"
            )
        features = join_references([one.features for one in references])
        return cls(
            features, ", ".join(one.name for one in references), all(one.is_gray for one in references), models[0]
        )

    def check_of(self, model: ModelIdentity) -> None:
        """Raise SettingError if another model encoded this."""
        if self.model != model:
            raise SettingError(
                f"the reference {self.name} was encoded by the model {self.model}, and this is {model}; "
                "encode it again with this one"
            )


@dataclass(frozen=True)
class Stages:
    """The steps to a result (the paper's Figure 4): all but `result` at the working size."""

    precolor: Photo
    coarse: Photo
    hints: Photo
    result: Photo


@dataclass(frozen=True)
class _Seen:
    """A target as the networks see it: padded L (1, 1, h, w) in [0, 100], and its size without the padding."""

    lightness: Tensor
    size: tuple[int, int]


@dataclass(frozen=True)
class _Steps:
    """The steps to a result: ab maps (1, 2, h, w) of what the networks saw."""

    seen: _Seen
    invented: Tensor
    coarse: Tensor
    hints: Tensor
    result: Photo


class Colorizer:
    """The colorization pipeline with the networks of one model."""

    def __init__(
        self,
        colorization: ColorizationNet,
        model: ModelIdentity,
        matching: tuple[TransferNet, Correspondence] | None,
    ) -> None:
        """Use networks in evaluation mode and on the same device; pre-coloring alone does without `matching`."""
        self.name = model.name
        self._model = model
        self._colorization = colorization
        self._matching = matching

    @classmethod
    def load(cls, model: str | Path | ModelFiles | None = None, *, device: str = "auto") -> "Colorizer":
        """Load a model: a name in weights.toml (None: the default), a folder of checkpoints, or files that were found.

        A listed model that is not on this machine is downloaded, unless EXCOLOR_OFFLINE=1 forbids it. Files that were
        found for pre-coloring alone are enough for that.

        Raises:
            UnknownModelError: no such model.
            CheckpointError: a checkpoint is missing and cannot be downloaded, or is damaged.
            DeviceError: no such device.
        """
        place = choose_device(device)
        files = find_model(model, "colorize")
        colorization = put_on(place, load_colorizer(files.path("colorizer")))
        if "encoder" not in files.files:
            return cls(colorization, files.identity("colorize"), None)
        transfer = load_transfer(files.path("encoder"), files.path("decoder"))
        matcher = load_matcher(files.path("matcher"), transfer.encoder) if "matcher" in files.files else None
        matching = put_on(place, transfer), put_on(place, correspondence_by(matcher))
        return cls(colorization, files.identity("colorize"), matching)

    @property
    def _transfer(self) -> TransferNet:
        return self._networks_for_references()[0]

    @property
    def _correspondence(self) -> Correspondence:
        return self._networks_for_references()[1]

    def _networks_for_references(self) -> tuple[TransferNet, Correspondence]:
        if self._matching is None:
            raise SettingError("only what pre-coloring needs was loaded of the model; load it by its name")
        return self._matching

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self._colorization.out.weight.device

    @torch.inference_mode()
    def encode_reference(self, reference: PhotoSource | Photo, *, working_size: int = COLORIZE_SIZE) -> Reference:
        """Encode a color picture once, for any number of targets. Raises PhotoError if it cannot be read."""
        photo = as_photo(reference)
        with out_of_memory_explained(self.device):
            size = seen_size(photo.size, working_size)
            seen, visible = see_rgb(photo, size, self.device), see_visible(photo, size, self.device)
            features = encode_reference(self._transfer, self._correspondence, seen, visible)
        return Reference(features, photo.name, photo.is_gray, self._model)

    def colorize(
        self,
        target: PhotoSource | Photo,
        reference: PhotoSource | Photo | Reference,
        settings: ColorizeSettings = ColorizeSettings(),
    ) -> Photo:
        """Give `target` the colors of `reference`.

        Args:
            target: a path, a PIL image, or an array (H, W[, 1, 3 or 4]) of uint8, uint16 or float in [0, 1]; only
                its lightness is used.
            reference: likewise, in color; or one that is encoded already.
            settings: see there.

        Returns:
            A Photo of the target's size and lightness: sRGB (H, W, 3), uint16 for uint16 and uint8 for uint8 targets,
            float32 for float, and with the target's alpha.

        Raises:
            PhotoError: a picture cannot be read or is of a kind that cannot be used.
            SettingError: the reference was encoded by another model.
            DeviceError: the device has too little memory.
        """
        return self._colorize(as_photo(target), reference, settings).result

    def colorize_stages(
        self,
        target: PhotoSource | Photo,
        reference: PhotoSource | Photo | Reference,
        settings: ColorizeSettings = ColorizeSettings(),
    ) -> Stages:
        """Like `colorize`, and keep every step."""
        steps = self._colorize(as_photo(target), reference, settings)
        return Stages(
            precolor=_preview(steps.invented, steps.seen),
            coarse=_preview(steps.coarse, steps.seen),
            hints=_preview(steps.hints, steps.seen),
            result=steps.result,
        )

    @torch.inference_mode()
    def _colorize(self, photo: Photo, reference: PhotoSource | Photo | Reference, settings: ColorizeSettings) -> _Steps:
        if not isinstance(reference, Reference):
            reference = self.encode_reference(reference, working_size=settings.working_size)
        reference.check_of(self._model)
        with out_of_memory_explained(self.device):
            seen = self._see(photo, settings.working_size)
            invented = self._refine(seen, no_hints(seen.lightness))
            precolored = colored(seen.lightness, invented)
            coarse = coarse_map(
                self._transfer,
                self._correspondence,
                seen.lightness,
                precolored,
                reference.features,
                settings.match,
            )
            hints = self._hints(trusted_more(coarse, settings.strength - 1), settings)
            refined = self._refine(seen, hints)
            ab = invented.lerp(refined, min(settings.strength, 1.0)) * settings.vivid
            return _Steps(seen, invented, coarse.ab, ab_from_network(hints.ab), _merge(photo, seen, ab))

    @torch.inference_mode()
    def precolor(self, target: PhotoSource | Photo, *, working_size: int = COLORIZE_SIZE) -> Photo:
        """Invent plausible colors for `target`, without a reference. Arguments, result and errors as in `colorize`."""
        photo = as_photo(target)
        with out_of_memory_explained(self.device):
            seen = self._see(photo, working_size)
            invented = self._refine(seen, no_hints(seen.lightness))
            return _merge(photo, seen, invented)

    @torch.inference_mode()
    def score(
        self,
        target: PhotoSource | Photo,
        references: Sequence[Reference],
        *,
        working_size: int = COLORIZE_SIZE,
    ) -> list[float]:
        """How well each reference fits `target`, in [0, 1]: the mean cosine of features at places that correspond.

        Raises SettingError if another model encoded a reference.
        """
        for reference in references:
            reference.check_of(self._model)
        with out_of_memory_explained(self.device):
            seen = self._see(as_photo(target), working_size)
            descriptors = describe_lightness(self._transfer.encoder, self._correspondence, seen.lightness)
            return [score(descriptors, ref.features.landmarks).item() for ref in references]

    def _see(self, photo: Photo, shorter_side: int) -> _Seen:
        size = seen_size(photo.size, shorter_side)
        lightness = lightness_of(shrink(shown(photo), size))[None]
        return _Seen(pad(lightness).to(self.device), size)

    def _hints(self, coarse: CoarseMap, settings: ColorizeSettings) -> Hints:
        generator = Generator().manual_seed(settings.seed)
        return scatter(ab_to_network(coarse.ab), coarse.confidence, settings.hint_share, generator)

    def _refine(self, seen: _Seen, hints: Hints) -> Tensor:
        """ab (1, 2, h, w) in [-110, 110] from lightness and hints."""
        return ab_from_network(self._colorization(lightness_to_network(seen.lightness), hints.ab, hints.mask).float())


@torch.inference_mode()
def _preview(ab: Tensor, seen: _Seen) -> Photo:
    """An ab map (1, 2, h, w) as a picture of the working size."""
    return Photo(from_unit(crop(colored(seen.lightness, ab), seen.size)[0].cpu(), np.dtype(np.uint8)))


def _merge(photo: Photo, seen: _Seen, ab: Tensor) -> Photo:
    """The photo in the colors of `ab` (1, 2, h, w), at full size."""
    lightness = hwc(crop(seen.lightness, seen.size))[..., 0]
    return replace(photo, pixels=merge_ab(photo.pixels, lightness, hwc(crop(ab, seen.size))))
