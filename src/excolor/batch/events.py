"""What happens while a batch runs, in this order: notes, `Started`, `Finished` for each picture, `Summary`."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from excolor.batch.jobs import Job
    from excolor.errors import ExcolorError
    from excolor.photo import Provenance

Status = Literal["written", "skipped", "failed", "not begun"]


@dataclass(frozen=True)
class Outcome:
    """What became of a picture; the fields are those of the report.

    Attributes:
        input: its path, or "-".
        output: the path of the result, or "-".
        status: "not begun" until it is known.
        error: why it failed, in a sentence.
        notes: what the user should know about it.
        reference: the paths of what gave its colors, separated by commas.
        score: how well the reference fits, in [0, 1], if several were compared.
        width: in pixels, of the first page, if it could be read.
        height: likewise.
        seconds: that it took.
    """

    input: str
    output: str
    status: Status = "not begun"
    error: str | None = None
    notes: tuple[str, ...] = ()
    reference: str | None = None
    score: float | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Note:
    """Something that the user should know about the batch as a whole."""

    message: str


@dataclass(frozen=True)
class Started:
    """The networks are ready and the pictures are begun.

    Attributes:
        pictures: how many there are to do, without those that are skipped.
        jobs: how many are in work at a time; on a cluster at first, when others are still starting.
        device: where the networks run, in torch's words.
    """

    pictures: int
    jobs: int
    device: str


@dataclass(frozen=True)
class Finished:
    """A picture is written, has failed, or is skipped because another process wrote it meanwhile.

    Attributes:
        job: which one.
        outcome: what became of it.
        data: the encoded result if it goes to standard output, otherwise empty.
        cause: the error that is in the outcome, if it is one of ours.
        bug: an unexpected exception in the work on it: nothing new is begun, and it is raised after the summary.
    """

    job: "Job"
    outcome: Outcome
    data: bytes = b""
    cause: "ExcolorError | None" = None
    bug: Exception | None = None


@dataclass(frozen=True)
class Summary:
    """What became of all pictures so far.

    Attributes:
        made_by: model and settings.
        device: where the networks ran.
        jobs: how many pictures were in work at a time, at most.
        seconds: since the first one was begun.
        outcomes: of all pictures, in the order of the plan.
    """

    made_by: "Provenance"
    device: str
    jobs: int
    seconds: float
    outcomes: tuple[Outcome, ...]

    @property
    def totals(self) -> dict[Status, int]:
        """How many pictures have each status."""
        counts = Counter(outcome.status for outcome in self.outcomes)
        return {status: counts[status] for status in get_args(Status)}


Event: TypeAlias = Note | Started | Finished | Summary
