"""Results of full size: made by the code of the batch, so that they are those of the command line, byte for byte."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from excolor.batch.budget import MegapixelBudget
from excolor.batch.colorizing import ColorizeWork, PrecolorizeWork
from excolor.batch.events import Outcome
from excolor.batch.hints import HintChoice
from excolor.batch.jobs import Job
from excolor.batch.plan import Outputs
from excolor.batch.processing import FileSettings, Processor
from excolor.batch.references import ReferenceChoice
from excolor.batch.sources import Source
from excolor.batch.stop import Stop
from excolor.batch.work import made_by
from excolor.errors import PhotoError
from excolor.photo import default_output
from excolor.serve.session import Snapshot

if TYPE_CHECKING:
    from excolor.batch.work import Work
    from excolor.method.colorizer import Colorizer
    from excolor.networks.models import ModelFiles

_MEGAPIXELS = 150  # as the batch: a budget of one picture is never waited for


@dataclass(frozen=True)
class Models:
    """The files of the model for each of the two commands, which record different checkpoints."""

    colorize: "ModelFiles"
    pre_colorize: "ModelFiles"


@dataclass(frozen=True)
class Maker:
    """Makes files of a session as it is.

    Attributes:
        models: what the metadata of results say.
        working_size: pixels of the shorter side that the networks see.
        max_pixels: larger targets are refused.
    """

    models: Models
    working_size: int
    max_pixels: int

    def make(
        self, snapshot: Snapshot, references: ReferenceChoice | None, colorizer: "Colorizer", folder: Path
    ) -> tuple[Path, tuple[str, ...]]:
        """Write the result to a folder, under the name that the command gives it; returns its path, and notes.

        Raises:
            PhotoError: the picture cannot be read, or no result be made of it, for whatever reason.
        """
        target = snapshot.target
        assert target is not None, "there is a target"
        work, tag = self._work(snapshot, references)
        destination = default_output(target.file.path, tag, folder)
        files = FileSettings(target.page if target.pages > 1 else None, self.max_pixels)
        processor = Processor(work, colorizer, made_by(work, colorizer), Outputs(str(destination)), files)
        job = Job(Source(target.file.path), destination)
        outcome = Outcome(str(target.file.path), str(destination))
        finished = processor.process(job, outcome, MegapixelBudget(_MEGAPIXELS), Stop())
        if finished.bug is not None:
            raise finished.bug
        if finished.outcome.error is not None:
            raise PhotoError(finished.outcome.error)
        return destination, finished.outcome.notes

    def _work(self, snapshot: Snapshot, references: ReferenceChoice | None) -> "tuple[Work[Any], str]":
        """What is done, and what is added to the name."""
        choices, target = snapshot.effective, snapshot.target
        treat_as_gray = True if target is not None and target.is_in_color else None
        if not choices.has_hints and references is None:
            model, vivid = self.models.pre_colorize, choices.vivid
            return PrecolorizeWork(model, "auto", self.working_size, treat_as_gray, vivid=vivid), "precolor"
        layer = None if snapshot.layer is None else snapshot.layer.path
        files = {} if layer is None or target is None else {target.file.path: layer}
        hints = None
        if choices.has_hints:
            hints = HintChoice(choices.hints, files=files, path=layer, max_pixels=self.max_pixels)
        settings = choices.settings(self.working_size)
        return ColorizeWork(self.models.colorize, "auto", settings, references, treat_as_gray, hints=hints), "color"
