"""An input of a batch and its outputs."""

from dataclasses import dataclass
from pathlib import Path

from excolor.batch.sources import Source

STAGES = ("precolor", "coarse", "hints", "result")
"""The steps to a result (the paper's Figure 4), by their names in `excolor.StagePhotos`."""


@dataclass(frozen=True)
class Job:
    """An input and the files that are made of it."""

    source: Source
    destination: Path | None
    """None is standard output."""
    stages: tuple[Path, ...] = ()
    """Where the steps to the result go, in the order of `STAGES`; empty if they are not asked for."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is written."""
        return self.stages if self.destination is None else (self.destination, *self.stages)
