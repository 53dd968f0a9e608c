"""Which device and which precision the networks run on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import torch

from excolor.errors import DeviceError, SettingError
from excolor.settings import PRECISIONS, Precision

_SMALLER = ("working_size", "exact", "side", "device")
REMEDY = "a smaller working size"
"""Of too little memory, where nothing else is said."""


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is the first CUDA device if there is one, else the CPU; otherwise what torch calls a device.

    Raises:
        DeviceError: no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device {name!r} is not supported: use auto, cpu, cuda or cuda:N")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise DeviceError(
                f"device {name!r} was asked for and torch finds {count} CUDA devices; use the device cpu",
                settings=("device",),
            )
    return device


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_dtype(device: torch.device, precision: Precision = "auto") -> torch.dtype:
    """What networks compute in on a device.

    `auto` is float16 on CUDA, where it is several times faster, and finer than bfloat16; bfloat16 on CPUs that compute
    in it; and float32 on all others.

    Raises:
        SettingError: no such precision.
    """
    if precision not in PRECISIONS:
        raise SettingError(f"precision is {precision!r} and must be one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return torch.float32 if precision == "float32" else torch.bfloat16
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if _computes_in_bfloat16() else torch.float32


def _computes_in_bfloat16() -> bool:
    """Whether the processor has instructions for products in bfloat16 (AVX512-BF16 or AMX), and torch uses them."""
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return torch.backends.mkldnn.is_available() and any(check is not None and check() for check in checks)  # type: ignore[no-untyped-call]


@contextmanager
def out_of_memory_explained(device: torch.device, remedy: str = REMEDY) -> Iterator[None]:
    """Turn the ways of running out of memory, on the GPU and in the computer, into a DeviceError.

    `remedy` says what to use instead, besides another device.
    """
    try:
        yield
    except (RuntimeError, MemoryError, cv2.error) as error:
        if _is_out_of_memory(error):
            message = f"too little memory is free on device {device}; use {remedy}, or another device"
            raise DeviceError(message, settings=_SMALLER) from error
        raise


def check_memory(needed: float, device: torch.device, remedy: str) -> None:
    """Refuse what would need about so many bytes of the computer's memory, where the system tells that fewer are free.

    Linux grants memory that it does not have, and ends the process without a word once it is used. GPUs say so.

    Raises:
        DeviceError: the memory does not suffice.
    """
    free = free_memory() if device.type == "cpu" else None
    if free is not None and needed > free:
        message = (
            f"it would need about {needed / 1e9:.1f} GB of memory on device {device} and {free / 1e9:.1f} GB are free"
        )
        raise DeviceError(f"{message}; use {remedy}, or another device", settings=_SMALLER)


def free_memory() -> int | None:
    """Bytes that processes can still have, swap included; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    if "MemAvailable" not in kilobytes:
        return None
    return 1024 * (kilobytes["MemAvailable"] + kilobytes.get("SwapFree", 0))


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, cv2.error):
        return bool(error.code == cv2.Error.StsNoMem)
    # On the CPU torch has no class of its own for it, and other words on other systems
    words = ("can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)
