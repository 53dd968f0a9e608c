"""bfloat16 for the layers that gain by it, float32 for all others, and the processor's own way by default."""

import pytest
import torch
from torch import nn

from excolor.errors import SettingError
from excolor.imaging.color import ab_to_network
from excolor.networks.backbone import SameConv
from excolor.networks.color_classes import decided_color
from excolor.networks.decoder import Decoder, DecoderConfig, WideningConv
from excolor.networks.precision import precision_of, put_on
from excolor.networks.products import PointwiseConv
from excolor.networks.semantic_colorization import (
    ExpandingBlock,
    SemanticColorizationConfig,
    SemanticColorizationNet,
    no_semantic_hints,
)
from excolor.runtime import devices
from excolor.runtime.devices import choose_dtype

CPU = torch.device("cpu")
TINY = "tiny"


def net() -> SemanticColorizationNet:
    torch.manual_seed(0)
    return SemanticColorizationNet(SemanticColorizationConfig(48, TINY)).eval()


def test_only_dense_convolutions_compute_in_bfloat16() -> None:
    network = put_on(CPU, net(), torch.bfloat16)
    lowered = {name for name, module in network.named_modules() if _dtype(module) == torch.bfloat16}
    blocks = {name for name, module in network.named_modules() if isinstance(module, ExpandingBlock)}
    assert lowered == {f"{block}.{conv}" for block in blocks for conv in ("first", "second")}
    for module in network.modules():
        if isinstance(module, PointwiseConv | SameConv):
            assert _dtype(module) == torch.float32
    decoder = put_on(CPU, Decoder(DecoderConfig(8)), torch.bfloat16)
    assert all((_dtype(m) == torch.float32) == isinstance(m, WideningConv) for m in decoder.children())
    assert precision_of(network) == precision_of(decoder) == "bfloat16"
    assert precision_of(put_on(CPU, net(), torch.float32)) == "float32"


def _dtype(module: nn.Module) -> torch.dtype | None:
    weight = module.weight if isinstance(module, nn.Conv2d) else None
    return None if weight is None else weight.dtype


@torch.inference_mode()
def test_results_are_float32_and_about_the_same() -> None:
    lightness = torch.rand((1, 1, 64, 96), generator=torch.Generator().manual_seed(1)) * 100
    fine, coarse = (put_on(CPU, net(), dtype) for dtype in (torch.float32, torch.bfloat16))
    levels = fine.levels(lightness)
    for one, other in zip(levels, coarse.levels(lightness), strict=True):
        assert torch.equal(one, other), "the backbone describes places, which are compared"
    hints = no_semantic_hints(lightness)
    likely = [network.likely(levels, hints) for network in (fine, coarse)]
    decided = ab_to_network(decided_color(likely[0].logits.softmax(1)))
    full = [
        network.finer(of.features, decided, levels, lightness, hints).full
        for network, of in zip((fine, coarse), likely, strict=True)
    ]
    logits = [of.logits / likely[0].logits.std() for of in likely]
    for results, tolerance in ((logits, 0.1), (full, 0.01)):
        assert results[1].dtype == torch.float32
        assert not torch.equal(*results)
        torch.testing.assert_close(*results, atol=tolerance, rtol=0)


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_bfloat16_where_the_processor_computes_in_it(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert choose_dtype(CPU) == (torch.bfloat16 if native else torch.float32)
    assert choose_dtype(CPU, "float32") == torch.float32
    assert choose_dtype(CPU, "bfloat16") == torch.bfloat16
    assert choose_dtype(torch.device("cuda")) == torch.float16
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not devices._computes_in_bfloat16()


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(SettingError, match="must be one of auto, float32, bfloat16"):
        choose_dtype(CPU, "float64")  # type: ignore[arg-type]
