"""Compare every entry of weights.toml with its file, and with --remote every source of every entry.

    python scripts/check_weights.py [--remote] [weights.toml]

Checksum and size; and of checkpoints of excolor the network, width and numbers in the file. Remote sources are fetched
into a folder that is deleted again. Exit code 1 if anything differs, or cannot be fetched.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from safetensors import safe_open

from excolor.errors import ExcolorError
from excolor.networks.registry import ARCHITECTURES
from excolor.weights import Checkpoint, Package, StoredFile, fetch, read_manifest

MANIFEST = Path(__file__).parents[1] / "weights.toml"


def differences(stored: StoredFile, network: str, path: Path) -> Iterator[str]:
    """What the entry says of the verified file that is not so."""
    if stored.bytes is not None and path.stat().st_size != stored.bytes:
        yield f"has {path.stat().st_size} bytes, not {stored.bytes}"
    if not isinstance(stored, Checkpoint):
        return
    with safe_open(path, framework="np") as file:
        description = json.loads(file.metadata()["excolor"])
        dtypes = {str(file.get_tensor(name).dtype) for name in file.keys()}  # noqa: SIM118 - not a mapping
    width = description["config"].get("width")
    found = {"network": description["network"], "width": width, "dtype": ", ".join(dtypes)}
    expected = {"network": network, "width": stored.width, "dtype": stored.dtype}
    yield from (f"has {key} {found[key]}, not {expected[key]}" for key in expected if found[key] != expected[key])


def check(stored: StoredFile, network: str, *, remote: bool) -> Iterator[tuple[bool, str]]:
    """For each source whether it is as the entry says, and a line about it."""
    for source in stored.sources:
        if not (remote or isinstance(source, Package)):
            yield True, f"not checked: {source}"
            continue
        try:
            path = fetch(replace(stored, sources=(source,)))
            problems = list(differences(stored, network, path))
            if not isinstance(source, Package):  # or the next source would not be asked
                path.resolve().unlink()
                path.unlink(missing_ok=True)
        except ExcolorError as error:
            problems = [str(error)]
        yield not problems, f"{'; '.join(problems) or 'as described'}: {source}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path, nargs="?", default=MANIFEST)
    parser.add_argument("--remote", action="store_true", help="fetch from every source; that may be gigabytes")
    arguments = parser.parse_args()
    try:
        manifest = read_manifest(arguments.manifest)
    except ExcolorError as error:
        sys.exit(f"Error: {error}")

    entries: list[tuple[str, str, StoredFile]] = [
        (f"{name} {role}", ARCHITECTURES[model.architecture][role].network, stored)
        for name, model in manifest.models.items()
        for role, stored in model.checkpoints.items()
    ]
    entries += [(name, entry.role, entry) for name, entry in manifest.public.items()]
    right = True
    with tempfile.TemporaryDirectory() as folder:
        # What is on this machine already would say nothing of the sources
        os.environ |= {"XDG_CACHE_HOME": folder, "HF_HUB_CACHE": f"{folder}/hub"}
        for name, network, stored in entries:
            for good, line in check(stored, network, remote=arguments.remote):
                print(f"{name}: {line}")
                right = right and good
    sys.exit(not right)


if __name__ == "__main__":
    main()
