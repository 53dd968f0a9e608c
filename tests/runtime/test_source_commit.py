"""The commit that is recorded with what was trained and measured."""

import subprocess
from pathlib import Path

import pytest

from excolor.runtime.source_commit import commit


def test_only_a_checkout_has_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a package that is installed somewhere below another repository."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.setattr("excolor.runtime.source_commit._PACKAGE", package)
    git("init")
    git("commit", "--allow-empty", "--message", "of something else")
    assert commit() is None
    git("add", "package")
    git("commit", "--message", "the package")
    assert commit() == git("rev-parse", "--short=12", "HEAD")
    (package / "__init__.py").write_text("changed")
    assert commit() == git("rev-parse", "--short=12", "HEAD") + "-dirty"
