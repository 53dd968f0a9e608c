"""What can be chosen, with the defaults: shared by the library and the command line. Nothing here imports torch."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from excolor.errors import SettingError

Match: TypeAlias = Literal["statistics", "semantic", "both"]
"""How colors are taken from a reference: by feature statistics (the paper's way), by correspondence, or by both."""

StatisticsMethod: TypeAlias = Literal["adain", "wct"]
"""Which statistics are matched: mean and deviation of each channel, or the whole covariance."""

NetworkPart: TypeAlias = Literal["encoder", "skip", "decoder"]
"""Where in the transfer net statistics are matched (the paper's Figure 5 compares the subsets)."""

Keep: TypeAlias = Literal["nothing", "luminance", "color"]
"""What of a content stays exactly as it is when it is stylized."""

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]
"""What networks compute in: float32, bfloat16 where that is faster, or what is best on the device."""

MATCHES: tuple[Match, ...] = get_args(Match)
STATISTICS_METHODS: tuple[StatisticsMethod, ...] = get_args(StatisticsMethod)
NETWORK_PARTS: tuple[NetworkPart, ...] = get_args(NetworkPart)
KEEPS: tuple[Keep, ...] = get_args(Keep)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

COLORIZE_SIZE = 256
"""Pixels of the shorter side at which pictures are colorized by default."""

STYLIZE_SIZE = 512
"""Pixels of the shorter side at which pictures are stylized by default."""

STRONGEST = 2.0
"""The highest strength: matches are trusted fully."""

MOST_VIVID = 3.0
"""The highest factor of chroma."""

SMALLEST_SIZE = 16
"""Pixels: reflection padding needs two of them at 1/8 of the size."""


def check_working_size(shorter_side: int) -> None:
    """Raise SettingError if the networks cannot work at this shorter side, in pixels."""
    if shorter_side < SMALLEST_SIZE:
        raise SettingError(f"working_size is {shorter_side} and must be at least {SMALLEST_SIZE} pixels")


@dataclass(frozen=True)
class ColorizeSettings:
    """How a picture is colorized.

    Attributes:
        working_size: pixels of the shorter side that the networks see; smaller pictures are not enlarged.
        strength: how far the reference is followed, in [0, 2]: 0 is the pre-colored picture, up to 1 the two are mixed,
            and above 1 matches are trusted more than their confidence says.
        match: how colors are taken from the reference.
        hint_share: share of the coarse map that the colorization net is given as hints, in (0, 1]; 1 is all of it.
        seed: of the hints' positions, if not all are given.
        vivid: factor of the result's chroma, in [0, 3]; what sRGB cannot show loses chroma again.
        hint_reach: how far hints of a person also serve similar places, in [0, 1]; 0 is their surroundings alone.
        auto_levels: the networks see the target with its contrast stretched, which helps with faded prints; the
            result's lightness is the target's own all the same.

    Raises:
        SettingError: one of them is out of its range.
    """

    working_size: int = COLORIZE_SIZE
    strength: float = 1.0
    match: Match = "both"
    hint_share: float = 1.0
    seed: int = 0
    vivid: float = 1.0
    hint_reach: float = 1.0
    auto_levels: bool = False

    def __post_init__(self) -> None:
        check_working_size(self.working_size)
        if not 0 <= self.strength <= STRONGEST:
            raise SettingError(f"strength is {self.strength} and must lie in [0, {STRONGEST:g}]")
        if not 0 <= self.vivid <= MOST_VIVID:
            raise SettingError(f"vivid is {self.vivid} and must lie in [0, {MOST_VIVID:g}]")
        if not 0 <= self.hint_reach <= 1:
            raise SettingError(f"hint_reach is {self.hint_reach} and must lie in [0, 1]")
        if self.match not in MATCHES:
            raise SettingError(f"match is {self.match!r} and must be one of {', '.join(MATCHES)}")
        if not 0 < self.hint_share <= 1:
            raise SettingError(f"hint_share is {self.hint_share} and must lie in (0, 1]")


@dataclass(frozen=True)
class Matching:
    """Which statistics are matched, where, and how far.

    Attributes:
        method: which statistics.
        parts: where; none of them only reconstructs the content.
        alpha: which statistics the features are given, in [0, 1]: 0 is the content's own, 1 the style's.

    Raises:
        SettingError: one of them is not a choice, or out of its range.
    """

    method: StatisticsMethod = "adain"
    parts: tuple[NetworkPart, ...] = ("encoder", "skip")
    alpha: float = 1.0

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in NETWORK_PARTS]
        if unknown:
            raise SettingError(f"unknown part {unknown[0]!r}: choose from {', '.join(NETWORK_PARTS)}")
        if self.method not in STATISTICS_METHODS:
            raise SettingError(f"unknown method {self.method!r}: choose from {', '.join(STATISTICS_METHODS)}")
        if not 0 <= self.alpha <= 1:
            raise SettingError(f"alpha is {self.alpha} and must lie in [0, 1]")


@dataclass(frozen=True)
class StylizeSettings(Matching):
    """How a picture is stylized: a matching, and what there is around the network.

    Attributes:
        working_size: pixels of the shorter side that the network sees; smaller pictures are not enlarged.
        exact: run the network on content and style as they are, like the paper's, whatever the working size: the result
            is the decoder's own (if nothing is kept), and the memory needed grows with their sizes.
        keep: what of the content stays exactly: `nothing`, its `luminance` (only colors change) or its `color` (only
            the luminance changes).

    Raises:
        SettingError: one of them is not a choice, or out of its range.
    """

    working_size: int = STYLIZE_SIZE
    exact: bool = False
    keep: Keep = "nothing"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_working_size(self.working_size)
        if self.keep not in KEEPS:
            raise SettingError(f"keep is {self.keep!r} and must be one of {', '.join(KEEPS)}")
