#!/usr/bin/env python3
"""Blind comparison of two models on photographs with related references: the number that counts.

    scripts/blind_comparison.py make PHOTOS OUT ONE OTHER [--count 40] [--seed 0] [--side 256]
    scripts/blind_comparison.py score OUT VERDICTS.txt

PHOTOS is a folder or tar file of color photographs in subfolders; ONE and OTHER are models as `excolor colorize
--model` takes them. `make` grays `--count` of the photographs, finds for each the reference in its folder that fits
best (by light and shade, by none of the models), lets both models colorize them, and writes OUT/NN.png: target and
reference above, the results below as A and B, sides drawn by chance. OUT.key.json beside the folder says which is
which. Give the folder, and nothing else, to someone who has not seen the results, and ask which of A and B a person who
restores photographs would prefer: natural colors; those of the reference where they belong; no stains, no color over
edges, not dull where color is expected; right skin. VERDICTS.txt has a line for each sheet: NN A|B|tie and the reason.
"""

import argparse
import json
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
from PIL import Image

from excolor import Colorizer, ColorizeSettings
from excolor.evaluation.baselines import gray
from excolor.evaluation.photo_set import PhotoSet
from excolor.evaluation.protocols import Case
from excolor.evaluation.relatives import with_relatives

SHOWN = 480  # pixels: width of each picture on a sheet
GAP = 10  # pixels


def make(options: argparse.Namespace) -> None:
    pictures = PhotoSet(options.photos, side=options.side)
    names = list(pictures.names)
    folders = [str(Path(name).parent) for name in names]
    eligible = [name for name, folder in zip(names, folders, strict=True) if folders.count(folder) > 1]
    chosen = sorted(Random(options.seed).sample(eligible, min(options.count, len(eligible))))
    cases = with_relatives([Case("related", name, name) for name in chosen], names, pictures.read)
    colorizers = {name: Colorizer.load(name) for name in (options.one, options.other)}
    options.out.mkdir(parents=True)
    draw, key = SystemRandom(), {}
    draw.shuffle(cases)
    for number, case in enumerate(cases):
        target, reference = gray(pictures.read(case.target)), pictures.read(case.reference or case.target)
        results = {
            name: colorizer.colorize(target, reference, ColorizeSettings(options.side)).pixels
            for name, colorizer in colorizers.items()
        }
        order = draw.sample(list(results), 2)
        key[f"{number:02d}"] = {"A": order[0], "B": order[1], "target": case.target, "reference": case.reference}
        _sheet([target, reference], [results[name] for name in order]).save(options.out / f"{number:02d}.png")
    options.out.with_suffix(".key.json").write_text(json.dumps(key, indent=1))
    print(f"{len(key)} sheets in {options.out}; the judge is not to see {options.out.with_suffix('.key.json')}")


def score(options: argparse.Namespace) -> None:
    key = json.loads(options.out.with_suffix(".key.json").read_text())
    counts: dict[str, int] = {}
    for line in options.verdicts.read_text().splitlines():
        number, verdict, *_ = [*line.split(maxsplit=2), "", ""]
        if number in key:
            name = key[number].get(verdict.upper(), "tie")
            counts[name] = counts.get(name, 0) + 1
    decided = sum(count for name, count in counts.items() if name != "tie")
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{name}: {count}" + ("" if name == "tie" else f" ({count / max(1, decided):.0%} of the decided)"))


def _sheet(above: list[np.ndarray], below: list[np.ndarray]) -> Image.Image:
    rows = [[_shown(picture) for picture in row] for row in (above, below)]
    heights = [max(picture.height for picture in row) for row in rows]
    sheet = Image.new("RGB", (2 * SHOWN + GAP, sum(heights) + GAP), "white")
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (column * (SHOWN + GAP), row * (heights[0] + GAP)))
    return sheet


def _shown(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))
    return image.resize((SHOWN, max(1, round(SHOWN * image.height / image.width))), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make")
    making.add_argument("photos", type=Path)
    making.add_argument("out", type=Path)
    making.add_argument("one")
    making.add_argument("other")
    making.add_argument("--count", type=int, default=40)
    making.add_argument("--seed", type=int, default=0)
    making.add_argument("--side", type=int, default=256, help="pixels of the shorter side, shown and worked at")
    making.set_defaults(command=make)
    scoring = commands.add_parser("score")
    scoring.add_argument("out", type=Path)
    scoring.add_argument("verdicts", type=Path)
    scoring.set_defaults(command=score)
    options = parser.parse_args()
    options.command(options)


if __name__ == "__main__":
    main()
