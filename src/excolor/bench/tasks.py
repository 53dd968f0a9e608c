"""What a run measures: each method at each size, and how it is run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from excolor.errors import SettingError
from excolor.networks.models import find_model

Method = Literal["networks", "as used", "wct", "welsh", "reinhard"]

PAPER = "exemplar"
"""The architecture whose networks are timed apart."""

TOTAL = "total"  # the step of every task that is all of it


@dataclass(frozen=True)
class BenchTask:
    """One method at one size.

    Attributes:
        method: `networks` runs the networks at the named size, as the paper did; `as used` is what the command colorize
            does between reading and writing; `wct` is the transfer net with WCT; `welsh` and `reinhard` are classical.
        model: name of a model or a folder of checkpoints; empty for classical methods.
        name: of the model in tables.
        size: height and width in pixels.
        device: that it runs on.
        dtype: of the networks.
        threads: of torch.
        compiled: the networks are run through torch.compile.
    """

    method: Method
    model: str
    name: str
    size: int
    device: str
    dtype: str
    threads: int
    compiled: bool = False


@dataclass(frozen=True)
class Conditions:
    """How all tasks of a run are run.

    Attributes:
        device: that networks run on.
        dtype: of networks that run at the named size.
        own_dtype: of networks as the commands use them.
        threads: of torch.
        threads_as_used: of torch, in what the command colorize does.
        compiled: run the networks through torch.compile as well.
    """

    device: str
    dtype: str
    own_dtype: str
    threads: int
    threads_as_used: int
    compiled: bool


def plan(models: Sequence[str], sizes: Iterable[int], conditions: Conditions) -> list[BenchTask]:
    """The tasks of a run, method by method. Models of another architecture than the paper's are timed as used alone.

    Raises:
        ExcolorError: a model is unknown or damaged.
        SettingError: two of them have the same name.
    """
    found = {model: find_model(model) for model in models}
    if len({files.name for files in found.values()}) < len(models):
        raise SettingError(
            f"two of the models {', '.join(models)} have the same name; give each once, or rename a folder"
        )
    rows: list[BenchTask] = []
    for model, files in found.items():
        networks = BenchTask("networks", model, files.name, 0, conditions.device, conditions.dtype, conditions.threads)
        as_used = replace(networks, dtype=conditions.own_dtype, threads=conditions.threads_as_used)
        as_used = replace(as_used, method="as used")
        if files.architecture != PAPER:
            rows.append(as_used)
            continue
        rows.append(networks)
        if conditions.compiled:
            rows.append(replace(networks, compiled=True))
        rows += [as_used, replace(networks, method="wct")]
    classical = BenchTask("welsh", "", "", 0, "cpu", "float32", conditions.threads)
    rows += [classical, replace(classical, method="reinhard")]
    return [replace(row, size=size) for row in rows for size in sorted(sizes)]
