"""Small clips for tests: moving crops of example photographs, made by PyAV."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from excolor.film.clip import samples_of

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"
SOUND = 16000  # samples a second
MILLISECOND = Fraction(1, 1000)
SIZE = (64, 96)  # pixels
SMALL = ("--working-size", 48, "--model", "lite", "--every", 8)
"""Options of `excolor film` by which such clips are colored soon."""


def picture(name: str = "palace", size: tuple[int, int] = (240, 320)) -> np.ndarray:
    """An example photograph (H, W, 3), uint8."""
    with Image.open(PHOTOS / f"{name}.jpg") as image:
        return np.asarray(image.convert("RGB").resize(size[::-1], Image.Resampling.BOX))


def crops(names: Sequence[str], count: int, size: tuple[int, int], step: int = 2) -> list[np.ndarray]:
    """A pan over each photograph, `count` frames each."""
    frames = []
    for name in names:
        pixels = picture(name, (size[0] + 32, size[1] + step * count))
        frames += [pixels[16 : 16 + size[0], step * i : step * i + size[1]] for i in range(count)]
    return frames


def write_clip(
    path: Path,
    names: Sequence[str] = ("palace",),
    count: int = 6,
    *,
    size: tuple[int, int] = (64, 96),
    pix_fmt: str = "yuv420p",
    codec: str = "ffv1",
    times: Sequence[int] | None = None,
    time_base: Fraction = MILLISECOND,
    tags: tuple[int, int] | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    sound: float | None = None,
    voice: str = "pcm_s16le",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip of 25 frames a second, or of the times given, with `sound` seconds of sound encoded as `voice`."""
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = size[1], size[0], pix_fmt
        stream.time_base = stream.codec_context.time_base = time_base
        if rotation:
            stream.set_display_rotation(rotation)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if tags:
            stream.codec_context.colorspace, stream.codec_context.color_range = tags
        speech = container.add_stream(voice, rate=SOUND, layout="mono") if sound else None
        for i, pixels in enumerate(crops(names, count, size)):
            frame = _frame(np.ascontiguousarray(pixels), pix_fmt, tags)
            frame.pts = times[i] if times else round(Fraction(i, 25) / time_base)
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if speech:
            step = speech.codec_context.frame_size or SOUND // 10
            for first in range(0, round(sound * SOUND), step):
                wave = np.sin(np.arange(step) * (0.02 + 0.04 * first / SOUND)) * 9000
                part = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
                part.sample_rate, part.pts, part.time_base = SOUND, first, Fraction(1, SOUND)
                container.mux(speech.encode(part))
            container.mux(speech.encode(None))
    return path


def _frame(pixels: np.ndarray, pix_fmt: str, tags: tuple[int, int] | None) -> av.VideoFrame:
    if pix_fmt.startswith("gray"):
        return av.VideoFrame.from_ndarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), format="gray")
    matrix, levels = tags or (None, None)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix, dst_color_range=levels)
    if tags:
        frame.colorspace, frame.color_range = tags
    return frame


@dataclass(frozen=True)
class Content:
    """What a clip holds: frames, their times in seconds, samples of Y, U and V, and packets of sound."""

    frames: list[av.VideoFrame]
    times: list[Fraction]
    aspect: Fraction | None
    y: list[np.ndarray]
    u: list[np.ndarray]
    sound: list[tuple[Fraction, bytes]]

    @property
    def first(self) -> av.VideoFrame:
        return self.frames[0]


def content(path: Path) -> Content:
    """Read all of a clip."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        times = [frame.pts * stream.time_base for frame in frames]
        aspect = stream.sample_aspect_ratio
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.stream.type == "audio" and packet.dts is not None]
        sound = [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]
    y = [samples_of(frame, 0).copy() for frame in frames]
    u = [samples_of(frame, 1).copy() for frame in frames if len(frame.planes) > 1]
    return Content(frames, times, aspect, y, u, sound)


def rgb_of(frame: av.VideoFrame) -> np.ndarray:
    """A frame as a player shows it, (H, W, 3) uint8."""
    return frame.to_ndarray(format="rgb24")
