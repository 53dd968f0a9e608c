"""Imports point one way: read from the sources without running them."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

# From low to high: a module imports from lower layers, and within its own package
LAYERS = (
    ("errors",),
    ("settings", "reporting", "remote"),
    ("weights", "photo", "runtime"),
    ("imaging", "hints"),
    ("networks",),
    ("method",),
    ("batch",),
    ("evaluation",),
    ("training", "bench", "film", "serve", "cluster"),
    ("cli",),
    ("__main__",),
)
HEAVY = {"torch", "torchvision", "cv2", "numpy", "PIL", "matplotlib", "av", "starlette", "uvicorn"}


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported: not those in functions, nor for type checkers only."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and not (is_type_checking(node) and name == "body"):
                yield from at_import([child for child in value if isinstance(child, ast.stmt | ast.ExceptHandler)])


def imported(nodes: Iterator[ast.AST], name: str, names: set[str]) -> set[str]:
    """What import statements in the module `name` import: modules of ours as far as they exist, others as written."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute here"
            assert node.module is not None
            # `from package import module` imports the module
            found |= {m if (m := f"{node.module}.{alias.name}") in names else node.module for alias in node.names}
    return found


def modules() -> dict[str, ast.Module]:
    trees = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        trees[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(), str(path))
    return trees


TREES = modules()
ANYWHERE = {name: imported(ast.walk(tree), name, set(TREES)) for name, tree in TREES.items()}
ON_IMPORT = {name: imported(at_import(tree.body), name, set(TREES)) for name, tree in TREES.items()}
OURS = sorted(name for name in TREES if name != "excolor")


def part(name: str) -> str:
    """The part of the package that a module belongs to: `excolor.networks.wct` -> `networks`."""
    return name.split(".")[1]


def layer(name: str) -> int:
    for height, parts in enumerate(LAYERS):
        if part(name) in parts:
            return height
    raise AssertionError(f"{name} has no place in LAYERS: put it where its imports allow")


def reached(name: str) -> set[str]:
    """All that the import of a module imports, through our own modules and the packages they lie in."""
    found: set[str] = set()
    open_ends = {name}
    while open_ends:
        current = open_ends.pop()
        found.add(current)
        parents = {current.rsplit(".", 1)[0]} if "." in current else set()
        open_ends |= (ON_IMPORT.get(current, set()) | parents) - found
    return found


def test_the_sources_are_found() -> None:
    assert {"excolor", "excolor.networks.wct", "excolor.cli.main"} <= TREES.keys()
    assert "torch" in reached("excolor.method.colorizer")  # the walk sees what it looks for


@pytest.mark.parametrize("name", OURS)
def test_imports_point_down(name: str) -> None:
    for other in ANYWHERE[name] & set(OURS):
        if part(other) != part(name):
            assert layer(other) < layer(name), f"{name} imports {other}"
    if part(name) not in ("cli", "__main__"):
        assert "excolor" not in ANYWHERE[name], f"{name} imports the package's public names"


def test_there_are_no_cycles() -> None:
    graph = {name: ANYWHERE[name] & set(OURS) - {name} for name in OURS}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("name", OURS)
def test_training_is_imported_by_the_command_line_only(name: str) -> None:
    if part(name) not in ("training", "cli"):
        assert not [other for other in ANYWHERE[name] if other.startswith("excolor.training")]


def test_matplotlib_is_imported_where_plots_are_drawn_only() -> None:
    """It is an extra: everything else works without it. `ANYWHERE` also has what is imported for type checkers."""
    users = {name for name, others in ANYWHERE.items() if any(o.split(".")[0] == "matplotlib" for o in others)}
    assert users == {"excolor.reporting.plotting", "excolor.bench.plot"}
    for name in users:
        assert not {other.split(".")[0] for other in ON_IMPORT[name]} & {"matplotlib"}, name


def test_ray_is_imported_where_it_is_connected_to_only() -> None:
    """It is an extra: everything else works without it."""
    users = {name for name, others in ANYWHERE.items() if any(o.split(".")[0] == "ray" for o in others)}
    assert users == {"excolor.cluster.connection"}
    assert "ray" not in {other.split(".")[0] for other in ON_IMPORT["excolor.cluster.connection"]}


def test_the_server_is_an_extra() -> None:
    """Everything but the page works without Starlette and uvicorn."""
    for name, others in ANYWHERE.items():
        if name.split(".")[1:2] != ["serve"]:
            assert not {other.split(".")[0] for other in others} & {"starlette", "uvicorn"}, name


def test_no_test_oracles_in_the_package() -> None:
    for name, others in ANYWHERE.items():
        assert not {other.split(".")[0] for other in others} & {"skimage", "torchvision", "hypothesis", "pytest"}, name


def heavy(name: str) -> set[str]:
    return {other.split(".")[0] for other in reached(name)} & HEAVY


@pytest.mark.parametrize("name", ["excolor", "excolor.__main__", "excolor.cli.main"])
def test_help_is_quick(name: str) -> None:
    assert not heavy(name)


@pytest.mark.parametrize("name", [name for name in OURS if part(name) == "cli"])
def test_commands_import_what_is_heavy_inside(name: str) -> None:
    assert not {other.split(".")[0] for other in ON_IMPORT[name]} & HEAVY


@pytest.mark.parametrize("name", ["excolor.photo", "excolor.settings", "excolor.weights", "excolor.hints"])
def test_files_and_settings_need_no_torch(name: str) -> None:
    assert "torch" not in heavy(name)


def test_the_library_prints_nothing_and_knows_no_command_line() -> None:
    for name in OURS:
        if part(name) in ("cli", "__main__"):
            continue
        assert not {other.split(".")[0] for other in ANYWHERE[name]} & {"click", "rich", "argparse"}, name
        calls = [node.func for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
        assert not [c for c in calls if isinstance(c, ast.Name) and c.id == "print"], name


def test_modules_are_named_for_what_they_do() -> None:
    assert not [name for name in TREES if name.rsplit(".", 1)[-1] in ("utils", "util", "helpers", "common", "misc")]
