"""Full-size work strip by strip: memory does not grow with the picture beyond input and output themselves.

The temporaries of a strip stay in the processor's cache, and each core has its own.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch

from excolor.runtime.devices import cores

# Pixels of a strip: large enough that threads seldom wait for each other's turn in Python, some 20 MB of temporaries
_STRIP = 1 << 18

_MOST_THREADS = 8  # at full size memory is soon the bottleneck


def strips(size: tuple[int, int]) -> Iterator[slice]:
    """Rows of a picture of `size` in strips that bound the memory of full-size work, and fit the processor's cache."""
    height, width = size
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def strip_threads() -> int:
    """How many strips to work on at a time; other than torch's number of threads it changes no bit of the result."""
    return min(_MOST_THREADS, cores())


def map_strips(pixels: np.ndarray, work: Callable[[np.ndarray, slice], Iterable[np.ndarray]]) -> np.ndarray:
    """(H, W, 3) of what `work` makes of each strip of pixels: its three channels (rows, W)."""
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)

    def one(rows: slice) -> None:
        cv2.merge(list(work(pixels[rows], rows)), dst=out[rows])
        if out.dtype == np.float32:  # integers are bounded as they are rounded
            out[rows].clip(0, 1, out=out[rows])

    # A new thread of Python's does not know how many of torch's it may use, and what it sums would depend on chance
    settled = torch.set_num_threads, (torch.get_num_threads(),)
    with ThreadPoolExecutor(strip_threads(), "strips", *settled) as threads:
        for _ in threads.map(one, strips(pixels.shape[:2])):
            pass
    return out
