"""Extras: messages name them as the README does, since excolor on PyPI is a different package."""

import re
import tomllib
from pathlib import Path

import pytest

from excolor.errors import how_to_install

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
CALL = re.compile(r"how_to_install\(\s*['\"](\w+)['\"],\s*([^)]*)\)")
SOURCES = {path: path.read_text() for path in (ROOT / "src").rglob("*.py")}
USES = [(path, extra, packages) for path, text in SOURCES.items() for extra, packages in CALL.findall(text)]


def test_nothing_says_to_install_excolor_from_pypi() -> None:
    pages = {path: path.read_text() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))}
    assert not [path for path, text in {**SOURCES, **pages}.items() if re.search(r"install ['\"]?excolor\[", text)]


def test_both_ways_are_told() -> None:
    told = how_to_install("remote", "fsspec[s3]", "x")
    assert told == "run pip install 'fsspec[s3]' x (or, where excolor's source is, pip install '.[remote]')"


@pytest.mark.parametrize(("path", "extra", "packages"), USES, ids=[f"{path.stem}-{extra}" for path, extra, _ in USES])
def test_messages_name_what_the_extra_has(path: Path, extra: str, packages: str) -> None:
    names = {re.split(r"[\[<>=]", name)[0] for name in re.findall(r"['\"]([^'\"]+)['\"]", packages)}
    assert names == {re.split(r"[\[<>=]", requirement)[0] for requirement in EXTRAS[extra]}, path


def test_every_extra_is_told_where_it_is_missing() -> None:
    assert {extra for _, extra, _ in USES} == EXTRAS.keys() - {"test"}
