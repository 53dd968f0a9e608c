"""Give trained checkpoints their names, hash them, and describe them in weights.toml.

    python scripts/pack_model.py lite runs/encoder/encoder.safetensors runs/decoder/decoder.safetensors \
        runs/colorizer/colorizer.safetensors --matcher runs/matcher/matcher.safetensors --data "…" \
        --hardware "2 CPU cores" --minutes 12,2.5,20,72 --commits 1a2b3c4,1a2b3c4,1a2b3c4,5d6e7f8

Run it from the top of the checkout. The files are put into the package, or into the folder --to; then --hub and --url
say where they were published. Minutes and commits are those of encoder, decoder, matcher (if there is one) and
colorizer; several runs of one network are joined by a plus: 12,2.5,20,52+24. --commits says which code trained each
network; it is in the training states. docs/releasing.md tells the whole way.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from excolor.errors import ExcolorError, OutputError
from excolor.weights import NETWORKS, Network, read_table
from excolor.weights.table import OPTIONAL

TABLE = Path("weights.toml")
PACKAGE = Path("src/excolor/checkpoints")

HEADER = """\
# The models of excolor and their checkpoints: the only table of them, packed into the wheel.
# Written by scripts/pack_model.py; scripts/check_weights.py compares every entry with its file.
"""
FOREIGN = """\
# Public checkpoints of others that fit these networks: fetched on demand only, checked by the beginning of the sha256
# that their publishers give in the file's name, and converted. `ranges` is a file whose tensors can be read one by one.
"""


def describe(file: Path, network: str, details: dict[str, Any]) -> dict[str, Any]:
    """The entry of a checkpoint, but for its name. Raises OutputError if it is not one of that network."""
    try:
        with safe_open(file, framework="np") as tensors:
            description = json.loads(tensors.metadata()["excolor"])
            found, width = description["network"], description["config"]["width"]
            dtype = str(next(tensors.get_tensor(key).dtype for key in tensors.keys()))  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"{file}: not a checkpoint of excolor ({error}); give a trained one") from error
    if found != network:
        raise OutputError(f"{file}: a checkpoint of the {found}, given as the {network}; give them in their order")
    return {
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "bytes": file.stat().st_size,
        "dtype": dtype,
        "width": width,
        **details,
    }


def sources(file: str, arguments: argparse.Namespace) -> list[Any]:
    """Where a file can be had, in the order in which it is tried."""
    found: list[Any] = ["package"] if arguments.to == PACKAGE else []
    if arguments.hub:
        repo_id, _, revision = arguments.hub.partition("@")
        found.append({"repo_id": repo_id, "revision": revision, "filename": file})
    return found + [f"{url.rstrip('/')}/{file}" for url in arguments.url]


def to_toml(table: dict[str, Any]) -> str:
    """Format the table."""
    parts = [HEADER, f"default = {_value(table['default'])}\n"]
    for name, model in table["models"].items():
        parts += [_section(f"models.{name}.{network}", entry) for network, entry in model.items()]
    parts += [FOREIGN] if table.get("foreign") else []
    parts += [_section(f"foreign.{name}", entry) for name, entry in table.get("foreign", {}).items()]
    return "\n".join(parts)


def _section(name: str, entry: dict[str, Any]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in entry.items())]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)  # of texts and whole numbers, TOML's too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    for network in NETWORKS:
        name = f"--{network}" if network in OPTIONAL else network
        parser.add_argument(name, type=Path, metavar=network.upper())
    parser.add_argument("--data", required=True, help="what it was trained on")
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--minutes", required=True, help="of each training, like 12+20,3,20,50")
    parser.add_argument("--commits", required=True, help="of the code that trained each, separated by commas")
    parser.add_argument("--date", default=str(datetime.now(UTC).date()), help="of the training; today by default")
    parser.add_argument("--recipe", help="name of the recipes; that of the model by default")
    parser.add_argument("--default", action="store_true", help="make it the default model")
    parser.add_argument("--to", type=Path, default=PACKAGE, metavar="FOLDER", help="to publish from; not the package")
    parser.add_argument("--hub", metavar="OWNER/NAME@COMMIT", help="where the folder was uploaded, and as which commit")
    parser.add_argument("--url", action="append", default=[], metavar="URL", help="a folder with the same files")
    parser.add_argument("--licence", default="MIT", help="of the checkpoints; MIT by default")
    parser.add_argument("--replace", action="store_true", help="give a name that is in the table to other files")
    arguments = parser.parse_args()
    for name in ("minutes", "commits"):
        if getattr(arguments, name).count(",") != len(given(arguments)) - 1:
            parser.error(f"--{name} wants one for each of {', '.join(given(arguments))}, separated by commas")
    try:
        pack(arguments)
    except (ExcolorError, OSError) as error:
        sys.exit(f"Error: {error}")


def given(arguments: argparse.Namespace) -> list[Network]:
    """The networks whose files were given."""
    return [network for network in NETWORKS if getattr(arguments, network) is not None]


def pack(arguments: argparse.Namespace) -> None:
    """Copy the files and describe them; nothing is written before all of it has been checked."""
    model = described(arguments)
    published = bool(model["encoder"]["sources"])
    before: dict[str, Any] = {"models": {}}
    if TABLE.exists():
        read_table(TABLE)  # raises for what no table may hold
        before |= tomllib.loads(TABLE.read_text())
    check_name(arguments, before["models"].get(arguments.name, model), model)
    # What has no source yet is checked as if it had one
    checked = {network: {**entry, "sources": entry["sources"] or ["package"]} for network, entry in model.items()}
    default = arguments.name if arguments.default else before.get("default", arguments.name)
    table = {**before, "default": default, "models": {**before["models"], arguments.name: checked}}
    written = TABLE.with_name(f"{TABLE.name}.tmp")
    try:
        written.write_text(to_toml(table))
        read_table(written)  # as above
        copy(arguments, model)
        if published:
            written.replace(TABLE)
    finally:
        written.unlink(missing_ok=True)
    if published:
        print(f"{arguments.name}: {sum(entry['bytes'] for entry in model.values()) / 1e6:.1f} MB")
    else:
        print(f"Publish {arguments.to}, then run this again with --hub or --url: {TABLE} is as it was.")


def described(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The entries of the checkpoints."""
    model = {}
    minutes, commits = arguments.minutes.split(","), arguments.commits.split(",")
    for network, spent, commit in zip(given(arguments), minutes, commits, strict=True):
        name = f"{arguments.name}-{network}.safetensors"
        details = {
            "licence": arguments.licence,
            "recipe": f"{network} {arguments.recipe or arguments.name}, {spent} minutes on {arguments.hardware}",
            "data": arguments.data,
            "commit": commit,
            "trained_at": arguments.date,
            "sources": sources(name, arguments),
        }
        model[network] = {"file": name, **describe(getattr(arguments, network), network, details)}
    return model


def check_name(arguments: argparse.Namespace, known: dict[str, Any], model: dict[str, Any]) -> None:
    """Raise OutputError if the name would be given to other files than those that users have under it."""
    hashes = [{network: entry["sha256"] for network, entry in entries.items()} for entries in (known, model)]
    other = [network for network in NETWORKS if hashes[0].get(network) != hashes[1].get(network)]
    if other and not arguments.replace:
        raise OutputError(
            f"{arguments.name} is in {TABLE} with another {other[0]}; a released model is never changed: "
            "choose another name, or give --replace if it was not released"
        )


def copy(arguments: argparse.Namespace, model: dict[str, Any]) -> None:
    """Put the files where they are packed or published from."""
    arguments.to.mkdir(parents=True, exist_ok=True)
    for network in given(arguments):
        source, file = getattr(arguments, network), arguments.to / model[network]["file"]
        if not file.exists() or not file.samefile(source):
            shutil.copyfile(source, file)
        print(f"{model[network]['sha256']}  {file}")


if __name__ == "__main__":
    main()
