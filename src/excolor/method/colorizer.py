"""Picture in, picture out: the method around its networks (`method.exemplar`).

    photograph ──► what the networks see (`imaging.working_size`) ──► networks ──► full size (`imaging.merging`)

All state is in the arguments: a reference is encoded once and given to as many targets as there are.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from excolor.errors import SettingError
from excolor.imaging.auto_levels import with_auto_levels
from excolor.imaging.merging import small_photo, with_colors
from excolor.imaging.working_size import NetworkInput, pad, prepare_lightness, prepare_rgb
from excolor.method.architecture import ExemplarModel, FoundColors, Stages
from excolor.method.assembly import assemble
from excolor.method.hints import Hints
from excolor.method.person_hints import AnyHint, rasterize
from excolor.method.pictures import Reference, StagePhotos, Target
from excolor.method.reliance import followed_notes
from excolor.networks.models import ModelFiles, ModelIdentity, find_model
from excolor.networks.precision import precision_of, put_on
from excolor.photo import Photo, PhotoSource, as_photo
from excolor.runtime.devices import choose_device, choose_dtype, out_of_memory_explained
from excolor.settings import ColorizeSettings, Precision

References: TypeAlias = PhotoSource | Photo | Reference | Sequence[PhotoSource | Photo | Reference]


class Colorizer:
    """Gives gray photographs colors, with the networks of one model."""

    def __init__(self, networks: ExemplarModel[Any], model: ModelIdentity) -> None:
        """Use the networks of a model that are in evaluation mode and on one device."""
        self.name = model.name
        self._model = model
        self._networks = networks

    @classmethod
    def load(
        cls, model: str | Path | ModelFiles | None = None, *, device: str = "auto", precision: Precision = "auto"
    ) -> "Colorizer":
        """Load a model: a name in weights.toml (None: the default), a folder of checkpoints, or files that were found.

        A listed model that is not on this machine is downloaded, unless EXCOLOR_OFFLINE=1 forbids it. Files that were
        found for pre-coloring alone are enough for that. `runtime.devices.choose_dtype` says what precisions mean.

        Raises:
            UnknownModelError: no such model.
            CheckpointError: a checkpoint is missing and cannot be downloaded, or is damaged.
            DeviceError, SettingError: no such device, no such precision.
        """
        place = choose_device(device)
        dtype, files = choose_dtype(place, precision), find_model(model, "colorize")
        return cls(put_on(place, assemble(files), dtype), files.identity("colorize"))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self._networks.parameters()).device

    @property
    def precision(self) -> str:
        """What the layers that take most of the time compute in: float32, bfloat16 or float16."""
        return precision_of(self._networks)

    @torch.inference_mode()
    def encode_reference(
        self, picture: PhotoSource | Photo, settings: ColorizeSettings = ColorizeSettings()
    ) -> Reference:
        """Encode a color picture once, for any number of targets that are colorized at the same working size.

        Raises PhotoError if it cannot be read, DeviceError if the device has too little memory, and SettingError if a
        setting is not for this model.
        """
        self._networks.check(settings)
        photo = as_photo(picture)
        with out_of_memory_explained(self.device):
            seen = prepare_rgb(photo, settings.working_size, self.device, multiple=self._networks.multiple)
            features = self._networks.encode_reference(seen.tensor, seen.visible)
        return Reference(features, photo.name, photo.is_gray, self._model, settings.working_size)

    @torch.inference_mode()
    def join(self, references: Sequence[Reference]) -> Reference:
        """Encoded references as one: each place of a target takes its color from the most similar places in any.

        Raises SettingError if there is none, or if they were not encoded by this model at one working size.
        """
        if not references:
            raise SettingError("there is no reference: give at least one")
        first = references[0]
        for one in references:
            self._check(one, first.working_size)
        features = self._networks.join_references([one.features for one in references])
        name, is_gray = ", ".join(one.name for one in references), all(one.is_gray for one in references)
        return replace(first, features=features, name=name, is_gray=is_gray)

    @torch.inference_mode()
    def recall(self, target: Target, ab: Tensor, *, trust: float = 1.0) -> Reference | None:
        """A picture in the colors that it was given, as a further reference for others of its scene.

        Args:
            target: of `look`.
            ab: (1, 2, h, w) without padding; what is found for others with `vivid` is that much more vivid than this.
            trust: how far its likeness to them counts, in [0, 1], beside that of references that it is joined with.

        Returns:
            None if this model gains nothing by that. Errors as in `encode_reference`, and SettingError if another model
            looked at the target.
        """
        settings = ColorizeSettings(target.working_size, auto_levels=target.auto_levels)
        looked = self._looked(target, settings, examined=True)
        with out_of_memory_explained(self.device):
            padded = pad(ab.to(self.device), self._networks.multiple)
            features = self._networks.recall(looked.lightness, padded, trust, looked.known)
        if features is None:
            return None
        return Reference(features, target.photo.name, False, self._model, target.working_size)

    def look(self, picture: PhotoSource | Photo, settings: ColorizeSettings = ColorizeSettings()) -> Target:
        """Look at a picture once, for `score` and then `colorize`, with the working size and levels of `settings`.

        Errors as in `encode_reference`.
        """
        photo = as_photo(picture)
        with torch.inference_mode(), out_of_memory_explained(self.device):
            target = self._prepared(photo, settings)
            return replace(target, known=self._networks.examine(target.lightness))

    def colorize(
        self,
        target: PhotoSource | Photo | Target,
        references: References = (),
        settings: ColorizeSettings = ColorizeSettings(),
        *,
        hints: Sequence[AnyHint] = (),
    ) -> Photo:
        """Give `target` the colors of references, or plausible ones if there is none.

        Args:
            target: a path, a PIL image, or an array (H, W[, 1, 3 or 4]) of uint8, uint16 or float in [0, 1]; only
                its lightness is used. Or what `look` returned.
            references: one, or a list: likewise, in color, or encoded already. Of several each place of the target
                takes its color from the most similar places in any.
            settings: see there.
            hints: colors of places (`Hint`, `HintLayer`), which stand above everything else; where they overlap, the
                last one counts.

        Returns:
            A Photo of the target's size and lightness: sRGB (H, W, 3), uint16 for uint16 and uint8 for uint8 targets,
            float32 for float, and with the target's alpha. Its notes tell of hints whose color cannot be had, and of
            references that do not fit and are hardly followed.

        Raises:
            PhotoError: a picture cannot be read or is of a kind that cannot be used.
            HintError: a hint lies outside the target, or a layer has another aspect ratio.
            SettingError: a reference or target is of another model, or was seen at another working size.
            DeviceError: the device has too little memory.
        """
        looked, reference = self._looked(target, settings, bool(hints)), self._encoded(references, settings)
        with torch.inference_mode(), out_of_memory_explained(self.device):
            if reference is None:
                found = FoundColors(self._networks.invent(looked.lightness, known=looked.known), None)
            else:
                found = self._networks.colors(looked.lightness, reference.features, settings, known=looked.known)
            return self._result(looked, found, reference, settings, hints)

    def colorize_stages(
        self,
        target: PhotoSource | Photo | Target,
        references: References,
        settings: ColorizeSettings = ColorizeSettings(),
        *,
        hints: Sequence[AnyHint] = (),
    ) -> StagePhotos:
        """Like `colorize` with at least one reference, and keep every step."""
        looked, reference = self._looked(target, settings, bool(hints)), self._encoded(references, settings)
        if reference is None:
            raise SettingError("there is no reference, and so no steps to show: give at least one")
        with torch.inference_mode(), out_of_memory_explained(self.device):
            stages: Stages = self._networks(looked.lightness, reference.features, settings, known=looked.known)
            return StagePhotos(
                precolor=small_photo(looked.seen, stages.invented),
                coarse=small_photo(looked.seen, stages.coarse),
                hints=small_photo(looked.seen, stages.hints),
                result=self._result(looked, stages.found, reference, settings, hints),
            )

    def prepare(self, target: PhotoSource | Photo, settings: ColorizeSettings = ColorizeSettings()) -> NetworkInput:
        """The lightness of a picture as the networks see it, for `find_ab`. Raises PhotoError if it cannot be read."""
        return self._prepare(as_photo(target), settings)

    @torch.inference_mode()
    def find_ab(
        self,
        seen: NetworkInput | Target,
        references: References = (),
        settings: ColorizeSettings = ColorizeSettings(),
        hints: Hints | None = None,
    ) -> Tensor:
        """Colors at the size that the networks see, before they are merged with the picture.

        Args:
            seen: of `prepare` or `look`, with the same settings.
            references: as in `colorize`.
            settings: see there.
            hints: colors that are known already, at the size of `seen.tensor`; where their mask is above zero they
                stand above those of the references.

        Returns:
            ab (1, 2, h, w), with padding. Errors as in `colorize`.
        """
        if isinstance(seen, Target):
            looked = self._looked(seen, settings, examined=False)
            lightness, known = looked.lightness, looked.known
        else:
            lightness, known = _as_networks_see(seen, settings), None
        reference = self._encoded(references, settings)
        with out_of_memory_explained(self.device):
            if reference is None:
                return self._networks.invent(lightness, hints, known) * settings.vivid
            return self._networks.colors(lightness, reference.features, settings, hints, known).ab * settings.vivid

    @torch.inference_mode()
    def find_stages(
        self, target: Target, reference: Reference, settings: ColorizeSettings = ColorizeSettings()
    ) -> Stages:
        """All steps to the colors that a reference gives a target, at the size that the networks see.

        `target` is of `look`; `vivid` is not followed yet. Errors as in `colorize`.
        """
        looked = self._looked(target, settings, examined=True)
        self._check(reference, settings.working_size)
        with out_of_memory_explained(self.device):
            stages: Stages = self._networks(looked.lightness, reference.features, settings, known=looked.known)
            return stages

    @torch.inference_mode()
    def follow(
        self,
        target: Target,
        ab: Tensor,
        hints: Sequence[AnyHint],
        reference: Reference | None = None,
        settings: ColorizeSettings = ColorizeSettings(),
    ) -> tuple[Tensor, tuple[str, ...]]:
        """Colors that follow hints, which stand above everything else.

        Args:
            target: of `look`.
            ab: of `find_ab` without hints, otherwise of the same arguments.
            hints: at least one, as in `colorize`.
            reference: one, or several that were joined.
            settings: see there.

        Returns:
            ab (1, 2, h, w), and notes about hints whose color cannot be had.

        Raises:
            HintError: a hint lies outside the picture, or a layer has another aspect ratio.
            SettingError: the target or the reference is of another model, or was seen at another working size.
        """
        looked = self._looked(target, settings, examined=True)
        if reference is not None:
            self._check(reference, settings.working_size)
        given, notes = rasterize(hints, looked.photo.size, looked.seen)
        features = None if reference is None else reference.features
        with out_of_memory_explained(self.device):
            followed = self._networks.follow(ab, looked.lightness, features, settings, given, looked.known)
        return followed, notes

    @torch.inference_mode()
    def score(self, target: PhotoSource | Photo | Target, references: Sequence[Reference]) -> list[float]:
        """How well each encoded reference fits `target`, in [0, 1].

        The target is seen at their working size. Raises SettingError if they and it are not of this model and at one
        working size.
        """
        if not references:
            return []
        size = references[0].working_size
        for one in references:
            self._check(one, size)
        levels = target.auto_levels if isinstance(target, Target) else ColorizeSettings.auto_levels
        looked = self._looked(target, ColorizeSettings(size, auto_levels=levels), examined=False)
        with out_of_memory_explained(self.device):
            features = [one.features for one in references]
            (scores,) = self._networks.score(looked.lightness, features, looked.known).tolist()
        return list(scores)

    def _looked(self, target: PhotoSource | Photo | Target, settings: ColorizeSettings, examined: bool) -> Target:
        """What was looked at, checked; or a picture, which is examined only if it pays."""
        if isinstance(target, Target):
            if (target.model, target.working_size) != (self._model, settings.working_size):
                raise SettingError(
                    f"the target {target.photo.name} was looked at by {target.model} at a working size of "
                    f"{target.working_size} pixels, and this is {self._model} at {settings.working_size}; look again"
                )
            if target.auto_levels != settings.auto_levels:
                one, other = ("with", "without") if target.auto_levels else ("without", "with")
                raise SettingError(
                    f"the target {target.photo.name} was looked at {one} auto levels, and is to be colorized {other} "
                    "them; look again with these settings"
                )
            return target
        if examined:
            return self.look(target, settings)
        photo = as_photo(target)
        with out_of_memory_explained(self.device):
            return self._prepared(photo, settings)

    def _encoded(self, references: References, settings: ColorizeSettings) -> Reference | None:
        """All references as one, encoded and checked; None if there is none."""
        given = references if isinstance(references, list | tuple) else [references]
        encoded = [
            one if isinstance(one, Reference) else self.encode_reference(one, settings)  # type: ignore[arg-type]
            for one in given
        ]
        for one in encoded:
            self._check(one, settings.working_size)
        return encoded[0] if len(encoded) == 1 else self.join(encoded) if encoded else None

    def _check(self, reference: Reference, working_size: int) -> None:
        """Raise SettingError unless this model encoded the reference at this working size."""
        if reference.model != self._model:
            raise SettingError(
                f"the reference {reference.name} was encoded by the model {reference.model}, and this is "
                f"{self._model}; encode it again with this one"
            )
        if reference.working_size != working_size:
            raise SettingError(
                f"the reference {reference.name} was encoded at a working size of {reference.working_size} pixels and "
                f"is used at {working_size}; encode it again at that size"
            )

    def _prepared(self, photo: Photo, settings: ColorizeSettings) -> Target:
        seen = self._prepare(photo, settings)
        lightness = _as_networks_see(seen, settings)
        return Target(photo, seen, lightness, None, self._model, settings.working_size, settings.auto_levels)

    def _prepare(self, photo: Photo, settings: ColorizeSettings) -> NetworkInput:
        return prepare_lightness(photo, settings.working_size, self.device, multiple=self._networks.multiple)

    def _result(
        self,
        target: Target,
        found: FoundColors,
        reference: Reference | None,
        settings: ColorizeSettings,
        hints: Sequence[AnyHint],
    ) -> Photo:
        """The photograph in the colors that the networks found, and in those of hints."""
        photo, seen = target.photo, target.seen
        ab = found.ab * settings.vivid  # before the hints, which are meant as they are
        notes = () if reference is None else followed_notes(found.followed, reference.name, settings.strength)
        if hints:
            ab, more = self.follow(target, ab, hints, reference, settings)
            notes += more
        result = with_colors(photo, seen, ab)
        return replace(result, notes=(*result.notes, *notes))


def _as_networks_see(seen: NetworkInput, settings: ColorizeSettings) -> Tensor:
    """The L (1, 1, h, w) that goes into the networks; what comes out is merged with that of `seen`."""
    return with_auto_levels(seen) if settings.auto_levels else seen.tensor
