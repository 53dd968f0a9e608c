"""Give trained checkpoints their names, hash them, and describe them in weights.toml.

    python scripts/pack_model.py lite encoder=runs/encoder/encoder.safetensors \
        decoder=runs/decoder/decoder.safetensors matcher=runs/matcher/matcher.safetensors \
        colorizer=runs/colorizer/colorizer.safetensors --data "…" \
        --hardware "2 CPU cores" --minutes 12,2.5,20,72 --commits 1a2b3c4,1a2b3c4,1a2b3c4,5d6e7f8

Run it from the top of the checkout. The files are put into the package, or into the folder --to; then --hub and --url
say where they were published. Minutes and commits are in the order of the files; several runs of one network are joined
by a plus: 12,2.5,20,52+24. --commits says which code trained each network; it is in the training states. See
docs/releasing.md for all the steps.
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
from excolor.networks.registry import ARCHITECTURES
from excolor.weights import read_manifest

MANIFEST = Path("weights.toml")
PACKAGE = Path("src/excolor/checkpoints")

HEADER = """\
# The models of excolor and their checkpoints: the only list of them, packed into the wheel.
# Written by scripts/pack_model.py; scripts/check_weights.py compares every entry with its file.
"""
PUBLIC = """\
# Public checkpoints: networks that others published and that fit a role of ours. They are fetched on demand only,
# checked by the beginning of the sha256 that their publishers give in the file's name, and converted.
"""


def describe(file: Path, network: str, details: dict[str, Any]) -> dict[str, Any]:
    """The entry of a checkpoint, but for its name. Raises OutputError if it is not one of that network."""
    try:
        with safe_open(file, framework="np") as tensors:
            description = json.loads(tensors.metadata()["excolor"])
            found, width = description["network"], description["config"].get("width")
            dtype = str(next(tensors.get_tensor(key).dtype for key in tensors.keys()))  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"{file}: not a checkpoint of excolor ({error}); give a trained one") from error
    if found != network:
        raise OutputError(f"{file}: a checkpoint of the {found}, given as the {network}; give the right file")
    return {
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "bytes": file.stat().st_size,
        "dtype": dtype,
        **({} if width is None else {"width": width}),
        **details,
    }


def sources(file: str, arguments: argparse.Namespace) -> list[Any]:
    """Where a file can be had, in the order in which it is tried."""
    found: list[Any] = ["package"] if arguments.to == PACKAGE else []
    if arguments.hub:
        repo_id, _, revision = arguments.hub.partition("@")
        found.append({"repo_id": repo_id, "revision": revision, "filename": file})
    return found + [f"{url.rstrip('/')}/{file}" for url in arguments.url]


def to_toml(manifest: dict[str, Any]) -> str:
    """Format the manifest."""
    parts = [HEADER, f"default = {_value(manifest['default'])}\n"]
    for name, model in manifest["models"].items():
        parts.append(_section(f"models.{name}", {"architecture": model["architecture"]}))
        parts += [_section(f"models.{name}.{role}", entry) for role, entry in checkpoints(model).items()]
    parts += [PUBLIC] if manifest.get("public") else []
    parts += [_section(f"public.{name}", entry) for name, entry in manifest.get("public", {}).items()]
    return "\n".join(parts)


def checkpoints(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries of a model's checkpoints by role."""
    return {role: entry for role, entry in model.items() if role != "architecture"}


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
    parser.add_argument("files", nargs="+", metavar="ROLE=FILE", help="a checkpoint for each role")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default=next(iter(ARCHITECTURES)))
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
    parser.add_argument("--replace", action="store_true", help="give a name that is in weights.toml to other files")
    arguments = parser.parse_args()
    arguments.files = {role: Path(file) for role, _, file in (given.partition("=") for given in arguments.files)}
    roles = ARCHITECTURES[arguments.architecture]
    wrong = [role for role in arguments.files if role not in roles]
    wrong += [role for role in roles if roles[role].required and role not in arguments.files]
    if wrong:
        parser.error(f"{arguments.architecture} has the roles {', '.join(roles)}; correct {wrong[0]!r}")
    for name in ("minutes", "commits"):
        if getattr(arguments, name).count(",") != len(arguments.files) - 1:
            parser.error(f"--{name} wants one for each of {', '.join(arguments.files)}, separated by commas")
    try:
        pack(arguments)
    except (ExcolorError, OSError) as error:
        sys.exit(f"Error: {error}")


def pack(arguments: argparse.Namespace) -> None:
    """Copy the files and describe them; nothing is written before all of it has been checked."""
    model = described(arguments)
    published = all(entry["sources"] for entry in model.values())
    before: dict[str, Any] = {"models": {}}
    if MANIFEST.exists():
        read_manifest(MANIFEST)  # raises for what no manifest may hold
        before |= tomllib.loads(MANIFEST.read_text())
    check_name(arguments, before["models"].get(arguments.name, model), model)
    # What has no source yet is checked as if it had one
    checked = {role: {**entry, "sources": entry["sources"] or ["package"]} for role, entry in model.items()}
    default = arguments.name if arguments.default else before.get("default", arguments.name)
    entry = {"architecture": arguments.architecture, **checked}
    manifest = {**before, "default": default, "models": {**before["models"], arguments.name: entry}}
    written = MANIFEST.with_name(f"{MANIFEST.name}.tmp")
    try:
        written.write_text(to_toml(manifest))
        read_manifest(written)  # as above
        copy(arguments, model)
        if published:
            written.replace(MANIFEST)
    finally:
        written.unlink(missing_ok=True)
    if published:
        print(f"{arguments.name}: {sum(entry['bytes'] for entry in model.values()) / 1e6:.1f} MB")
    else:
        print(f"Publish {arguments.to}, then run this again with --hub or --url: {MANIFEST} is as it was.")


def described(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The entries of the checkpoints by role."""
    model = {}
    minutes, commits = arguments.minutes.split(","), arguments.commits.split(",")
    for (role, path), spent, commit in zip(arguments.files.items(), minutes, commits, strict=True):
        name = f"{arguments.name}{'' if role == arguments.name else f'-{role}'}.safetensors"
        details = {
            "licence": arguments.licence,
            "recipe": f"{role} {arguments.recipe or arguments.name}, {spent} minutes on {arguments.hardware}",
            "data": arguments.data,
            "commit": commit,
            "trained_at": arguments.date,
            "sources": sources(name, arguments),
        }
        network = ARCHITECTURES[arguments.architecture][role].network
        model[role] = {"file": name, **describe(path, network, details)}
    return model


def check_name(arguments: argparse.Namespace, known: dict[str, Any], model: dict[str, Any]) -> None:
    """Raise OutputError if the name would be given to other files than those that users have under it."""
    before, now = (
        {role: entry["sha256"] for role, entry in checkpoints(entries).items()} for entries in (known, model)
    )
    other = [role for role in before | now if before.get(role) != now.get(role)]
    if other and not arguments.replace:
        raise OutputError(
            f"{arguments.name} is in {MANIFEST} with another {other[0]}; a released model is never changed: "
            "choose another name, or give --replace if it was not released"
        )


def copy(arguments: argparse.Namespace, model: dict[str, Any]) -> None:
    """Put the files where they are packed or published from."""
    arguments.to.mkdir(parents=True, exist_ok=True)
    for role, source in arguments.files.items():
        file = arguments.to / model[role]["file"]
        if not file.exists() or not file.samefile(source):
            shutil.copyfile(source, file)
        print(f"{model[role]['sha256']}  {file}")


if __name__ == "__main__":
    main()
