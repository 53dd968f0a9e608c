"""Put trained checkpoints into the package and describe them in weights.toml.

    python scripts/pack_model.py lite runs/encoder/encoder.safetensors runs/decoder/decoder.safetensors \
        runs/colorizer/colorizer.safetensors --data "…" --hardware "2 CPU cores" --minutes 12,2.5,72 \
        --commits 1a2b3c4,1a2b3c4,5d6e7f8

Run it from the top of the checkout. Several runs of one network are joined by a plus: 12,2.5,52+24. --commits says
which code trained each network; it is in the training states.
"""

import argparse
import hashlib
import json
import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safetensors import safe_open

TABLE = Path("weights.toml")
CHECKPOINTS = Path("src/excolor/checkpoints")
NETWORKS = ("encoder", "decoder", "colorizer")

HEADER = """\
# The models of excolor and their checkpoints: the only table of them, packed into the wheel.
# Written by scripts/pack_model.py; a test compares every entry with its file.
"""


def describe(name: str, network: str, source: Path, details: dict[str, str]) -> dict[str, Any]:
    """Copy a checkpoint into the package and return its entry."""
    target = CHECKPOINTS / f"{name}-{network}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    with safe_open(target, framework="np") as file:
        width = json.loads(file.metadata()["excolor"])["config"]["width"]
        dtype = str(next(file.get_tensor(key).dtype for key in file.keys()))  # noqa: SIM118 - not a mapping
    return {
        "file": target.name,
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "bytes": target.stat().st_size,
        "dtype": dtype,
        "width": width,
        "licence": "MIT",
        **details,
    }


def to_toml(table: dict[str, Any]) -> str:
    """Format the table; its values are strings and integers, whose JSON is their TOML."""
    parts = [HEADER, f"default = {json.dumps(table['default'])}\n"]
    for name, model in table["models"].items():
        for network, entry in model.items():
            lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
            parts.append("\n".join([f"[models.{name}.{network}]", *lines]) + "\n")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    for network in NETWORKS:
        parser.add_argument(network, type=Path)
    parser.add_argument("--data", required=True, help="what it was trained on")
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--minutes", required=True, help="of the three trainings, separated by commas")
    parser.add_argument("--commits", required=True, help="of the code that trained the three, separated by commas")
    parser.add_argument("--date", default=str(datetime.now(UTC).date()), help="of the training; today by default")
    parser.add_argument("--recipe", help="name of the recipes; that of the model by default")
    parser.add_argument("--default", action="store_true", help="make it the default model")
    arguments = parser.parse_args()

    table = tomllib.loads(TABLE.read_text()) if TABLE.exists() else {"default": arguments.name, "models": {}}
    minutes, commits = arguments.minutes.split(","), arguments.commits.split(",")
    table["models"][arguments.name] = {
        network: describe(
            arguments.name,
            network,
            getattr(arguments, network),
            {
                "recipe": f"{network} {arguments.recipe or arguments.name}, {spent} minutes on {arguments.hardware}",
                "data": arguments.data,
                "commit": commit,
                "trained_at": arguments.date,
            },
        )
        for network, spent, commit in zip(NETWORKS, minutes, commits, strict=True)
    }
    if arguments.default:
        table["default"] = arguments.name
    TABLE.write_text(to_toml(table))
    print(f"{arguments.name}: {sum(e['bytes'] for e in table['models'][arguments.name].values()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
