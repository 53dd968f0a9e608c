"""The seconds that the paper gives (Xu et al., CVPR 2020, Table 1): measured by its authors, on their machine."""

from collections.abc import Mapping
from dataclasses import dataclass

SIZES = (256, 512, 1024)  # pixels of a side


@dataclass(frozen=True)
class PublishedTime:
    """Seconds of one part of a method, None if it ran out of memory; and how many times it runs for a picture."""

    seconds: float | None
    times: int = 1


@dataclass(frozen=True)
class Published:
    """A method and the parts of its time by size."""

    name: str
    parts: Mapping[int, tuple[PublishedTime, ...]]

    def total(self, size: int) -> float | None:
        """Seconds of all parts; None where one ran out of memory."""
        known = [part.seconds * part.times for part in self.parts[size] if part.seconds is not None]
        return sum(known) if len(known) == len(self.parts[size]) else None


def _whole(*seconds: float) -> Mapping[int, tuple[PublishedTime, ...]]:
    return {size: (PublishedTime(s),) for size, s in zip(SIZES, seconds, strict=True)}


PAPER = (
    Published("Welsh et al.", _whole(3.51, 13.52, 53.14)),
    Published("Pierre et al.", _whole(3.69, 14.12, 66.38)),
    Published("Gupta et al.", _whole(114.51, 446.47, 1784.58)),
    Published(
        "He et al.",
        {
            256: (PublishedTime(7.25), PublishedTime(1.14)),
            512: (PublishedTime(33.69), PublishedTime(1.30)),
            1024: (PublishedTime(49.96), PublishedTime(None)),
        },
    ),
    Published("Xiao et al.", _whole(0.48, 1.4, 3.96)),
    Published(
        "Xu et al. (the paper): transfer + colorization × 2",
        {
            256: (PublishedTime(0.04), PublishedTime(0.08, 2)),
            512: (PublishedTime(0.14), PublishedTime(0.12, 2)),
            1024: (PublishedTime(0.59), PublishedTime(0.28, 2)),
        },
    ),
)
