"""What all requests share: threads, the session, and what is computed for it."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch

from excolor.batch.references import find_references
from excolor.errors import PhotoError
from excolor.photo import open_photo
from excolor.photo.files import is_folder
from excolor.runtime.threads import threads_for
from excolor.serve.results import Maker
from excolor.serve.session import PictureFile, Session, Snapshot, Target
from excolor.serve.studio import Stale, Studio
from excolor.serve.targets import list_folder
from excolor.serve.uploads import Uploads
from excolor.settings import ColorizeSettings

T = TypeVar("T")


@dataclass
class Workplace:
    """What the addresses work with.

    Attributes:
        studio: computes, in the thread of `networks`.
        maker: makes results.
        uploads: keeps what the browser sends.
        settings: those that the server was started with.
        options: of the command line that make up the same command.
        folder: pictures to choose from, by their ids.
        session: what the person chose.
    """

    studio: Studio
    maker: Maker
    uploads: Uploads
    settings: ColorizeSettings
    options: tuple[str, ...] = ()
    folder: dict[str, PictureFile] = field(default_factory=dict)
    session: Session = field(default_factory=Session)

    def __post_init__(self) -> None:
        threads = threads_for(self.settings.working_size, torch.get_num_threads())
        self.networks = ThreadPoolExecutor(1, "networks", torch.set_num_threads, (threads,))
        self.pictures = ThreadPoolExecutor(2, "pictures")
        self.makers = ThreadPoolExecutor(1, "results", torch.set_num_threads, (threads,))
        self.results: dict[str, Path] = {}
        self.previews: dict[tuple[str, int], bytes] = {}

    def prepare(self, picture: Path | None, references: Sequence[Path]) -> None:
        """Begin with a picture, or a folder of pictures to choose from, and with references.

        Of several references the one that fits best is switched on, as the command line does it.

        Raises:
            PhotoError: one cannot be read, or a folder has no pictures.
        """
        files = [PictureFile.of(source.path) for source in find_references(references)]
        for file in files:
            open_photo(file.path, max_pixels=self.maker.max_pixels)
            self.session.add_reference(file)
        target = None
        if picture is not None and is_folder(picture):
            self.folder = list_folder(picture)
        elif picture is not None:
            target = self.networks.submit(self.studio.open, PictureFile.of(picture)).result().target
            self.session.open_target(target)
        best = files[:1]
        if target is not None and len(files) > 1:
            fits = self.networks.submit(lambda: [self.studio.fit(target, file) for file in files]).result()
            best = [files[fits.index(max(fits))]]
        self.session.use(file.id for file in best)
        self.networks.submit(lambda: self.studio.colorizer)  # while the person looks at the page

    def target(self) -> Target:
        """The target. Raises PhotoError if there is none."""
        target = self.session.now.target
        if target is None:
            raise PhotoError("there is no picture yet; open one")
        return target

    def reference(self, wanted: str) -> PictureFile | None:
        """The reference of an id, if there is one."""
        return next((file for file in self.session.now.references if file.id == wanted), None)

    def snapshot(self, revision: int) -> Snapshot:
        """The session, if it is still what the page thinks it is. Raises Stale."""
        if revision != self.session.now.revision:
            raise Stale
        return self.session.now

    def is_stale(self, snapshot: Snapshot) -> Callable[[], bool]:
        """Tells whether the session has changed since."""
        return lambda: self.session.now.revision != snapshot.revision

    def forget(self, file: PictureFile) -> None:
        """Remove what is kept of a picture that the session has no more use for; files of the person's own stay."""
        self.previews = {key: data for key, data in self.previews.items() if key[0] != file.id}
        if file.is_upload:
            self.uploads.discard(file.path)

    def close(self) -> None:
        """End the threads, after what they are doing."""
        for pool in (self.networks, self.pictures, self.makers):
            pool.shutdown(cancel_futures=True)

    async def compute(self, work: Callable[[], T]) -> T:
        """Run in the one thread of the networks, one after another."""
        return await asyncio.get_running_loop().run_in_executor(self.networks, work)

    async def make(self, work: Callable[[], T]) -> T:
        """Run in the thread for results, which may take long; previews go on meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self.makers, work)

    async def decode(self, work: Callable[[], T]) -> T:
        """Run in a thread beside it."""
        return await asyncio.get_running_loop().run_in_executor(self.pictures, work)
