"""Time, memory and arithmetic of tasks; called in separate processes, see `isolation`."""

from dataclasses import dataclass, replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from excolor.bench.memory import ResidentPeak
from excolor.bench.tasks import TOTAL, BenchTask
from excolor.bench.work import prepare
from excolor.reporting.timing import Call, Timing, time_call, time_calls
from excolor.runtime.devices import out_of_memory_explained

_PRODUCT_SIDE = {"cpu": 2048, "cuda": 8192}  # large enough that the rate no longer grows


@dataclass(frozen=True)
class BenchMeasurement:
    """What one task took.

    Attributes:
        steps: seconds of each step, and of all of them as `total`.
        first_call: seconds of the first `total`, with the model loaded.
        peak_bytes: memory for model, pictures and work: allocated on a GPU, resident otherwise; None if unknown.
        multiply_adds: of each network that ran at the named size.
    """

    steps: dict[str, Timing]
    first_call: float
    peak_bytes: int | None
    multiply_adds: dict[str, int]


def measure(task: BenchTask, repeat: int) -> BenchMeasurement:
    """Run a task. Raises DeviceError if there is too little memory for it."""
    device = torch.device(task.device)
    _prepare_torch(task)
    synchronize = _synchronizer(device)
    resident = ResidentPeak()
    with torch.inference_mode(), out_of_memory_explained(device):
        steps = prepare(task)
        first_call = time_call(steps[TOTAL], synchronize)
        if device.type == "cuda":  # convolutions that were tried may have taken more than the one that is used
            torch.cuda.reset_peak_memory_stats(device)
        timings = {name: time_calls(step, synchronize, repeat) for name, step in steps.items()}
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else resident.bytes()
    return BenchMeasurement(timings, first_call, peak, count_networks(task) if task.method == "networks" else {})


def pictures_per_second(task: BenchTask, batch: int, repeat: int) -> float:
    """Pictures per second when the networks see `batch` at once. Raises DeviceError as `measure` does."""
    device = torch.device(task.device)
    _prepare_torch(task)
    with torch.inference_mode(), out_of_memory_explained(device):
        total = prepare(task, batch)[TOTAL]
        return batch / time_calls(total, _synchronizer(device), repeat).median


def count_networks(task: BenchTask) -> dict[str, int]:
    """Multiply-adds of each step of the task but the last, which is all of them."""
    steps = prepare(replace(task, device="meta", compiled=False))
    return {name: multiply_adds(step) for name, step in steps.items() if name != TOTAL}


def multiply_adds(work: Call) -> int:
    """Multiply-adds of the convolutions and matrix products in a call; element-wise work is not counted."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    operations: int = counter.get_total_flops()
    return operations // 2


def matrix_product_rate(device: str, dtype: str, threads: int, repeat: int) -> float:
    """Multiply-adds per second of a large square matrix product, at the median time.

    Raises DeviceError as `measure` does.
    """
    torch.set_num_threads(threads)
    place = torch.device(device)
    side = _PRODUCT_SIDE[place.type]
    with torch.inference_mode(), out_of_memory_explained(place):
        factors = torch.rand((2, side, side), device=place).to(getattr(torch, dtype))
        seconds = time_calls(lambda: factors[0] @ factors[1], _synchronizer(place), repeat).median
    return float(side**3 / seconds)


def _prepare_torch(task: BenchTask) -> None:
    torch.set_num_threads(task.threads)
    # Convolutions are chosen by trial at each new size. The commands do without, since their pictures have many sizes
    torch.backends.cudnn.benchmark = task.method != "as used"


def _synchronizer(device: torch.device) -> Call:
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None
