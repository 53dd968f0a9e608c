#!/usr/bin/env python3
"""Blind comparison of two models on photographs with related references: the number that counts.

    scripts/blind_comparison.py make PHOTOS OUT ONE OTHER [--count 40] [--seed 0] [--side 256]
    scripts/blind_comparison.py score OUT VERDICTS.txt

PHOTOS is a folder or tar file of color photographs in subfolders; ONE and OTHER are models as `excolor colorize
--model` takes them. `make` grays `--count` of the photographs, finds for each the reference in its folder that fits
best (by light and shade, by none of the models), lets both models colorize them, and writes OUT/NN.png: target and
reference above, the results below as A and B, sides drawn by chance. OUT must be new. OUT.key.json beside it says
which is which.

Give the folder, and nothing else, to someone who has not seen the results, and ask which of A and B a person who
restores photographs would prefer: natural colors; those of the reference where they belong; no stains, no color over
edges, not dull where color is expected; right skin.

VERDICTS.txt has a line for each sheet: NN A|B|tie and the reason. `score` counts them; it refuses lines that it does
not understand, and sheets that are judged twice or not at all.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
from PIL import Image

from excolor.errors import ExcolorError, OutputError, PhotoError, SettingError

SHOWN = 480  # pixels: width of each picture on a sheet
GAP = 10  # pixels


def make(options: argparse.Namespace) -> None:
    if options.one == options.other:
        raise SettingError(f"{options.one} is given twice; compare two models")
    for path in (options.out, key_file(options.out)):
        if path.exists():
            raise OutputError(f"{path} exists already; choose another name, or move it away")
    from excolor import Colorizer, ColorizeSettings
    from excolor.evaluation.baselines import gray
    from excolor.evaluation.photo_set import PhotoSet
    from excolor.evaluation.protocols import Case
    from excolor.evaluation.relatives import with_relatives

    pictures = PhotoSet(options.photos, side=options.side)
    names = list(pictures.names)
    folders = [str(Path(name).parent) for name in names]
    eligible = [name for name, folder in zip(names, folders, strict=True) if folders.count(folder) > 1]
    chosen = sorted(Random(options.seed).sample(eligible, min(options.count, len(eligible))))
    cases = with_relatives([Case("related", name, name) for name in chosen], names, pictures.read)
    # A picture without a reference would be given its own colors
    cases = [case for case in cases if case.reference is not None]
    if not cases:
        raise PhotoError(f"{options.photos}: no subfolder has two pictures that can be read; give another folder")
    colorizers = {name: Colorizer.load(name) for name in (options.one, options.other)}
    options.out.mkdir(parents=True)
    draw, key = SystemRandom(), {}
    draw.shuffle(cases)
    for number, case in enumerate(cases):
        target, reference = gray(pictures.read(case.target)), pictures.read(case.reference)
        results = {
            name: colorizer.colorize(target, reference, ColorizeSettings(options.side)).pixels
            for name, colorizer in colorizers.items()
        }
        order = draw.sample(list(results), 2)
        key[f"{number:02d}"] = {"A": order[0], "B": order[1], "target": case.target, "reference": case.reference}
        _sheet([target, reference], [results[name] for name in order]).save(options.out / f"{number:02d}.png")
    key_file(options.out).write_text(json.dumps(key, indent=1))
    print(f"{len(key)} sheets in {options.out}; the judge is not to see {key_file(options.out)}")


def key_file(folder: Path) -> Path:
    """The file that says which model made what."""
    return folder.with_name(f"{folder.name}.key.json")


def score(options: argparse.Namespace) -> None:
    key = json.loads(key_file(options.out).read_text())
    judged: dict[str, str] = {}
    for line in filter(str.strip, options.verdicts.read_text().splitlines()):
        number, verdict, *_ = [*line.split(maxsplit=2), ""]
        if number not in key or verdict.upper() not in ("A", "B", "TIE"):
            raise SettingError(f"{options.verdicts}: {line!r} is no verdict; write one such as 07 A less purple")
        if number in judged:
            raise SettingError(f"{options.verdicts}: sheet {number} is judged twice; keep one line of it")
        judged[number] = key[number].get(verdict.upper(), "tie")
    if missing := sorted(set(key) - set(judged)):
        raise SettingError(f"{options.verdicts}: no verdict on {', '.join(missing)}; judge these sheets, too")
    counts = Counter(judged.values())
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
    making.add_argument("photos", type=Path, help="a folder or tar file of color photographs in subfolders")
    making.add_argument("out", type=Path, help="a new folder for the sheets")
    making.add_argument("one", help="a model: its name, or a folder of checkpoints")
    making.add_argument("other", help="the model to compare it with")
    making.add_argument("--count", type=int, default=40, help="of the photographs (default: %(default)s)")
    making.add_argument("--seed", type=int, default=0, help="by which they are chosen (default: %(default)s)")
    making.add_argument("--side", type=int, default=256, help="pixels of the shorter side, shown and worked at")
    making.set_defaults(command=make)
    scoring = commands.add_parser("score")
    scoring.add_argument("out", type=Path, help="the folder of sheets")
    scoring.add_argument("verdicts", type=Path, help="a file with a line for each of them")
    scoring.set_defaults(command=score)
    options = parser.parse_args()
    try:
        options.command(options)
    except (ExcolorError, OSError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
