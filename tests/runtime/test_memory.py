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


KEPT = """
import gc
from excolor.runtime.memory import imports_kept
try:
    with imports_kept():
        assert not gc.isenabled()
        cycle = []
        cycle.append(cycle)
        raise KeyError
except KeyError:
    pass
assert gc.isenabled()
frozen = gc.get_freeze_count()
assert frozen > 1000
with imports_kept():
    assert gc.isenabled(), "once is enough"
assert gc.get_freeze_count() == frozen
garbage = []
garbage.append(garbage)
del garbage
assert gc.collect() > 0, "what comes later is looked at"
"""


def test_imports_are_kept_out_of_the_search_for_garbage() -> None:
    subprocess.run([sys.executable, "-c", KEPT], check=True)


def test_where_nobody_looks_for_garbage_nothing_changes() -> None:
    off = "import gc; gc.disable()\nfrom excolor.runtime.memory import imports_kept\nwith imports_kept(): pass\n"
    subprocess.run([sys.executable, "-c", off + "assert not gc.isenabled() and not gc.get_freeze_count()"], check=True)
