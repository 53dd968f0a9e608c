"""What is done to a picture, as a plain value: it can be pickled, so that other processes and machines can do it."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from excolor.batch.events import Note
from excolor.batch.sources import Source
from excolor.batch.stop import Stop
from excolor.batch.used import UsedFile

if TYPE_CHECKING:
    import torch

    from excolor.networks.models import ModelFiles
    from excolor.photo import Photo, Provenance


class Networks(Protocol):
    """The networks of a model in memory: `Colorizer` or `Stylizer`."""

    @property
    def device(self) -> "torch.device":
        """Where they are."""

    @property
    def precision(self) -> str:
        """What they compute in."""


N = TypeVar("N", bound=Networks)


@dataclass(frozen=True)
class PageResult:
    """What a page becomes.

    Attributes:
        photo: the result.
        stages: the steps to it, in the order of `excolor.batch.jobs.STAGES`, if they are asked for.
        used: the references or styles of the picture that the page belongs to.
        score: how well the reference fits, in [0, 1], if several were compared.
        notes: what the user should know about the picture.
        recorded: what the metadata say of this picture besides `Work.provenance`, such as its hints.
    """

    photo: "Photo"
    stages: "tuple[Photo, ...]" = ()
    used: tuple[UsedFile, ...] = ()
    score: float | None = None
    notes: tuple[str, ...] = ()
    recorded: Mapping[str, str] = field(default_factory=dict)


class Work(Protocol[N]):
    """What is done to each picture of a batch, and by which model. Implementations are frozen dataclasses."""

    @property
    def model(self) -> "ModelFiles":
        """The files of the networks."""

    @property
    def device(self) -> str:
        """Where the networks are asked to run."""

    @property
    def working_size(self) -> int | None:
        """Pixels of the shorter side that the networks see; None is the picture's own size."""

    def load(self) -> N:
        """Load the networks, once a process. Raises CheckpointError or DeviceError."""

    def prepare(self, networks: N, stop: Stop) -> Generator[Note, None, Self]:
        """Do once what all pictures need (encode references, measure styles), and return the work with it.

        Raises:
            PhotoError: a picture that all others need cannot be read.
        """

    def results(self, networks: N, source: Source, pages: "Iterable[Photo]") -> Iterator[PageResult]:
        """What the pages of a picture become, each made before the next one is read.

        Raises:
            PhotoError: the picture is of a kind that cannot be used, or what belongs to it cannot be read.
            DeviceError: the device has too little memory.
        """

    def provenance(self) -> "Provenance":
        """Model, checkpoints and settings, without the files used."""


def made_by(work: Work[N], networks: N) -> "Provenance":
    """What results record: the work's provenance, and what the networks compute in unless that is float32."""
    made = work.provenance()
    return replace(made, settings={**made.settings, **recorded_precision(networks)})


def recorded_precision(networks: Networks) -> dict[str, str]:
    """What is recorded of the precision: nothing if it is float32."""
    return {} if networks.precision == "float32" else {"precision": networks.precision}


def provenance(model: "ModelFiles", settings: Mapping[str, Any]) -> "Provenance":
    """What results record of how they were made, without their references."""
    from importlib.metadata import version

    from excolor.photo import Provenance

    return Provenance(
        version("excolor"), model.name, model.checksums, (), {name: str(value) for name, value in settings.items()}
    )
