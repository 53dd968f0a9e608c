"""How a result is encoded: codecs, containers, and the form of frames that a codec and a clip agree on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from excolor.errors import PlanError
from excolor.film.clip import Clip
from excolor.film.planes import PlaneFormat

CodecName = Literal["ffv1", "h264", "hevc", "vp9", "prores"]
CODECS: tuple[CodecName, ...] = get_args(CodecName)
Chroma = Literal["420", "422", "444"]
CHROMAS: tuple[Chroma, ...] = get_args(Chroma)

CONTAINERS = {".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".webm": "webm", ".nut": "nut", ".avi": "avi"}
"""FFmpeg's names of containers by the suffixes of files."""


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg: its name, its options, and the quality that it is given by default, if it takes one."""

    name: str
    options: Mapping[str, str]
    crf: int | None


ENCODERS: Mapping[CodecName, Encoder] = {
    # Every frame is a key frame and has checksums, as archives want it
    "ffv1": Encoder("ffv1", {"level": "3", "g": "1", "slicecrc": "1"}, None),
    "h264": Encoder("libx264", {"preset": "medium"}, 16),
    "hevc": Encoder("libx265", {"preset": "medium", "x265-params": "log-level=error"}, 18),
    "vp9": Encoder("libvpx-vp9", {"b": "0", "row-mt": "1"}, 20),
    "prores": Encoder("prores_ks", {}, None),
}
_MOST_CRF = {"h264": 51, "hevc": 51, "vp9": 63}


@dataclass(frozen=True)
class Encoding:
    """How the result is encoded.

    Attributes:
        codec: "ffv1" loses nothing.
        crf: quality of h264, hevc and vp9: lower is better; None for the default, which hardly shows a loss.
        chroma: "420", "422" or "444"; None as the clip has it, or "420" for a gray one.
    """

    codec: CodecName = "ffv1"
    crf: int | None = None
    chroma: Chroma | None = None

    def __post_init__(self) -> None:
        most = _MOST_CRF.get(self.codec)
        if self.crf is not None and most is None:
            raise PlanError(f"{self.codec} has no quality to be chosen; leave it out", settings=("crf",))
        if self.crf is not None and most is not None and self.crf > most:
            raise PlanError(f"the quality is {self.crf} and at most {most} for {self.codec}", settings=("crf",))


@dataclass(frozen=True)
class Target:
    """The form of the frames that are written.

    Attributes:
        pix_fmt: FFmpeg's pixel format.
        planes: what its samples mean.
        shift: of Y to it, in bits.
        chroma: "420" or the like.
    """

    pix_fmt: str
    planes: PlaneFormat
    shift: int
    chroma: str


_CHROMA_STEPS: Mapping[Chroma, tuple[int, int]] = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}


def target(clip: Clip, encoding: Encoding, output: Path) -> Target:
    """The form of frames for a clip, an encoding and a container.

    Raises:
        PlanError: the codec or the container cannot hold them.
    """
    import av

    suffix = output.suffix.lower()
    if suffix not in CONTAINERS:
        raise PlanError(f"{output}: end its name in one of {', '.join(CONTAINERS)}", settings=("output",))
    encoder = ENCODERS[encoding.codec].name
    formats = {one.name for one in av.Codec(encoder, "w").video_formats or ()}
    with av.open(_Nowhere(), "w", format=CONTAINERS[suffix]) as container:
        if encoder not in container.supported_codecs:
            raise PlanError(
                f"{output}: this container cannot hold {encoding.codec}; use another suffix or codec",
                settings=("output", "codec"),
            )
    held = {}  # the least depth with each chroma that can be encoded
    for chroma in dict.fromkeys([*_wanted(clip, encoding), *CHROMAS]):
        for bits in range(16, clip.planes.bits - 1, -1):
            if f"yuv{chroma}p{_ending(bits)}" in formats:
                held[chroma] = bits
    wanted = [one for one in _wanted(clip, encoding) if one in held]
    if not wanted:
        own = _wanted(clip, encoding)[0]
        others = " or ".join(one for one in CHROMAS if one in held)
        raise PlanError(
            f"the encoder that is here for {encoding.codec} ({encoder}) writes no {name_of(own)} chroma of "
            f"{clip.planes.bits} or more bits; choose {f'chroma {others}, or ' if others else ''}another codec",
            settings=("chroma", "codec") if others else ("codec",),
        )
    chroma = wanted[0]
    steps = _CHROMA_STEPS.get(chroma, clip.planes.chroma_step)  # type: ignore[call-overload]
    if encoding.codec in ("h264", "hevc") and any(side % step for side, step in zip(clip.size, steps, strict=True)):
        raise PlanError(
            f"{encoding.codec} cannot hold an odd size with this chroma; use 444, or the codec ffv1",
            settings=("chroma", "codec"),
        )
    planes = replace(clip.planes, bits=held[chroma], chroma_step=steps)
    return Target(f"yuv{chroma}p{_ending(held[chroma])}", planes, held[chroma] - clip.planes.bits, chroma)


def name_of(chroma: str) -> str:
    """The name that is usual in print: "4:2:0" for "420"."""
    return ":".join(chroma)


def _wanted(clip: Clip, encoding: Encoding) -> list[str]:
    """What was chosen; otherwise the clip's own chroma, and finer ones in place of it, in this order."""
    if encoding.chroma:
        return [encoding.chroma]
    own = clip.chroma if clip.chroma != "gray" else "420"
    down, across = clip.planes.chroma_step
    finer = [one for one, steps in _CHROMA_STEPS.items() if steps[0] <= down and steps[1] <= across]
    return [own, *(one for one in finer if one != own)]


def _ending(bits: int) -> str:
    return "" if bits == 8 else f"{bits}le"


class _Nowhere:
    """A file that keeps nothing, to ask a container what it can hold."""

    def write(self, data: bytes) -> int:
        return len(data)

    def seek(self, offset: int, _whence: int = 0) -> int:
        return offset

    def tell(self) -> int:
        return 0
