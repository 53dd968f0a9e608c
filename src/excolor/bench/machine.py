"""What the numbers depend on, apart from the code that is timed."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from excolor.bench.tasks import Conditions
from excolor.networks.models import find_model
from excolor.runtime.devices import cores
from excolor.runtime.source_commit import commit
from excolor.settings import COLORIZE_SIZE


def describe_run(models: Sequence[str], sizes: Sequence[int], repeat: int, conditions: Conditions) -> dict[str, Any]:
    """Versions, checkpoints, machine and settings."""
    return {
        "excolor": version("excolor"),
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        **_cuda_versions(),
        "platform": platform.platform(),
        "device": conditions.device,
        "device_name": device_name(conditions.device),
        "processor": processor(),
        "load": load(),
        "threads": conditions.threads,
        "threads_as_used": conditions.threads_as_used,
        "dtype": conditions.dtype,
        "working_size": COLORIZE_SIZE,
        "sizes": list(sizes),
        "repeat": repeat,
        "checkpoints": _checkpoints(models),
    }


def _checkpoints(models: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    found = [find_model(model) for model in models]
    return {files.name: files.checksums for files in found}


def _cuda_versions() -> dict[str, Any]:
    if not torch.cuda.is_available():
        return {}
    return {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}  # type: ignore[no-untyped-call]


def device_name(device: str) -> str:
    """A name for readers."""
    place = torch.device(device)
    return torch.cuda.get_device_name(place) if place.type == "cuda" else processor()


def load() -> float | None:
    """How many cores were busy in the last minute, on average; None if the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def processor() -> str:
    """The processor's name, the cores that we may use, and the widest instructions that torch uses."""
    kind = "core" if cores() == 1 else "cores"
    return f"{_processor_name()}, {cores()} {kind}, {torch.backends.cpu.get_cpu_capability()}"


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
