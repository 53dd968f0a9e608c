"""Files in object stores and on web servers, by fsspec (the extra `remote`): named like others, written whole."""

from excolor.remote.paths import RemotePath, as_path, is_remote, is_shortened, typed_address
from excolor.remote.store import exists, is_folder, names_in, read, upload

__all__ = [
    "RemotePath",
    "as_path",
    "exists",
    "is_folder",
    "is_remote",
    "is_shortened",
    "names_in",
    "read",
    "typed_address",
    "upload",
]
