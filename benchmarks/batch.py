"""How much one batch command gains over single commands, in pictures a second.

    python benchmarks/batch.py [--pictures 200] [--jobs N]

A folder of gray JPEGs (512×600 pixels, and 1 to 2 megapixels) is cut from the examples. It is colorized by one batch
command; and picture by picture as single commands do it: each reads and encodes the reference anew, one picture at a
time, with all of torch's threads. Start-up counts on neither side: the imports are done and the model is loaded before
the single ones begin, and the batch's own report says how long its work took.
"""

import argparse
import contextlib
import io
import json
import os
import random
import tempfile
import time
from pathlib import Path

from PIL import Image

from excolor import Colorizer
from excolor.cli.main import main as excolor

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


def one_by_one(paths: list[Path], out: Path) -> float:
    """Seconds for the work of single commands."""
    colorizer = Colorizer.load()
    began = time.perf_counter()
    for path in paths:
        colorizer.colorize(path, REFERENCE).save(out / path.name)
    return time.perf_counter() - began


def as_batch(folder: Path, out: Path, jobs: int | None) -> float:
    """Seconds for the work of one command, the encoding of its reference among them."""
    report = out / "report.json"
    options = [] if jobs is None else ["--jobs", str(jobs)]
    arguments = ["colorize", str(folder), "--ref", str(REFERENCE), "-o", str(out), "-q", "--report", str(report)]
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        excolor([*arguments, *options], standalone_mode=False)
    content = json.loads(report.read_text())
    print(f"{content['jobs']} jobs", end=", ")
    colorizer = Colorizer.load()
    began = time.perf_counter()
    colorizer.encode_reference(REFERENCE)
    return float(content["seconds"]) + time.perf_counter() - began


def main() -> None:
    """Measure both, and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--jobs", type=int, help="of the batch; the command's own default otherwise")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, part) for part in ("in", "single", "batch")]
        for folder in folders:
            folder.mkdir()
        paths = cut(folders[0], arguments.pictures)
        Colorizer.load().colorize(paths[0], REFERENCE)  # what is done once in a process is done
        single = one_by_one(paths, folders[1])
        batch = as_batch(folders[0], folders[2], arguments.jobs)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{cores} cores, {len(paths)} pictures")
    print(f"single commands: {len(paths) / single:.2f} pictures/s")
    print(f"one batch:       {len(paths) / batch:.2f} pictures/s")
    print(f"ratio:           {single / batch:.2f}")


if __name__ == "__main__":
    main()
