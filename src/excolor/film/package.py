"""PyAV, which not everybody has installed."""

from excolor.errors import MissingPackageError, how_to_install


def check_av() -> None:
    """Make sure that clips can be read and written.

    Raises:
        MissingPackageError: PyAV is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(f"clips need PyAV, which is not installed; {how_to_install('film', 'av')}") from error
