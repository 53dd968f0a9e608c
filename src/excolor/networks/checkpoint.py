"""Networks <-> safetensors files that carry their configuration.

A checkpoint holds tensors and one line of JSON: {"network": kind, "config": {...}} under the metadata key "excolor".
A network that is worth something over one other network alone says "over": the `fingerprint` of that, too.
Loading runs no code from the file, builds the network from the configuration, and is strict: every tensor is named and
shaped as the network has it, in numbers that are finite, or the file is refused. Nothing is built, and no tensor is
read, before the header has passed.

A file may be reached by a symbolic link: it is read as it is checked, and who gives the path may read it anyway. What
the cache of downloads holds is another matter, see `excolor.weights`.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn
from torch.overrides import TorchFunctionMode

from excolor.errors import CheckpointError
from excolor.networks.colorization import ColorizationNet
from excolor.networks.decoder import Decoder
from excolor.networks.encoder import Encoder
from excolor.networks.header import check_header, printable, without_duplicates
from excolor.networks.matcher import Matcher
from excolor.networks.registry import NETWORKS, name_of
from excolor.networks.transfer import TransferNet
from excolor.photo.files import whole_file

_KEY = "excolor"

# of floating-point and of whole numbers, as safetensors calls them; double precision is nowhere needed
_DTYPES = {True: ("F16", "BF16", "F32"), False: ("I64",)}

N = TypeVar("N", bound=nn.Module)


def fingerprint(network: nn.Module) -> str:
    """The sha256 of a network's weights, in hex: the same for those weights and for what a checkpoint keeps of them.

    Floating-point weights count in half precision, as they are saved.
    """
    digest = hashlib.sha256()
    for name, kept in sorted(_kept(network, torch.float16).items()):
        digest.update(f"{name} {tuple(kept.shape)} ".encode())
        digest.update(kept.numpy().tobytes())
    return digest.hexdigest()


def save_network(
    network: nn.Module, path: Path, *, dtype: torch.dtype = torch.float16, over: nn.Module | None = None
) -> None:
    """Write `network` with its configuration, its tensors as `dtype`. The file appears whole or not at all.

    `over` is another network, which is not saved: what `network` learned is of use over that one alone.
    """
    described = {"network": name_of(type(network)), "config": asdict(network.config)}  # type: ignore[call-overload]
    if over is not None:
        described["over"] = fingerprint(over)
    with whole_file(path, overwrite=True) as file:
        # not safetensors' save_file, whose files only their owner may read
        file.write(save(_kept(network, dtype), metadata={_KEY: json.dumps(described)}))


def _kept(network: nn.Module, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The tensors of a network by name as a checkpoint keeps them, floating-point ones as `dtype`."""
    return {
        name: t.to("cpu", dtype if t.is_floating_point() else t.dtype).contiguous()  # batch norm counts in int64
        for name, t in network.state_dict().items()
    }


def load_encoder(path: Path) -> Encoder:
    """Read an encoder in evaluation mode, float32, on the CPU. Raises CheckpointError if the file is not one."""
    return load_network(path, Encoder)


def load_decoder(path: Path) -> Decoder:
    """Read a decoder in evaluation mode, float32, on the CPU. Raises CheckpointError if the file is not one."""
    return load_network(path, Decoder)


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


def load_matcher(path: Path, encoder: Encoder) -> Matcher:
    """Read a matcher over the features of `encoder`, in evaluation mode, float32, on the CPU.

    Raises:
        CheckpointError: the file is not one, or belongs to an encoder of another width.
    """
    matcher = load_network(path, Matcher)
    if matcher.config.width != encoder.config.width:
        raise CheckpointError(
            f"{path}: a matcher over encoders of width {matcher.config.width} does not fit one of width "
            f"{encoder.config.width}; give the two of one model"
        )
    return matcher


def load_colorizer(path: Path) -> ColorizationNet:
    """Read a colorization net in evaluation mode, float32, on the CPU. Raises CheckpointError if it is not one."""
    return load_network(path, ColorizationNet)


class _Uninitialized(TorchFunctionMode):
    """While it lasts, new weights are left as they are: those of a file will take their place.

    It saves more than their computation: on the meta device, random numbers would have torch import its compiler, which
    takes as long as all the rest of torch.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func`, unless it fills a tensor, which is returned as it is."""
        named = kwargs or {}
        if func in (torch.Tensor.normal_, torch.Tensor.uniform_) or (
            getattr(func, "__module__", None) == nn.init.__name__
        ):
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def expected_tensors(config: Any) -> dict[str, torch.Tensor]:
    """The tensors of the network of a configuration by name: shapes and types alone, without memory behind them."""
    with torch.device("meta"), _Uninitialized():
        state: dict[str, torch.Tensor] = NETWORKS[name_of(type(config))].network_class(config).state_dict()
    return state


def load_network(path: Path, cls: type[N]) -> N:
    """Read a network of a class in the registry, in evaluation mode, float32, on the CPU.

    Raises:
        CheckpointError: the file is not one of that class.
    """
    return load_with_origin(path, cls)[0]


def load_with_origin(path: Path, cls: type[N]) -> tuple[N, str | None]:
    """`load_network`, and the `fingerprint` of the network that it was trained over; None if the file does not say.

    Checkpoints of earlier versions do not.
    """
    name = name_of(cls)
    with _opened(path) as file:
        description = _description(path, file.metadata() or {})
        config = _read_config(path, description, name)
        expected = expected_tensors(config)
        _check(path, {key: file.get_slice(key) for key in file.keys()}, expected, NETWORKS[name].added)  # noqa: SIM118 - not a mapping
        # Mapped into memory, so that what is read is converted as it comes
        tensors = {key: _as_computed(file.get_tensor(key)) for key in expected}
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not all(extreme.isfinite() for extreme in tensor.aminmax()):
            raise CheckpointError(f"{path}: tensor {key} has values that are no numbers; fetch or train it again")
    with _Uninitialized():
        network = cls(config)
    network.load_state_dict(tensors, strict=True, assign=True)
    over = description.get("over")
    return network.eval(), None if over is None else str(over)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A file as safetensors opens it, whose header has passed. Raises CheckpointError, also for what is read of it."""
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises where a folder is closed
        raise CheckpointError(f"{path}: no such checkpoint; check the path, or reinstall excolor")
    try:
        check_header(path)
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file ({printable(error)}); fetch or train it again"
        ) from error


def _as_computed(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of a file as networks have it: floating-point numbers in float32, in memory of its own."""
    return tensor.to(torch.float32, copy=True) if tensor.is_floating_point() else tensor.clone()


def _description(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    """What the file's metadata says of it: at least `network` and, as a dict, `config`."""
    try:
        description = json.loads(metadata[_KEY], object_pairs_hook=without_duplicates)
        return {**description, "network": description["network"], "config": dict(description["config"])}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: carries no excolor configuration, so it is not a checkpoint of excolor"
        ) from error


def _read_config(path: Path, description: Mapping[str, Any], name: str) -> Any:
    """The configuration in a file's `_description`, of the kind that is wanted and within reason."""
    found, values = description["network"], description["config"]
    if found != name:
        raise CheckpointError(
            f"{path}: holds the network '{printable(found)}' where {name!r} is needed; give the right file"
        )
    if name == "encoder" and values.pop("matcher", 0) != 0:
        raise CheckpointError(
            f"{path}: holds a matcher as well, which has a file of its own now; take each out of it by `excolor "
            "weights import FILE --as encoder -o FOLDER/encoder.safetensors` and the same with matcher"
        )
    config_type = NETWORKS[name].config_class
    # Files made before a field was added lack it, and mean its default
    values = {field.name: field.default for field in fields(config_type)} | values
    expected = {field.name: type(field.default) for field in fields(config_type)}
    is_known = {name: type(value) for name, value in values.items()} == expected
    try:
        if is_known and NETWORKS[name].is_within_reason(config := config_type(**values)):
            return config
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    raise CheckpointError(f"{path}: its configuration {printable(values)} is not one this version of excolor knows")


def _check(
    path: Path, found: Mapping[str, Any], expected: Mapping[str, torch.Tensor], added: Mapping[str, str]
) -> None:
    """Refuse tensors (slices of safetensors) that the network does not have, lacks, or has in another shape or type.

    `added` is of `NetworkType`.
    """
    # Whole parts that are lacking; "" stands for a tensor of no such part
    parts = {next((part for part in added if name.startswith(part)), "") for name in expected.keys() - found.keys()}
    if parts and "" not in parts and not any(name.startswith(tuple(parts)) for name in found):
        raise CheckpointError(f"{path}: {next(remedy for part, remedy in added.items() if part in parts)}")
    for name in sorted(expected.keys() | found.keys()):
        wanted = tuple(expected[name].shape) if name in expected else "absent"
        shape = tuple(found[name].get_shape()) if name in found else "missing"
        if shape != wanted:
            raise CheckpointError(
                f"{path}: tensor {printable(name)} is {printable(shape)} and should be {wanted}; "
                "the file belongs to another network"
            )
        dtype, dtypes = found[name].get_dtype(), _DTYPES[expected[name].is_floating_point()]
        if dtype not in dtypes:
            raise CheckpointError(
                f"{path}: tensor {name} is of type {dtype} and should be of {' or '.join(dtypes)}; save it as one"
            )
