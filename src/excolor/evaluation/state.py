"""Measurements kept on disk while a run goes on, so that one that was killed can be continued.

A state is a file of JSON lines: the settings of the run, then a measurement a line as it is made.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from excolor.errors import OutputError, SettingError
from excolor.evaluation.hint_measuring import HintMeasurement
from excolor.evaluation.measuring import Measurement
from excolor.evaluation.protocols import Case
from excolor.evaluation.style_measuring import StyleMeasurement
from excolor.photo import write_bytes

_KEY = "excolor evaluate"

M = TypeVar("M", Measurement, StyleMeasurement, HintMeasurement)


class State(Generic[M]):
    """The measurements of one run so far."""

    def __init__(self, path: Path | None, settings: Mapping[str, Any], kind: type[M]) -> None:
        """Go on with the run in the file `path`, or begin one in it; None keeps nothing on disk.

        What is kept are measurements of this `kind`.

        Raises:
            SettingError: the file holds something else, or a run under other settings.
            OutputError: it cannot be read or written.
        """
        self._path: Path | None = path
        self.measurements: dict[Case, M] = {}
        if path is None:
            return
        wanted = json.loads(json.dumps(settings))  # as it comes back: lists for tuples
        if not path.exists():
            write_bytes((json.dumps({_KEY: wanted}) + "\n").encode(), path, overwrite=False)
        with _problems(path):
            lines = path.read_bytes().splitlines(keepends=True)
            self.measurements = {m.case: m for m in _parse(path, lines, wanted, kind)}
            if not lines[-1].endswith(b"\n"):  # the run was killed while it wrote
                os.truncate(path, sum(map(len, lines[:-1])))

    def add(self, measurement: M) -> None:
        """Keep a measurement, in memory and on disk. Raises OutputError if it cannot be written."""
        self.measurements[measurement.case] = measurement
        if self._path is not None:
            with _problems(self._path), self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(measurement)) + "\n")


def _parse(path: Path, lines: list[bytes], wanted: dict[str, Any], kind: type[M]) -> list[M]:
    """The measurements in a state, after making sure that it is one, and of these settings."""
    another = SettingError(f"{path}: not the state of an evaluation; give another file to --resume")
    try:
        found = json.loads(lines[0])[_KEY]
        changed = [name for name in wanted if found.get(name) != wanted[name]]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise another from error
    if changed:
        told = ", ".join(f"{name} was {found.get(name)} and is {wanted[name]}" for name in changed)
        raise SettingError(f"{path}: the run in it was another one ({told}); give another file to --resume")
    try:
        records = [json.loads(line) for line in lines[1:] if line.endswith(b"\n")]
        return [kind(**(record | {"case": Case(**record["case"])})) for record in records]
    except (KeyError, TypeError, ValueError) as error:
        raise another from error


@contextmanager
def _problems(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path}: cannot be read and written ({error.strerror}); give another file to --resume"
        raise OutputError(message) from error
