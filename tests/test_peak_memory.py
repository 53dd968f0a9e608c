"""Resident memory on large pictures, measured in a process of its own."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from excolor.photo import open_photo

MEASURE = """
import resource, sys
import cv2, torch
import excolor.method.colorizer
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from excolor.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, file=sys.stderr)
"""

SIDE = 10_000  # pixels: a scan of a medium-format negative


@pytest.fixture(scope="module")
def scan(target: Path) -> np.ndarray:
    """A gray photograph of 100 megapixels, grain and all: (H, W) uint8."""
    with Image.open(target) as image:
        large = cv2.resize(np.asarray(image), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    grain = np.empty(large.shape, np.int16)
    cv2.randn(grain, 0, 3)
    return np.asarray(cv2.add(large, grain, dtype=cv2.CV_8U))


def memory_to_colorize(source: Path, reference: Path, result: Path) -> int:
    """Bytes that the command needs above those of the interpreter and the libraries."""
    arguments = ["colorize", str(source), "--ref", str(reference), "-o", str(result)]
    done = subprocess.run([sys.executable, "-c", MEASURE, *arguments], check=True, capture_output=True, text=True)
    return int(done.stderr.split()[-1])


@pytest.mark.parametrize("suffix", [".jpg", ".tif", "-16.tif"])
def test_100_megapixels_within_1500_mb(suffix: str, scan: np.ndarray, reference: Path, tmp_path: Path) -> None:
    """The picture and its result are 400 MB of it, or 800 MB if they have 16 bits."""
    source, result = tmp_path / f"scan{suffix}", tmp_path / f"color{suffix}"
    if suffix.startswith("-16"):
        tifffile.imwrite(source, scan * np.uint16(257))
    else:
        Image.fromarray(scan).save(source)
    needed = memory_to_colorize(source, reference, result)
    assert open_photo(result).size == (SIDE, SIDE)
    assert needed < 1.5e9, f"{needed / 1e6:.0f} MB"
