"""Some tensors of a large safetensors file on the hub, without the rest: by byte ranges.

The sum of a whole file cannot be checked on parts of it. What is known of them: the hub serves the pinned commit over
an encrypted connection, and the header, which names every tensor's place, agrees with what arrives.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import httpx2
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined,unused-ignore]

from excolor.errors import DownloadError
from excolor.weights.downloading import check_status, errors_explained, open_client, patiently
from excolor.weights.hub_cache import hub_url
from excolor.weights.table import Hub

Told = Callable[[int, int], None]
"""Called with the bytes that are there, and the bytes in all."""

_LARGEST_HEADER = 2**20  # bytes: a hundred times those of the networks in question
_LARGEST_PART = 2**28  # bytes
_DTYPES = {"F32": 4, "F16": 2, "BF16": 2}  # bytes


@dataclass(frozen=True)
class _Place:
    """Where a tensor is in the file, in bytes from its beginning, and what it is."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def fetch_tensors(source: Hub, names: Collection[str], told: Told = lambda _there, _total: None) -> bytes:
    """A safetensors file with some tensors of one on the hub.

    Args:
        source: the large file.
        names: of the tensors.
        told: is told of the progress.

    Raises:
        DownloadError: why they did not arrive, without the file's name.
    """
    with open_client() as client:
        file = _RemoteFile(client, hub_url(source), build_hf_headers(library_name="excolor"))
        places = _places(file, names)
        total = sum(place.end - place.begin for place in places)
        if total > _LARGEST_PART:
            raise DownloadError(f"another file is there: those tensors take {total} bytes")
        parts = []
        there = 0
        for begin, end in _runs(places):
            parts.append(file.read(begin, end))
            there += end - begin
            told(there, total)
    return _header(places) + b"".join(parts)


@dataclass(frozen=True)
class _RemoteFile:
    """A file of which parts are read."""

    client: httpx2.Client
    url: str
    headers: dict[str, str]

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from `begin` to before `end`."""
        return patiently(lambda: self._attempt(begin, end)) if end > begin else b""

    def _attempt(self, begin: int, end: int) -> bytes:
        headers = {**self.headers, "Accept-Encoding": "identity", "Range": f"bytes={begin}-{end - 1}"}
        found = bytearray()
        with errors_explained(), self.client.stream("GET", self.url, headers=headers) as response:
            check_status(response)
            # Also when a server ignores ranges and begins to send all of it
            if not response.headers.get("Content-Range", "").startswith(f"bytes {begin}-{end - 1}/"):
                raise DownloadError("the server does not send the part that was asked for")
            for chunk in response.iter_raw():
                found += chunk
                if len(found) > end - begin:
                    break
        if len(found) != end - begin:
            raise DownloadError("the server does not send the part that was asked for")
        return bytes(found)


def _places(file: _RemoteFile, names: Collection[str]) -> list[_Place]:
    """Where the tensors are, in the order of the file."""
    size = int.from_bytes(file.read(0, 8), "little")
    if size > _LARGEST_HEADER:
        raise DownloadError("another file is there: it is no safetensors file")
    header = file.read(8, 8 + size)
    try:
        entries = json.loads(header)
        places = [_place(name, entries[name], 8 + size) for name in names]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DownloadError("another file is there: its header does not tell where the tensors are") from error
    return sorted(places, key=lambda place: place.begin)


def _place(name: str, entry: Any, data: int) -> _Place:
    """An entry of the header; raises ValueError, TypeError or KeyError if it contradicts itself."""
    dtype, shape = entry["dtype"], tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if any(type(n) is not int or n < 0 for n in (*shape, begin, end)) or max(shape, default=0) > _LARGEST_PART:
        raise ValueError(name)
    if end - begin != prod(shape) * _DTYPES[dtype]:
        raise ValueError(name)
    return _Place(name, dtype, shape, data + begin, data + end)


def _runs(places: list[_Place]) -> Iterator[tuple[int, int]]:
    """From where to where they lie side by side."""
    begin = end = places[0].begin
    for place in places:
        if place.begin != end:
            yield begin, end
            begin = place.begin
        end = place.end
    yield begin, end


def _header(places: list[_Place]) -> bytes:
    """The beginning of a safetensors file of these tensors alone, in this order."""
    entries, end = {}, 0
    for place in places:
        begin, end = end, end + place.end - place.begin
        entries[place.name] = {"dtype": place.dtype, "shape": place.shape, "data_offsets": (begin, end)}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)  # so that what follows is aligned
    return len(text).to_bytes(8, "little") + text
