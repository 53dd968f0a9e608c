"""What becomes of memory that was freed, by the pages that the system had to bring in."""

import os
import platform
import subprocess
import sys

import pytest

PAGES = """
import resource, threading
from excolor.cli.main import main
main(["weights", "path", "lite"], standalone_mode=False)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    for _ in range(20):
        for i in range(0, len(block := bytearray(64 << 20)), 4096):
            block[i] = 1
worker = threading.Thread(target=work)  # where pictures are in work
worker.start()
worker.join()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * 4096 / (64 << 20))
"""


def blocks_brought_in(**variables: str) -> float:
    """How many blocks of 64 MB the system brought in for twenty that were used one after the other."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", PAGES]
    done = subprocess.run(command, env=inherited | variables, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is told")
def test_commands_keep_what_was_freed_unless_the_user_says_otherwise() -> None:
    assert blocks_brought_in() < 5
    assert blocks_brought_in(MALLOC_TRIM_THRESHOLD_="100000") > 15
