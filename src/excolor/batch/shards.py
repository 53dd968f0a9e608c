"""A share of a batch for one of several machines, settled by the names of its pictures alone.

A picture belongs to a shard by the hash of its path below the folder that was given. So the shards need not know of
each other, no picture is in two of them, and pictures that are added later move no other.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from excolor.batch.sources import Source
from excolor.errors import PlanError


@dataclass(frozen=True)
class Shard:
    """One of `count` shares, by its number from 1. Raises PlanError if there is no such share."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise PlanError(f"there is no shard {self}: shards are numbered from 1, as in 1/{max(1, self.count)}.")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, source: Source) -> bool:
        """Whether a picture belongs to this shard."""
        digest = hashlib.sha256(os.fsencode(source.relative.as_posix())).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    def own_name(self, path: Path) -> Path:
        """The name that a file of all shards has in this one: run.json becomes run-003-of-100.json."""
        number = str(self.number).zfill(len(str(self.count)))
        return path.with_name(f"{path.stem}-{number}-of-{self.count}{path.suffix}")


@dataclass(frozen=True)
class _Variables:
    """Where a scheduler tells a task its place in an array."""

    index: str
    count: str
    ends: tuple[str, str] | None = None
    """The variables with the lowest and the highest index; None: they are 0 and one less than the count."""


_SCHEDULERS: Mapping[str, tuple[_Variables, ...]] = {
    "slurm": (
        _Variables(
            "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", ends=("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX")
        ),
    ),
    # Kubernetes tells the index alone: the manifest has to repeat its number of completions
    "k8s": (_Variables("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS"),),
    # of Amazon and of Google
    "batch": (
        _Variables("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"),
        _Variables("BATCH_TASK_INDEX", "BATCH_TASK_COUNT"),
    ),
}


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """The shard that "K/N" names, or that a scheduler ("slurm", "k8s", "batch") gives the task that this runs in.

    Raises:
        PlanError: it is neither, or the scheduler's variables do not tell.
    """
    if text in _SCHEDULERS:
        return _of_scheduler(text, environment)
    number, slash, count = text.partition("/")
    if not (slash and _is_whole(number) and _is_whole(count)):
        raise PlanError(f"{text!r} is not a shard: give K/N, such as 3/100, or {', '.join(_SCHEDULERS)}.")
    return Shard(int(number), int(count))


def _of_scheduler(name: str, environment: Mapping[str, str]) -> Shard:
    known = _SCHEDULERS[name]
    variables = next((each for each in known if each.index in environment), known[0])
    index = _whole(variables.index, name, environment)
    count = _whole(variables.count, name, environment)
    first, last = (_whole(each, name, environment) for each in variables.ends) if variables.ends else (0, count - 1)
    if first > 1 or last - first != count - 1 or not first <= index <= last:
        # As when the failed tasks alone are submitted again: they would be numbered anew, and do other pictures
        raise PlanError(
            f"this is task {index} of an array of {count} tasks numbered from {first} to {last}, which are not shards "
            f"1 to {count}; name the shard and the number of all, as in ${variables.index}/N.",
            settings=("shard",),
        )
    return Shard(index - first + 1, count)


def _whole(variable: str, scheduler: str, environment: Mapping[str, str]) -> int:
    value = environment.get(variable)
    if value is None or not _is_whole(value):
        found = "is not set" if value is None else f"is {value!r}, not a number"
        raise PlanError(
            f"the shard of {scheduler} is told by {variable}, which {found}; set it, or give K/N.", settings=("shard",)
        )
    return int(value)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()
