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

from excolor.cli.downloads import downloads
from excolor.cli.options import weights_option
from excolor.cli.progress import is_terminal
from excolor.cli.tables import draw
from excolor.cli.weights_import import import_checkpoint
from excolor.errors import CheckpointError, ExcolorError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from excolor.weights import ForeignCheckpoint, Report, StoredFile

    AnyStored = TypeVar("AnyStored", bound=StoredFile)

_AT_A_TIME = 4  # downloads; more make no connection faster

_HEADINGS = ("Name", "Networks", "Size", "Where", "Licence")


@click.group()
def weights() -> None:
    """List, fetch and check the models that excolor knows.

    They stand in weights.toml, which is a part of excolor; a table of your own (--weights FILE or $EXCOLOR_WEIGHTS)
    adds models or replaces them. The default model is installed with excolor. Others are fetched when they are first
    used, or by `excolor weights download`.

    \b
    Example:
        excolor weights list
    """


@weights.command("list")
@click.option("--json", "as_json", is_flag=True, help="All that is known of them, as JSON.")
@weights_option
def list_models(as_json: bool, weights: Path | None) -> None:
    """List the models: their size, where they are, and their licence.

    A model is part of the package, or cached on this machine, or remote. Public checkpoints of others stand there too:
    each is one network, and is fetched on demand only.

    \b
    Example:
        excolor weights list --json
    """
    import json

    from excolor.weights import find_local, load_table

    table = load_table(weights)
    models = [_described(name, networks, find_local) for name, networks in sorted(table.models.items())]
    foreign = [
        _described(name, {entry.network: entry}, partial(_find_public, name))
        for name, entry in sorted(table.foreign.items())
    ]
    if as_json:
        described = {"default": table.default, "models": models, "foreign": foreign}
        click.echo(json.dumps(described, indent=2, default=str, ensure_ascii=False))
    else:
        _print([_row(entry, table.default) for entry in (*models, *foreign)])


@weights.command()
@click.argument("models", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All models, without the public checkpoints of others.")
@click.option(
    "--part",
    is_flag=True,
    help="Of a public checkpoint, read only the tensors that are needed: the checksum of the whole, which is the one "
    "that was published, cannot be checked then.",
)
@weights_option
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def download(models: tuple[str, ...], everything: bool, part: bool, weights: Path | None, quiet: bool) -> None:
    """Fetch MODELS, and print where their files are.

    What is there and right is not fetched again; what is damaged is replaced. After an interruption, run it again: it
    goes on where it was. Public checkpoints of others (vgg19-imagenet, siggraph17) are made checkpoints of excolor.

    \b
    Example:
        excolor weights download --all
        excolor weights download siggraph17
    """
    from concurrent.futures import wait

    from excolor.weights import is_part, load_table, model_names, stored_files

    if everything == bool(models):
        raise click.UsageError("give either MODELS or --all.")
    names = dict.fromkeys(model_names(weights) if everything else models)
    public = [name for name in names if name in load_table(weights).foreign]
    if part and len(public) < len(names):
        raise click.UsageError("--part is for public checkpoints of others.")
    files = dict.fromkeys(
        stored for name in names if name not in public for stored in stored_files(name, weights=weights)
    )
    with downloads(quiet) as report:
        jobs = [partial(_fetch, stored, report) for stored in files]
        jobs += [partial(_obtain, name, part, weights, report) for name in public]
        results = _together_in_threads(jobs)
        wait(results)
    failed = False
    for result in results:
        try:
            found = result.result()
            click.echo(os.fsencode(found))
            if is_part(found) and not quiet:
                click.echo(f"{found.name}: read in part, so that its published checksum was not checked", err=True)
        except ExcolorError as error:
            failed = True
            click.echo(f"Error: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


@weights.command()
@click.argument("models", nargs=-1)
@weights_option
def verify(models: tuple[str, ...], weights: Path | None) -> None:
    """Compare the checkpoints on this machine with their checksums: those of MODELS, or all.

    Exit code 1 says that one is not what weights.toml says. A checkpoint that is not on this machine is no mistake. Of
    public checkpoints of others, the file is compared that was published.

    \b
    Example:
        excolor weights verify
    """
    from excolor.weights import load_table, stored_files

    table = load_table(weights)
    names = models or (*sorted(table.models), *sorted(table.foreign))
    damaged = False
    for stored in dict.fromkeys(stored for name in names for stored in stored_files(name, weights=weights)):
        verdict, told = _verdict(stored)
        click.echo(f"{verdict:<8} {told}")
        damaged = damaged or verdict == "damaged"
    if damaged:
        raise click.exceptions.Exit(1)


@weights.command()
@click.argument("model")
@weights_option
def path(model: str, weights: Path | None) -> None:
    """Print the paths of the checkpoints of MODEL (encoder, decoder, matcher, colorizer), a line each.

    A public checkpoint of others is one network, and has one path. The files must be on this machine: `excolor weights
    download` fetches them.

    \b
    Example:
        excolor weights path lite
    """
    from excolor.weights import find_converted, find_model, load_table

    if foreign := load_table(weights).foreign.get(model):
        found = find_converted(model, foreign)
        if found is None:
            raise CheckpointError(f"{model} is not on this machine; `excolor weights download {model}` fetches it")
        click.echo(os.fsencode(found))
        return
    files = find_model(model, weights=weights, offline=True)
    paths = [getattr(files, network) for network in files.present()]
    for file in paths:
        if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises where a folder is closed
            raise CheckpointError(f"{file} is not there; put it there, or give another model")
    for file in paths:
        click.echo(os.fsencode(file))  # a name need not be text in the terminal's encoding


def _find_public(name: str, foreign: "ForeignCheckpoint") -> Path | None:
    """A public checkpoint on this machine: as one of ours, or as it was published."""
    from excolor.weights import find_converted, find_local

    return find_converted(name, foreign) or find_local(foreign)


def _described(
    name: str, networks: "Mapping[Any, AnyStored]", find: "Callable[[AnyStored], Path | None]"
) -> dict[str, Any]:
    """An entry of the list, as JSON shows it."""
    from excolor.weights import Hub

    checkpoints = {}
    for network, stored in networks.items():
        where, found = _located(stored, find)
        sources = [asdict(source) if isinstance(source, Hub) else str(source) for source in stored.sources]
        checkpoints[network] = {**asdict(stored), "sources": sources, "where": where, "path": found}
    sizes = [stored.bytes for stored in networks.values()]
    return {
        "name": name,
        "bytes": None if None in sizes else sum(filter(None, sizes)),
        "where": _together([checkpoint["where"] for checkpoint in checkpoints.values()]),
        "licence": ", ".join(dict.fromkeys(stored.licence for stored in networks.values())),
        "checkpoints": checkpoints,
    }


def _located(stored: "AnyStored", find: "Callable[[AnyStored], Path | None]") -> tuple[str, Path | None]:
    """Where a checkpoint is: a word, and its path if it is on this machine."""
    from excolor.weights import is_packed, is_part

    try:
        found = find(stored)
    except CheckpointError:  # `weights verify` says more
        return "damaged", None
    if found is None:
        return "remote", None
    if is_part(found):
        return "cached, unchecked", found
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
    """What is known of a file here: a word, and what it is about."""
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


def _fetch(stored: "StoredFile", report: "Report") -> Path:
    """A file that is right, whatever was in its place."""
    from excolor.weights import discard_damaged, fetch

    discard_damaged(stored)
    return fetch(stored, report=report)


def _obtain(name: str, part: bool, weights: Path | None, report: "Report") -> Path:
    """A public checkpoint of others as one of ours, whatever was in its place."""
    from excolor.networks.public import obtain
    from excolor.weights import discard_damaged, find_foreign

    discard_damaged(find_foreign(name, weights=weights))
    return obtain(name, part=part, weights=weights, report=report)


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
