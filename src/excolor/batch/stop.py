"""How work is stopped from outside."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """A stop was asked for before the work was finished."""


class Stop:
    """A flag that is looked at before a picture is begun; anyone may set it, from any thread."""

    def __init__(self) -> None:
        self.asked = False
        """Whether to begin nothing new."""

    def ask(self) -> None:
        """Begin nothing new; what is in work is finished."""
        self.asked = True

    def check(self) -> None:
        """Raise StoppedError if a stop was asked for."""
        if self.asked:
            raise StoppedError

    def heeded(self, items: Iterable[T]) -> Iterator[T]:
        """The same items, of which none is taken once a stop is asked for. Raises StoppedError then."""
        self.check()
        for item in items:
            yield item
            self.check()
