"""Resident memory on large pictures, measured in a process of its own."""

import subprocess
import sys
from pathlib import Path

from PIL import Image

MEASURE = """
import resource, sys
import cv2, torch
import excolor.pipeline
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from excolor.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, file=sys.stderr)
"""


def test_12_megapixels_within_2_gb(target: Path, reference: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with Image.open(target) as image:
        image.resize((3000, 4000), Image.Resampling.BICUBIC).save(large, quality=90)
    arguments = ["colorize", str(large), "--ref", str(reference), "-o", str(tmp_path / "color.jpg")]
    done = subprocess.run([sys.executable, "-c", MEASURE, *arguments], check=True, capture_output=True, text=True)
    with Image.open(tmp_path / "color.jpg") as image:
        assert image.size == (3000, 4000)
    assert int(done.stderr.split()[-1]) < 2e9
