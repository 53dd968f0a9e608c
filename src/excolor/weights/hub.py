"""A file of the Hugging Face Hub -> the cache of the hub's own client.

The client finds the file, knows who may have it, and keeps the cache. It would also fetch the file, but starts again
from nothing after an interruption, and checks no checksum. So the file is laid where the client keeps such files (the
folder "blobs", by ETag), and the client links it to its name.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined,unused-ignore]

from excolor.errors import DownloadError
from excolor.weights.downloading import (
    OtherFileError,
    PassingError,
    check_status,
    download,
    errors_explained,
    patiently,
    settings_explained,
)
from excolor.weights.hub_cache import hub_cache_folder, hub_url, is_sha256, repository_folder
from excolor.weights.places import is_right
from excolor.weights.report import Report
from excolor.weights.table import Hub, StoredFile


def download_from_hub(source: Hub, stored: StoredFile, report: Report | None = None) -> Path:
    """Download a file into the cache of the hub's client, and return its path there.

    Raises:
        DownloadError: why it did not arrive, without its name.
        CheckpointError: symbolic links lead out of the cache.
    """
    etag = patiently(lambda: _etag(source))
    if is_sha256(etag) and not etag.startswith(stored.sha256):
        raise OtherFileError(f"another file is there: its sha256 is {etag[:12]}…")
    repository = repository_folder(source)
    blob = repository / "blobs" / etag
    download(
        hub_url(source),
        blob,
        stored,
        root=hub_cache_folder(),
        lock=hub_cache_folder() / ".locks" / repository.name / f"{etag}.lock",  # the client's own for this blob
        headers=build_hf_headers(library_name="excolor"),
        report=report,
    )
    if not is_sha256(etag) and not is_right(blob, stored):
        raise OtherFileError(f"another file of the same ETag is in the hub's cache ({blob})")
    return _linked(source)


def _etag(source: Hub) -> str:
    """What the hub calls the file's contents: its sha256 if it is a large one."""
    with settings_explained(), _errors_explained(source):
        metadata = get_hf_file_metadata(hub_url(source), timeout=constants.HF_HUB_ETAG_TIMEOUT)
    if metadata.etag is None or not re.fullmatch(r"[0-9A-Za-z_-]{8,100}", metadata.etag):
        raise DownloadError("the server does not answer as the hub does")
    return metadata.etag


def _linked(source: Hub) -> Path:
    """Let the client link the file to its name: it asks for the ETag once more, and finds it among its blobs."""
    try:
        with _errors_explained(source):
            return Path(hf_hub_download(source.repo_id, source.filename, revision=source.revision))
    except (PassingError, LocalEntryNotFoundError) as error:  # after attempts of the client's own
        raise DownloadError("the hub answers no more") from error
    except OSError as error:
        raise DownloadError(f"{error.filename} cannot be written ({error.strerror})") from error


@contextmanager
def _errors_explained(source: Hub) -> Iterator[None]:
    """As `errors_explained`, with what the hub says beyond HTTP."""
    with errors_explained():
        try:
            yield
        except GatedRepoError as error:
            raise DownloadError("its owners ask for consent: give it on the hub, then run `hf auth login`") from error
        except RepositoryNotFoundError as error:
            raise DownloadError("no such repository, or a private one: run `hf auth login`") from error
        except RevisionNotFoundError as error:
            raise DownloadError(f"the repository has no revision {source.revision}") from error
        except RemoteEntryNotFoundError as error:
            raise DownloadError(f"the repository has no file {source.filename}") from error
        except OfflineModeIsEnabled as error:
            raise DownloadError("the hub's client is offline") from error
        except HfHubHTTPError as error:
            check_status(error.response)
            raise
