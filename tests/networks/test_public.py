"""Checkpoints of others compute what they computed where they come from; anything else is refused in one sentence."""

import pickle
from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import accumulate
from pathlib import Path

import pytest
import torch
import torchvision
from public_states import Siggraph17, siggraph17, vgg19
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.transforms.functional import normalize

from excolor.errors import CheckpointError
from excolor.imaging.color import ab_from_network, ab_to_network, lightness_to_network
from excolor.networks import adain, wct
from excolor.networks.colorization import ColorizationConfig, ColorizationNet
from excolor.networks.decoder import Decoder, DecoderConfig
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.matcher import Matcher, MatcherConfig
from excolor.networks.public import convert, read_state_dict

VGG19 = vgg19()


def converted(state: Mapping[str, Tensor], network: str) -> nn.Module:
    return convert(state, network, "file.pth")  # type: ignore[arg-type]


# --- torchvision's VGG19 ---


def vgg19_features(state: Mapping[str, Tensor]) -> nn.Sequential:
    """Torchvision's own layers to conv4_1, with our padding and pooling."""
    with torch.device("meta"):
        layers = list(torchvision.models.vgg19().features[:21])
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            layers[i] = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, padding_mode="reflect")
        elif isinstance(layer, nn.MaxPool2d):
            layers[i] = nn.AvgPool2d(2)
        else:
            layers[i] = nn.ReLU()
    features = nn.Sequential(*layers)
    features.load_state_dict({f"{name.removeprefix('features.')}": state[name] for name in state if _used(name)})
    return features


def _used(name: str) -> bool:
    return name.startswith("features.") and int(name.split(".")[1]) < 21


def test_vgg19_gives_the_features_that_torchvision_gives() -> None:
    encoder, reference = converted(VGG19, "encoder"), vgg19_features(VGG19)
    assert encoder.config == EncoderConfig(64)
    assert not encoder.training
    rgb = torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    x = normalize(rgb, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with torch.no_grad():
        found = encoder(rgb)
        wanted = list(accumulate(reference, lambda feature, layer: layer(feature), initial=x))[1:]
    positions = {"relu1_1": 1, "relu1_2": 3, "pool1": 4, "relu2_1": 6, "relu2_2": 8, "pool2": 9}
    positions |= {"relu3_1": 11, "relu3_4": 17, "pool3": 18, "relu4_1": 20}
    assert found.keys() == positions.keys()
    for name, position in positions.items():
        torch.testing.assert_close(found[name], wanted[position], rtol=1e-4, atol=1e-4)


def test_vgg19_under_the_names_of_timm() -> None:
    state = {name: tensor for name, tensor in VGG19.items() if name.startswith("features.")}
    state |= {"pre_logits.fc1.weight": torch.zeros(()), "head.fc.bias": torch.zeros(1000)}
    torch.testing.assert_close(converted(state, "encoder").state_dict(), converted(VGG19, "encoder").state_dict())


@pytest.mark.parametrize("method", [adain.adain, wct.wct])
def test_large_features_are_matched_in_half_precision(method: Callable[[Tensor, Tensor], Tensor]) -> None:
    """GPUs work in it: up to its largest numbers, 65504, features of a large network may be as large as they like."""
    generator = torch.Generator().manual_seed(3)
    content, style = (torch.rand(2, 1, 16, 24, 24, generator=generator) * 3e4).half()
    found, wanted = method(content, style).float(), method(content.float(), style.float())
    assert wanted.max() > 2e4
    torch.testing.assert_close(found, wanted, rtol=2e-3, atol=30)  # 11 bits, at the scale of the features


# --- SIGGRAPH 2017 ---


def _meta(net: Callable[[], nn.Module]) -> dict[str, Tensor]:
    """A state dict of the real names and shapes, and no memory."""
    with torch.device("meta"):
        shapes = net().state_dict()
    return {name: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) for name, tensor in shapes.items()}


SIGGRAPH17 = _meta(Siggraph17)


def test_siggraph17_gives_the_colors_that_it_gave() -> None:
    reference = deepcopy(siggraph17()).double()
    net = converted(reference.state_dict(), "colorizer").double()
    assert net.config == ColorizationConfig(64, folded=True)
    generator = torch.Generator().manual_seed(2)
    lightness = 100 * torch.rand(2, 1, 32, 24, generator=generator, dtype=torch.float64)
    mask = (torch.rand(lightness.shape, generator=generator) < 0.2).double()
    ab = 60 * torch.randn(2, 2, 32, 24, generator=generator, dtype=torch.float64) * mask
    with torch.no_grad():
        wanted = reference(lightness, ab, mask)
        found = ab_from_network(net(lightness_to_network(lightness), ab_to_network(ab), mask))
    assert wanted.std() > 10
    assert wanted.abs().max() < 109  # where tanh tells values apart
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3)  # weights were rounded to float32


def test_siggraph17_without_counts_of_batches() -> None:
    """Checkpoints of before they were counted."""
    old = {name: tensor for name, tensor in SIGGRAPH17.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(SIGGRAPH17)
    assert converted(old, "colorizer").config == ColorizationConfig(64, folded=True)


# --- our own state dicts ---

OWN: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "encoder": ("encoder", lambda: Encoder(EncoderConfig(5))),
    "matcher": ("matcher", lambda: Matcher(MatcherConfig(5, 6))),
    "decoder": ("decoder", lambda: Decoder(DecoderConfig(5))),
    "folded colorizer": ("colorizer", lambda: ColorizationNet(ColorizationConfig(5)).folded()),
    "gated colorizer": ("colorizer", lambda: ColorizationNet(ColorizationConfig(5, gated=True)).folded()),
}
SAVE: dict[str, Callable[[dict[str, Tensor], Path], None]] = {
    "plain": torch.save,
    "of old": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "nested": lambda state, path: torch.save({"state_dict": state, "epoch": 3}, path),
    "safetensors": save_file,
}


@pytest.mark.parametrize("how", SAVE)
@pytest.mark.parametrize("kind", OWN)
def test_own_networks(tmp_path: Path, kind: str, how: str) -> None:
    network, build = OWN[kind]
    net = build()
    SAVE[how](net.state_dict(), tmp_path / "net")
    found = converted(read_state_dict(tmp_path / "net"), network)
    assert found.config == net.config
    torch.testing.assert_close(found.state_dict(), net.state_dict(), rtol=0, atol=0)


def test_an_encoder_of_old_holds_two_networks() -> None:
    encoder, matcher = Encoder(EncoderConfig(5)), Matcher(MatcherConfig(5, 6))
    state = encoder.state_dict() | {f"matcher.{name}": tensor for name, tensor in matcher.state_dict().items()}
    for network, net in (("encoder", encoder), ("matcher", matcher)):
        found = converted(state, network)
        assert found.config == net.config
        torch.testing.assert_close(found.state_dict(), net.state_dict(), rtol=0, atol=0)
    with pytest.raises(CheckpointError, match="holds nothing, …"):
        converted(encoder.state_dict(), "matcher")


def test_an_own_colorizer_is_folded() -> None:
    net = ColorizationNet(ColorizationConfig(4))
    net.block3.norm.running_var.uniform_(0.5, 2)
    found = converted(net.state_dict(), "colorizer")
    torch.testing.assert_close(found.state_dict(), net.folded().state_dict())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype: torch.dtype) -> None:
    net = Encoder(EncoderConfig(4)).to(dtype)
    found = converted(net.state_dict(), "encoder")
    assert {tensor.dtype for tensor in found.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(found.state_dict(), net.float().state_dict(), rtol=0, atol=0)


# --- what is refused ---


def _encoder(**changed: object) -> dict[str, object]:
    return {**Encoder(EncoderConfig(4)).state_dict(), **changed}


def _without(state: Mapping[str, Tensor], *names: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if name not in names}


ECCV16 = SIGGRAPH17 | {"model1.0.weight": torch.zeros(64, 1, 3, 3)}

REFUSED: dict[str, tuple[str, Callable[[], Mapping[str, object]], str]] = {
    "VGG16": ("encoder", lambda: _meta(torchvision.models.vgg16), "features.16"),
    "VGG19 with norms": ("encoder", lambda: _meta(torchvision.models.vgg19_bn), "features."),
    "a residual net": ("encoder", lambda: _meta(torchvision.models.resnet18), "SIGGRAPH 2017"),
    "VGG19 as a colorizer": ("colorizer", lambda: VGG19, "--as encoder"),
    "SIGGRAPH 2017 as an encoder": ("encoder", lambda: SIGGRAPH17, "--as colorizer"),
    "an encoder as a decoder": ("decoder", _encoder, "--as encoder"),
    "a decoder as an encoder": ("encoder", Decoder(DecoderConfig(4)).state_dict, "--as decoder"),
    "the net of ECCV 2016": ("colorizer", lambda: ECCV16, "(64, 1, 3, 3)"),
    "one tensor more": ("colorizer", lambda: SIGGRAPH17 | {"model11.0.weight": torch.zeros(1)}, "model11.0.weight"),
    "one tensor less": ("colorizer", lambda: _without(SIGGRAPH17, "model9up.0.bias"), "lacks model9up.0.bias"),
    "another shape": ("encoder", lambda: _encoder(**{"conv2_1.bias": torch.zeros(9)}), "(9,)"),
    "whole numbers": ("encoder", lambda: _encoder(**{"conv2_1.bias": torch.zeros(8, dtype=torch.int8)}), "torch.int8"),
    "not a number": ("encoder", lambda: _encoder(**{"conv2_1.bias": torch.full((8,), torch.nan)}), "conv2_1.bias"),
    "beyond float32": (
        "encoder",
        lambda: _encoder(**{"conv2_1.bias": torch.full((8,), 1e300, dtype=torch.float64)}),
        "conv2_1.bias",
    ),
    "a norm of negative variance": (
        "colorizer",
        lambda: SIGGRAPH17 | {"model2.4.running_var": torch.full((128,), -1.0)},
        "model2.4",
    ),
    "no width": ("encoder", lambda: _encoder(**{"conv1_1.weight": torch.zeros(0, 3, 3, 3)}), "width 0"),
    "no axes": ("encoder", lambda: _encoder(**{"conv1_1.weight": torch.zeros(())}), "width 0"),
    "an absurd width": (
        "encoder",
        lambda: _encoder(**{"conv1_1.weight": torch.zeros(()).expand(10**9, 3, 3, 3)}),
        "1000000000",
    ),
    "nothing": ("encoder", dict, "nothing"),
    "names with control characters": ("encoder", lambda: {"\x1b[31m": torch.zeros(1)}, "x1b"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    network, state, named = REFUSED[case]
    with pytest.raises(CheckpointError) as caught:
        converted(state(), network)  # type: ignore[arg-type]
    assert_one_sentence(str(caught.value), "file.pth", named)


def assert_one_sentence(message: str, *words: str) -> None:
    assert message.isprintable(), message
    assert len(message) < 400
    for word in words:
        assert word in message, message


class _Harmful:
    """Pickled, it would create a file when loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "missing": lambda p: None,
    "a folder": Path.mkdir,
    "empty": Path.touch,
    "text": lambda p: p.write_text("This is not a network. " * 20),
    "a pickle": lambda p: p.write_bytes(pickle.dumps(_Harmful(p.with_name("harm")))),
    "a torch file with more than tensors": lambda p: torch.save(
        {**Encoder(EncoderConfig(4)).state_dict(), "x": _Harmful(p.with_name("harm"))}, p
    ),
    "a whole network": lambda p: torch.save(Encoder(EncoderConfig(4)), p),
    "a list": lambda p: torch.save([torch.zeros(1)], p),
    "a tensor": lambda p: torch.save(torch.zeros(1), p),
    "numbers by name": lambda p: torch.save({"epoch": 3}, p),
    "tensors by number": lambda p: torch.save({3: torch.zeros(1)}, p),
    "a sparse tensor": lambda p: torch.save({"conv1_1.weight": torch.eye(3).to_sparse()}, p),
    "half of a torch file": lambda p: (
        torch.save(Encoder(EncoderConfig(4)).state_dict(), p),
        p.write_bytes(p.read_bytes()[:5000]),
    ),
}


def _impossible(path: Path) -> None:
    header = b'{"conv1_1.weight": {"dtype": "F32", "shape": [0, 18446744073709551615], "data_offsets": [0, 0]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header)


UNREADABLE["an impossible shape"] = _impossible


@pytest.mark.parametrize("how", UNREADABLE)
def test_unreadable_files(tmp_path: Path, how: str) -> None:
    path = tmp_path / "net.pth"
    UNREADABLE[how](path)
    with pytest.raises(CheckpointError) as caught:
        converted(read_state_dict(path), "encoder")
    assert_one_sentence(str(caught.value), str(path))
    assert not (tmp_path / "harm").exists()
