"""State dicts in files of others: PyTorch files, of which nothing but tensors is read, and safetensors files."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from excolor.errors import CheckpointError
from excolor.networks.header import check_header, is_pytorch_file, shown


@contextmanager
def opened(path: Path) -> Iterator[Mapping[str, Tensor]]:
    """The tensors of a file by name, on the CPU; those of a safetensors file are read as they are asked for.

    Raises:
        CheckpointError: it cannot be read, or holds other things than tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; check the path")
    try:
        if is_pytorch_file(path):
            yield _unpickled(path)
            return
        check_header(path)
        with safe_open(path, framework="pt", device="cpu") as file:
            yield _Tensors(file)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read ({shown(error)}); get the file again") from error


class _Tensors(Mapping[str, Tensor]):
    """An open safetensors file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._names = set(file.keys())

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        try:
            tensor: Tensor = self._file.get_tensor(name)
        except (TypeError, RuntimeError) as error:  # no numbers in it, and sides that torch cannot count
            raise SafetensorError(f"{shown(name)} has an impossible shape") from error
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _unpickled(path: Path) -> dict[str, Tensor]:
    """The state dict in a PyTorch file, which may lie under "state_dict" beside other things."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats of old, which are no concern of who reads them
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can make of the pickle whatever it likes, and torch answers likewise
        raise CheckpointError(
            f"{path}: damaged, or holds more than tensors, which excolor does not run; "
            "get it again, or save its state_dict() alone"
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else loaded
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise CheckpointError(f"{path}: holds no tensors by name; save the network's state_dict() alone")
    for name, value in state.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_quantized:
            raise CheckpointError(f"{path}: {shown(name)} is no plain tensor; save the network's state_dict() alone")
    return dict(state)
