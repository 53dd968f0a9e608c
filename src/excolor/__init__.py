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
    from excolor.models.transfer import Matching
    from excolor.photo import Photo, SaveSettings, open_photo, read_photo, write_photo
    from excolor.pipeline import Colorizer, Reference, Settings, Stages
    from excolor.stylizer import Look, Style, Stylizer

__all__ = [
    "Colorizer",
    "ExcolorError",
    "Look",
    "Matching",
    "Photo",
    "Reference",
    "SaveSettings",
    "Settings",
    "Stages",
    "Style",
    "Stylizer",
    "__version__",
    "open_photo",
    "read_photo",
    "write_photo",
]

_HOME = {
    "Colorizer": "pipeline",
    "ExcolorError": "errors",
    "Look": "stylizer",
    "Matching": "models.transfer",
    "Photo": "photo",
    "Reference": "pipeline",
    "SaveSettings": "photo",
    "Settings": "pipeline",
    "Stages": "pipeline",
    "Style": "stylizer",
    "Stylizer": "stylizer",
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
