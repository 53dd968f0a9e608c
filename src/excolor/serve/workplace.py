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
from excolor.photo.files import is_folder
from excolor.runtime.threads import threads_for
from excolor.serve.previews import THUMBNAIL, as_png, preview_of_file
from excolor.serve.results import Maker
from excolor.serve.session import PictureFile, Session, Snapshot, Target
from excolor.serve.studio import Stale, Studio
from excolor.serve.targets import list_folder
from excolor.serve.uploads import Uploads
from excolor.settings import ColorizeSettings

T = TypeVar("T")

_MOST_RECEIVED = 8  # pictures that the browser has sent and one can come back to
_MOST_REMOVED = 8  # references and layers that the browser has sent and undo can bring back


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
        opened: other pictures that were opened, by their ids, the latest last: one can come back to them.
        problems: why references could not be compared with the target, by their ids.
    """

    studio: Studio
    maker: Maker
    uploads: Uploads
    settings: ColorizeSettings
    options: tuple[str, ...] = ()
    folder: dict[str, PictureFile] = field(default_factory=dict)
    session: Session = field(default_factory=Session)
    opened: dict[str, PictureFile] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        threads = threads_for(self.settings.working_size, torch.get_num_threads())
        self.networks = ThreadPoolExecutor(1, "networks", torch.set_num_threads, (threads,))
        self.pictures = ThreadPoolExecutor(2, "pictures")
        self.makers = ThreadPoolExecutor(1, "results", torch.set_num_threads, (threads,))
        self.results: dict[str, Path] = {}
        self.previews: dict[tuple[str, int], bytes] = {}

    def prepare(self, picture: Path | None, references: Sequence[Path]) -> tuple[str, ...]:
        """Begin with a picture, or a folder of pictures to choose from, and with references; returns notes.

        Of several references each picture begins with the one that fits it best, as on the command line.

        Raises:
            PhotoError: a picture that was named cannot be read, or none of a folder's references; or a folder has none.
        """
        files, notes = self._read_references(references)
        for file in files:
            self.session.add_reference(file)
        self.session.picks_best = len(files) > 1
        self.session.use(file.id for file in files[:1])
        if picture is not None and is_folder(picture):
            self.folder = list_folder(picture)
        elif picture is not None:
            file = PictureFile.of(picture)
            target, best = self.networks.submit(self.look, file).result()
            self.session.open_target(target, best)
            self.opened[file.id] = file
        self.networks.submit(lambda: self.studio.colorizer)  # while the person looks at the page
        return notes

    def look(self, file: PictureFile, page: int = 1) -> tuple[Target, str | None]:
        """A picture as a target, and the id of the reference that it begins with: None if others stay in use.

        In the thread of the networks. Raises PhotoError.
        """
        target, references = self.studio.open(file, page).target, self.session.now.references
        is_new = self.session.now.target is None or self.session.now.target.file != file
        if not (is_new and self.session.picks_best and references):
            return target, None
        best, self.problems = self.studio.best(target, references)
        return target, None if best is None else best.id

    def keep(self, file: PictureFile) -> None:
        """Note that a picture was opened; the earliest ones that were received go, and so do their hints."""
        if file.id in self.folder:
            return
        self.opened.pop(file.id, None)
        self.opened[file.id] = file
        received = [one for one in self.opened.values() if one.is_upload]
        for old in received[:-_MOST_RECEIVED]:
            del self.opened[old.id]
            self.session.forget(old)
            self.forget(old)

    def tidy(self) -> None:
        """Remove the files of references and layers that were removed and that undo will not bring back."""
        for file in self.session.take_removed(_MOST_REMOVED):
            self.forget(file)

    def target(self) -> Target:
        """The target. Raises PhotoError if there is none."""
        target = self.session.now.target
        if target is None:
            raise PhotoError("there is no picture yet; open one")
        return target

    def reference(self, wanted: str) -> PictureFile | None:
        """The reference of an id, if there is or was one."""
        return next((file for file in self.session.now.received if file.id == wanted), None)

    @property
    def pictures_known(self) -> tuple[PictureFile, ...]:
        """Those that can be opened by their ids: the folder's, and then others that were opened before."""
        return (*self.folder.values(), *self.opened.values())

    def picture(self, wanted: str) -> PictureFile | None:
        """The picture of an id, if it is one of these."""
        return self.folder.get(wanted) or self.opened.get(wanted)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which of the references in the list are left out, and why."""
        names = {file.id: file for file in self.session.now.references}
        return tuple(f"{problem}; it is left out" for wanted, problem in self.problems.items() if wanted in names)

    def as_shown(self, note: str) -> str:
        """A note as the page shows it: files of the session are called by their names alone, as in its lists."""
        for file in (*self.session.now.received, *self.session.now.layers):
            note = note.replace(str(file.path), file.name)
        return self.uploads.without_folders(note)

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

    def _read_references(self, references: Sequence[Path]) -> tuple[list[PictureFile], tuple[str, ...]]:
        """Those that can be read, and notes about others, which were found in folders."""
        files, notes = [], []
        found = [PictureFile.of(source.path) for source in find_references(references)]
        for file, preview in zip(found, self.pictures.map(self._thumbnail, found), strict=True):
            if isinstance(preview, bytes):
                self.previews[file.id, THUMBNAIL] = preview
                files.append(file)
            elif file.path in references:
                raise preview
            else:
                notes.append(f"{preview}; it is not used as a reference")
        if references and not files:
            raise PhotoError("none of the references can be read; give others", settings=("references",))
        return files, tuple(notes)

    def _thumbnail(self, file: PictureFile) -> bytes | PhotoError:
        """As a PNG, or why not. The whole file is decoded: what is damaged is noticed before anybody works with it."""
        try:
            return as_png(preview_of_file(file.path, THUMBNAIL, self.maker.max_pixels, file.shown))
        except PhotoError as error:
            return error

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
