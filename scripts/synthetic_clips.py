"""Make clips of known motion from photographs: pans, zooms, and things that cross.

    python scripts/synthetic_clips.py examples/photos/*.jpg -o clips
    excolor evaluate film clips/*

Each photograph gives three folders of frames. In the third, ellipses cut from the next two photographs cross before a
slow pan, in opposite directions; one of them enters after the first frame. At least three photographs are needed.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from excolor.errors import ExcolorError
from excolor.photo import Photo, read_photo, write_photo

SIZE = (216, 320)  # height and width of frames
FRAMES = 24
_ROOM = 100  # pixels by which photographs are larger than frames, to pan over
_SOFT = 1.5  # pixels over which an ellipse fades at its rim


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture that moves.

    Attributes:
        pixels: (H, W, 3), uint8.
        alpha: (H, W) in [0, 1]; None where it fills the frame.
        maps: for each frame the affine map (2, 3) from places in the picture to places in the frame, x before y.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    maps: Sequence[np.ndarray]

    def shown(self, index: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Its colors (H, W, 3) and alpha (H, W) in a frame."""
        where, flags = self.maps[index], cv2.INTER_CUBIC
        pixels = cv2.warpAffine(self.pixels, where, size[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)
        if self.alpha is None:
            return pixels, np.ones(size, np.float32)
        return pixels, cv2.warpAffine(self.alpha, where, size[::-1], flags=cv2.INTER_LINEAR)

    def flow(self, index: int, size: tuple[int, int]) -> np.ndarray:
        """Where each place of frame `index` was in the frame before, in pixels to be added, (H, W, 2)."""
        now, before = (np.vstack([self.maps[i], [0, 0, 1]]) for i in (index, index - 1))
        back = (before @ np.linalg.inv(now))[:2]
        columns, rows = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
        places = np.stack([columns, rows, np.ones(size)], -1)
        return (places @ back.T - places[..., :2]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """Layers, the last on top."""

    layers: Sequence[Layer]
    size: tuple[int, int] = SIZE

    def __len__(self) -> int:
        return len(self.layers[0].maps)

    def frame(self, index: int) -> np.ndarray:
        """A frame (H, W, 3), uint8."""
        frame = np.zeros((*self.size, 3), np.float32)
        for layer in self.layers:
            pixels, alpha = layer.shown(index, self.size)
            frame += alpha[..., None] * (pixels - frame)
        return frame.round().clip(0, 255).astype(np.uint8)

    def flow(self, index: int) -> np.ndarray:
        """The motion from frame `index` to the one before, (H, W, 2)."""
        return np.choose(self.top(index)[..., None], [layer.flow(index, self.size) for layer in self.layers])

    def top(self, index: int) -> np.ndarray:
        """The number of the layer that is seen at each place, (H, W)."""
        top = np.zeros(self.size, int)
        for number, layer in enumerate(self.layers):
            top[layer.shown(index, self.size)[1] > 0.5] = number
        return top


def pan(photo: np.ndarray, count: int = FRAMES, size: tuple[int, int] = SIZE) -> Scene:
    """A camera that turns to the right and down, not quite evenly."""
    t = np.arange(count)
    x, y = -3.1 * t - 4 * np.sin(t / 4), -1.3 * t - 2 * np.sin(t / 3)
    return Scene([Layer(_covering(photo, size), None, [_moved(*place) for place in zip(x, y, strict=True)])], size)


def zoom(photo: np.ndarray, count: int = FRAMES, size: tuple[int, int] = SIZE) -> Scene:
    """A camera that comes nearer, 1.5 % a frame, and tilts a little."""
    pixels = _covering(photo, size)
    middle = (pixels.shape[1] * 0.45, pixels.shape[0] * 0.5)
    maps = []
    for t in range(count):
        around = cv2.getRotationMatrix2D(middle, 0.25 * t, 0.85 * 1.015**t)
        around[:, 2] += size[1] / 2 - middle[0], size[0] / 2 - middle[1]
        maps.append(around)
    return Scene([Layer(pixels, None, maps)], size)


def crossing(
    photo: np.ndarray, others: Sequence[np.ndarray], count: int = FRAMES, size: tuple[int, int] = SIZE
) -> Scene:
    """Two things before a slow pan: one moves to the right, and one enters from there and moves to the left."""
    height, width = size
    t = np.arange(count)
    layers = [Layer(_covering(photo, size), None, [_moved(-0.8 * i, -0.3 * i) for i in t])]
    thing = (height // 2, width // 3)
    places = (
        (4.3 * t + 0.05 * width, 0.12 * height + 3 * np.sin(t / 3)),
        (width - 12 - 5.2 * t, 0.4 * height - 2 * np.sin(t / 4)),
    )
    for other, (x, y) in zip(others, places, strict=True):
        pixels = cv2.resize(other, thing[::-1], interpolation=cv2.INTER_AREA)
        layers.append(Layer(pixels, _ellipse(thing), [_moved(*place) for place in zip(x, y, strict=True)]))
    return Scene(layers, size)


def scenes(photos: Sequence[tuple[str, np.ndarray]], count: int) -> Iterator[tuple[str, Scene]]:
    """The three scenes of each photograph, by their names."""
    for i, (name, photo) in enumerate(photos):
        others = [photos[(i + step) % len(photos)][1] for step in (1, 2)]
        yield f"{name}-pan", pan(photo, count)
        yield f"{name}-zoom", zoom(photo, count)
        yield f"{name}-crossing", crossing(photo, others, count)


def _covering(photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A photograph somewhat larger than a frame in both directions."""
    height, width = size[0] + _ROOM, size[1] + _ROOM
    scale = max(height / photo.shape[0], width / photo.shape[1])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(
        photo,
        (max(width, round(photo.shape[1] * scale)), max(height, round(photo.shape[0] * scale))),
        interpolation=interpolation,
    )


def _ellipse(size: tuple[int, int]) -> np.ndarray:
    """Alpha (H, W) of the ellipse that touches all sides."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((x - (width - 1) / 2) / (width / 2), (y - (height - 1) / 2) / (height / 2))
    return ((1 - radius) * min(size) / 2 / _SOFT).clip(0, 1).astype(np.float32)


def _moved(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y]], np.float64)


def main() -> None:
    """Read the arguments, make the clips, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--frames", type=int, default=FRAMES, metavar="N", help="of each clip (default: %(default)s)")
    arguments = parser.parse_args()
    if len(arguments.photos) < 3:
        parser.error("give at least three photographs")
    if arguments.frames < 1:
        parser.error("--frames is at least 1")
    try:
        photos = [(path.stem, read_photo(path).to_rgb()) for path in arguments.photos]
    except ExcolorError as error:
        parser.exit(1, f"Error: {error}\n")
    if len({name for name, _ in photos}) < len(photos):
        parser.exit(1, "Error: two photographs have the same name, and so would their clips; rename one\n")
    for name, scene in scenes(photos, arguments.frames):
        folder = arguments.output / name
        try:
            folder.mkdir(parents=True)
            for index in range(len(scene)):
                write_photo(Photo(scene.frame(index)), folder / f"{index:05}.png")
        except FileExistsError:  # frames of a longer clip would remain
            parser.exit(1, f"Error: {folder} exists already; name another folder, or move it away\n")
        except (ExcolorError, OSError) as error:
            parser.exit(1, f"Error: {error}\n")


if __name__ == "__main__":
    main()
