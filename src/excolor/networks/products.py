"""Products of matrices, and convolutions of single places, by the faster of the libraries that torch has for them.

On x86 processors torch computes both by MKL where one thread works on one picture. MKL leaves the wide registers of AMD
processors unused, and convolutions copy their input first; oneDNN, by which torch computes larger convolutions, takes
half the time. A convolution of single places is the same with any dilation, and torch leaves dilated ones to oneDNN.
Both libraries sum in float32; only the last digits differ.
"""

import platform

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
_LEAST = 20480  # entries, from which on torch leaves convolutions to oneDNN


def rows_by_rows(a: Tensor, b: Tensor) -> Tensor:
    """The dot products of all rows of a (N, P, C) and of b (N, Q, C): (N, P, Q)."""
    if len(a) == 1 and _by_one_dnn(a):
        pixels = a.reshape(1, 1, *a.shape[1:]).permute(0, 3, 1, 2)  # (1, C, 1, P), the channels of each side by side
        found = F.conv2d(pixels, b[0, :, :, None, None], dilation=2)
        return found[:, :, 0].mT
    return a @ b.mT


class PointwiseConv(nn.Conv2d):
    """A convolution of single places, 1×1."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return pointwise(x, self.weight, self.bias)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The 1×1 convolution of x (N, C, H, W) with weights (C', C, 1, 1) and a bias (C',)."""
    return F.conv2d(x, weight, bias, dilation=2 if _by_one_dnn(x) else 1)


def _by_one_dnn(x: Tensor) -> bool:
    """Whether oneDNN will compute a dilated convolution of x, and is faster."""
    return (
        _IS_X86
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.numel() > _LEAST
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )
