"""What a file of tensors says of itself, before it is trusted with anything."""

import json
from pathlib import Path
from typing import Any

from excolor.errors import CheckpointError

_LARGEST_HEADER = 2**20  # bytes: a hundred times those of our networks
_SIZE_OF_SIZE = 8  # bytes
_LONGEST_SHOWN = 100  # characters


def is_pytorch_file(path: Path) -> bool:
    """Whether a file begins as those of torch.save do: it is a zip file, or a bare pickle. Raises OSError."""
    start, size = _beginning(path)
    return size > _LARGEST_HEADER and start.startswith((b"PK", b"\x80"))


def check_header(path: Path) -> None:
    """Refuse what is no safetensors file, and headers that readers could take in two ways or read for ever.

    Raises:
        CheckpointError: it is not as it should be.
        OSError: it cannot be read.
    """
    if is_pytorch_file(path):
        raise CheckpointError(
            f"{path}: a PyTorch file, which may run code when it is loaded; "
            "`excolor weights import` reads the tensors alone and makes a checkpoint of them"
        )
    _, size = _beginning(path)
    if size > _LARGEST_HEADER:
        raise CheckpointError(f"{path}: not a safetensors file; fetch or train it again")
    with path.open("rb") as file:
        file.seek(_SIZE_OF_SIZE)
        header = file.read(size)
    try:
        json.loads(header, object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: not a safetensors file ({printable(error)}); fetch or train it again"
        ) from error


def _beginning(path: Path) -> tuple[bytes, int]:
    """The first bytes, and the size of the header that they tell in a safetensors file."""
    with path.open("rb") as file:
        start = file.read(_SIZE_OF_SIZE)
    return start, int.from_bytes(start, "little")


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What `json` is to make of an object's pairs (its object_pairs_hook). Raises ValueError if a name comes twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def printable(value: object) -> str:
    """Something out of a file, short and printable, for a message."""
    text = str(value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
