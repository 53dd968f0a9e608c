"""Which pictures there are, each once, in 16 bytes of memory for each: a hundred million names would not fit."""

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

_DIGEST = 15  # bytes: that two of 100 million names have the same digest has a probability of 4e-21
_KEY = _DIGEST + 1  # and the rank
_BLOCK = 1 << 20  # keys that are compared at a time

Keys = npt.NDArray[np.bytes_]


class PictureIndex:
    """The names of pictures with ranks. A picture may come several times, and then its lowest rank counts."""

    def __init__(self) -> None:
        """It is empty."""
        self._added = bytearray()

    def add(self, name: str, rank: int) -> None:
        """Add a picture; `rank` is in 0..255."""
        self._added += _digest(name)
        self._added.append(rank)

    def sort(self) -> "SortedPictures":
        """All pictures, to be asked about; nothing can be added any more."""
        keys = np.frombuffer(self._added, f"S{_KEY}")
        keys.sort()  # in place, and so that the lowest rank of a picture comes first
        return SortedPictures(keys)


class SortedPictures:
    """What became of the pictures of an index."""

    def __init__(self, keys: Keys) -> None:
        """`keys` are sorted."""
        self._keys = keys
        rows = _bytes_of(keys)
        is_first = np.ones(len(keys), np.bool_)
        for start in range(1, len(keys), _BLOCK):
            ours, before = rows[start : start + _BLOCK, :_DIGEST], rows[start - 1 : start + _BLOCK - 1, :_DIGEST]
            is_first[start : start + _BLOCK] = (ours != before[: len(ours)]).any(axis=1)
        ranks = rows[is_first, _DIGEST]
        self.totals = {int(rank): int(np.count_nonzero(ranks == rank)) for rank in range(int(ranks.max(initial=0)) + 1)}
        """How many pictures have each rank."""
        self._repeated: Keys = keys[is_first & ~np.append(is_first, True)[1:]]

    def rank(self, name: str) -> int | None:
        """The rank of a picture; None if it was not added."""
        place = _place(self._keys, name)
        return None if place is None else int(_bytes_of(self._keys)[place, _DIGEST])

    def each_once(self) -> Callable[[str, int], bool]:
        """Who says of one after another that was added, by name and rank, whether it is the one that counts."""
        repeated, met = self._repeated, np.zeros(len(self._repeated), np.bool_)

        def counts(name: str, rank: int) -> bool:
            place = _place(repeated, name) if len(repeated) else None
            if place is None:
                return True
            if rank != _bytes_of(repeated)[place, _DIGEST] or met[place]:
                return False
            met[place] = True
            return True

        return counts


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def _bytes_of(keys: Keys) -> npt.NDArray[np.uint8]:
    return keys.view(np.uint8).reshape(-1, _KEY)


def _place(keys: Keys, name: str) -> int | None:
    """Where a picture is first among sorted keys."""
    digest = _digest(name)
    place = int(np.searchsorted(keys, np.array([digest], keys.dtype))[0])
    return place if place < len(keys) and _bytes_of(keys)[place, :_DIGEST].tobytes() == digest else None
