"""Formats of state dicts: how the tensors of a network are named where it was published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from excolor.networks.colorization import ColorizationConfig
from excolor.networks.decoder import DecoderConfig
from excolor.networks.encoder import EncoderConfig
from excolor.networks.matcher import MatcherConfig

Config = EncoderConfig | DecoderConfig | MatcherConfig | ColorizationConfig


@dataclass(frozen=True)
class StateDictFormat:
    """The names of one kind of state dict.

    Attributes:
        title: what it is, for messages.
        network: what it is here, by its name in the registry.
        config: of our network.
        modules: our modules to theirs, where they are called otherwise.
        unused: matches the names of tensors that we have no use for.
    """

    title: str
    network: str
    config: Config
    modules: Mapping[str, str] = field(default_factory=dict)
    unused: re.Pattern[str] = re.compile(r"(?!)")

    def theirs(self, name: str) -> str:
        """What they call our tensor `name`."""
        module, dot, kind = name.rpartition(".")
        return f"{self.modules.get(module, module)}{dot}{kind}"


# Positions in torchvision's `features`, of which every other is a ReLU and some are poolings; from 21 on they are
# deeper than conv4_1. timm has the same names but for the classifier.
VGG19 = StateDictFormat(
    "torchvision's VGG19",
    "encoder",
    EncoderConfig(64),
    {
        "conv1_1": "features.0",
        "conv1_2": "features.2",
        "conv2_1": "features.5",
        "conv2_2": "features.7",
        "conv3_1": "features.10",
        "conv3_2": "features.12",
        "conv3_3": "features.14",
        "conv3_4": "features.16",
        "conv4_1": "features.19",
    },
    re.compile(r"(features|classifier|pre_logits|head)\..*"),
)


def _siggraph17_modules() -> dict[str, str]:
    """Sequences of convolutions with a ReLU after each, and a norm; blocks 8 to 10 begin with the ReLU of the joint."""
    modules: dict[str, str] = {}
    for block, convolutions, first in (
        *((1, 2, 0), (2, 2, 0), (3, 3, 0), (4, 3, 0), (5, 3, 0), (6, 3, 0), (7, 3, 0)),
        *((8, 2, 1), (9, 1, 1)),
    ):
        modules |= {f"block{block}.convs.{i}": f"model{block}.{first + 2 * i}" for i in range(convolutions)}
        modules[f"block{block}.norm"] = f"model{block}.{first + 2 * convolutions}"
    for block, skipped in ((8, 3), (9, 2), (10, 1)):
        modules[f"join{block}.up"] = f"model{block}up.0"
        modules[f"join{block}.skip"] = f"model{skipped}short{block}.0"
    return modules | {"conv10": "model10.1", "out": "model_out.0"}


# Classes of ab, which a second head was trained with, are not asked for
SIGGRAPH17 = StateDictFormat(
    "the colorization net of SIGGRAPH 2017",
    "colorizer",
    ColorizationConfig(64),
    _siggraph17_modules(),
    re.compile(r"model_class\..*"),
)


def recognize(tensors: Mapping[str, Tensor]) -> StateDictFormat | None:
    """The format of a state dict, by names that only it has; of our own, with the width that the shapes tell."""
    if "features.0.weight" in tensors:
        return VGG19
    if "model1.0.weight" in tensors:
        return SIGGRAPH17
    return _own_format(tensors)


def _own_format(tensors: Mapping[str, Tensor]) -> StateDictFormat | None:
    """The format of a state dict of one of our networks."""
    if "block1.convs.0.weight" in tensors:
        width = _size(tensors["block1.convs.0.weight"], 0)
        colorization = ColorizationConfig(width, "block1.norm.scale" in tensors, "gate.share.weight" in tensors)
        return StateDictFormat(f"a colorizer of width {width}", "colorizer", colorization)
    if "enter.weight" in tensors:
        hidden, channels_in = (_size(tensors["enter.weight"], axis) for axis in (0, 1))
        width = max(0, channels_in - 2) // 16
        return StateDictFormat(f"a matcher for encoders of width {width}", "matcher", MatcherConfig(width, hidden))
    if "conv1_1.weight" in tensors:
        channels_out, channels_in = (_size(tensors["conv1_1.weight"], axis) for axis in (0, 1))
        if channels_in != 3:  # not of RGB
            return StateDictFormat(f"a decoder of width {channels_in}", "decoder", DecoderConfig(channels_in))
        title, config = f"an encoder of width {channels_out}", EncoderConfig(channels_out)
        return StateDictFormat(title, "encoder", config, unused=re.compile(r"matcher\..*"))  # it used to be in there
    return None


def _size(tensor: Tensor, axis: int) -> int:
    """The length of an axis, 0 if there is none: a width of 0 is refused later."""
    return tensor.shape[axis] if axis < tensor.ndim else 0
