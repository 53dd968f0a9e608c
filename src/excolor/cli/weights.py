"""`excolor weights list|download|verify|path`; `import` is in `weights_import`."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import click

from excolor.cli.commands import Group
from excolor.cli.downloads import downloads
from excolor.cli.interruption import INTERRUPTED
from excolor.cli.options import weights_option
from excolor.cli.progress import is_terminal
from excolor.cli.tables import draw
from excolor.cli.weights_import import import_checkpoint
from excolor.errors import CheckpointError, ExcolorError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from excolor.weights import DownloadProgress, PublicCheckpoint, StoredFile

    AnyStored = TypeVar("AnyStored", bound=StoredFile)

_AT_A_TIME = 4  # downloads; more make no connection faster

_HEADINGS = ("Name", "Networks", "Size", "Where", "License")


@click.group(cls=Group)
def weights() -> None:
    """List, fetch and check the models that excolor knows.

    They are listed in weights.toml, which is a part of excolor; a weights.toml of your own (--weights FILE or
    $EXCOLOR_WEIGHTS) adds models or replaces them. The models semantic and lite are installed with excolor. Others
    are fetched when they are first used, or by `excolor weights download`.

    \b
    Example:
        excolor weights list
    """


@weights.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known of them, as JSON.")
@weights_option
def list_models(as_json: bool, weights: Path | None) -> None:
    """List the models: their size, where they are, and their license.

    A model is part of the package, or cached on this machine, or remote. Public checkpoints, which others published,
    are listed too: each is one network, and is fetched on demand only.

    \b
    Example:
        excolor weights list --json
    """
    import json

    from excolor.weights import find_local, load_manifest

    manifest = load_manifest(weights)
    models = [_described(name, model.checkpoints, find_local) for name, model in sorted(manifest.models.items())]
    for entry in models:
        entry["architecture"] = manifest.models[entry["name"]].architecture
    public = [
        _described(name, {entry.role: entry}, partial(_find_public, name))
        for name, entry in sorted(manifest.public.items())
    ]
    if as_json:
        described = {"default": manifest.default, "models": models, "public": public}
        click.echo(json.dumps(described, indent=2, default=str, ensure_ascii=False))
    else:
        _print([_row(entry, manifest.default) for entry in (*models, *public)])


@weights.command()
@click.argument("models", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Fetch all models, but no public checkpoints.")
@weights_option
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def download(models: tuple[str, ...], everything: bool, weights: Path | None, quiet: bool) -> None:
    """Fetch MODELS, and print where their files are.

    A file that is there and right is not fetched again; a damaged one is replaced. After an interruption, run the same
    command again. Public checkpoints (vgg19-imagenet, siggraph17) are converted to checkpoints of excolor.

    \b
    Example:
        excolor weights download --all
        excolor weights download siggraph17
    """
    from concurrent.futures import wait

    from excolor.weights import load_manifest

    if everything == bool(models):
        raise click.UsageError("give either MODELS or --all.")
    manifest = load_manifest(weights)
    names = dict.fromkeys(sorted(manifest.models) if everything else models)
    files = dict.fromkeys(stored for name in names if name not in manifest.public for stored in manifest.files(name))
    try:
        with downloads(quiet) as progress:
            jobs = [partial(_fetch, stored, progress) for stored in files]
            jobs += [partial(_obtain, name, weights, progress) for name in names if name in manifest.public]
            results = _together_in_threads(jobs)
            wait(results)
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        os._exit(INTERRUPTED)  # Python's own end would remove temporary folders that the threads still use, and fail
    failed = False
    for result in results:
        try:
            click.echo(os.fsencode(result.result()))
        except ExcolorError as error:
            failed = True
            click.echo(f"Error: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


@weights.command()
@click.argument("models", nargs=-1)
@weights_option
def verify(models: tuple[str, ...], weights: Path | None) -> None:
    """Compare checkpoints on this machine with their checksums.

    Those of MODELS are compared, or all. Exit code 1 means that one differs from what weights.toml says. A checkpoint
    that is not on this machine is no error. Of public checkpoints, the published file is compared.

    \b
    Example:
        excolor weights verify
    """
    from excolor.weights import load_manifest

    manifest = load_manifest(weights)
    names = models or (*sorted(manifest.models), *sorted(manifest.public))
    damaged = False
    for stored in dict.fromkeys(stored for name in names for stored in manifest.files(name)):
        verdict, details = _verdict(stored)
        click.echo(f"{verdict:<8} {details}")
        damaged = damaged or verdict == "damaged"
    if damaged:
        raise click.exceptions.Exit(1)


@weights.command()
@click.argument("model")
@weights_option
def path(model: str, weights: Path | None) -> None:
    """Print the paths of the checkpoints of MODEL, one a line.

    A public checkpoint is one network, and has one path. The files must be on this machine: `excolor weights
    download` fetches them.

    \b
    Example:
        excolor weights path lite
    """
    from excolor.networks.models import find_model
    from excolor.weights import converted_path, load_manifest

    if public := load_manifest(weights).public.get(model):
        found = converted_path(model, public)
        if not found.is_file():
            raise CheckpointError(f"{model} is not on this machine; `excolor weights download {model}` fetches it")
        click.echo(os.fsencode(found))
        return
    files = find_model(model, weights=weights, offline=True).files.values()
    for file in files:
        if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises where a folder is closed
            raise CheckpointError(f"{file} is not there; put it there, or give another model")
    for file in files:
        click.echo(os.fsencode(file))  # a name need not be text in the terminal's encoding


def _find_public(name: str, public: "PublicCheckpoint") -> Path | None:
    """A public checkpoint on this machine: as one of ours, or as it was published."""
    from excolor.weights import converted_path, find_local

    converted = converted_path(name, public)
    return converted if converted.is_file() else find_local(public)


def _described(
    name: str, by_role: "Mapping[str, AnyStored]", find: "Callable[[AnyStored], Path | None]"
) -> dict[str, Any]:
    """An entry of the list, as JSON shows it."""
    from excolor.weights import Hub

    checkpoints = {}
    for role, stored in by_role.items():
        where, found = _located(stored, find)
        sources = [asdict(source) if isinstance(source, Hub) else str(source) for source in stored.sources]
        checkpoints[role] = {**asdict(stored), "sources": sources, "where": where, "path": found}
    sizes = [stored.bytes for stored in by_role.values()]
    return {
        "name": name,
        "bytes": None if None in sizes else sum(filter(None, sizes)),
        "where": _together([checkpoint["where"] for checkpoint in checkpoints.values()]),
        "licence": ", ".join(dict.fromkeys(stored.licence for stored in by_role.values())),
        "checkpoints": checkpoints,
    }


def _located(stored: "AnyStored", find: "Callable[[AnyStored], Path | None]") -> tuple[str, Path | None]:
    """Where a checkpoint is: a word, and its path if it is on this machine."""
    from excolor.weights import is_packed

    try:
        found = find(stored)
    except CheckpointError:  # `weights verify` says more
        return "damaged", None
    if found is None:
        return "remote", None
    return "package" if is_packed(found) else "cached", found


def _together(places: Sequence[str]) -> str:
    """Where a model is whose checkpoints are in these places."""
    if len(set(places)) == 1:
        return places[0]
    if "damaged" in places:
        return "damaged"
    here = sum(place != "remote" for place in places)
    return "cached" if here == len(places) else f"{here} of {len(places)} cached"


def _row(entry: dict[str, Any], default: str) -> tuple[str, ...]:
    name = f"{entry['name']} (default)" if entry["name"] == default else entry["name"]
    size = "" if entry["bytes"] is None else f"{entry['bytes'] / 1e6:.1f} MB"
    return (name, ", ".join(entry["checkpoints"]), size, entry["where"], entry["licence"])


def _print(rows: Sequence[tuple[str, ...]]) -> None:
    """The list, to stdout: drawn on a terminal, in columns otherwise."""
    if is_terminal(sys.stdout):
        draw(_HEADINGS, rows, [_HEADINGS.index("Size")])
        return
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    for row in (_HEADINGS, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _verdict(stored: "StoredFile") -> tuple[str, str]:
    """What is known of a file here: a word, and the path or the problem."""
    from excolor.weights import find_local
    from excolor.weights import verify as verify_file

    try:
        found = find_local(stored)
        if found is None:
            return "absent", f"{stored.file} is not on this machine"
        verify_file(found, stored)
    except CheckpointError as error:
        return "damaged", str(error)
    return "ok", str(found)


def _fetch(stored: "StoredFile", progress: "DownloadProgress") -> Path:
    """A file that is right, whatever was in its place."""
    from excolor.weights import fetch

    return fetch(stored, replace=True, progress=progress)


def _obtain(name: str, weights: Path | None, progress: "DownloadProgress") -> Path:
    """A public checkpoint as one of ours."""
    from excolor.networks.public import obtain

    return obtain(name, weights=weights, progress=progress)


def _together_in_threads(jobs: Sequence[Callable[[], Path]]) -> "list[Future[Path]]":
    """Begin with jobs, a few at a time.

    The threads end with the process: Ctrl-C need not wait for what they wait for, and what arrived stays.
    """
    from concurrent.futures import Future
    from queue import Empty, SimpleQueue

    results: list[Future[Path]] = [Future() for _ in jobs]
    waiting: SimpleQueue[tuple[Callable[[], Path], Future[Path]]] = SimpleQueue()
    for pair in zip(jobs, results, strict=True):
        waiting.put(pair)

    def work() -> None:
        with suppress(Empty):
            while True:
                job, result = waiting.get_nowait()
                try:
                    result.set_result(job())
                except BaseException as error:
                    result.set_exception(error)

    for _ in range(min(_AT_A_TIME, len(jobs))):
        Thread(target=work, daemon=True).start()
    return results


weights.add_command(import_checkpoint)
