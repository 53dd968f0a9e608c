"""Checkpoints: what is saved comes back, and anything else is refused in one sentence that names the file."""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from excolor.errors import CheckpointError
from excolor.networks.checkpoint import (
    fingerprint,
    load_colorizer,
    load_decoder,
    load_encoder,
    load_matcher,
    load_with_origin,
    save_network,
)
from excolor.networks.colorization import ColorizationConfig, ColorizationNet
from excolor.networks.decoder import Decoder, DecoderConfig
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.matcher import Matcher, MatcherConfig

NETWORKS = {
    "encoder": (lambda: Encoder(EncoderConfig(8)), load_encoder),
    "decoder": (lambda: Decoder(DecoderConfig(8)), load_decoder),
    "matcher": (lambda: Matcher(MatcherConfig(8, 24)), lambda path: load_matcher(path, Encoder(EncoderConfig(8)))),
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


def test_a_file_from_before_a_setting_means_its_default(tmp_path: Path) -> None:
    network = ColorizationNet(ColorizationConfig(8, folded=True))
    path = tmp_path / "c.safetensors"
    save_network(network, path)
    _rewrite(path, config={"width": 8, "folded": True})
    loaded = load_colorizer(path)
    assert loaded.config == network.config
    same(loaded, network, rtol=1e-3, atol=1e-7)


def test_an_encoder_without_a_matcher_of_old(tmp_path: Path) -> None:
    network = Encoder(EncoderConfig(8))
    path = tmp_path / "e.safetensors"
    save_network(network, path)
    _rewrite(path, config={"width": 8, "matcher": 0})
    same(load_encoder(path), network, rtol=1e-3, atol=1e-7)


def test_an_encoder_with_a_matcher_of_old_says_how_to_split_it(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    save_network(Encoder(EncoderConfig(8)), path)
    _rewrite(path, config={"width": 8, "matcher": 24})
    with pytest.raises(CheckpointError, match="excolor weights import FILE --as encoder"):
        load_encoder(path)


def test_a_matcher_goes_with_its_encoder(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_network(Matcher(MatcherConfig(8, 24)), path)
    with pytest.raises(CheckpointError, match="over encoders of width 8 does not fit one of width 4"):
        load_matcher(path, Encoder(EncoderConfig(4)))


def test_a_checkpoint_says_what_it_was_trained_over(tmp_path: Path) -> None:
    def trained_over(path: Path) -> str | None:
        return load_with_origin(path, Decoder)[1]

    encoder, other = Encoder(EncoderConfig(8)), Encoder(EncoderConfig(8))
    network, path = Decoder(DecoderConfig(8)), tmp_path / "d.safetensors"
    save_network(network, path)
    assert trained_over(path) is None
    save_network(network, path, over=encoder)
    same(load_decoder(path), network, rtol=1e-3, atol=1e-7)
    save_network(encoder, tmp_path / "e.safetensors")
    read = load_encoder(tmp_path / "e.safetensors")  # in half precision
    assert trained_over(path) == fingerprint(encoder) == fingerprint(read) != fingerprint(other)
    with torch.no_grad():
        next(read.parameters()).view(-1)[0] += 0.1
    assert fingerprint(read) != fingerprint(encoder)
    for spoil in ("missing", "text", "no metadata"):
        SPOILED[spoil](path)
        with pytest.raises(CheckpointError, match=r"d\.safetensors"):
            trained_over(path)
        save_network(network, path)


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

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_network(Encoder(EncoderConfig(8)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


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


def _changed(path: Path, change: Callable[[Tensor], Tensor]) -> None:
    _rewrite(path, load_file(path) | {"conv2_1.bias": change(load_file(path)["conv2_1.bias"])})


def _edit_header(path: Path, edit: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = edit(content[8:end].rstrip())
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


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
    "a matcher of old": lambda p: _rewrite(p, config={"width": 8, "matcher": 24}),
    "a matcher of text": lambda p: _rewrite(p, config={"width": 8, "matcher": "\x1b[31m" * 1000}),
    "unknown setting": lambda p: _rewrite(p, config={"width": 8, "depth": 3}),
    "no width": lambda p: _rewrite(p, config={}),
    "other width": lambda p: _rewrite(p, config={"width": 16}),
    "unknown tensor": lambda p: _with(p, "conv9_9.weight", (1,)),
    "wrong shape": lambda p: _with(p, "conv1_1.weight", (8, 4, 3, 3)),
    "no tensors": lambda p: _rewrite(p, {}),
    "missing tensor": lambda p: _without(p, "conv2_1.bias"),
    "infinite value": lambda p: _changed(p, lambda t: t.index_fill_(0, torch.tensor(3), torch.inf)),
    "not a number": lambda p: _changed(p, lambda t: t.index_fill_(0, torch.tensor(3), torch.nan)),
    "double precision": lambda p: _changed(p, Tensor.double),
    "whole numbers": lambda p: _changed(p, Tensor.int),
    "eight bits": lambda p: _changed(p, lambda t: t.to(torch.float8_e4m3fn)),
    "metadata that nests for ever": lambda p: _rewrite(p, metadata={"excolor": "[" * 100_000}),
    "a width twice": lambda p: _rewrite(
        p, metadata={"excolor": '{"network": "encoder", "config": {"width": 8, "width": 8}}'}
    ),
    "metadata of many words": lambda p: _rewrite(p, config={"width": "8" * 10_000}),
    "metadata with control characters": lambda p: _rewrite(p, config={"\x1b[31m\n": 8}),
    "tensor with control characters": lambda p: _with(p, "\x1b[31m\n", (1,)),
    "tensor twice": lambda p: _edit_header(p, lambda h: h[:-1] + h[h.index(b',"conv1_1.bias"') :]),
    "header of megabytes": lambda p: _edit_header(p, lambda h: h + b" " * 2**21),
    "header that nests for ever": lambda p: _edit_header(p, lambda h: b'{"a":' * 100_000),
}


@pytest.mark.parametrize("how", SPOILED)
def test_spoiled_files_are_refused_in_one_sentence(tmp_path: Path, how: str) -> None:
    path = tmp_path / "encoder.safetensors"
    save_network(Encoder(EncoderConfig(8)), path)
    SPOILED[how](path)
    with pytest.raises(CheckpointError) as caught:
        load_encoder(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.isprintable() and len(message) < 400
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("hidden", [10**9, 0, -8])
def test_a_matcher_beyond_reason_is_refused(tmp_path: Path, hidden: int) -> None:
    path = tmp_path / "matcher.safetensors"
    save_network(Matcher(MatcherConfig(8, 24)), path)
    _rewrite(path, config={"width": 8, "hidden": hidden})
    with pytest.raises(CheckpointError, match="is not one this version of excolor knows"):
        load_matcher(path, Encoder(EncoderConfig(8)))


@pytest.mark.parametrize("save", [torch.save, lambda state, path: path.write_bytes(pickle.dumps(state))])
def test_a_pickle_is_shown_the_way(tmp_path: Path, save: Callable[[object, Path], object]) -> None:
    save(Encoder(EncoderConfig(8)).state_dict(), tmp_path / "encoder.pth")
    with pytest.raises(CheckpointError, match="excolor weights import"):
        load_encoder(tmp_path / "encoder.pth")


def test_a_linked_file_is_a_file(tmp_path: Path) -> None:
    """A folder of checkpoints may take its networks from elsewhere."""
    save_network(Encoder(EncoderConfig(8)), tmp_path / "elsewhere.safetensors")
    (tmp_path / "encoder.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    assert load_encoder(tmp_path / "encoder.safetensors").config.width == 8


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


# What a header may be made of when it was written by nobody
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["F32", "F64", "I64", "F8_E4M3", "F4", "encoder", "excolor", "__metadata__"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("small") / "encoder.safetensors"
    save_network(Encoder(EncoderConfig(1)), path)
    return path.read_bytes()


def loads_or_is_refused(content: bytes, folder: Path) -> None:
    path = folder / "encoder.safetensors"
    path.write_bytes(content)
    try:
        load_encoder(path)
    except CheckpointError as error:
        message = str(error)
        assert message.startswith(f"{path}: ") and message.isprintable() and len(message) < 600


@given(data=st.data())
@settings(max_examples=40)
def test_damaged_bytes(small: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(small)
    header = 8 + int.from_bytes(small[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, data.draw(st.sampled_from((8, header, len(small)))) - 1))
        content[where : where + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    loads_or_is_refused(bytes(content), tmp_path_factory.getbasetemp())


@given(data=st.data())
@settings(max_examples=40)
def test_headers_that_lie(small: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    end = 8 + int.from_bytes(small[:8], "little")
    header = json.loads(small[8:end])
    name = data.draw(st.sampled_from(sorted(header)))
    lie = data.draw(_ANYTHING)
    kind = data.draw(st.sampled_from(("entry", "key", "description", "config")))
    if kind == "entry":
        header[name] = lie
    elif kind == "key":
        header[name][data.draw(st.sampled_from(sorted(header[name])))] = lie
    else:
        description = {"network": "encoder", "config": lie} if kind == "config" else lie
        header["__metadata__"] = {"excolor": json.dumps(description)}
    written = json.dumps(header).encode()
    loads_or_is_refused(len(written).to_bytes(8, "little") + written + small[end:], tmp_path_factory.getbasetemp())


WITHOUT_COMPILER = """
import sys
from excolor import Colorizer, Stylizer
for model in (None, "lite"):
    Colorizer.load(model, device="cpu")
Stylizer.load(device="cpu")
sys.exit("torch._dynamo" in sys.modules)
"""


def test_loading_imports_no_compiler() -> None:
    """It would take as long as all the rest of torch."""
    assert subprocess.run([sys.executable, "-c", WITHOUT_COMPILER], check=False).returncode == 0
