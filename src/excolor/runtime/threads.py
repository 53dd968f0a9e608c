"""How many of torch's threads work on one picture.

The number changes the last bits of torch's sums. So it depends on nothing but the settings and the machine, never on
how many pictures there are or are in work: a picture becomes the same alone and among others.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SMALL = 512  # pixels: working size up to which several pictures at a time gain more than several threads for one


def threads_for(working_size: int | None, most: int) -> int:
    """How many threads, `most` at most, a picture gets whose networks see `working_size` (None: its full size)."""
    return 1 if working_size is not None and working_size <= _SMALL else most


@contextmanager
def torch_threads(working_size: int | None) -> Iterator[int]:
    """Give torch the threads of `threads_for` while the context lasts, and yield their number.

    It holds for this thread. Others that work for it call `torch.set_num_threads` themselves.
    """
    before = torch.get_num_threads()
    threads = threads_for(working_size, before)
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)
