"""Checkpoints: what is saved comes back, and anything else is refused in one sentence that names the file."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from excolor.errors import CheckpointError
from excolor.models.checkpoint import load_colorizer, load_decoder, load_encoder, save_network
from excolor.models.colorization import ColorizationConfig, ColorizationNet
from excolor.models.decoder import Decoder, DecoderConfig
from excolor.models.encoder import Encoder, EncoderConfig

NETWORKS = {
    "encoder": (lambda: Encoder(EncoderConfig(8)), load_encoder),
    "decoder": (lambda: Decoder(DecoderConfig(8)), load_decoder),
    "colorizer": (lambda: ColorizationNet(ColorizationConfig(8)), load_colorizer),
    "folded colorizer": (lambda: ColorizationNet(ColorizationConfig(8)).folded(), load_colorizer),
}


def same(found: nn.Module, expected: nn.Module, **tolerance: float) -> None:
    torch.testing.assert_close(found.state_dict(), expected.state_dict(), **tolerance)


@pytest.mark.parametrize("kind", NETWORKS)
def test_round_trip(tmp_path: Path, kind: str) -> None:
    build, load = NETWORKS[kind]
    network = build()
    for dtype, tolerance in ((torch.float32, 0.0), (torch.float16, 1e-3)):  # float16 has 11 bits: 1/2048
        path = tmp_path / "network.safetensors"
        save_network(network, path, dtype=dtype)
        loaded = load(path)
        assert loaded.config == network.config
        assert not loaded.training and all(p.dtype == torch.float32 for p in loaded.parameters())
        same(loaded, network, rtol=tolerance, atol=1e-7 if tolerance else 0.0)
    assert [p.name for p in tmp_path.iterdir()] == ["network.safetensors"]  # no temporary file stays


def test_batch_counts_beyond_half_precision_survive(tmp_path: Path) -> None:
    network = ColorizationNet(ColorizationConfig(8))
    network.block1.norm.num_batches_tracked.fill_(100_001)
    save_network(network, tmp_path / "c.safetensors")
    assert load_colorizer(tmp_path / "c.safetensors").block1.norm.num_batches_tracked == 100_001


def test_others_may_read_what_was_saved(tmp_path: Path) -> None:
    save_network(Encoder(EncoderConfig(8)), tmp_path / "e.safetensors")
    (tmp_path / "plain").touch()
    assert (tmp_path / "e.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "e.safetensors"
    save_network(Encoder(EncoderConfig(8)), path)
    before = path.read_bytes()

    def full(*args: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        save_network(Encoder(EncoderConfig(8)), path)
    assert path.read_bytes() == before


# Ways in which the file of a good encoder goes bad: given its path, they change the file


def _rewrite(path: Path, tensors: dict | None = None, config: object = None, metadata: dict | None = None) -> None:
    found = load_file(path) if tensors is None else tensors
    with safe_open(path, "pt") as file:
        described = json.loads(file.metadata()["excolor"])
    if config is not None:
        described["config"] = config
    path.unlink()
    save_file(found, path, {"excolor": json.dumps(described)} if metadata is None else metadata)


def _with(path: Path, name: str, shape: tuple[int, ...]) -> None:
    _rewrite(path, load_file(path) | {name: torch.zeros(shape)})


def _without(path: Path, name: str) -> None:
    tensors = load_file(path)
    del tensors[name]
    _rewrite(path, tensors)


class _Harmful:
    """Pickled, it would create a file when loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


SPOILED: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "a folder": lambda p: (p.unlink(), p.mkdir()),
    "empty": lambda p: p.write_bytes(b""),
    "text": lambda p: p.write_text("This is not a network. " * 20),
    "truncated": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "truncated header": lambda p: p.write_bytes(p.read_bytes()[:100]),
    "corrupt header": lambda p: p.write_bytes(p.read_bytes()[:8] + b"\xff" * 50 + p.read_bytes()[58:]),
    "absurd header size": lambda p: p.write_bytes(b"\xff" * 8 + p.read_bytes()[8:]),
    "pickle": lambda p: p.write_bytes(pickle.dumps(_Harmful(p.with_name("harm")))),
    "torch file": lambda p: torch.save({"conv1_1.weight": torch.zeros(1)}, p),
    "no metadata": lambda p: _rewrite(p, metadata={}),
    "foreign metadata": lambda p: _rewrite(p, metadata={"excolor": "[1]"}),
    "metadata that is no JSON": lambda p: _rewrite(p, metadata={"excolor": "{"}),
    "absurd width": lambda p: _rewrite(p, config={"width": 10**9}),
    "width zero": lambda p: _rewrite(p, config={"width": 0}),
    "negative width": lambda p: _rewrite(p, config={"width": -8}),
    "width as text": lambda p: _rewrite(p, config={"width": "8"}),
    "width as truth": lambda p: _rewrite(p, config={"width": True}),
    "unknown setting": lambda p: _rewrite(p, config={"width": 8, "depth": 3}),
    "no width": lambda p: _rewrite(p, config={}),
    "other width": lambda p: _rewrite(p, config={"width": 16}),
    "unknown tensor": lambda p: _with(p, "conv9_9.weight", (1,)),
    "wrong shape": lambda p: _with(p, "conv1_1.weight", (8, 4, 3, 3)),
    "missing tensor": lambda p: _without(p, "conv2_1.bias"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_spoiled_files_are_refused_in_one_sentence(tmp_path: Path, how: str) -> None:
    path = tmp_path / "encoder.safetensors"
    save_network(Encoder(EncoderConfig(8)), path)
    SPOILED[how](path)
    with pytest.raises(CheckpointError) as caught:
        load_encoder(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 400
    assert not (tmp_path / "harm").exists()


def test_another_network_is_refused_by_name(tmp_path: Path) -> None:
    save_network(Decoder(DecoderConfig(8)), tmp_path / "d.safetensors")
    with pytest.raises(CheckpointError, match="'decoder' where 'encoder' is needed"):
        load_encoder(tmp_path / "d.safetensors")


@pytest.mark.parametrize(("how", "named"), [("unknown tensor", "conv9_9.weight"), ("missing tensor", "conv2_1.bias")])
def test_the_tensor_is_named(tmp_path: Path, how: str, named: str) -> None:
    path = tmp_path / "encoder.safetensors"
    save_network(Encoder(EncoderConfig(8)), path)
    SPOILED[how](path)
    with pytest.raises(CheckpointError, match=named):
        load_encoder(path)
