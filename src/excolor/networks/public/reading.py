"""State dicts in published files: PyTorch files, of which nothing but tensors is read, and safetensors files."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from excolor.errors import CheckpointError
from excolor.networks.header import check_header, is_pytorch_file, printable


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU; they may lie under "state_dict" beside other things.

    Raises:
        CheckpointError: it cannot be read, or holds other things than tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; check the path")
    try:
        if not is_pytorch_file(path):
            check_header(path)
            return load_file(path)
    except (SafetensorError, OSError, TypeError, RuntimeError) as error:  # the latter two of impossible shapes
        raise CheckpointError(f"{path}: cannot be read ({printable(error)}); get the file again") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old formats, which are no concern of who reads them
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
            raise CheckpointError(
                f"{path}: {printable(name)} is no plain tensor; save the network's state_dict() alone"
            )
    return dict(state)
