"""How much one batch command gains over single commands, or over another checkout, in pictures a second.

    python benchmarks/batch.py [--pictures 200] [--jobs N]
    python benchmarks/batch.py --against CHECKOUT [--runs 3] [--precision float32]

A folder of gray JPEGs (512×600 pixels, and 1 to 2 megapixels) is cut from the examples. It is colorized by one batch
command; and by one command for each picture, with the one thread of torch's that its working size of 256 pixels gets
(see docs/batches.md), and with all of them. Start-up counts on no side: all commands run in this process, whose
imports are done, and the time to load the model is taken off.

With --against, whole commands of both checkouts run by turns, on the folder and on one of its pictures, with all that
they load. Medians are printed, of the time on the clock and of the processor's, which says more where others work too.
"""

import argparse
import contextlib
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from excolor import Colorizer
from excolor.cli.main import main as excolor
from excolor.runtime import threads

EXAMPLES = Path(__file__).parents[1] / "examples"
REFERENCE = EXAMPLES / "reference.jpg"
SIZES = ((512, 600), (1000, 1000), (1600, 1250))  # width, height: 0.3, 1 and 2 megapixels


def cut(folder: Path, count: int) -> list[Path]:
    """Write so many gray pictures: parts of the examples, enlarged where they are too small, with film grain."""
    rng = random.Random(0)
    examples = [Image.open(path).convert("L") for path in sorted(EXAMPLES.glob("*.jpg"))]
    paths = []
    for number in range(count):
        example, (width, height) = rng.choice(examples), SIZES[number % len(SIZES)]
        share = rng.uniform(0.7, 1)
        box_width = min(example.width, example.height * width / height) * share
        box_height = box_width * height / width
        left, top = rng.uniform(0, example.width - box_width), rng.uniform(0, example.height - box_height)
        part = example.resize(
            (width, height), Image.Resampling.BICUBIC, (left, top, left + box_width, top + box_height)
        )
        grain = Image.effect_noise(part.size, 12)
        paths.append(folder / f"{number}.jpg")
        Image.blend(part, grain, 0.1).save(paths[-1], quality=92)
    return paths


def command(target: Path, out: Path, *options: str) -> float:
    """Seconds that `excolor colorize` takes in this process, all imports done."""
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        excolor(
            ["colorize", str(target), "--ref", str(REFERENCE), "-o", f"{out}/", "-q", *options], standalone_mode=False
        )
    return time.perf_counter() - began


@contextlib.contextmanager
def all_threads() -> Iterator[None]:
    """While it lasts, no working size counts as small: every command takes all of torch's threads."""
    before, threads._SMALL = threads._SMALL, 0
    try:
        yield
    finally:
        threads._SMALL = before


def loading() -> float:
    """Seconds to load the model: the median of several times."""
    seconds = []
    for _ in range(9):
        began = time.perf_counter()
        Colorizer.load()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def cost(checkout: Path, targets: Path, out: Path, options: Sequence[str]) -> tuple[float, float]:
    """Seconds on the clock, and of the processor, of a whole `excolor colorize` of a checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(checkout.resolve() / "src"), "EXCOLOR_OFFLINE": "1"}
    words = ["colorize", str(targets), "--ref", str(REFERENCE), "-o", f"{out}/", "-q", "--force", *options]
    began, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "excolor", *words], env=environment, stdout=subprocess.DEVNULL, check=True, cwd=out
    )
    seconds, after = time.perf_counter() - began, os.times()
    return seconds, sum(after[2:4]) - sum(before[2:4])  # user and system, of children


def compare(other: Path, folder: Path, pictures: Sequence[Path], out: Path, runs: int, options: Sequence[str]) -> None:
    """Run both checkouts by turns, and print medians and ratios. `options` are for this one."""
    sides = {"the other checkout": (other, ()), "this one": (Path(__file__).parents[1], options)}
    for name, targets, count in (("one picture", pictures[0], 1), ("the folder", folder, len(pictures))):
        costs: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
        for run in range(runs + (count == 1)):
            for side, (checkout, own) in sides.items():
                found = cost(checkout, targets, out, own)
                if count > 1 or run > 0:  # the first ones write Python's bytecode
                    costs[side].append(found)
        medians = {side: tuple(map(statistics.median, zip(*measured, strict=True))) for side, measured in costs.items()}
        for side, (seconds, processor) in medians.items():
            rate = f"{count / seconds:.2f} pictures/s"
            print(f"{name}, {side}: {seconds:.2f} s ({rate}), {processor:.2f} s of the processor")
        before, now = medians.values()
        print(
            f"{name}, times as fast: {before[0] / now[0]:.2f} on the clock, {before[1] / now[1]:.2f} of the processor"
        )


def main() -> None:
    """Measure all, and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--jobs", type=int, help="of the batch; the command's own default otherwise")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="compare whole commands with this checkout's")
    parser.add_argument("--runs", type=int, default=3, help="of each checkout, with --against")
    parser.add_argument("--precision", help="of this checkout, with --against; the command's own default otherwise")
    arguments = parser.parse_args()
    if arguments.against is not None:
        options = [] if arguments.precision is None else ["--precision", arguments.precision]
        with tempfile.TemporaryDirectory() as name:
            folder, out = Path(name, "in"), Path(name, "out")
            folder.mkdir()
            out.mkdir()
            compare(arguments.against, folder, cut(folder, arguments.pictures), out, arguments.runs, options)
        return
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, part) for part in ("in", "single", "batch")]
        for folder in folders:
            folder.mkdir()
        paths = cut(folders[0], arguments.pictures)
        command(paths[0], folders[1], "--force")  # what is done once in a process is done
        start_up = loading()
        single = sum(command(path, folders[1], "--force") - start_up for path in paths)
        with all_threads():
            command(paths[0], folders[1], "--force")  # the threads are there
            threaded = sum(command(path, folders[1], "--force") - start_up for path in paths)
        jobs = [] if arguments.jobs is None else ["--jobs", str(arguments.jobs)]
        batch = command(folders[0], folders[2], *jobs) - start_up
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{cores} cores, {len(paths)} pictures")
    print(f"single commands:                  {len(paths) / single:.2f} pictures/s")
    print(f"single commands with all threads: {len(paths) / threaded:.2f} pictures/s")
    print(f"one batch:                        {len(paths) / batch:.2f} pictures/s")
    print(f"ratios:                           {single / batch:.2f} and {threaded / batch:.2f}")


if __name__ == "__main__":
    main()
