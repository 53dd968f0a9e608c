"""What is read of a frame about its colors."""

import av
import pytest

from excolor.film.clip import FULL, ClipTags


@pytest.mark.parametrize(
    ("pix_fmt", "said", "expected"), [("yuvj420p", 0, FULL), ("yuv420p", FULL, FULL), ("gray", 1, 1)]
)
def test_tags_are_those_of_the_frame(pix_fmt: str, said: int, expected: int) -> None:
    """The formats yuvj... are full range by themselves."""
    frame = av.VideoFrame(16, 16, pix_fmt)
    frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc = said, 6, 5, 4
    assert ClipTags.of(frame) == ClipTags(6, expected, 5, 4)
