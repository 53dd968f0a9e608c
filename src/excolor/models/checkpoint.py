"""Networks <-> safetensors files that carry their configuration.

A checkpoint holds tensors and one line of JSON: {"network": kind, "config": {...}} under the metadata key "excolor".
Loading runs no code from the file, builds the network from the configuration, and is strict: every tensor is named,
shaped and placed as the network has it, or the file is refused.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from excolor.errors import CheckpointError
from excolor.models.colorization import ColorizationConfig, ColorizationNet
from excolor.models.decoder import Decoder, DecoderConfig
from excolor.models.encoder import Encoder, EncoderConfig
from excolor.models.transfer import TransferNet

_KEY = "excolor"
_MAX_WIDTH = 128  # twice VGG19's: above it a file is damaged or hostile, and the network would exhaust memory

N = TypeVar("N", bound=nn.Module)

# kind in the file -> configuration and network
_NETWORKS: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "encoder": (EncoderConfig, Encoder),
    "decoder": (DecoderConfig, Decoder),
    "colorizer": (ColorizationConfig, ColorizationNet),
}


def save_network(network: nn.Module, path: Path, *, dtype: torch.dtype = torch.float16) -> None:
    """Write `network` with its configuration, its tensors as `dtype`. The file appears whole or not at all."""
    kind = next(kind for kind, (_, cls) in _NETWORKS.items() if type(network) is cls)
    description = json.dumps({"network": kind, "config": asdict(network.config)})  # type: ignore[call-overload]
    tensors = {
        name: t.to("cpu", dtype if t.is_floating_point() else t.dtype).contiguous()  # batch norm counts in int64
        for name, t in network.state_dict().items()
    }
    temporary = path.with_name(path.name + ".tmp")
    # not safetensors' save_file, whose files only their owner may read
    temporary.write_bytes(save(tensors, metadata={_KEY: description}))
    temporary.replace(path)


def load_encoder(path: Path) -> Encoder:
    """Read an encoder in evaluation mode, float32, on the CPU. Raises CheckpointError if the file is not one."""
    return _load(path, "encoder", Encoder)


def load_decoder(path: Path) -> Decoder:
    """Read a decoder in evaluation mode, float32, on the CPU. Raises CheckpointError if the file is not one."""
    return _load(path, "decoder", Decoder)


def load_transfer(encoder: Path, decoder: Path) -> TransferNet:
    """Read a transfer net in evaluation mode, float32, on the CPU.

    Raises:
        CheckpointError: a file is not what it should be, or the two are of different widths.
    """
    net = TransferNet(load_encoder(encoder), load_decoder(decoder)).eval()
    widths = net.encoder.config.width, net.decoder.config.width
    if widths[0] != widths[1]:
        raise CheckpointError(
            f"{decoder}: a decoder of width {widths[1]} does not fit the encoder {encoder} of width {widths[0]}; "
            "give the two of one model"
        )
    return net


def load_colorizer(path: Path) -> ColorizationNet:
    """Read a colorization net in evaluation mode, float32, on the CPU. Raises CheckpointError if it is not one."""
    return _load(path, "colorizer", ColorizationNet)


def _load(path: Path, kind: str, cls: type[N]) -> N:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; check the path, or reinstall excolor")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error}); fetch or train it again") from error
    config = _read_config(path, metadata, kind)
    network = cls(config)
    _check(path, tensors, network)
    network.load_state_dict(tensors, strict=True)
    return network.float().eval()


def _read_config(path: Path, metadata: dict[str, str], kind: str) -> Any:
    """The configuration in the file's metadata, of the kind that is wanted and within reason."""
    try:
        description = json.loads(metadata[_KEY])
        found, values = description["network"], dict(description["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: carries no excolor configuration, so it is not a checkpoint of excolor"
        ) from error
    if found != kind:
        raise CheckpointError(f"{path}: holds the network {found!r} where {kind!r} is needed; give the right file")
    config_type = _NETWORKS[kind][0]
    expected = {field.name: type(field.default) for field in fields(config_type)}
    if {name: type(value) for name, value in values.items()} != expected or not 1 <= values["width"] <= _MAX_WIDTH:
        raise CheckpointError(f"{path}: its configuration {values} is not one this version of excolor knows")
    return config_type(**values)


def _check(path: Path, tensors: dict[str, torch.Tensor], network: nn.Module) -> None:
    """Refuse tensors that the network does not have, lacks, or has in another shape."""
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise CheckpointError(
                f"{path}: tensor {name} is {found.get(name, 'missing')} and should be {expected.get(name, 'absent')}; "
                "the file belongs to another network"
            )
