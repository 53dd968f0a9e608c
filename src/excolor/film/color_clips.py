"""Clips whose colors are known, to hide and to find again: videos and folders of frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from excolor.errors import FilmError
from excolor.film.clip import Clip, interlaced
from excolor.film.decoding import decoded, opened, video_of
from excolor.film.frames import find_frames, is_folder_of_frames
from excolor.imaging.working_size import Floats
from excolor.photo import read_photo


@dataclass(frozen=True)
class ColorClip:
    """A clip in color.

    Attributes:
        path: the file, the folder, or the pattern of names.
        limit: frames that are read at most; None reads all.
        notes: what had to be assumed.
    """

    path: Path
    limit: int | None = None
    video: Clip | None = None
    files: tuple[Path, ...] = ()

    @classmethod
    def open(cls, path: Path, limit: int | None = None) -> "ColorClip":
        """Look at it.

        Raises:
            MissingPackageError: it is a video, and PyAV is not installed.
            FilmError: there are no frames, or they cannot be read.
        """
        if is_folder_of_frames(path):
            return cls(path, limit, files=find_frames(path))
        return cls(path, limit, video=Clip.open(path))

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be assumed."""
        return () if self.video is None else tuple(f"{self.path}: {note}" for note in self.video.notes)

    def frames(self) -> Iterator[Floats]:
        """The frames as they are shown, (H, W, 3), sRGB in [0, 1].

        Raises:
            FilmError: they change in size, or cannot be read any more.
            PhotoError: a frame in a folder cannot be read.
        """
        size: tuple[int, ...] | None = None
        frames = _of_files(self.files) if self.video is None else _of_video(self.video)
        for frame in islice(frames, self.limit):
            if size is not None and frame.shape != size:
                raise FilmError(f"{self.path}: its frames change in size on the way; split it there first")
            size = frame.shape
            yield np.divide(frame, np.float32(255), dtype=np.float32)


def _of_files(files: tuple[Path, ...]) -> Iterator[np.ndarray]:
    for path in files:
        yield read_photo(path).to_rgb()


def _of_video(clip: Clip) -> Iterator[np.ndarray]:
    with opened(clip.path) as container:
        for _, frames in decoded(container, video_of(container, clip.path), joins=clip.joins):
            for frame in frames:
                if frame.interlaced_frame:
                    raise FilmError(interlaced(clip.path))
                tags = clip.tags  # swscale would take any size without tags for BT.601
                shown = frame.to_ndarray(format="rgb24", src_colorspace=tags.matrix, src_color_range=tags.range)
                yield clip.orientation.upright(shown)
    clip.check_end()
