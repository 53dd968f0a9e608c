"""What is done with targets that are not gray: a tint is ignored, color is refused unless asked for."""

from typing import TYPE_CHECKING

from excolor.errors import PhotoError

if TYPE_CHECKING:
    from excolor.photo import Photo

_SETTINGS = ("treat_as_gray",)


def check_gray(photo: "Photo", name: str, treat_as_gray: bool | None) -> tuple[str, ...]:
    """Notes about a target that is treated as gray, or none if it is gray.

    Args:
        photo: the target.
        name: what to call it in messages.
        treat_as_gray: True for any target, False for gray ones only, None for gray and tinted ones.

    Raises:
        PhotoError: it is not to be treated as gray.
    """
    from excolor.imaging.tint import color_kind

    kind = color_kind(photo.pixels, photo.alpha)
    if kind == "gray":
        return ()
    found = {"tinted": "is tinted", "color": "is in color"}[kind]
    if treat_as_gray or (treat_as_gray is None and kind == "tinted"):
        return (f"{found}: treated as gray",)
    if treat_as_gray is None:
        raise PhotoError(f"{name} {found} already; treat it as gray to use its lightness alone", settings=_SETTINGS)
    raise PhotoError(f"{name} {found}; treat it as gray to use its lightness alone", settings=_SETTINGS)
