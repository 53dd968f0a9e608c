"""What can go wrong for a user, each with one clear sentence and how to fix it.

The library raises these and never prints; the command line turns them into a line on stderr and exit code 1
(`excolor.cli.commands`). Anything else that escapes is a bug and keeps its traceback.
"""


def how_to_install(extra: str, *packages: str) -> str:
    """What to run where an extra of excolor is missing, as the end of a sentence.

    It names the packages themselves, since whoever installed excolor may have its source no longer; never
    `excolor[extra]`, which pip would look for on PyPI, where that name belongs to a different package.
    """
    names = " ".join(f"'{name}'" if "[" in name else name for name in packages)
    return f"run pip install {names} (or, where excolor's source is, pip install '.[{extra}]')"


class ExcolorError(Exception):
    """Base of every error that is shown to the user as one sentence.

    Attributes:
        settings: the library's names of what was set, or could be, otherwise, such as "overwrite". The sentence says it
            in words; a user interface can add what it calls these.
    """

    def __init__(self, message: str = "", *, settings: tuple[str, ...] = ()) -> None:
        """Say `message`."""
        super().__init__(message)
        self.settings = settings


class PhotoError(ExcolorError):
    """A picture cannot be read, is of a kind that cannot be used, or cannot be written."""


class FilmError(ExcolorError):
    """A clip cannot be read, or is of a kind that cannot be colored."""


class OutputError(ExcolorError):
    """A result cannot be written where it was asked for."""


class ReportError(ExcolorError):
    """The report of a batch cannot be read, or does not belong to others."""


class PlanError(ExcolorError):
    """Inputs, outputs and options do not go together: a mistake in the request, which the command line exits with 2."""


class CheckpointError(ExcolorError):
    """A checkpoint is missing, damaged, or not what it is said to be."""


class UnknownModelError(ExcolorError):
    """No model of that name is listed in weights.toml, and no folder of that name exists."""


class ManifestError(ExcolorError):
    """A weights.toml cannot be read, or holds what it may not hold."""


class DownloadError(CheckpointError):
    """A checkpoint cannot be fetched."""


class DeviceError(ExcolorError):
    """The device asked for is absent or cannot hold the work."""


class SettingError(ExcolorError, ValueError):
    """A setting is out of its range, or does not go with another."""


class HintError(ExcolorError, ValueError):
    """A hint or a file of hints cannot be understood, or does not go with the picture."""


class MissingPackageError(ExcolorError):
    """A part of excolor needs a package that is not installed."""


class ClusterError(ExcolorError):
    """The machines of a cluster cannot be reached, or cannot do the work."""


class TrainingError(ExcolorError):
    """Training cannot start or go on: no data, a recipe that does not fit, a state of another run."""
