"""What is finished of a clip: kept beside the result, so that an interrupted run is taken up at the last whole shot.

Each shot is a file that is whole or not there. The folder says what it was made of; a run that would make something
else begins anew.
"""

import json
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from excolor.errors import OutputError
from excolor.photo.files import new_file, write_bytes

Keep: TypeAlias = Callable[[Iterable[np.ndarray]], None]
"""Keeps the planes of the next frame of a shot."""

_LENGTH = struct.Struct("<I")


def has_shots(output: Path) -> bool:
    """Whether there is a folder of an earlier run for `output`."""
    return _folder(output).is_dir()


class ShotStore:
    """The finished shots of a run."""

    def __init__(self, output: Path, made_of: Mapping[str, Any]) -> None:
        """Look at the folder beside `output`; nothing is changed before `begin`.

        Raises:
            OutputError: it cannot be read.
        """
        self._output = output
        self._folder = _folder(output)
        self._record = json.dumps(made_of, indent=1, sort_keys=True, default=str).encode()
        run = self._folder / "run.json"
        with self._reached():
            self.taken_up = run.is_file() and run.read_bytes() == self._record
        """Whether it is of an earlier run with the same `made_of`."""

    def begin(self) -> None:
        """Make the folder, and empty it unless it is of a run with the same `made_of`.

        Raises:
            OutputError: it cannot be written there.
        """
        if self.taken_up:
            return
        with self._reached():
            if self._folder.exists():
                shutil.rmtree(self._folder)
            self._folder.mkdir()
        write_bytes(self._record, self._folder / "run.json", overwrite=True)

    def __contains__(self, shot: int) -> bool:
        return self._file(shot).is_file()

    @contextmanager
    def shot(self, shot: int) -> Iterator[Keep]:
        """Keep a shot if the context ends well, or nothing of it; give the planes of each frame to the function.

        Raises:
            OutputError: it cannot be written.
        """
        with new_file(self._file(shot), overwrite=True) as file:

            def keep(planes: Iterable[np.ndarray]) -> None:
                packed = zlib.compress(b"".join(plane.tobytes() for plane in planes), 1)
                file.write(_LENGTH.pack(len(packed)))
                file.write(packed)

            yield keep

    def frames(self, shot: int) -> Iterator[bytes]:
        """The planes of each frame of a shot, one after another."""
        with self._file(shot).open("rb") as file:
            while head := file.read(_LENGTH.size):
                yield zlib.decompress(file.read(_LENGTH.unpack(head)[0]))

    def remove(self) -> None:
        """Remove all of it: the result is there."""
        with suppress(OSError):
            shutil.rmtree(self._folder)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write beside {self._output}: {error.strerror}; write elsewhere", settings=("output",)
            ) from error

    def _file(self, shot: int) -> Path:
        return self._folder / f"{shot:06d}.planes"


def _folder(output: Path) -> Path:
    return output.with_name(f".{output.name[:80]}.film")
