"""Frames to which a person gave colors: each is colored with them, and then is the reference of its shot."""

from collections.abc import Iterable, Mapping
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
class HintedFrame:
    """A frame that there are hints for, not colored yet.

    Attributes:
        frame: it.
        hints: what its file holds.
        path: of that file.
        sha256: of that file.
    """

    frame: Frame
    hints: tuple[Hint | HintLayer, ...]
    path: Path
    sha256: str


@dataclass(frozen=True, eq=False)
class KeyFrame:
    """A frame in colors of a person.

    Attributes:
        seconds: when it is shown.
        reference: it in color.
        notes: about colors that cannot be had.
    """

    seconds: float
    reference: FilmReference
    notes: tuple[str, ...]


def hinted_frames(given: Iterable[tuple[float, Path]], shown: Mapping[float, Frame]) -> list[HintedFrame]:
    """Read files of hints for times in seconds, at which the frames `shown` are shown.

    Raises:
        PlanError: two files are for one frame, or one is neither a JSON file nor a layer.
        HintError: it cannot be understood, or was made for a picture of another size.
        PhotoError: the layer cannot be read.
    """
    found: dict[float, HintedFrame] = {}
    for seconds, path in given:
        frame = shown[seconds]
        if frame.seconds in found:
            raise PlanError(
                f"{found[frame.seconds].path} and {path} are for one frame, at {seconds:g} s; put them in one file"
            )
        found[frame.seconds] = HintedFrame(frame, _read(path, frame.photo), path, sha256_of(path))
    return list(found.values())


def key_frame(
    hinted: HintedFrame, reference: FilmReference | None, colorizer: Colorizer, settings: ColorizeSettings
) -> KeyFrame:
    """Color a frame with hints.

    Args:
        hinted: it.
        reference: that gives it all other colors; None invents them.
        colorizer: the networks.
        settings: how pictures are colored.

    Raises:
        DeviceError: the device has too little memory.
    """
    # Vividness is for all frames, to which this one gives its colors
    plain = replace(settings, vivid=1.0)
    encoded = () if reference is None else reference.encoded
    colored = colorizer.colorize(hinted.frame.photo, encoded, plain, hints=hinted.hints)
    found = encode(colored, colorizer, settings)
    if reference is not None:  # for what is not in this frame
        found = replace(found, encoded=colorizer.join([found.encoded, reference.encoded]))
    return KeyFrame(hinted.frame.seconds, found, colored.notes)


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
