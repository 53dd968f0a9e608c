"""Hundreds of damaged files in one batch: each is colorized or named, and the batch ends as it should."""

import io
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
from imagecodecs import png_encode
from PIL import Image

from excolor.photo import read_photo

MUTATIONS = 500


def originals(target: Path) -> dict[str, bytes]:
    """Small files of each kind by suffix, the gray photograph in all of them."""
    with Image.open(target) as image:
        gray = image.convert("L").resize((48, 56))
    exif = Image.Exif()
    exif[315] = "A. Adams"
    found = {}
    for name, options in {
        "a.jpg": {"quality": 90, "exif": exif},
        "b.jpg": {"progressive": True},
        "a.png": {"exif": exif},
        "a.tif": {"exif": exif},
        "b.tif": {"compression": "tiff_lzw"},
        "a.webp": {"exif": exif},
    }.items():
        buffer = io.BytesIO()
        gray.save(
            buffer, {".jpg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".webp": "WEBP"}[Path(name).suffix], **options
        )
        found[name] = buffer.getvalue()
    deep = np.dstack([np.asarray(gray).astype(np.uint16) * 257] * 3)
    found["c.png"] = bytes(png_encode(deep))
    return found


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Cut short, or some bits flipped: mostly in the headers, where it hurts."""
    if dice.random() < 0.3:
        return data[: dice.randrange(1, len(data))]
    changed = bytearray(data)
    for _ in range(dice.choice([1, 3, 10])):
        changed[dice.randrange(dice.choice([60, 300, len(data)])) % len(data)] ^= 1 << dice.randrange(8)
    return bytes(changed)


def test_damaged_files_end_in_a_result_or_a_sentence(target: Path, reference: Path, tmp_path: Path) -> None:
    dice, files = random.Random(7), originals(target)
    scans, results = tmp_path / "scans", tmp_path / "results"
    scans.mkdir()
    for number in range(MUTATIONS):
        name = dice.choice(sorted(files))
        (scans / f"{number}-{name}").write_bytes(mutated(files[name], dice))
    before = {path.name: path.read_bytes() for path in scans.iterdir()}
    options = ["--working-size", "32", "--treat-as-gray", "--max-megapixels", "2", "--report", tmp_path / "report.json"]
    command = ["colorize", scans, "--ref", reference, "-o", results, *options]
    done = subprocess.run(
        [sys.executable, "-m", "excolor", *map(str, command)], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 1, done.stderr[-2000:]
    assert b"Traceback" not in done.stderr
    outcomes = json.loads((tmp_path / "report.json").read_text())["files"]
    assert len(outcomes) == MUTATIONS
    written = [outcome for outcome in outcomes if outcome["status"] == "written"]
    failed = [outcome for outcome in outcomes if outcome["status"] == "failed"]
    assert len(written) + len(failed) == MUTATIONS
    assert min(len(written), len(failed)) > MUTATIONS / 10, "the mutations are too strong or too weak"
    for outcome in failed:
        assert "\n" not in outcome["error"]
        assert outcome["input"] in outcome["error"]
    for outcome in written:
        assert read_photo(outcome["output"]).size == (outcome["height"], outcome["width"])
    assert sorted(path.name for path in results.iterdir()) == sorted(Path(one["output"]).name for one in written)
    assert {path.name: path.read_bytes() for path in scans.iterdir()} == before
