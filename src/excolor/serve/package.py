"""Starlette and uvicorn, which not everybody has installed."""

from excolor.errors import MissingPackageError, how_to_install


def check_server() -> None:
    """Make sure that pages can be served.

    Raises:
        MissingPackageError: Starlette or uvicorn is not installed.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            "the page needs Starlette and uvicorn, which are not installed; "
            + how_to_install("serve", "starlette", "uvicorn")
        ) from error
