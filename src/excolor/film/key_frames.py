"""Frames to which a person gave colors: each is colored with them, and then is the reference of its shot."""

from dataclasses import dataclass, replace
from pathlib import Path

from excolor.batch.hint_folder import LAYERS
from excolor.errors import HintError, PlanError
from excolor.film.references import FilmReference, encode
from excolor.film.steady import Frame
from excolor.hints import Hint, HintLayer, read_hints, read_layer
from excolor.method.colorizer import Colorizer
from excolor.photo import MAX_PIXELS, Photo
from excolor.settings import ColorizeSettings
from excolor.weights import sha256_of


@dataclass(frozen=True, eq=False)
class KeyFrame:
    """A frame in colors of a person.

    Attributes:
        seconds: when it is shown.
        reference: it in color.
        notes: about colors that cannot be had.
        sha256: of the file of hints.
    """

    seconds: float
    reference: FilmReference
    notes: tuple[str, ...]
    sha256: str


def key_frame(
    frame: Frame,
    hints: Path,
    reference: FilmReference | None,
    colorizer: Colorizer,
    settings: ColorizeSettings,
) -> KeyFrame:
    """Color a frame with hints.

    Args:
        frame: it.
        hints: a JSON file, or a layer.
        reference: that gives it all other colors; None invents them.
        colorizer: the networks.
        settings: how pictures are colored.

    Raises:
        PlanError: the file is of another kind.
        HintError: it cannot be understood, or was made for a picture of another size.
        PhotoError: the layer cannot be read.
        DeviceError: the device has too little memory.
    """
    photo = frame.photo
    given = _read(hints, photo)
    # Vividness is for all frames, to which this one gives its colors
    plain = replace(settings, vivid=1.0)
    encoded = () if reference is None else reference.encoded
    colored = colorizer.colorize(photo, encoded, plain, hints=given)
    found = encode(colored, colorizer, settings)
    if reference is not None:  # for what is not in this frame
        found = replace(found, encoded=colorizer.join([found.encoded, reference.encoded]))
    return KeyFrame(frame.seconds, found, colored.notes, sha256_of(hints))


def _read(path: Path, photo: Photo) -> tuple[Hint | HintLayer, ...]:
    """The hints in a file, for a frame."""
    if path.suffix.lower() in LAYERS:
        layer = read_layer(path, max_pixels=MAX_PIXELS)
        layer.check_fits(photo.size)
        return (layer,)
    if path.suffix.lower() != ".json":
        raise PlanError(
            f"{path} is no file of hints for a frame by its name: give a .json, or a layer (.png, .tif, .webp)"
        )
    file = read_hints(path)
    # A still of the frame is another file than the clip: only its size tells
    difference = None if file.target is None else file.target.difference(photo.size, None)
    if difference is not None:
        raise HintError(f"{path}: these hints are not for the frame: {difference}")
    return file.hints
