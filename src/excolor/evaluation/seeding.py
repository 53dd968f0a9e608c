"""What is drawn for a picture is drawn by its name, so that it is the same in every run and for every model."""

from random import Random


def random_of(text: str) -> Random:
    """A generator that the text alone determines: that of `Random(text)`, which refuses names that are not UTF-8."""
    return Random(name_bytes(text))


def name_bytes(name: str) -> bytes:
    """A name as the file system has it: in UTF-8, or in whatever it was where Python has lone surrogates for it."""
    return name.encode("utf-8", "surrogateescape")
