"""How long the full-size part takes, beside what Pillow alone needs to decode and encode the same picture.

    python benchmarks/full_size.py --megapixels 12 --megapixels 100

The full-size part is everything that grows with the picture: shrinking it for the networks, bringing their colors up,
and writing the result. The networks themselves are left out, their colors are those of the picture. What is measured
takes turns, so that whatever else the machine does hits both; times are medians.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from PIL import Image

from excolor import read_photo
from excolor.imaging.color import rgb_to_lab
from excolor.imaging.merging import merge_ab
from excolor.imaging.working_size import shrink, shrunk_size
from excolor.photo import Photo

EXAMPLE = Path(__file__).parents[1] / "examples" / "reference.jpg"
GRAIN = 3  # 8-bit levels, standard deviation
OPTIONS = {  # of Pillow: what excolor writes
    ".jpg": {"quality": 95, "subsampling": "4:4:4"},
    ".png": {},
    ".tif": {"compression": "tiff_lzw", "tiffinfo": {317: 2}},
}


def photograph(megapixels: float) -> np.ndarray:
    """The example, enlarged to a square of so many megapixels, with grain: (H, W, 3) uint8."""
    side = round((megapixels * 1e6) ** 0.5)
    color = cv2.resize(read_photo(EXAMPLE).pixels, (side, side), interpolation=cv2.INTER_CUBIC)
    grain = np.empty((side, side), np.int16)
    cv2.setRNGSeed(0)
    cv2.randn(grain, 0, GRAIN)
    return np.asarray(cv2.add(color, cv2.merge([grain] * 3), dtype=cv2.CV_8U))


def colors(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L (h, w) and ab (h, w, 2) at the working size: what the networks would give."""
    small = torch.from_numpy(shrink(pixels, shrunk_size((len(pixels), len(pixels)), 256)))
    lab = rgb_to_lab(small.permute(2, 0, 1)).permute(1, 2, 0).numpy()
    return np.ascontiguousarray(lab[..., 0]), np.ascontiguousarray(lab[..., 1:])


def in_turn(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each, run one after the other, `repeats` times over."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def measure(color: np.ndarray, kind: str, suffix: str, folder: Path, repeats: int) -> dict[str, float]:
    """Seconds of each step for a file of this picture, gray or RGB."""
    source, by_pillow, by_excolor = (folder / f"{name}{suffix}" for name in ("source", "pillow", "excolor"))
    image = Image.fromarray(color)
    (image.convert("L") if kind == "gray" else image).save(source, **OPTIONS[suffix])
    target, (small_lightness, small_ab) = read_photo(source).pixels, colors(color)
    decoded = Image.open(source).convert("RGB")
    result = Photo(merge_ab(target, small_lightness, small_ab))
    return in_turn(
        {
            "decode": lambda: Image.open(source).convert("RGB"),
            "encode": lambda: decoded.save(by_pillow, **OPTIONS[suffix]),
            "shrink": lambda: shrink(target, small_lightness.shape),
            "merge": lambda: merge_ab(target, small_lightness, small_ab),
            "write": lambda: result.save(by_excolor, overwrite=True),
        },
        repeats,
    )


@click.command()
@click.option("--megapixels", type=float, multiple=True, default=[12.0], show_default=True)
@click.option("--suffix", "suffixes", type=click.Choice(list(OPTIONS)), multiple=True, default=[".jpg"])
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
def main(megapixels: tuple[float, ...], suffixes: tuple[str, ...], repeats: int) -> None:
    """Print seconds of Pillow's steps and of the full-size part, and the ratio of their sums."""
    Image.MAX_IMAGE_PIXELS = None
    click.echo(f"{torch.get_num_threads()} threads, median of {repeats}; seconds")
    click.echo("megapixels  picture     decode  encode   shrink  merge  write   ratio")
    with tempfile.TemporaryDirectory() as folder:
        for size in megapixels:
            color = photograph(size)
            for suffix in suffixes:
                for kind in ("gray", "RGB"):
                    s = measure(color, kind, suffix, Path(folder), repeats)
                    ratio = (s["shrink"] + s["merge"] + s["write"]) / (s["decode"] + s["encode"])
                    click.echo(
                        f"{size:10g}  {kind:4} {suffix:5} {s['decode']:8.2f} {s['encode']:7.2f} "
                        f"{s['shrink']:8.2f} {s['merge']:6.2f} {s['write']:6.2f} {ratio:7.2f}"
                    )


if __name__ == "__main__":
    main()
