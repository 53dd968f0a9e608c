"""JSON that is larger than memory: an object read member by member, one array of it element by element."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

_PIECE = 1 << 18  # characters that are read at a time; more of a value that is larger
_SPACE = re.compile(r"[ \t\n\r]*")
_IN_NUMBERS = re.compile(r"[-+.0-9eE]*")


def members(file: TextIO, streamed: str) -> Iterator[tuple[str, Any]]:
    """The members of the object that a file holds, in its order.

    Args:
        file: JSON text.
        streamed: the name of a member that is an array. Its value is an iterator over the elements, which ends when the
            next member is asked for.

    Raises:
        ValueError: it is not JSON, not an object, or the streamed member is no array; also while elements are read.
        RecursionError: values lie in each other too deep.
    """
    reader = _Reader(file)
    for _ in reader.items("{", "}"):
        if reader.next_character() != '"':
            raise ValueError("a member has no name")
        name = reader.value()
        reader.take(":")
        if name != streamed:
            yield name, reader.value()
            continue
        elements = (reader.value() for _ in reader.items("[", "]"))
        yield name, elements
        for _ in elements:
            pass
    if reader.next_character():
        raise ValueError("something follows the object")


class _Reader:
    """A place in a text of which a piece is in memory."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decode = json.JSONDecoder().raw_decode

    def items(self, opening: str, closing: str) -> Iterator[None]:
        """Stop before each item between two brackets; who iterates reads it."""
        self.take(opening)
        if self.next_character() == closing:
            self.take(closing)
            return
        while True:
            yield
            if self.next_character() == closing:
                self.take(closing)
                return
            self.take(",")

    def take(self, character: str) -> None:
        """Go past a character. Raises ValueError if there is another one."""
        if self.next_character() != character:
            raise ValueError(f"there is no {character!r}")
        self._at += 1

    def next_character(self) -> str:
        """The next one that is no white space, where this stops; nothing at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None, "it matches nothing, too"
            self._at = space.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read(_PIECE):
                return ""

    def value(self) -> Any:
        """The value that comes next."""
        self.next_character()
        piece = _PIECE
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except ValueError:  # perhaps it is not all here
                if not self._read(piece):
                    raise
                piece *= 2  # or a value of many pieces would be read anew for each of them
                continue
            is_split = isinstance(value, int | float) and _IN_NUMBERS.fullmatch(self._text, end)
            if not is_split or not self._read(piece):  # of 1.5e3, all of 1, 1. and 1.5e have a number in front
                self._at = end
                return value

    def _read(self, characters: int) -> bool:
        """Read on; whether there was more."""
        more = self._file.read(characters)
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more)
