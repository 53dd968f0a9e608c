"""Give gray photographs the colors of a reference picture (Xu et al., CVPR 2020).

    from excolor import Colorizer

    colorizer = Colorizer.load()
    colorizer.colorize("gray.jpg", "reference.jpg").save("color.jpg")

Public names are resolved on first use, so that importing the package does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from excolor.errors import (
        CheckpointError,
        ClusterError,
        DeviceError,
        DownloadError,
        ExcolorError,
        FilmError,
        HintError,
        ManifestError,
        MissingPackageError,
        OutputError,
        PhotoError,
        PlanError,
        ReportError,
        SettingError,
        TrainingError,
        UnknownModelError,
    )
    from excolor.hints import Hint, HintLayer, dump_hints, parse_hint, read_hints, read_layer
    from excolor.method.colorizer import Colorizer
    from excolor.method.pictures import Reference, StagePhotos
    from excolor.method.stylizer import Look, Style, Stylizer
    from excolor.photo import Photo, SaveSettings, open_photo, read_photo, write_photo
    from excolor.settings import ColorizeSettings, StylizeSettings

__all__ = [
    "CheckpointError",
    "ClusterError",
    "ColorizeSettings",
    "Colorizer",
    "DeviceError",
    "DownloadError",
    "ExcolorError",
    "FilmError",
    "Hint",
    "HintError",
    "HintLayer",
    "Look",
    "ManifestError",
    "MissingPackageError",
    "OutputError",
    "Photo",
    "PhotoError",
    "PlanError",
    "Reference",
    "ReportError",
    "SaveSettings",
    "SettingError",
    "StagePhotos",
    "Style",
    "StylizeSettings",
    "Stylizer",
    "TrainingError",
    "UnknownModelError",
    "__version__",
    "dump_hints",
    "open_photo",
    "parse_hint",
    "read_hints",
    "read_layer",
    "read_photo",
    "write_photo",
]

_MODULES = {
    "Colorizer": "method.colorizer",
    "ColorizeSettings": "settings",
    "Hint": "hints",
    "HintLayer": "hints",
    "Look": "method.stylizer",
    "Photo": "photo",
    "Reference": "method.pictures",
    "SaveSettings": "photo",
    "StagePhotos": "method.pictures",
    "Style": "method.stylizer",
    "StylizeSettings": "settings",
    "Stylizer": "method.stylizer",
    "dump_hints": "hints",
    "open_photo": "photo",
    "parse_hint": "hints",
    "read_hints": "hints",
    "read_layer": "hints",
    "read_photo": "photo",
    "write_photo": "photo",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("excolor")
    if name in __all__:
        module = "errors" if name.endswith("Error") else _MODULES[name]
        return getattr(import_module(f"excolor.{module}"), name)
    raise AttributeError(f"module 'excolor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
