"""What README, docs and help show works: commands parse, the cheap ones and the Python run, and no command is missing.

Whatever a command names is put into the folder that it runs in: small pictures, gray where a gray one is expected.
"""

import re
import shlex
import shutil
import tarfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from excolor.cli.main import main
from excolor.weights import load_manifest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "examples/README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Run for real; everything else is only parsed: it trains, measures for minutes, downloads, or prints what it found.
RUN = ("colorize", "pre-colorize", "stylize", "figure", "weights list", "weights path", "weights verify")
PARSED_ONLY = {"public-checkpoints.md", "releasing.md"}  # models that are downloaded or trained first
OUTPUTS = {"-o", "--output", "--report", "--json", "--csv", "--markdown", "--sheet", "--plot", "--resume"}
OUTPUTS |= {"--save-stages"}
PICTURES = (".jpg", ".png", ".tif")


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it."""

    page: str
    words: tuple[str, ...]

    @property
    def is_run(self) -> bool:
        line = " ".join(self.words)
        parsed_only = self.page in PARSED_ONLY or self.page.endswith("--help") or "MODEL" in self.words
        model = dict(pairwise(self.words)).get("--model", "")
        elsewhere = {"--on", "slurm", "k8s"} & set(self.words) or "://" in line
        is_here = (not model or "/" in model or model in load_manifest().shipped()) and not elsewhere
        return line.startswith(RUN) and is_here and not parsed_only


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """The language and the code of each block: fenced, or indented after an empty line."""
    fence = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    for _, language, code in fence.findall(text):
        yield language, textwrap.dedent(code)
    for code in re.findall(r"(?<=\n\n)(?:(?: {4,}.*)\n)+", fence.sub("", text)):
        yield "", textwrap.dedent(code)


def commands_in(code: str) -> Iterator[tuple[str, ...]]:
    """The words of each excolor command, without comments, within `&&` and within $(...)."""
    joined = code.replace("\\\n", " ")
    for inner in re.findall(r"\$\((excolor [^)]*)\)", joined):
        yield tuple(shlex.split(inner)[1:])
    for line in re.sub(r"\$\([^)]*\)", "OTHER", joined).splitlines():
        if not re.search(r"(^ *|&& )excolor ", line):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, "&&"]:
            if set(word) <= set("&|;"):
                if words[:1] == ["excolor"]:
                    yield tuple(words[1:])
                words = []
            else:
                words.append(word)


def every_command(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Names as they are typed, and the commands."""
    for name, command in group.commands.items():
        path = f"{prefix}{name}"
        yield path, command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{path} ")


COMMANDS = dict(every_command(main))


def shown() -> Iterator[Shown]:
    """The commands in the blocks of all pages, and in the examples of all help texts."""
    for page in PAGES:
        for language, code in blocks(page.read_text()):
            if language != "python":
                yield from (Shown(page.name, words) for words in commands_in(code))
    for name, command in COMMANDS.items():
        yield from (Shown(f"{name} --help", words) for words in commands_in(textwrap.dedent(command.help or "")))


def mentions() -> Iterator[Shown]:
    """The commands within sentences, which may lack their arguments."""
    for page in PAGES:
        sentences = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for span in re.findall(r"`excolor ([^`]+)`", sentences):
            if "…" not in span and "COMMAND" not in span:
                yield Shown(page.name, tuple(shlex.split(span)))


SHOWN = list(dict.fromkeys(shown()))
MENTIONS = list(dict.fromkeys(mentions()))


def label(each: Shown) -> str:
    """The name of a test."""
    return f"{each.page}: {' '.join(each.words)}"


def leaf(words: tuple[str, ...]) -> tuple[click.Command, tuple[str, ...]]:
    """The command that words name, and its own words."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def picture(path: Path, *, gray: bool) -> None:
    """Two halves of different colors, and some grain."""
    pixels = np.random.default_rng(len(path.name)).integers(0, 40, (48, 64, 3), np.uint8)
    pixels[:, :32] += np.array([180, 90, 40], np.uint8)
    pixels[:, 32:] += np.array([20, 80, 160], np.uint8)
    if path.stem.endswith("-parts"):  # a mask: no grain
        pixels = np.where(np.arange(64)[None, :, None] < 32, np.uint8([255, 0, 0]), np.uint8([0, 0, 255]))
        pixels = np.broadcast_to(pixels, (48, 64, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if path.stem == "layer":  # of hints: a spot
        image.putalpha(Image.fromarray(np.pad(np.full((8, 8), 255, np.uint8), ((20, 20), (40, 16)))))
    (image.convert("L") if gray else image).save(path)


def place(word: str, *, gray: bool) -> None:
    """Make what a word of a command names, if it names a file or a folder."""
    path = Path(word)
    if word.startswith("examples"):
        if not Path("examples").exists():
            Path("examples").symlink_to(ROOT / "examples")
    elif word.startswith("@"):
        picture(Path("scans/listed.jpg"), gray=gray)
        Path(word[1:]).parent.mkdir(parents=True, exist_ok=True)
        Path(word[1:]).write_text("scans/listed.jpg\n")
    elif "*" in word:
        place(word.replace("**", "one").replace("*", "7"), gray=gray)
    elif word.endswith(".hints.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"excolor_hints": 1, "hints": [{"x": 0.4, "y": 0.3, "color": "olive"}]}')
    elif word.startswith("hints/"):
        place("hints/a.hints.json", gray=gray)
    elif word.endswith("/"):
        for name in ("a.jpg", "b.png"):
            picture(path / name, gray=gray)
    elif path.suffix in PICTURES:
        picture(path, gray=gray)
    elif path.suffix == ".tar":
        place("archived/", gray=False)
        with tarfile.open(path, "w") as archive:
            archive.add("archived")
    elif path.suffix in (".safetensors", ".pth", ".pt", ".csv", ".toml", ".json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    elif word.startswith("runs/"):
        path.mkdir(parents=True)
        manifest = load_manifest()
        for role, checkpoint in manifest.models[manifest.default].checkpoints.items():
            shutil.copy(ROOT / "src/excolor/checkpoints" / checkpoint.file, path / f"{role}.safetensors")


def place_all(words: tuple[str, ...]) -> None:
    """Make everything that a command reads."""
    colorizes = words[0] in ("colorize", "pre-colorize")
    before = ""
    for word in words[1:]:
        if before not in OUTPUTS and not word.startswith("-"):
            place(re.sub(r":[\d.]+$", "", word), gray=colorizes and before != "--ref")
        before = word


def invoke(words: tuple[str, ...]) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("ID", "1"), ("MIN", "1"), ("MAX", "100"), ("COUNT", "100")):  # of `--shard slurm`
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)


def test_there_are_commands_to_check() -> None:
    assert len(SHOWN) > 40
    assert sum(each.is_run for each in SHOWN) > 15


@pytest.mark.parametrize("each", SHOWN, ids=label)
def test_commands_parse(each: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every option and value that is shown."""
    command, _ = leaf(each.words)
    place_all(each.words)
    monkeypatch.setattr(command, "callback", lambda **_: None)
    result = invoke(each.words)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("each", MENTIONS, ids=label)
def test_mentioned_commands_and_options_exist(each: Shown) -> None:
    command, rest = leaf(each.words)
    assert not rest or not isinstance(command, click.Group)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if word.startswith("-")} <= known | {"--help"}


@pytest.mark.parametrize("each", [each for each in SHOWN if each.is_run], ids=label)
def test_commands_run(each: Shown) -> None:
    place_all(each.words)
    result = invoke(each.words)
    assert result.exit_code == 0, result.output
    assert result.exception is None


PYTHON = [
    (f"{page.name} {number}", code)
    for page in PAGES
    for number, (language, code) in enumerate(blocks(page.read_text()))
    if language == "python"
]


@pytest.mark.parametrize("code", [code for _, code in PYTHON], ids=[name for name, _ in PYTHON])
def test_python_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    written = set(re.findall(r'(?:save\(|write_photo\(\w+, )"([^"]+)"', code))
    for name in set(re.findall(r'"([\w-]+\.(?:jpg|png|tif))"', code)) - written:
        place(name, gray=False)
    for name in re.findall(r'Path\("(\w+)"\)', code):
        place(f"{name}/", gray=False)
        picture(Path(name, "c.jpg"), gray=False)
    for name in re.findall(r'\["(\w+/)"\]', code):
        place(name, gray=True)
    exec(compile(code, "page", "exec"), {})
    assert "failed" not in capsys.readouterr().out  # of a picture in a batch


def test_the_first_picture_is_what_the_first_command_makes(tmp_path: Path) -> None:
    """The README's first row: not a chosen result, but that of the command under it."""
    first = next(each for each in SHOWN if each.page == "README.md")
    assert first.words == (*("colorize", "examples/target.jpg", "--ref", "examples/reference.jpg", "-o", "color.jpg"),)
    place_all(first.words)
    assert invoke(first.words).exit_code == 0
    with Image.open("color.jpg") as made, Image.open(ROOT / "examples/color.jpg") as shown_there:
        difference = np.abs(np.asarray(made, np.int16) - np.asarray(shown_there, np.int16))
    # Equal where it was made; elsewhere sums round differently, and JPEG makes up to a few levels of that
    assert difference.mean() < 0.1
    assert difference.max() <= 12


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown(name: str) -> None:
    assert any(f"excolor {name}" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_documentation(name: str) -> None:
    """By one of its names, on any page: options that only the help tells of are not found."""
    text = "\n".join(page.read_text() for page in PAGES)
    for parameter in COMMANDS[name].params:
        names = [one for one in (*parameter.opts, *parameter.secondary_opts) if one.startswith("-")]
        assert not names or any(re.search(rf"(?<![\w-]){one}(?![\w-])", text) for one in names), names


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 1100


def test_the_architecture_names_files_and_classes_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    source = ROOT / "src/excolor"
    packages = {path.name for path in source.iterdir() if path.is_dir()}
    for name in re.findall(r"\b([a-z]+/[\w/]+(?:\.py|/))", text):
        base = source if name.split("/")[0] in packages else ROOT
        assert (base / name).exists(), name
    for package in packages - {"checkpoints", "__pycache__"}:
        assert f"`{package}`" in text, package
    code = "\n".join(path.read_text() for path in source.rglob("*.py"))
    for name in re.findall(r"`([A-Z][a-z]\w+)[`.]", text):
        assert re.search(rf"\bclass {name}\b", code), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings in this repository; links to the web are not followed."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in headings}, (
                target
            )
