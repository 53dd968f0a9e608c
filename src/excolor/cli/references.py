"""References: found before the work, each encoded once, and chosen for every target."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from excolor.cli.batch import Batch, Picture
from excolor.cli.outputs import one_name
from excolor.cli.sources import Source, each_once, pictures_in
from excolor.errors import PhotoError, SettingError

if TYPE_CHECKING:
    import torch

    from excolor import Colorizer, Photo, Reference

Choose: TypeAlias = "Callable[[Picture, Photo], Reference]"


_MOST_TOGETHER = 32  # references at a working size of 256, whose places are all compared with each of a target's


@dataclass(frozen=True)
class Encoded:
    """A reference that is ready to be followed."""

    path: Path
    sha256: str
    features: "Reference"


def find_references(named: Sequence[Path]) -> list[Source]:
    """The pictures that --ref names, each once: files, and all that is in folders and their subfolders.

    Raises:
        PhotoError: a folder has no pictures or cannot be looked into.
    """
    found: list[Source] = []
    for path in named:
        is_folder = os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for names that are too long
        found += pictures_in(path, recursive=True) if is_folder else [Source(path)]
    return each_once(found)


def encode_references(
    references: Sequence[Source],
    named: Sequence[Path],
    colorizer: "Colorizer",
    working_size: int,
    max_pixels: int,
    batch: Batch,
) -> list[Encoded]:
    """Encode all references, and keep those in color if there are any.

    Args:
        references: of `find_references`.
        named: which it was given; of the others, found in folders, those that cannot be read are left out.
        colorizer: encodes them.
        working_size: at which it does so.
        max_pixels: larger references are not read.
        batch: is told what is left out.

    Raises:
        PhotoError: a reference that was named cannot be read, or none of those found in folders.
    """
    encoded = []
    for source in references:
        if batch.stop.asked:
            break
        try:
            encoded.append(_encode(source.path, colorizer, working_size, max_pixels))
        except PhotoError as error:
            if source.path in named:
                raise
            batch.report.note(f"{error}; it is left out of the references")
            continue
    if not encoded and not batch.stop.asked:
        raise PhotoError("none of the references can be read; give others with --ref")
    # Gray references would often win: none is more like a gray target than a gray picture
    in_color = [one for one in encoded if not one.features.is_gray]
    for gray in (one for one in encoded if one.features.is_gray):
        rest = "it is left out of the references" if in_color else "it has no colors to give"
        batch.report.note(f"{gray.path} is gray: {rest}")
    return in_color or encoded


def best_fit(candidates: Sequence[Encoded], colorizer: "Colorizer", working_size: int) -> Choose:
    """Choose for each target the one of `encode_references` that fits it best."""

    def choose(picture: Picture, photo: "Photo") -> "Reference":
        best, score = candidates[0], None
        if len(candidates) > 1:
            scores = colorizer.score(photo, [one.features for one in candidates], working_size=working_size)
            score, best = max(zip(scores, candidates, strict=True), key=lambda pair: pair[0])
            picture.note(f"{best.path} fits best (score {score:.2f})")
        picture.follows(best.path, best.sha256, score)
        return best.features

    return choose


def all_together(candidates: Sequence[Encoded], device: "torch.device") -> Choose:
    """Give each target all of `encode_references`: its places look for their like in every one."""
    from excolor import Reference
    from excolor.runtime.devices import out_of_memory_explained

    paths, checksums = [one.path for one in candidates], [one.sha256 for one in candidates]
    with out_of_memory_explained(device, "fewer references"):
        together = Reference.joined([one.features for one in candidates]) if candidates else None

    def choose(picture: Picture, _photo: "Photo") -> "Reference":
        assert together is not None  # without candidates the work was stopped before it began
        picture.follows_all(paths, checksums)
        return together

    return choose


def check_number(references: Sequence[Source], working_size: int) -> None:
    """Refuse more references than should be looked into together at a working size. Raises SettingError."""
    most = max(1, int(_MOST_TOGETHER * (256 / working_size) ** 2))
    if len(references) > most:
        raise SettingError(
            f"--pair all looks into {most} references at most at --working-size {working_size}, and {len(references)} "
            "are given; give fewer, or leave it away for the one that fits best"
        )


def of_its_name(references: Sequence[Source], colorizer: "Colorizer", working_size: int, max_pixels: int) -> Choose:
    """Choose for each target the reference of its name, encode it then, and keep nothing of it."""
    exactly, nearly = _by_name(references, str), _by_name(references, one_name)

    def choose(picture: Picture, _photo: "Photo") -> "Reference":
        source = picture.job.source
        found = exactly(source) or nearly(source)
        if len(found) != 1:
            several = f"several references have its name ({', '.join(map(str, found))})"
            problem = several if found else f"no reference is named {source.path.stem}"
            raise PhotoError(f"{source.name}: {problem}; name them alike, or leave --pair name away")
        encoded = _encode(found[0], colorizer, working_size, max_pixels)
        if encoded.features.is_gray:
            picture.note(f"{encoded.path} is gray: it has no colors to give")
        picture.follows(encoded.path, encoded.sha256)
        return encoded.features

    return choose


def _by_name(references: Sequence[Source], key: Callable[[str], str]) -> Callable[[Source], list[Path]]:
    """Find the references of a target's name in the same subfolder, or if there is none, anywhere."""
    in_folder: dict[str, list[Path]] = defaultdict(list)
    anywhere: dict[str, list[Path]] = defaultdict(list)
    for reference in references:
        in_folder[key(str(reference.below / reference.path.stem))].append(reference.path)
        anywhere[key(reference.path.stem)].append(reference.path)

    def find(target: Source) -> list[Path]:
        stem = target.path.stem
        return in_folder.get(key(str(target.below / stem))) or anywhere.get(key(stem), [])

    return find


def _encode(path: Path, colorizer: "Colorizer", working_size: int, max_pixels: int) -> Encoded:
    from excolor.photo import read_photo

    features = colorizer.encode_reference(read_photo(path, max_pixels=max_pixels), working_size=working_size)
    return Encoded(path, sha256_of(path), features)


def sha256_of(path: Path) -> str:
    """The checksum of a file that was read before, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
