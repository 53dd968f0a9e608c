"""What runs in a process of the cluster: the networks of a model, and one picture at a time."""

import hashlib
import os
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from excolor.batch.engine import MEGAPIXELS_IN_WORK
from excolor.batch.events import Finished, Note, Outcome
from excolor.batch.jobs import Job
from excolor.batch.plan import Outputs
from excolor.batch.processing import FileSettings, Processor
from excolor.batch.stop import Stop
from excolor.batch.work import Work, made_by, recorded_precision
from excolor.cluster.node_budget import NodeBudget
from excolor.cluster.node_folder import NodeFolder, remove_abandoned
from excolor.errors import ClusterError
from excolor.networks.models import ModelFiles

AnyWork: TypeAlias = Work[Any]


@dataclass(frozen=True)
class Assignment:
    """What a worker is told once.

    Attributes:
        run: a name for this run that no other has, of 16 hex digits.
        version: of excolor, which is the same everywhere.
        folder: that relative paths begin from.
        threads: of torch.
        checkpoints: the content of the model's files by their roles.
        outputs: which files may be replaced.
        files: how pictures are read and written.
    """

    run: str
    version: str
    folder: str
    threads: int
    checkpoints: Mapping[str, bytes]
    outputs: Outputs
    files: FileSettings


@dataclass(frozen=True)
class LoadedNetworks:
    """What a worker knows of the networks, and the process that sends the work does not, since it loads none.

    Attributes:
        device: where they are, in torch's words.
        recorded: what the report says of their precision, see `recorded_precision`.
    """

    device: str
    recorded: Mapping[str, str]


class Worker:
    """An actor: it holds the model as long as it lives."""

    def __init__(self, assignment: Assignment, work: AnyWork) -> None:
        """Nothing is loaded yet: what is raised here would come as the death of the worker."""
        self._assignment = assignment
        self._work: Any = work

    def is_there(self) -> None:
        """Nothing: the answer tells that there is a process."""

    def prepare(self) -> tuple[list[Note], AnyWork, "LoadedNetworks"]:
        """Load the networks and do what all pictures need.

        Returns:
            The notes, the work for `take` of the other workers, and what is to be known of the networks.

        Raises:
            ExcolorError: as in `take` and `Work.prepare`.
        """
        self._load()
        steps, notes = self._work.prepare(self._networks, Stop()), []
        while True:
            try:
                notes.append(next(steps))
            except StopIteration as end:
                self._work = end.value
                loaded = LoadedNetworks(str(self._networks.device), recorded_precision(self._networks))
                return notes, end.value, loaded

    def take(self, prepared: AnyWork) -> None:
        """Load the networks, for the work that another worker has prepared.

        Raises:
            ClusterError: this is another version of excolor.
            CheckpointError: the networks cannot be loaded.
            DeviceError: there is no such device.
        """
        self._load()
        self._work = replace(prepared, model=self._work.model)  # type: ignore[type-var]

    def _load(self) -> None:
        import torch

        from excolor.runtime.memory import keep_freed_memory

        here, wanted = version("excolor"), self._assignment.version
        if here != wanted:
            raise ClusterError(f"a worker has excolor {here} and this is {wanted}; install the same everywhere")
        keep_freed_memory()
        with suppress(OSError):  # where it is missing, each picture says what is not found
            os.chdir(self._assignment.folder)
        torch.set_num_threads(self._assignment.threads)
        self._folder = NodeFolder(self._assignment.run)
        remove_abandoned()
        self._budget = NodeBudget(MEGAPIXELS_IN_WORK, self._folder.path)
        model = _local_files(self._work.model, self._assignment.checkpoints, self._folder.path)
        self._work = replace(self._work, model=model)
        self._networks = self._work.load()
        self._made_by = made_by(self._work, self._networks)

    def process(self, job: Job, outcome: Outcome, again: bool) -> Finished:
        """Make the files of a job; see `Processor.process`.

        Args:
            job: what to make.
            outcome: as far as it is known.
            again: it was sent to a worker that died, and what that one left may be replaced.
        """
        outputs = self._assignment.outputs
        if again:
            outputs = replace(outputs, overwrite=True, skip_existing=False)
        files, folder = self._assignment.files, self._folder.path
        processor = Processor(self._work, self._networks, self._made_by, outputs, files, temporary=folder)
        finished = processor.process(job, outcome, self._budget, Stop())
        if finished.bug is not None:  # whose traceback would stay here
            finished.bug.add_note("".join(traceback.format_exception(finished.bug)))
        return finished

    def end(self) -> None:
        """Remove what the worker has put on its machine."""
        self._folder.remove()


def _local_files(model: ModelFiles, checkpoints: Mapping[str, bytes], folder: Path) -> ModelFiles:
    """The files of the model on this machine: where they are on the one that sends the work, or copies in `folder`."""
    return replace(model, files={role: _local(path, checkpoints[role], folder) for role, path in model.files.items()})


def _local(path: Path, content: bytes, folder: Path) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    with suppress(OSError), path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
            return path
    copy = folder / f"{sha256}.safetensors"
    unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(copy)  # other workers may read it
    return copy
