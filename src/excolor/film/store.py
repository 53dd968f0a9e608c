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


class ShotStore:
    """The finished shots of a run."""

    def __init__(self, output: Path, made_of: Mapping[str, Any]) -> None:
        """Open the folder beside `output`, and empty it unless it is of a run with the same `made_of`.

        Raises:
            OutputError: it cannot be written there.
        """
        self._folder = output.with_name(f".{output.name[:80]}.film")
        record = json.dumps(made_of, indent=1, sort_keys=True, default=str).encode()
        run = self._folder / "run.json"
        self.taken_up = False
        """Whether it is of an earlier run."""
        try:
            if run.is_file() and run.read_bytes() == record:
                self.taken_up = True
                return
            if self._folder.exists():
                shutil.rmtree(self._folder)
            self._folder.mkdir()
        except OSError as error:
            raise OutputError(
                f"cannot write beside {output}: {error.strerror}; write elsewhere", settings=("output",)
            ) from error
        write_bytes(record, run, overwrite=True)

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

    def _file(self, shot: int) -> Path:
        return self._folder / f"{shot:06d}.planes"
