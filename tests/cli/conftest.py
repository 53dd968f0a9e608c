import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from excolor.cli.main import main

# Tests may run in the background of a shell, where SIGINT is ignored
START = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); from excolor.cli.main import run; run()"


@pytest.fixture
def gray(tmp_path: Path, target: Path) -> Path:
    """A copy of the target that a test may work beside."""
    path = tmp_path / "gray.jpg"
    path.write_bytes(target.read_bytes())
    return path


@pytest.fixture
def excolor(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command in this process.

    SIGTERM ends the tests, as `timeout` means it, instead of the command alone, which would then fail its test.
    """
    monkeypatch.setattr("excolor.cli.interruption._SIGNALS", (signal.SIGINT,))

    def run(*arguments: object, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def film(excolor: Callable[..., Result], tmp_path: Path) -> Callable[..., Result]:
    """Colors a clip of the palace to out.mkv or the like, by its first frame."""
    from clips import SIZE, SMALL, crops  # PyAV, which most tests do not need

    ref = tmp_path / "first.png"
    Image.fromarray(np.ascontiguousarray(crops(["palace"], 6, SIZE)[0])).save(ref)

    def run(clip: Path, *options: object, output: str = "out.mkv") -> Result:
        return excolor("film", clip, "--ref", ref, "-o", tmp_path / output, *SMALL, *options)

    return run


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[bytes]]:
    """Starts a command in a process of its own, with pipes for its output."""

    def popen(*arguments: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", START, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # a line read leaves the next ones for communicate()
        )

    return popen


@pytest.fixture
def shell() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs a command with one of its streams redirected, as a shell does it."""

    def run(redirection: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        words = [sys.executable, "-c", START, *map(str, arguments)]
        return subprocess.run(f"{shlex.join(words)} {redirection}", shell=True, capture_output=True, check=False)

    return run
