"""What is done with targets that are not gray: a tint is taken for none, color is refused unless asked."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from excolor.errors import PhotoError

if TYPE_CHECKING:
    from excolor.cli.batch import Picture
    from excolor.photo import Photo

F = TypeVar("F", bound=Callable[..., Any])


def treat_as_gray_option(command: F) -> F:
    """--treat-as-gray."""
    return click.option(
        "--treat-as-gray/--no-treat-as-gray",
        default=None,
        help="Use the lightness of targets in color, or refuse even tinted ones.  [default: tinted yes, color no]",
    )(command)


def check_gray(picture: "Picture", photo: "Photo", treat_as_gray: bool | None) -> None:
    """Note that a target is treated as gray, or refuse it.

    Raises:
        PhotoError: it is in color, or tinted, and is not to be treated as gray.
    """
    from excolor.imaging.tint import color_kind

    kind = color_kind(photo.pixels)
    if kind == "gray":
        return
    found = {"tinted": "is tinted", "color": "is in color"}[kind]
    if treat_as_gray or (treat_as_gray is None and kind == "tinted"):
        picture.note(f"{found}: treated as gray")
    elif treat_as_gray is None:
        raise PhotoError(f"{picture.name} {found} already; give --treat-as-gray to use its lightness alone")
    else:
        raise PhotoError(f"{picture.name} {found}; leave --no-treat-as-gray away or give --treat-as-gray to use it")
