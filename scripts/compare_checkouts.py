#!/usr/bin/env python3
"""Whether two checkouts of excolor make the same pixels, and how long each takes.

    compare_checkouts.py OLD NEW [--repeat N]

Runs `colorize`, `pre-colorize` and `stylize` of both checkouts on examples/ and examples/photos, with whatever Python
this is run by, and compares the decoded results bit for bit; by the model `lite`, where all ways of the paper are, and
by the default model of each. Exit code 1 if any pixel differs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
TARGET, REFERENCE, PHOTOS = EXAMPLES / "target.jpg", EXAMPLES / "reference.jpg", EXAMPLES / "photos"

OPTIONS = ("--format", "png", "--quiet", "--force")
LITE = ("--model", "lite")
BY_ANY_MODEL: dict[str, list[str | Path]] = {
    "colorize one picture": ["colorize", TARGET, "--ref", REFERENCE],
    "colorize by several references": ["colorize", TARGET, "--ref", PHOTOS, "--pair", "all"],
    "colorize a folder": ["colorize", PHOTOS, "--ref", PHOTOS, "--treat-as-gray"],
    "colorize by hints": [
        "colorize",
        TARGET,
        "--ref",
        REFERENCE,
        "--hint",
        "0.5,0.8=navy",
        "--hint",
        "0.1,0.1=#804020",
    ],
    "pre-colorize a folder": ["pre-colorize", PHOTOS, "--treat-as-gray"],
}
COMMANDS: dict[str, list[str | Path]] = {
    **BY_ANY_MODEL,
    **{f"{name}, lite": [*command, *LITE] for name, command in BY_ANY_MODEL.items()},
    "colorize by statistics": ["colorize", TARGET, "--ref", REFERENCE, "--match", "statistics", *LITE],
    "colorize by correspondence": [
        *("colorize", TARGET, "--ref", REFERENCE, "--match", "semantic", "--strength", "0.7", *LITE)
    ],
    "colorize by some hints": ["colorize", TARGET, "--ref", REFERENCE, "--hint-share", "0.1", "--seed", "3", *LITE],
    "colorize, all stages": ["colorize", TARGET, "--ref", REFERENCE, "--save-stages", "STAGES", *LITE],
    "stylize": ["stylize", REFERENCE, TARGET],
    "stylize by WCT": [
        *("stylize", REFERENCE, "--style", f"{PHOTOS}/cat.jpg:0.7", "--style", f"{PHOTOS}/palace.jpg:0.3"),
        *("--method", "wct", "--alpha", "0.8"),
    ],
    "stylize, exact": ["stylize", PHOTOS / "cat.jpg", PHOTOS / "palace.jpg", "--exact"],
    "stylize, luminance kept": ["stylize", PHOTOS / "cat.jpg", PHOTOS / "palace.jpg", "--keep-luminance"],
}


def run(checkout: Path, command: list[str | Path], out: Path) -> float:
    """Seconds of the command, whose results go to the folder `out`."""
    words = [str(out) if word == "STAGES" else str(word) for word in command]
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve() / "src"), "EXCOLOR_OFFLINE": "1"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "excolor", *words, *OPTIONS, "-o", f"{out}/"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{checkout}: excolor {' '.join(words)} failed:\n{done.stderr}")
    return time.perf_counter() - began


def differences(old: Path, new: Path) -> list[str]:
    """What differs between two folders of results, a line each."""
    names, others = ({path.name for path in folder.iterdir()} for folder in (old, new))
    found = [f"{name} is made by one of them only" for name in sorted(names ^ others)]
    for name in sorted(names & others):
        one, other = (np.asarray(Image.open(folder / name)).astype(int) for folder in (old, new))
        if one.shape != other.shape:
            found.append(f"{name}: {one.shape} became {other.shape}")
        elif (one != other).any():
            found.append(f"{name}: {(one != other).mean():.2%} of the values, by {np.abs(one - other).max()} at most")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--repeat", type=int, default=1, help="run each command so often; the quickest run counts")
    arguments = parser.parse_args()
    if arguments.repeat < 1:
        parser.error("--repeat is at least 1")
    for checkout in (arguments.old, arguments.new):
        # Elsewhere the excolor that is installed would run, and be the same as itself
        if not (checkout / "src/excolor").is_dir():
            parser.error(f"{checkout} is no checkout of excolor: it has no src/excolor")
    went_well = True
    for name, command in COMMANDS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folders = Path(scratch, "old"), Path(scratch, "new")
            for folder in folders:
                folder.mkdir()
            pairs = tuple(zip((arguments.old, arguments.new), folders, strict=True))
            runs = [[run(checkout, command, folder) for checkout, folder in pairs] for _ in range(arguments.repeat)]
            old_seconds, new_seconds = map(min, zip(*runs, strict=True))
            found = differences(*folders)
        went_well = went_well and not found
        print(f"{'differs' if found else 'same   '}  {name}: {old_seconds:.2f} s, {new_seconds:.2f} s")
        for line in found:
            print(f"    {line}")
    return 0 if went_well else 1


if __name__ == "__main__":
    sys.exit(main())
