"""PyAV, which not everybody has installed."""

from excolor.errors import MissingPackageError


def check_av() -> None:
    """Make sure that clips can be read and written.

    Raises:
        MissingPackageError: PyAV is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            'clips need PyAV, which is not installed; install it with: pip install "excolor[film]"'
        ) from error
