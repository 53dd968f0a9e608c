"""How a download tells of its progress."""

from collections.abc import Callable

from excolor.weights.table import StoredFile

Report = Callable[[StoredFile, int | None, int | None], None]
"""Called with the file, its bytes that are there, and its bytes in all, None where that is not known.

The bytes that are there are None, once, where another process downloads the file and this one waits for it.
"""
