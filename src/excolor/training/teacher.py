"""A teacher for the encoder: a VGG19 compressed by distillation, read from a file that excolor does not ship.

The file is that of Collaborative Distillation (Wang et al., CVPR 2020): VGG19 up to conv4_1 at a quarter of its
widths, 3×3 convolutions with reflection padding, max pooling, and a 1×1 convolution in front that brings RGB in
[0, 1] to the input that the original network was trained on.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from excolor.errors import TrainingError
from excolor.networks.encoder import Conv

_CONVS = ("conv11", "conv12", "conv21", "conv22", "conv31", "conv32", "conv33", "conv34", "conv41")
_LEVELS = {"conv11": "relu1_1", "conv21": "relu2_1", "conv31": "relu3_1", "conv41": "relu4_1"}


class Teacher(nn.Module):
    """sRGB (N, 3, H, W) in [0, 1] to VGG19-like features relu1_1 … relu4_1 with 16, 32, 64 and 128 channels."""

    def __init__(self, path: Path) -> None:
        """Read the teacher. Raises TrainingError if the file is not one."""
        super().__init__()
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as error:
            raise TrainingError(f"{path}: not a readable safetensors file ({error}); omit --teacher") from error
        try:
            self.conv0 = nn.Conv2d(3, 3, 1)
            self.convs = nn.ModuleDict()
            for name in _CONVS:
                outputs, inputs = tensors[f"{name}.weight"].shape[:2]
                self.convs[name] = Conv(inputs, outputs)
            own = {f"convs.{name}.{part}": tensors[f"{name}.{part}"] for name in _CONVS for part in ("weight", "bias")}
            own |= {f"conv0.{part}": tensors[f"conv0.{part}"] for part in ("weight", "bias")}
            self.load_state_dict(own)
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(f"{path}: not a teacher of the form that is known here ({error})") from error
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, rgb: Tensor) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        x = self.conv0(rgb)
        for name, conv in self.convs.items():
            if name in ("conv21", "conv31", "conv41"):
                x = F.max_pool2d(x, 2)
            x = F.relu(conv(x))
            if name in _LEVELS:
                features[_LEVELS[name]] = x
        return features
