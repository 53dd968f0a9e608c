"""Pictures that belong to others by their names: references of targets, masks of contents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from excolor.batch.plan import one_name
from excolor.batch.sources import Source

_TOP = Path()


@dataclass(frozen=True)
class Namesakes:
    """Pictures by their folders and their names without suffixes.

    Attributes:
        by_name: all of one name, of names that differ only in case or in the encoding of accents.
    """

    by_name: Mapping[str, Sequence[Source]]

    @classmethod
    def of(cls, pictures: Sequence[Source]) -> "Namesakes":
        """Index pictures, whose `below` are their subfolders."""
        by_name: dict[str, list[Source]] = {}
        for picture in pictures:
            by_name.setdefault(one_name(picture.path.stem), []).append(picture)
        return cls(by_name)

    def find(self, source: Source) -> Sequence[Path]:
        """Those of a picture's name in the same subfolder, or else beside the subfolders.

        A picture that is in no subfolder itself may have its namesake in any. Cameras number anew in each folder: what
        has the name in a subfolder of another name shows something else.

        Names that differ only in case or in the encoding of accents count as equal where none is the very same.
        """
        named = self.anywhere(source)
        same_folder = [one for one in named if _folder(one) == _folder(source)]
        allowed = same_folder or [one for one in named if _TOP in (one.below, source.below)]
        exact = [one for one in allowed if one.path.stem == source.path.stem]
        return [one.path for one in exact or allowed]

    def anywhere(self, source: Source) -> Sequence[Source]:
        """All of a picture's name, wherever they are."""
        return self.by_name.get(one_name(source.path.stem), ())


def _folder(source: Source) -> str:
    return one_name(str(source.below))
