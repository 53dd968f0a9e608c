"""Options of the commands that colorize: how far a reference is followed, and how strong colors are."""

from excolor.cli.commands import QUALITY, option
from excolor.cli.parameter_types import FiniteRange
from excolor.settings import MOST_VIVID, STRONGEST, ColorizeSettings

strength_option = option(
    "--strength",
    type=FiniteRange(0, STRONGEST),
    metavar="X",
    default=ColorizeSettings.strength,
    show_default=True,
    group=QUALITY,
    help="Follow the reference this far; 0 invents the colors, and above 1 doubtful matches are followed too.",
)

vivid_option = option(
    "--vivid",
    type=FiniteRange(0, MOST_VIVID),
    metavar="X",
    default=ColorizeSettings.vivid,
    show_default=True,
    group=QUALITY,
    help="Multiply the result's chroma by this.",
)
