"""The state of a training run: what it goes on from, and what later runs take its weights from."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from excolor.errors import TrainingError
from excolor.photo.files import whole_file

STATE = "training-state.pt"


# What torch raises for files that it cannot read
_UNREADABLE = (OSError, EOFError, LookupError, RuntimeError, UnpicklingError, ValueError, struct.error)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """While it lasts, a file is written to `place`, or into that folder. Raises TrainingError if it cannot be."""
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{place}: cannot be written ({error.strerror}); free some space or allow it, and run it again, with "
            "--resume if a training state was saved before"
        ) from error


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write tensors, texts and numbers; the file appears whole or not at all. Raises TrainingError if it cannot be."""
    with writing(path), whole_file(path, overwrite=True) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # about what is lacking in the file, raised in place of the reason
            if isinstance(error.__context__, OSError | KeyboardInterrupt):
                raise error.__context__ from error
            raise


def read_tensors(path: Path) -> dict[str, Any] | None:
    """What `write_tensors` wrote; None if it cannot be read, or is something else. No code in the file is run."""
    try:
        # To the CPU: what belongs on a GPU is copied there, and Adam's counters are faster to read here
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE:  # torch tells at length how to run the code in it
        return None
    return content if isinstance(content, dict) else None


def read_state(path: Path) -> dict[str, Any]:
    """Read a state: at least its `modules`, the tensors of networks by name; no code in it is run.

    Raises TrainingError if there is none, or it is damaged or something else.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: no training state there; check the path, or start anew without it")
    state = read_tensors(path)
    if state is None or not isinstance(state.get("modules"), dict):
        raise TrainingError(
            f"{path}: not a readable training state, it is damaged or something else; give another, or start anew "
            "without it"
        )
    return state
