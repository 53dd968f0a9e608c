"""Which code this is."""

import subprocess
from pathlib import Path

_PACKAGE = Path(__file__).parent


def commit() -> str | None:
    """The commit of the checkout that the package lies in, with `-dirty` if tracked files differ; None elsewhere."""
    # A package that is installed somewhere below another repository is not of its commit
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return _git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=12")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=_PACKAGE, capture_output=True, check=True, timeout=30, text=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
