"""References of a clip: encoded once, one chosen for each shot, some for the shot at a given time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from excolor.film.motion import Gray
from excolor.imaging.color import rgb_to_lab
from excolor.imaging.working_size import Floats, prepare_rgb
from excolor.method.colorizer import Colorizer
from excolor.method.pictures import Reference
from excolor.photo import Photo
from excolor.settings import ColorizeSettings


@dataclass(frozen=True, eq=False)
class FilmReference:
    """A reference, ready to be followed.

    Attributes:
        encoded: for the networks.
        gray: it in gray (h, w), to recognize the scene.
        ab: its colors (h, w, 2) at that size.
        name: what to call it.
    """

    encoded: Reference
    gray: Gray
    ab: Floats
    name: str


def encode(photo: Photo, colorizer: Colorizer, settings: ColorizeSettings) -> FilmReference:
    """Encode a picture as a reference. Raises DeviceError if the device has too little memory."""
    seen = prepare_rgb(photo, settings.working_size, colorizer.device)
    lab = seen.to_array(rgb_to_lab(seen.tensor))
    gray: Gray = (lab[..., 0] * np.float32(2.55)).round().clip(0, 255).astype(np.uint8)
    return FilmReference(colorizer.encode_reference(photo, settings), gray, lab[..., 1:].copy(), photo.name)


def best(photo: Photo, references: Sequence[FilmReference], colorizer: Colorizer) -> FilmReference:
    """The reference that fits a frame best."""
    if len(references) == 1:
        return references[0]
    scores = colorizer.score(photo, [one.encoded for one in references])
    return max(zip(scores, references, strict=True), key=lambda pair: pair[0])[1]
