"""Give gray photographs the colors of a reference picture (Xu et al., CVPR 2020).

    from excolor import Colorizer

    colorizer = Colorizer.load()
    colorizer.colorize("gray.jpg", "reference.jpg").save("color.jpg")

Public names are resolved on first use, so that importing the package does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from excolor.errors import ExcolorError
    from excolor.method.colorizer import Colorizer, Reference, Stages
    from excolor.method.stylizer import Look, Style, Stylizer
    from excolor.photo import Photo, SaveSettings, open_photo, read_photo, write_photo
    from excolor.settings import ColorizeSettings, Matching, StylizeSettings

__all__ = [
    "ColorizeSettings",
    "Colorizer",
    "ExcolorError",
    "Look",
    "Matching",
    "Photo",
    "Reference",
    "SaveSettings",
    "Stages",
    "Style",
    "StylizeSettings",
    "Stylizer",
    "__version__",
    "open_photo",
    "read_photo",
    "write_photo",
]

_HOME = {
    "Colorizer": "method.colorizer",
    "ExcolorError": "errors",
    "Look": "method.stylizer",
    "Matching": "settings",
    "Photo": "photo",
    "Reference": "method.colorizer",
    "SaveSettings": "photo",
    "ColorizeSettings": "settings",
    "Stages": "method.colorizer",
    "Style": "method.stylizer",
    "StylizeSettings": "settings",
    "Stylizer": "method.stylizer",
    "open_photo": "photo",
    "read_photo": "photo",
    "write_photo": "photo",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("excolor")
    if name in _HOME:
        return getattr(import_module(f"excolor.{_HOME[name]}"), name)
    raise AttributeError(f"module 'excolor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
