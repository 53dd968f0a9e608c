"""The pictures that are attached to a clip."""

from collections.abc import Iterator
from types import SimpleNamespace

from av.stream import Disposition

from excolor.film.layout import covers_of


def test_a_stream_without_its_picture_is_not_looked_for_to_the_end() -> None:
    cover, video = (SimpleNamespace(index=i, disposition=flags) for i, flags in ((0, Disposition.attached_pic), (1, 0)))
    read = 0

    def demux(streams: object = None) -> Iterator[SimpleNamespace]:
        """A long file that has only packets of the video."""
        nonlocal read
        for read in range(1, 100_001):  # noqa: B007 - counted
            if streams is None:
                yield SimpleNamespace(stream=video)

    assert covers_of(SimpleNamespace(streams=SimpleNamespace(video=[cover, video]), demux=demux)) == {}
    assert read < 1000
