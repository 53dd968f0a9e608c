"""What is timed: each method, ready to run on pictures in memory."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from excolor.bench.tasks import TOTAL, BenchTask, Method
from excolor.errors import SettingError
from excolor.evaluation.baselines import COLORIZERS
from excolor.method.assembly import assemble
from excolor.method.colorizer import Colorizer
from excolor.method.exemplar import ExemplarNet
from excolor.method.hints import no_hints
from excolor.networks.models import find_model
from excolor.networks.precision import put_on
from excolor.reporting.timing import Call
from excolor.settings import Matching, Precision

Steps = dict[str, Call]


def prepare(task: BenchTask, batch: int = 1) -> Steps:
    """The steps of a method that are timed apart; the last one, `total`, is all of it.

    The networks see `batch` pictures at once. On the device `meta` they compute nothing, for counting.
    """
    return _PREPARE[task.method](task, batch)


def _networks(task: BenchTask, batch: int) -> Steps:
    net = _exemplar(task)
    lightness = _pictures(task, batch, seed=0).mean(1, keepdim=True) - 0.5  # about as they scale it
    hints = no_hints(lightness)
    transfer = _transfer(net, task, batch, Matching("adain"))

    def colorization() -> Tensor:
        ab: Tensor = net.colorization(lightness, hints.ab, hints.mask)
        return ab

    if task.compiled:
        transfer, colorization = _compiled(transfer, task), _compiled(colorization, task)

    def total() -> None:
        colorization()
        transfer()
        colorization()

    return {"transfer": transfer, "colorization": colorization, TOTAL: total}


def _wct(task: BenchTask, batch: int) -> Steps:
    return {TOTAL: _transfer(_exemplar(task), task, batch, Matching("wct"))}


def _transfer(exemplar: ExemplarNet, task: BenchTask, batch: int, matching: Matching) -> Callable[[], Tensor]:
    """Both pictures encoded, the target matched to the reference, and decoded."""
    net = exemplar.transfer
    assert net is not None
    target, reference = _pictures(task, batch, seed=0), _pictures(task, batch, seed=1)

    def transfer() -> Tensor:
        styled: Tensor = net(target, net.measure(reference, matching), matching)
        return styled

    return transfer


def _exemplar(task: BenchTask) -> ExemplarNet:
    """The networks of a model of the paper's architecture."""
    net = assemble(find_model(task.model, "colorize"))
    if not isinstance(net, ExemplarNet):
        raise SettingError(f"the networks of {task.name} are not the paper's, which are timed; give another model")
    return put_on(torch.device(task.device), net, getattr(torch, task.dtype))


def _compiled(step: Callable[[], Tensor], task: BenchTask) -> Callable[[], Tensor]:
    """The step through torch.compile, which looks for a compiler when it is called first.

    On a GPU it is replayed as a CUDA graph, so that no kernel waits for Python to launch it.
    """
    on_gpu = torch.device(task.device).type == "cuda"
    compiled = torch.compile(step, mode="reduce-overhead" if on_gpu else "default")

    def call() -> Tensor:
        try:
            return compiled()
        except torch._dynamo.exc.BackendCompilerFailed as error:
            reason = str(error).splitlines()[0]
            message = f"torch cannot compile here ({reason}); install a C++ compiler, or leave out --compile"
            raise SettingError(message) from error

    return call


def _as_used(task: BenchTask, _batch: int) -> Steps:
    precision: Precision = "float32" if task.dtype == "float32" else "bfloat16" if task.dtype == "bfloat16" else "auto"
    colorizer = Colorizer.load(task.model, device=task.device, precision=precision)
    target = cv2.cvtColor(_picture(task.size, seed=0), cv2.COLOR_RGB2GRAY)
    reference = colorizer.encode_reference(_picture(task.size, seed=1))
    return {TOTAL: lambda: colorizer.colorize(target, reference)}


def _classical(task: BenchTask, _batch: int) -> Steps:
    colorize = COLORIZERS[task.method]
    color, reference = (_picture(task.size, seed).astype(np.float32) / 255 for seed in (0, 1))
    target = np.repeat(color.mean(2, keepdims=True), 3, axis=2)
    return {TOTAL: lambda: colorize(target, reference)}


_PREPARE: dict[Method, Callable[[BenchTask, int], Steps]] = {
    "networks": _networks,
    "as used": _as_used,
    "wct": _wct,
    "welsh": _classical,
    "reinhard": _classical,
}


def _pictures(task: BenchTask, batch: int, seed: int) -> Tensor:
    """The same picture `batch` times, (batch, 3, size, size) in [0, 1]."""
    planes = torch.from_numpy(_picture(task.size, seed)).permute(2, 0, 1).float() / 255
    return planes.to(task.device).expand(batch, -1, -1, -1).contiguous()


def _picture(size: int, seed: int) -> NDArray[np.uint8]:
    """Soft colored shapes, (size, size, 3); no method's time depends on what a picture shows."""
    shapes = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(shapes, (size, size), interpolation=cv2.INTER_CUBIC))
