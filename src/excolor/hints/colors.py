"""Colors as people write them: names of CSS, #rgb and #rrggbb."""

import re

from PIL import ImageColor

from excolor.errors import HintError

Rgb = tuple[float, float, float]
"""sRGB in [0, 1]."""

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")


def parse_color(text: str) -> Rgb:
    """The sRGB of a color: a name of CSS ("olive"), "#rgb" or "#rrggbb", in upper or lower case.

    Raises HintError for anything else.
    """
    word = text.strip().lower()
    if not (_HEX.fullmatch(word) or word in ImageColor.colormap):
        raise HintError(f"the color {text!r} is not known; write a CSS name such as olive, #rgb or #rrggbb")
    red, green, blue = ImageColor.getrgb(word)[:3]
    return red / 255, green / 255, blue / 255


def hex_of(rgb: Rgb) -> str:
    """A color as #rrggbb, rounded to 8 bits."""
    return "#" + bytes(round(min(max(channel, 0.0), 1.0) * 255) for channel in rgb).hex()
