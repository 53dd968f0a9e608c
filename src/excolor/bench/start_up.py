"""How long it takes until the first picture can be colorized. Heavy imports happen only while they are timed."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class StartUp:
    """Seconds to import the pipeline with torch and all that it needs, and then to load a model onto the device."""

    imports: float
    load: float


def start_up(model: str, device: str) -> StartUp:
    """Measure in a process that has imported nothing yet."""
    began = time.perf_counter()
    from excolor.method.colorizer import Colorizer

    imported = time.perf_counter()
    Colorizer.load(model, device=device)
    return StartUp(imported - began, time.perf_counter() - imported)
