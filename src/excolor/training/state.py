"""The state of a training run: what it goes on from, and what later runs take its weights from."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from excolor.errors import TrainingError

STATE = "training-state.pt"


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state; the file appears whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def read_state(path: Path) -> dict[str, Any]:
    """Read a state; no code in it is run. Raises TrainingError if there is none, or it is damaged."""
    if not path.is_file():
        raise TrainingError(f"{path}: no training state there; check the path, or start anew without it")
    try:
        # To the CPU: what belongs on a GPU is copied there, and Adam's counters are faster to read here
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        raise TrainingError(f"{path}: not a readable training state ({error}); delete it and start anew") from error
    return state
