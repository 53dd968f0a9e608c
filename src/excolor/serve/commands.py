"""The command that makes the same result without the page."""

import os
import shlex
from collections.abc import Iterator

from excolor.serve.session import Snapshot
from excolor.serve.uploads import displayable
from excolor.settings import ColorizeSettings


def command_for(snapshot: Snapshot, settings: ColorizeSettings, options: tuple[str, ...] = ()) -> str:
    """`excolor colorize ...`, or `excolor pre-colorize ...` without references and hints, quoted for a shell.

    Args:
        snapshot: with a target.
        settings: those that the server was started with.
        options: further ones that it was started with, such as the model's.
    """
    return " ".join(_quoted(word) for word in ("excolor", *_words(snapshot, settings), *options))


def _words(snapshot: Snapshot, settings: ColorizeSettings) -> Iterator[str]:
    target, choices, default = snapshot.target, snapshot.effective, ColorizeSettings()
    assert target is not None, "there is a target"
    yield "colorize" if choices.has_hints or snapshot.used else "pre-colorize"
    yield _path(target.file.shown)
    if target.pages > 1:
        yield from ("--page", str(target.page))
    if target.is_in_color:
        yield "--treat-as-gray"
    for file in snapshot.used:
        yield from ("--ref", _path(file.shown))
    if len(snapshot.used) > 1:
        yield from ("--pair", "all")
    if snapshot.layer is not None:
        yield from ("--hints", _path(snapshot.layer.shown))
    for hint in choices.hints:
        yield from ("--hint", hint.text)
    for option, value, usual in (
        ("--hint-reach", choices.hint_reach, default.hint_reach),
        ("--strength", choices.strength, default.strength),
        ("--vivid", choices.vivid, default.vivid),
        ("--working-size", settings.working_size, default.working_size),
    ):
        if value != usual:
            yield from (option, f"{value:g}")


def _path(name: str) -> str:
    """A path that no shell and no option parser takes for something else."""
    is_special = name.startswith(("-", "@")) or any(character in name for character in "*?[")
    return name if not is_special or os.path.isabs(name) else os.path.join(".", name)  # noqa: PTH117, PTH118


def _quoted(word: str) -> str:
    """A word for a shell; bytes that are no text are written as bash, zsh and others read them: $'caf\\351.jpg'."""
    if word == displayable(word):
        return shlex.quote(word)
    return "$'" + "".join(_escaped(byte) for byte in os.fsencode(word)) + "'"


def _escaped(byte: int) -> str:
    """A byte within $'...'. Always three octal digits, since a digit may follow."""
    letter = chr(byte)
    return letter if letter.isascii() and letter.isprintable() and letter not in "'\\" else f"\\{byte:03o}"
