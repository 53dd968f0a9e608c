"""Hide the color of photographs, bring it back, and print how close it comes.

    python scripts/measure.py val.tar --leave-out camvid_frames

For each picture: left gray, tinted with the mean color of the reference, and colorized, with several references. The
numbers are means over pictures: PSNR in dB over RGB, and colorfulness as a share of the truth's (Hasler & Süsstrunk
2003). README.md and MODEL_CARD.md quote what this prints.
"""

import argparse
import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from excolor import Colorizer, Settings
from excolor.color import colored, rgb_to_lab
from excolor.metrics import colorfulness, psnr
from excolor.models.checkpoint import load_transfer
from excolor.models.transfer import TransferNet
from excolor.resize import crop, pad
from excolor.training.data import photo_files
from excolor.weights import default_model, find_model


def read(path: Path, side: int, limit: int | None, leave_out: tuple[str, ...]) -> list[np.ndarray]:
    """Photographs (H, W, 3) in [0, 1], shrunk to the shorter side `side`; `limit` takes so many, evenly spread."""
    files = [content for source, content in photo_files(path) if source not in leave_out]
    if limit is not None:
        files = files[:: max(1, len(files) // limit)][:limit]
    pictures = []
    for content in files:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        scale = min(1.0, side / min(image.size))
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
        pictures.append(np.asarray(image, np.float32) / 255)
    return pictures


def reconstruct(net: TransferNet, rgb: np.ndarray) -> np.ndarray:
    """What encoder and decoder keep of a picture."""
    decoded = net.reconstruct(pad(torch.from_numpy(rgb).permute(2, 0, 1)[None]))
    return crop(decoded, rgb.shape[:2])[0].clamp(0, 1).permute(1, 2, 0).numpy()


def lab(rgb: np.ndarray) -> torch.Tensor:
    return rgb_to_lab(torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1))


def tinted(lightness: torch.Tensor, ab: torch.Tensor) -> np.ndarray:
    """A picture of lightness (1, H, W) and one color, ab (2, 1, 1)."""
    return colored(lightness, ab.expand(2, *lightness.shape[1:])).permute(1, 2, 0).numpy()


def protocols(pictures: list[np.ndarray]) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """(protocol, truth, reference) for every picture."""
    for i, picture in enumerate(pictures):
        half = picture.shape[1] // 2
        yield "none", picture, None
        yield "mirror", picture, np.ascontiguousarray(picture[:, ::-1])
        yield "halves", np.ascontiguousarray(picture[:, half:]), np.ascontiguousarray(picture[:, :half])
        yield "random", picture, pictures[(i + len(pictures) // 2) % len(pictures)]


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder or tar file")
    parser.add_argument("--model", default=default_model())
    parser.add_argument("--working-size", type=int, default=176)
    parser.add_argument("--side", type=int, default=176, help="pictures are shrunk to this shorter side first")
    parser.add_argument("--match", default=Settings.match)
    parser.add_argument("--hint-share", type=float, default=Settings.hint_share)
    parser.add_argument("--leave-out", action="append", default=[], metavar="FOLDER", help="of photographs")
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()

    pictures = read(arguments.photos, arguments.side, arguments.limit, tuple(arguments.leave_out))
    colorizer = Colorizer.load(arguments.model)
    files = find_model(arguments.model)
    transfer = load_transfer(files.encoder, files.decoder)
    settings = Settings(arguments.working_size, match=arguments.match, hint_share=arguments.hint_share)
    numbers: dict[tuple[str, str], list[float]] = defaultdict(list)

    for truth in pictures:
        numbers["decoder", "psnr"].append(psnr(reconstruct(transfer, truth), truth))

    for protocol, truth, reference in protocols(pictures):
        lightness = lab(truth)[:1]
        gray = tinted(lightness, torch.zeros(2, 1, 1))
        results = {"gray": gray}
        if reference is None:
            results["excolor"] = colorizer.precolor(gray, working_size=arguments.working_size).pixels
        else:
            results["tint"] = tinted(lightness, lab(reference)[1:].mean((1, 2), keepdim=True))
            results["excolor"] = colorizer.colorize(gray, reference, settings).pixels
        for method, result in results.items():
            numbers[protocol, f"{method} psnr"].append(psnr(result, truth))
            numbers[protocol, f"{method} colorfulness"].append(colorfulness(result))
        numbers[protocol, "truth colorfulness"].append(colorfulness(truth))

    mean = {key: float(np.mean(values)) for key, values in numbers.items()}
    print(f"{len(pictures)} photographs, model {colorizer.name}, working size {arguments.working_size}")
    print(f"decoder reconstructs at {mean['decoder', 'psnr']:.2f} dB")
    print("protocol   gray    tint    excolor   above gray   colorfulness")
    for protocol in ("none", "mirror", "halves", "random"):
        gray, own = mean[protocol, "gray psnr"], mean[protocol, "excolor psnr"]
        tint = f"{mean[protocol, 'tint psnr']:5.2f}" if protocol != "none" else "    –"
        vivid = mean[protocol, "excolor colorfulness"] / mean[protocol, "truth colorfulness"]
        print(f"{protocol:9}  {gray:5.2f}   {tint}   {own:5.2f}     {own - gray:+5.2f}        {vivid:4.0%}")


if __name__ == "__main__":
    main()
