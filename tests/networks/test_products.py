"""Products by oneDNN are those of torch's own, whatever the size."""

import pytest
import torch
import torch.nn.functional as F

from excolor.networks.products import PointwiseConv, pointwise, rows_by_rows


@pytest.mark.parametrize(("n", "rows", "others", "channels"), [(1, 3, 5, 7), (1, 300, 200, 100), (2, 150, 90, 80)])
def test_rows_by_rows_is_the_product(n: int, rows: int, others: int, channels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn((n, count, channels), generator=generator) for count in (rows, others))
    wanted = (a.double() @ b.double().mT).float()
    assert rows_by_rows(a, b).is_contiguous(), "what follows would copy it"
    of_picture = a.mT.unflatten(2, (-1, 1)).contiguous(memory_format=torch.channels_last).flatten(2).mT
    assert rows_by_rows(of_picture, b).is_contiguous()
    for left, right in ((a, b), (a.mT.contiguous().mT, b.mT.contiguous().mT)):
        torch.testing.assert_close(rows_by_rows(left, right), wanted, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(("channels", "side"), [(3, 5), (24, 64)])
@pytest.mark.parametrize("threads", [1, 2])
def test_pointwise_is_the_convolution(channels: int, side: int, threads: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1, channels, side, side), generator=generator).contiguous(memory_format=torch.channels_last)
    conv = PointwiseConv(channels, 11)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = conv(x)
    finally:
        torch.set_num_threads(before)
    wanted = F.conv2d(x.double(), conv.weight.double(), conv.bias.double())  # type: ignore[union-attr]
    torch.testing.assert_close(found, wanted.float(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(pointwise(x, conv.weight, None) + conv.bias.view(1, -1, 1, 1), found)  # type: ignore[union-attr]
    assert found.requires_grad
